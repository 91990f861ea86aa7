package config

import (
	"fmt"
	"time"

	"go.yaml.in/yaml/v3"
)

// document is understudy.yaml as it is written. Its shape was checked against the
// schema before anything is decoded into it.
type document struct {
	Application  string                  `yaml:"application"`
	Compose      string                  `yaml:"compose"`
	Services     named[serviceEntry]     `yaml:"services"`
	Databases    named[databaseEntry]    `yaml:"databases"`
	Volumes      named[volumeEntry]      `yaml:"volumes"`
	Integrations named[integrationEntry] `yaml:"integrations"`
	Config       configSection           `yaml:"config"`
	Migration    *migrationEntry         `yaml:"migration"`
	Tests        named[testEntry]        `yaml:"tests"`
	Traffic      *trafficEntry           `yaml:"traffic"`
	Environments named[environmentEntry] `yaml:"environments"`
	Mask         string                  `yaml:"mask"`
	Policy       policyEntry             `yaml:"policy"`
	Parity       parityEntry             `yaml:"parity"`
	Notify       named[channelEntry]     `yaml:"notify"`
	Flags        string                  `yaml:"flags"`
}

type serviceEntry struct {
	Command   []string        `yaml:"command"`
	WorkDir   string          `yaml:"work_dir"`
	Port      int             `yaml:"port"`
	Instances int             `yaml:"instances"`
	Protocol  string          `yaml:"protocol"`
	Route     routeEntry      `yaml:"route"`
	Health    healthEntry     `yaml:"health"`
	Env       map[string]text `yaml:"env"`
	User      string          `yaml:"user"`
	Needs     *[]string       `yaml:"needs"`
	Grace     duration        `yaml:"grace"`
	Skip      bool            `yaml:"skip"`
	Handover  string          `yaml:"handover"`
}

type healthEntry struct {
	Path     string   `yaml:"path"`
	Interval duration `yaml:"interval"`
	Timeout  duration `yaml:"timeout"`
	Deadline duration `yaml:"deadline"`
}

// UnmarshalYAML reads a path alone, or a path with times.
func (h *healthEntry) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		h.Path = node.Value
		return nil
	}
	type plain healthEntry
	return node.Decode((*plain)(h))
}

type databaseEntry struct {
	Engine     string   `yaml:"engine"`
	Role       string   `yaml:"role"`
	Env        string   `yaml:"env"`
	Extensions []string `yaml:"extensions"`
}

type volumeEntry struct {
	Env     string `yaml:"env"`
	Service string `yaml:"service"`
}

type integrationEntry struct {
	Kind    string        `yaml:"kind"`
	Env     string        `yaml:"env"`
	Answers []answerEntry `yaml:"answers"`
}

type answerEntry struct {
	Method string          `yaml:"method"`
	Path   string          `yaml:"path"`
	Status int             `yaml:"status"`
	Header map[string]text `yaml:"header"`
	Body   string          `yaml:"body"`
}

type configEntry struct {
	Required bool   `yaml:"required"`
	Secret   bool   `yaml:"secret"`
	Unique   bool   `yaml:"unique"`
	Rotates  bool   `yaml:"rotates"`
	Default  text   `yaml:"default"`
	About    string `yaml:"about"`
	Schema   shape  `yaml:"schema"`
}

type migrationEntry struct {
	Up       []string        `yaml:"up"`
	Down     []string        `yaml:"down"`
	Status   []string        `yaml:"status"`
	Contract []string        `yaml:"contract"`
	Role     string          `yaml:"role"`
	Back     string          `yaml:"back"`
	Timeout  duration        `yaml:"timeout"`
	Env      map[string]text `yaml:"env"`
}

type testEntry struct {
	Name    string          `yaml:"name"`
	Command []string        `yaml:"command"`
	Report  string          `yaml:"report"`
	Timeout duration        `yaml:"timeout"`
	Env     map[string]text `yaml:"env"`
}

