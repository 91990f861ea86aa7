package understudy

import "fmt"

// Protocol is what a service speaks on its port.
type Protocol string

// The protocols. In both of the latter, HTTP/2 begins without TLS and without an upgrade.
const (
	ProtocolHTTP1 Protocol = "" // HTTP/1.1
	ProtocolH2C   Protocol = "h2c"
	ProtocolGRPC  Protocol = "grpc" // over HTTP/2; calls may last, and their trailers say how they ended
)

// MaxInstances bounds how often one service runs in a deployment.
const MaxInstances = 64

// Programs are the names that the instances of a service run under: its own for the
// first, NAME.2 for the second and so on.
func (s Service) Programs() []string {
	names := []string{s.Name}
	for n := 2; n <= s.Instances; n++ {
		names = append(names, fmt.Sprintf("%s.%d", s.Name, n))
	}
	return names
}

// ServiceOf is the service that a program is an instance of.
func (a Application) ServiceOf(program string) (Service, bool) {
	for _, s := range a.Services {
		for _, name := range s.Programs() {
			if name == program {
				return s, true
			}
		}
	}
	return Service{}, false
}

// validateInstances reports the first service that cannot run as often as it says, or
// whose instances would bear the name of another.
func (a Application) validateInstances() error {
	owners := map[string]string{}
	for _, s := range a.Services {
		if s.Instances < 0 || s.Instances > MaxInstances {
			return Errorf(KindInvalid, "service %s runs 1 to %d times, found instances: %d", s.Name, MaxInstances, s.Instances)
		}
		if s.Protocol == ProtocolGRPC && s.Health.Path != "" {
			return Errorf(KindInvalid, "service %s speaks gRPC and has a health path", s.Name).
				WithHint("leave health out: accepting a connection is enough; or say protocol: h2c, where the path is asked for")
		}
		for _, program := range s.Programs() {
			if other, taken := owners[program]; taken {
				return Errorf(KindInvalid, "an instance of service %s would be called %s, as one of service %s is", s.Name, program, other)
			}
			owners[program] = s.Name
		}
	}
	return nil
}
