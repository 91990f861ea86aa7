// Package seal keeps what a staging deployment does from having real consequences. Its
// processes run in a network namespace that has a loopback interface and nothing else:
// no rule that could be forgotten decides what gets out, there is no way out.
//
// Inside, every address is local. A connection to any host arrives at this package's
// listeners, whatever the host was:
//
//	            inside the namespace                      outside
//	program ──▶ 10.1.2.3:53      DNS answerer             (nothing)
//	        ──▶ 198.18.0.7:443   HTTPS catcher ─┐
//	        ──▶ 198.18.0.7:80    HTTP catcher  ─┼──▶ captures (JSON lines)
//	        ──▶ 198.18.0.8:587   SMTP catcher  ─┘
//	        ──▶ 127.0.0.1:5432   forward ─────────▶ unix:/…/.s.PGSQL.5432
//	        ◀── 127.0.0.1:8080   publish ◀───────── unix:/…/web.sock ◀── router
//	        ──▶ any other port   refused: nobody listens
//
// Unix sockets named by a path cross the namespace, since the file system is shared;
// that is how forwards and publications work.
//
// # Life
//
//	Isolate (outside, changes a command) ─▶ the command starts ─▶ Enter (inside, once)
//	─▶ programs run ─▶ Close. The namespace ends with its last process.
//
// # When it fails
//
// Enter refuses to work outside a namespace that Isolate made: it would make every
// address of the machine local. If the process that holds the listeners dies, programs
// find nobody listening; nothing gets out, and nothing is answered. A capture is one
// line appended in one write: a crash damages the last line at most, which Read counts
// and steps over.
//
// # Limits
//
//   - Unix sockets outside that a program knows by path (a container engine's, a
//     resolver's, D-Bus) can be reached, as far as file permissions allow. A name
//     looked up through such a resolver is a name that got out; the connection that
//     follows still ends here.
//   - A program that runs as root in a deployment sealed by root can leave the
//     namespace on purpose. Run services as a user of their own.
//   - A catcher's port is a wildcard listener, so no program inside can listen on it, on
//     loopback either. Ports that a program publishes, or that a forward listens on,
//     are left to them, and outbound calls to that port are then not caught: they reach
//     the program itself or are refused. Ports of programs that are not published can
//     be named in Spec.Keep.
//   - Clients that pin certificates, or bring their own roots and ignore Env, refuse
//     the catcher's certificate: the call fails and is not recorded, its DNS lookup is.
//   - Datagrams other than DNS are answered by nobody and recorded by nobody.
package seal