type trafficEntry struct {
	Rate     float64             `yaml:"rate"`
	Journeys named[journeyEntry] `yaml:"journeys"`
}

type journeyEntry struct {
	Weight float64     `yaml:"weight"`
	Steps  []stepEntry `yaml:"steps"`
}

type stepEntry struct {
	Get     string          `yaml:"get"`
	Head    string          `yaml:"head"`
	Post    string          `yaml:"post"`
	Put     string          `yaml:"put"`
	Patch   string          `yaml:"patch"`
	Delete  string          `yaml:"delete"`
	Name    string          `yaml:"name"`
	Header  map[string]text `yaml:"header"`
	Form    map[string]text `yaml:"form"`
	Body    string          `yaml:"body"`
	Expect  []int           `yaml:"expect"`
	Capture map[string]text `yaml:"capture"`
}

type environmentEntry struct {
	Purpose   string                `yaml:"purpose"`
	Listen    string                `yaml:"listen"`
	Door      doorEntry             `yaml:",inline"`
	TwinOf    string                `yaml:"twin_of"`
	External  bool                  `yaml:"external"`
	Release   string                `yaml:"release"`
	Env       map[string]text       `yaml:"env"`
	EnvFile   string                `yaml:"env_file"`
	Secrets   map[string]string     `yaml:"secrets"`
	Databases named[placementEntry] `yaml:"databases"`
	Volumes   map[string]string     `yaml:"volumes"`
	Prepare   []testEntry           `yaml:"prepare"`
	Copy      copyEntry             `yaml:"copy"`

	FlagOrigins []string `yaml:"flag_origins"`
}

type copyEntry struct {
	Method   string   `yaml:"method"`
	Parallel int      `yaml:"parallel"`
	Rate     string   `yaml:"rate"`
	MaxLoad  int      `yaml:"max_load"`
	Deadline duration `yaml:"deadline"`
	Hold     duration `yaml:"hold"`

	Follow      bool   `yaml:"follow"`
	Publish     bool   `yaml:"publish"`
	Publication string `yaml:"publication"`

	Subset map[string]subsetEntry `yaml:"subset"`
}

type subsetEntry struct {
	Roots    map[string]subsetRootEntry `yaml:"roots"`
	Children []string                   `yaml:"children"`
	Keys     []virtualKeyEntry          `yaml:"keys"`
}

type subsetRootEntry struct {
	Share float64 `yaml:"share"`
	Where string  `yaml:"where"`
	By    string  `yaml:"by"`
}

type virtualKeyEntry struct {
	Table      string   `yaml:"table"`
	Columns    []string `yaml:"columns"`
	References string   `yaml:"references"`
	To         []string `yaml:"to"`
}

type placementEntry struct {
	URL      string          `yaml:"url"`
	Replica  string          `yaml:"replica"`
	Port     int             `yaml:"port"`
	Seed     []string        `yaml:"seed"`
	Settings map[string]text `yaml:"settings"`
}

type policyEntry struct {
	Required     []string `yaml:"required"`
	MaxAge       duration `yaml:"max_age"`
	SnapshotAge  duration `yaml:"snapshot_age"`
	BlockedFor   duration `yaml:"blocked_for"`
	RollbackIn   duration `yaml:"rollback_in"`
	LockTimeout  duration `yaml:"lock_timeout"`
	QuietWait    duration `yaml:"quiet_wait"`
	Retries      int      `yaml:"retries"`
	Steps        []int    `yaml:"steps"`
	StepFor      duration `yaml:"step_for"`
	Bake         duration `yaml:"bake"`
	MinRequests  int      `yaml:"min_requests"`
	MaxErrorRate float64  `yaml:"max_error_rate"`
	SafetyCopy   bool     `yaml:"safety_copy"`

	Soak               duration        `yaml:"soak"`
	Approvals          *approvalsEntry `yaml:"approvals"`
	Freeze             []windowEntry   `yaml:"freeze"`
	Windows            []windowEntry   `yaml:"windows"`
	Express            *expressEntry   `yaml:"express"`
	MaxLatencyRatio    float64         `yaml:"max_latency_ratio"`
	LatencyFloor       duration        `yaml:"latency_floor"`
	MaxCPURatio        float64         `yaml:"max_cpu_ratio"`
	MaxMemoryRatio     float64         `yaml:"max_memory_ratio"`
	StalledFor         duration        `yaml:"stalled_for"`
	BakeWithoutTraffic string          `yaml:"bake_without_traffic"`
	Metrics            []metricEntry   `yaml:"metrics"`
	Contract           string          `yaml:"contract"`
	Flags              flagsEntry      `yaml:"flags"`
}

