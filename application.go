package understudy

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Application is what a team ships, as one release of it declares it: its services,
// databases and integrations, the configuration it needs, how its schema is brought
// forward and back, how it is tested, and the traffic it is rehearsed under.
type Application struct {
	Name         string        `json:"name"`
	Services     []Service     `json:"services"`
	Databases    []Database    `json:"databases,omitempty"`
	Volumes      []Volume      `json:"volumes,omitempty"`
	Integrations []Integration `json:"integrations,omitempty"`
	Config       []ConfigKey   `json:"config,omitempty"`
	// ConfigSchema is a JSON Schema over all of the configuration, ConfigRules are rules between its keys.
	ConfigSchema json.RawMessage `json:"configSchema,omitempty"`
	ConfigRules  []ConfigRule    `json:"configRules,omitempty"`
	Migration    *Migration      `json:"migration,omitempty"`
	Tests        []Test          `json:"tests,omitempty"`
	Traffic      *Traffic        `json:"traffic,omitempty"`
	Flags        *Flags          `json:"flags,omitempty"`
}

// Service is a program of the application that runs. Command and every other path
// is relative to the release's artifact tree. Env values may refer to configuration
// as ${KEY}, ${KEY:-default} or ${KEY:?what it is for}.
type Service struct {
	Name    string   `json:"name"`
	Command []string `json:"command"`
	WorkDir string   `json:"workDir,omitempty"` // below the artifact tree
	Port    int      `json:"port,omitempty"`    // where its first instance listens in the seal; 0: it serves nothing
	// Instances is how often it runs, each with a PORT of its own; 0: once.
	Instances int               `json:"instances,omitempty"`
	Protocol  Protocol          `json:"protocol,omitempty"` // what it speaks on its port
	Route     string            `json:"route,omitempty"`    // place the router sends here, as ParsePlace reads it; empty: none
	Routes    []string          `json:"routes,omitempty"`   // more of them
	Health    Health            `json:"health,omitzero"`
	Env       map[string]string `json:"env,omitempty"`
	User      string            `json:"user,omitempty"` // name or uid[:gid] to run as; empty: whoever starts it
	Needs     []string          `json:"needs,omitempty"`
	Grace     time.Duration     `json:"grace,omitempty"` // between the polite signal and the last one; 0: DefaultGrace
	// Handover is how the old release's service gives way to the new one's; empty: HandoverOverlap.
	Handover Handover `json:"handover,omitempty"`
}

// Handover is how a service of the old release gives way to that of the new one.
type Handover string

// The ways to hand over.
const (
	HandoverOverlap   Handover = "overlap"   // both run through the whole promotion
	HandoverExclusive Handover = "exclusive" // one at a time: the new one starts when the old one has ended
)

// DefaultGrace is the time a service has to end after it was asked to.
const DefaultGrace = 10 * time.Second

// Health says how a service shows that it is ready. An empty Path with a port means
// that accepting a connection is enough; without a port, running is.
type Health struct {
	Path     string        `json:"path,omitempty"`     // any 2xx answer to GET is healthy
	Interval time.Duration `json:"interval,omitempty"` // between looks; 0: 250 ms
	Timeout  time.Duration `json:"timeout,omitempty"`  // of one look; 0: 2 s
	Deadline time.Duration `json:"deadline,omitempty"` // to become ready after a start; 0: 30 s
}

// Database is a database of the application. The environment decides where it is;
// the service learns its address from the configuration key named by Env.
type Database struct {
	Name       string   `json:"name"`
	Engine     string   `json:"engine"`               // "postgres"
	Role       string   `json:"role"`                 // the role the application connects as; owns the database
	Env        string   `json:"env"`                  // key that receives the connection URL
	Extensions []string `json:"extensions,omitempty"` // made by the superuser when the database is made
}

// Volume is a folder of files that the application keeps, such as what its users have
// uploaded. The environment decides where it is; services learn its path from the
// configuration key named by Env. A twin has copies of its own. Files are not masked.
type Volume struct {
	Name    string `json:"name"`
	Env     string `json:"env"`               // key that receives the path
	Service string `json:"service,omitempty"` // whose user owns a new one; empty: the first service
}

// Integration is something outside that the application calls. A sealed environment
// catches the calls: Answers say what the catcher replies, first match first.
type Integration struct {
	Name    string   `json:"name"`
	Kind    string   `json:"kind"` // "http" or "smtp"
	Env     string   `json:"env"`  // key that holds its address: a URL (http) or host:port (smtp)
	Answers []Answer `json:"answers,omitempty"`
}

// Answer is what the catcher replies to one kind of call. Empty Method and Path match all.
type Answer struct {
	Method string            `json:"method,omitempty"`
	Path   string            `json:"path,omitempty"` // prefix
	Status int               `json:"status"`
	Header map[string]string `json:"header,omitempty"`
	Body   string            `json:"body,omitempty"`
}

// ConfigKey is one key of configuration that the release reads.
type ConfigKey struct {
	Key      string `json:"key"`
	Required bool   `json:"required,omitempty"`
	Secret   bool   `json:"secret,omitempty"` // its value is never shown, stored or logged
	Unique   bool   `json:"unique,omitempty"` // must differ between environments: a credential
	// Rotates: its secret is another one each time it is read, so that its reference stands for it
	// where configurations are compared.
	Rotates bool   `json:"rotates,omitempty"`
	Default string `json:"default,omitempty"`
	About   string `json:"about,omitempty"`
	// Schema is a JSON Schema that its value keeps, typed as the schema says; nil: any text.
	Schema json.RawMessage `json:"schema,omitempty"`
}

