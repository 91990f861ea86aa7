package featureflag

import (
	"maps"
	"slices"
	"sync"
)

// Observer is told what is read over OFREP, by many goroutines at once. It must not wait.
type Observer interface {
	// Read is told of one flag that was asked for by its key, known or not.
	Read(key string, result Result)
	// ReadAll is told of an evaluation of all flags, which says of none that code reads it.
	ReadAll()
}

// maxUnknown is how many keys that do not exist are told apart; a client that invents keys
// must not fill the memory.
const maxUnknown = 1000

// Reads counts what is read, as an Observer. The zero value is ready.
type Reads struct {
	mu      sync.Mutex
	keys    map[string]*KeyReads
	unknown int
	all     int
}

// KeyReads is what was read of one key.
type KeyReads struct {
	Key      string         `json:"key"`
	Unknown  bool           `json:"unknown,omitempty"` // there was no such flag
	Reads    int            `json:"reads"`
	Variants map[string]int `json:"variants,omitempty"` // how often each was served
	Defaults int            `json:"defaults,omitempty"` // answered with no value: the default in the code stood
	Errors   int            `json:"errors,omitempty"`   // the rule could not be evaluated
}

// Read counts one.
func (r *Reads) Read(key string, result Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	counted := r.of(key, result.Error == CodeNotFound)
	if counted == nil {
		return
	}
	counted.Reads++
	switch {
	case result.Error == CodeNotFound:
	case result.Error != "":
		counted.Errors++
	case result.Variant == "":
		counted.Defaults++
	default:
		counted.Variants[result.Variant]++
	}
}

func (r *Reads) of(key string, unknown bool) *KeyReads {
	counted, seen := r.keys[key]
	if !seen {
		if unknown && r.unknown == maxUnknown {
			return nil
		}
		if r.keys == nil {
			r.keys = map[string]*KeyReads{}
		}
		counted = &KeyReads{Key: key, Unknown: unknown, Variants: map[string]int{}}
		r.keys[key] = counted
		if unknown {
			r.unknown++
		}
	}
	return counted
}

// ReadAll counts an evaluation of all flags.
func (r *Reads) ReadAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all++
}

// All is what was read so far, by key, and how often all flags were read at once.
func (r *Reads) All() (keys []KeyReads, bulk int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(r.keys)) {
		counted := *r.keys[key]
		counted.Variants = maps.Clone(counted.Variants)
		keys = append(keys, counted)
	}
	return keys, r.all
}