type flagsEntry struct {
	Rows    int             `yaml:"rows"`
	Time    duration        `yaml:"time"`
	Stale   int             `yaml:"stale"`
	Differs map[string]text `yaml:"differs"`
}

type approvalsEntry struct {
	Count       int      `yaml:"count"`
	By          []string `yaml:"by"`
	NotAuthor   bool     `yaml:"not_author"`
	NotPromoter bool     `yaml:"not_promoter"`
	MaxAge      duration `yaml:"max_age"`
}

type windowEntry struct {
	Rule     string `yaml:"rrule"`
	From     text   `yaml:"from"`
	Duration string `yaml:"duration"`
	Zone     string `yaml:"time_zone"`
	Reason   string `yaml:"reason"`
}

type expressEntry struct {
	When      expressWhenEntry `yaml:"when"`
	Approvals *int             `yaml:"approvals"`
	Soak      *duration        `yaml:"soak"`
	Bake      *duration        `yaml:"bake"`
	StepFor   *duration        `yaml:"step_for"`
	Steps     []int            `yaml:"steps"`
}

type expressWhenEntry struct {
	MaxFiles    int      `yaml:"max_files"`
	MaxBytes    string   `yaml:"max_bytes"`
	Paths       []string `yaml:"paths"`
	Services    []string `yaml:"services"`
	MaxLock     duration `yaml:"max_lock"`
	MaxRows     int64    `yaml:"max_rows"`
	NewKeys     bool     `yaml:"new_keys"`
	Permissions bool     `yaml:"permissions"`
	Likeness    float64  `yaml:"likeness"`
}

// named is a mapping whose order counts.
type named[V any] []entry[V]

type entry[V any] struct {
	Name  string
	Value V
}

// UnmarshalYAML keeps the order of the file.
func (n *named[V]) UnmarshalYAML(node *yaml.Node) error {
	for i := 0; i+1 < len(node.Content); i += 2 {
		e := entry[V]{Name: node.Content[i].Value}
		if err := node.Content[i+1].Decode(&e.Value); err != nil {
			return err
		}
		*n = append(*n, e)
	}
	return nil
}

func (n named[V]) names() []string {
	var out []string
	for _, e := range n {
		out = append(out, e.Name)
	}
	return out
}

// text is a scalar as it is written: 007 stays 007, and yes stays yes.
type text string

// UnmarshalYAML takes the letters and leaves their type.
func (t *text) UnmarshalYAML(node *yaml.Node) error {
	*t = text(node.Value)
	return nil
}

func plainTexts(m map[string]text) map[string]string {
	if len(m) == 0 {
		return nil
	}
	out := make(map[string]string, len(m))
	for k, v := range m {
		out[k] = string(v)
	}
	return out
}

type duration time.Duration

// UnmarshalYAML reads 10s and the like.
func (d *duration) UnmarshalYAML(node *yaml.Node) error {
	value, err := time.ParseDuration(node.Value)
	if err != nil {
		return fmt.Errorf("line %d: expected a duration of less than 290 years, found %q", node.Line, node.Value)
	}
	*d = duration(value)
	return nil
}
