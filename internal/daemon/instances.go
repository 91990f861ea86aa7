package daemon

import (
	"understudy"
	"understudy/internal/loopback"
	"understudy/internal/router"
	"understudy/internal/runtime/process"
)

// sealedInstances is from where ports are counted for the instances of a sealed service
// after its first: inside a seal nobody else listens.
const sealedInstances = 20000

// ports gives each instance of a deployment's services a port that none of the others has.
type ports struct {
	sealed bool
	taken  map[int]bool
}

func newPorts(app understudy.Application, sealed bool) *ports {
	p := &ports{sealed: sealed, taken: map[int]bool{sealedPort: true}}
	for _, s := range app.Services {
		p.taken[s.Port] = true
	}
	return p
}

// next is the port of the nth instance of a service, counted from 0; 0: it has none. In a
// seal, the first one has the port that is declared: others inside may know it by heart.
func (p *ports) next(s understudy.Service, n int) (int, error) {
	switch {
	case s.Port == 0:
		return 0, nil
	case p.sealed && n == 0:
		return s.Port, nil
	}
	for candidate := sealedInstances; ; candidate++ {
		if !p.sealed {
			var err error
			if candidate, err = loopback.FreePort(); err != nil {
				return 0, err
			}
		}
		if !p.taken[candidate] {
			p.taken[candidate] = true
			return candidate, nil
		}
	}
}

// programs are all instances of a deployment's services, in start order.
func (d *Daemon) programs(o order, given map[string]string) ([]process.Program, error) {
	services, err := o.release.Application.StartOrder()
	if err != nil {
		return nil, err
	}
	free := newPorts(o.release.Application, o.env.Sealed())
	var all []process.Program
	for _, s := range services {
		for n, name := range s.Programs() {
			port, err := free.next(s, n)
			if err != nil {
				return nil, err
			}
			program, err := d.program(o, s, port, given)
			if err != nil {
				return nil, err
			}
			program.Name = name
			all = append(all, program)
		}
	}
	return all, nil
}

// addresses are where a service's instances are.
func addresses(s understudy.Service, programs []process.ProgramStatus) (all []string) {
	for _, name := range s.Programs() {
		for _, program := range programs {
			if program.Name == name {
				all = append(all, program.Address)
			}
		}
	}
	return all
}

// unfit says why the router gives an address no new requests, or none willingly; empty:
// it does.
func unfit(slot router.SlotState, address string) string {
	for _, t := range slot.Targets {
		if t.Address == address && (!t.Well || !t.Ejected.IsZero()) {
			return t.Reason
		}
	}
	return ""
}
