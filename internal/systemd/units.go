package systemd

import (
	"path/filepath"
	"strings"

	"understudy"
)

// Wish says what is to run as services.
type Wish struct {
	Application string
	Program     string // this program's own file
	Project     string // folder of understudy.yaml
	State, Run  string // state directory, and the folder of its sockets
	User        string // whom the services run as
	Units       string // where units lie; empty: /etc/systemd/system
	Settings    string // where the file of variables lies; empty: /etc/understudy
}

// File is a file of an installation.
type File struct {
	Path    string
	Content string
	Mode    uint32
	Keep    bool // it is the operator's once it is there
}

// Complete fills in what was left out, and refuses what a unit cannot say.
func (w Wish) Complete() (Wish, error) {
	if w.Units == "" {
		w.Units = "/etc/systemd/system"
	}
	if w.Settings == "" {
		w.Settings = "/etc/understudy"
	}
	for _, text := range []string{w.Program, w.Project, w.State, w.Run, w.User, w.Units, w.Settings} {
		if strings.ContainsAny(text, "\n\r\x00") || text == "" {
			return w, understudy.Errorf(understudy.KindInvalid, "a unit needs a program, a project, a state directory and a user, each on one line, found %q", text)
		}
	}
	return w, nil
}

// Daemon is the name of the daemon's unit.
func (w Wish) Daemon() string { return "understudy-" + w.Application + ".service" }

// Router is the name of the router's unit.
func (w Wish) Router() string { return "understudy-" + w.Application + "-router.service" }

// Variables is the path of the file of variables.
func (w Wish) Variables() string { return filepath.Join(w.Settings, w.Application+".env") }

// Files are all files of an installation, in the order in which they are written.
func (w Wish) Files() []File {
	return []File{
		{Path: w.Variables(), Mode: 0o600, Keep: true, Content: "# Variables of Understudy's services for " + w.Application + ": what env: references in understudy.yaml name.\n# NAME=value, one a line. After a change: systemctl restart " + w.Daemon() + "\n"},
		{Path: filepath.Join(w.Units, w.Router()), Mode: 0o644, Content: w.routerUnit()},
		{Path: filepath.Join(w.Units, w.Daemon()), Mode: 0o644, Content: w.daemonUnit()},
	}
}

func (w Wish) daemonUnit() string {
	return lines(
		"[Unit]",
		"Description=Understudy, the daemon for "+literal(w.Application),
		"Wants=network-online.target "+w.Router(),
		"After=network-online.target "+w.Router(),
		"StartLimitIntervalSec=0",
		"",
		"[Service]",
		"Type=notify",
		"NotifyAccess=main",
		"ExecStart="+command(w.Program, "serve", "--dir", w.Project, "--state-dir", w.State),
		"User="+w.User,
		"EnvironmentFile=-"+literal(w.Variables()),
		"WorkingDirectory="+literal(w.Project),
		"# What it starts outlives it.",
		"KillMode=process",
		"OOMPolicy=continue",
		"Restart=always",
		"RestartSec=2",
		"TimeoutStartSec=90",
		"TimeoutStopSec=60",
		"LimitNOFILE=65536",
		"TasksMax=infinity",
		"# No more is taken away: it makes network namespaces for twins, and runs what a team ships.",
		"ProtectKernelModules=yes",
		"",
		"[Install]",
		"WantedBy=multi-user.target",
	)
}

func (w Wish) routerUnit() string {
	return lines(
		"[Unit]",
		"Description=Understudy, the router for "+literal(w.Application),
		"Wants=network-online.target",
		"After=network-online.target",
		"StartLimitIntervalSec=0",
		"",
		"[Service]",
		"Type=notify",
		"# A new copy of it that takes over says so itself.",
		"NotifyAccess=all",
		"ExecStart="+command(w.Program, "router", "--state", filepath.Join(w.State, "router"), "--control", filepath.Join(w.Run, "router.sock")),
		"User="+w.User,
		"EnvironmentFile=-"+literal(w.Variables()),
		"KillMode=process",
		"OOMPolicy=continue",
		"OOMScoreAdjust=-500",
		"Restart=always",
		"RestartSec=100ms",
		"TimeoutStartSec=90",
		"TimeoutStopSec=60",
		"LimitNOFILE=1048576",
		"TasksMax=infinity",
		"AmbientCapabilities=CAP_NET_BIND_SERVICE",
		"CapabilityBoundingSet=CAP_NET_BIND_SERVICE",
		"NoNewPrivileges=yes",
		"ProtectSystem=strict",
		"ReadWritePaths="+quoted(filepath.Join(w.State, "router"))+" "+quoted(w.Run),
		"ProtectKernelTunables=yes",
		"ProtectKernelModules=yes",
		"ProtectKernelLogs=yes",
		"ProtectControlGroups=yes",
		"ProtectClock=yes",
		"ProtectHostname=yes",
		"PrivateDevices=yes",
		"RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
		"RestrictNamespaces=yes",
		"RestrictRealtime=yes",
		"RestrictSUIDSGID=yes",
		"LockPersonality=yes",
		"MemoryDenyWriteExecute=yes",
		"SystemCallArchitectures=native",
		"SystemCallFilter=@system-service",
		"",
		"[Install]",
		"WantedBy=multi-user.target",
	)
}

func lines(all ...string) string { return strings.Join(all, "\n") + "\n" }

// command is a command line as a unit has it.
func command(words ...string) string {
	var out []string
	for _, word := range words {
		out = append(out, quoted(strings.ReplaceAll(word, "$", "$$")))
	}
	return strings.Join(out, " ")
}

// quoted is a word as a unit has it among others.
func quoted(word string) string {
	word = literal(word)
	if !strings.ContainsAny(word, " \t\"'\\;") {
		return word
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(word) + `"`
}

// literal keeps systemd from reading percent signs.
func literal(text string) string { return strings.ReplaceAll(text, "%", "%%") }