// Migration is the team's own way to bring the schema forward and back. Its commands
// run in the release's artifact tree with the database's address injected.
type Migration struct {
	Up     []string `json:"up,omitempty"`
	Down   []string `json:"down,omitempty"`
	Status []string `json:"status,omitempty"`
	// Contract takes away what only the old release needs, once nobody goes back to it.
	Contract []string          `json:"contract,omitempty"`
	Role     string            `json:"role,omitempty"`    // empty: the application's own role
	Back     Way               `json:"back,omitempty"`    // how the release says it goes back
	Timeout  time.Duration     `json:"timeout,omitempty"` // 0: DefaultMigrationTimeout
	Env      map[string]string `json:"env,omitempty"`
}

// DefaultMigrationTimeout ends a migration that hangs.
const DefaultMigrationTimeout = 10 * time.Minute

// Way is how a release says its schema goes back.
type Way string

// The ways back.
const (
	WayDown Way = "down" // by its own down command; schema and data come back
	WayNone Way = "none" // the schema stays: the old release runs on the new one
	// WayRestore: no code leads back. The databases are given back as they were before the
	// migration, and what was written since is lost.
	WayRestore Way = "restore"
)

// Test is one of the team's own test commands. It runs inside the environment with
// its addresses injected.
type Test struct {
	Name    string            `json:"name"`
	Command []string          `json:"command"`
	Report  string            `json:"report,omitempty"`  // JUnit XML file it writes, or "go", "tap"; empty: exit status only
	Timeout time.Duration     `json:"timeout,omitempty"` // 0: 5 min
	Env     map[string]string `json:"env,omitempty"`
}

// Traffic is the load a release is rehearsed under: journeys that arrive at a
// constant rate, whether or not earlier ones have ended (an open model).
type Traffic struct {
	Rate     float64   `json:"rate"` // journeys per second
	Journeys []Journey `json:"journeys"`
}

// Journey is what one visitor does: steps in order, with one cookie jar. Texts may
// hold {{name}} (captured before), {{unique}} (new for each journey), {{int A B}}.
type Journey struct {
	Name   string  `json:"name"`
	Weight float64 `json:"weight,omitempty"` // share among the journeys; 0: 1
	Steps  []Step  `json:"steps"`
}

// Step is one request of a journey.
type Step struct {
	Name    string            `json:"name,omitempty"`
	Method  string            `json:"method,omitempty"` // empty: GET
	Path    string            `json:"path"`
	Header  map[string]string `json:"header,omitempty"`
	Form    map[string]string `json:"form,omitempty"`
	Body    string            `json:"body,omitempty"`
	Expect  []int             `json:"expect,omitempty"`  // statuses; empty: any below 400
	Capture map[string]string `json:"capture,omitempty"` // name to regular expression with one group, over the body
}

// Validate reports the first thing that makes the application impossible to run.
func (a Application) Validate() error {
	if a.Name == "" {
		return Errorf(KindInvalid, "an application needs a name")
	}
	if len(a.Services) == 0 {
		return Errorf(KindInvalid, "application %s has no services", a.Name).
			WithHint("list them under services:, or name a compose file with compose:")
	}
	databases := map[string]bool{}
	for _, d := range a.Databases {
		if databases[d.Name] {
			return Errorf(KindInvalid, "database %s is declared twice", d.Name)
		}
		if taken(d.Name) {
			return Errorf(KindInvalid, "a database cannot be called %s: copies on a twin are called so", d.Name).
				WithHint("call it main; the application learns its address from %s", d.Env)
		}
		databases[d.Name] = true
	}
	return a.validateServices(databases)
}

// taken tells the names that copies on a twin have.
func taken(database string) bool {
	return strings.HasSuffix(database, "_side") || strings.Contains(database, "_golden_")
}

func (a Application) validateServices(databases map[string]bool) error {
	services := map[string]bool{}
	for _, s := range a.Services {
		switch {
		case services[s.Name]:
			return Errorf(KindInvalid, "service %s is declared twice", s.Name)
		case len(s.Command) == 0:
			return Errorf(KindInvalid, "service %s has no command", s.Name)
		case s.Route != "" && s.Port == 0:
			return Errorf(KindInvalid, "service %s has route %s but no port", s.Name, s.Route)
		}
		services[s.Name] = true
	}
	for _, s := range a.Services {
		for _, need := range s.Needs {
			if !services[need] && !databases[need] {
				return Errorf(KindInvalid, "service %s needs %s, which is neither a service nor a database", s.Name, need)
			}
		}
	}
	if err := a.validateInstances(); err != nil {
		return err
	}
	_, err := a.StartOrder()
	return err
}

// StartOrder is the services in an order in which each comes after what it needs;
// otherwise as declared. A cycle is an error that names it.
func (a Application) StartOrder() ([]Service, error) {
	byName := map[string]Service{}
	for _, s := range a.Services {
		byName[s.Name] = s
	}
	var order []Service
	state := map[string]int{} // 1: being placed, 2: placed
	var place func(name, path string) error
	place = func(name, path string) error {
		service, found := byName[name]
		if !found || state[name] == 2 {
			return nil
		}
		if state[name] == 1 {
			return Errorf(KindInvalid, "services need each other in a circle: %s%s", path, name)
		}
		state[name] = 1
		for _, need := range service.Needs {
			if err := place(need, fmt.Sprintf("%s%s → ", path, name)); err != nil {
				return err
			}
		}
		state[name] = 2
		order = append(order, service)
		return nil
	}
	for _, s := range a.Services {
		if err := place(s.Name, ""); err != nil {
			return nil, err
		}
	}
	return order, nil
}
