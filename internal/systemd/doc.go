// Package systemd sets the daemon and the router up as services of a server, so that after a
// reboot production serves again without anybody's help.
//
//	understudy-APP-router.service   every front door; restarting the daemon never touches it
//	understudy-APP.service          the daemon; what it starts (supervisors, database servers)
//	                                lies in its control group and outlives it
//	/etc/understudy/APP.env         variables of both: what env: references name
//	STATE/service.json              says that the services are there: commands then start no
//	                                daemon beside them, and the daemon no router
//
// Units is a pure rule from wishes to files. Install writes those that differ, enables and
// starts both services, and looks whether they are there; doing it again changes nothing.
//
// # Why the units are as they are
//
// KillMode=process and OOMPolicy=continue: a restart of the daemon, and a release that takes
// too much memory, end nothing else. Type=notify with NotifyAccess=all: the service counts as
// started when it answers, and a router that hands over to a new copy of itself says which
// process is the main one now. The router alone may open ports below 1024, and sees the file
// system read-only but for its state. The daemon is not fenced in like that: it makes network
// namespaces for twins and runs what a team ships, as other users where it is root.
package systemd
