// Package process runs deployments as plain processes of this machine: no container
// engine, one supervisor for each deployment.
//
//	daemon ──Start──▶ supervisor (own session, outlives the daemon)
//	   │                 ├─ program web     own session, own log
//	   └──control.sock──▶├─ program worker  own session, own log
//	                     └─ commands asked for by Exec
//
// The life of one program, kept by its supervisor:
//
//	            ┌────────────────── backing-off ◀── exited ──┐
//	            ▼                                            │
//	stopped → starting ──healthy look──▶ healthy ⇄ unhealthy ┤
//	            └──────deadline passed──────────▶ unhealthy ─┘
//
// Held, it does not run: Hold ends it as Stop would, and Let starts it. So programs of two
// deployments that must never run at once take turns. Nobody waits for one that is held.
//
// From every state the way to stopped is open, and it is taken once: by Stop, by
// SIGTERM, or by the end of the supervisor.
//
// # What happens when something dies
//
//   - The daemon dies: nothing else does. A new daemon finds the supervisor by its
//     folder under Run and asks it over control.sock.
//   - A program dies: it is started again after a pause that doubles from 100 ms to
//     10 s, and is short again after one healthy minute. What it left running in its
//     session is ended first.
//   - The supervisor is killed: on Linux the kernel kills its programs with it. What
//     they had started themselves is ended by the next Start or Stop, by the sessions
//     that supervisor.json names; a process number that was given to somebody else
//     since is recognised by its start time and left alone.
//   - The starter dies before the specification is through: the supervisor reads an
//     incomplete one, says so in its log and ends. Nothing was started.
//   - The machine dies: boot identities differ, so every record is stale, and Start
//     clears it.
//
// # What is on disk
//
// Run/<id>/supervisor.json (who runs, no secret), Run/<id>/control.sock (0600),
// Run/<id>/<program>.sock for a published program, LogDir/<id>/<program>.log (0600,
// with .1 and .2 before it), LogDir/<id>/_supervisor.log. The specification holds secrets: it crosses
// a pipe and is never on disk nor in an argument list.
//
// # Limits
//
// Files of the artifact are compared with their digests before the first start; files
// that were added beside them are not looked for, since programs may write there.
// A process that leaves its session (a classic daemon) is found and ended on Linux
// only; elsewhere a program's process group is what is ended.
package process
