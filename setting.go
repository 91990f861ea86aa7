package understudy

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Setting is one key of configuration as a process has it, or would have it: its value where
// that may be shown, and where it comes from. A secret's value is never in it.
type Setting struct {
	Key     string         `json:"key"`
	Value   string         `json:"value,omitempty"` // of a secret: nothing
	Print   string         `json:"print,omitempty"` // keyed digest of the value: equal values have equal prints
	Secret  bool           `json:"secret,omitempty"`
	Empty   bool           `json:"empty,omitempty"`
	Layer   string         `json:"layer"` // whose value wins
	From    string         `json:"from"`  // a place in a file, a reference, or who gives it
	Over    []SettingLayer `json:"over,omitempty"`
	Refers  []string       `json:"refers,omitempty"`  // keys that its text refers to
	Problem string         `json:"problem,omitempty"` // why its value cannot be had
}

// SettingLayer is what one layer of configuration has for a key, as it is written.
type SettingLayer struct {
	Layer string `json:"layer"`
	From  string `json:"from"`
	Value string `json:"value,omitempty"` // of a secret: nothing
	Print string `json:"print,omitempty"`
}

// Shown is the value for people: of a secret, its print.
func (s Setting) Shown() string {
	switch {
	case s.Problem != "":
		return "cannot be had"
	case s.Empty:
		return "empty"
	case s.Secret:
		return "secret " + s.Print
	}
	return s.Value
}

// Configuration is what the services of an environment are configured with.
type Configuration struct {
	Environment string `json:"environment"`
	Release     string `json:"release"` // label
	// Running tells that it is what runs now, and not what the file has for the next start.
	Running  bool              `json:"running"`
	Digest   string            `json:"digest,omitempty"` // keyed, over keys and values but for what the runtime gives
	Services []ServiceSettings `json:"services"`
	Notes    []string          `json:"notes,omitempty"`
}

// ServiceSettings is the configuration of one service.
type ServiceSettings struct {
	Service  string    `json:"service"`
	Settings []Setting `json:"settings"`
	Missing  []string  `json:"missing,omitempty"` // keys it cannot run without
	Broken   []string  `json:"broken,omitempty"`  // rules that are not kept, as sentences
}

// ConfigDiff is how two configurations differ, key by key.
type ConfigDiff struct {
	A       string         `json:"a"`
	B       string         `json:"b"`
	Changes []ConfigChange `json:"changes"`
	Equal   int            `json:"equal"` // keys that are the same on both sides
}

// ConfigChange is one key that differs.
type ConfigChange struct {
	Key     string `json:"key"`
	Service string `json:"service,omitempty"` // empty: every service
	Change  string `json:"change"`            // "added", "removed" or "changed", from A to B
	Secret  bool   `json:"secret,omitempty"`
	A       string `json:"a,omitempty"` // as it may be shown
	B       string `json:"b,omitempty"`
	FromA   string `json:"fromA,omitempty"`
	FromB   string `json:"fromB,omitempty"`
}

// DiffSettings lists what changes from a to b. Values are compared by their prints; what
// cannot be had on one side is not compared.
func DiffSettings(a, b []Setting) (changes []ConfigChange, equal int) {
	before, after := settingsByKey(a), settingsByKey(b)
	for _, key := range sortedKeys(before, after) {
		was, had := before[key]
		is, has := after[key]
		change := ConfigChange{Key: key, Change: "changed", Secret: was.Secret || is.Secret}
		if had {
			change.A, change.FromA = shownAs(was, change.Secret), was.From
		}
		if has {
			change.B, change.FromB = shownAs(is, change.Secret), is.From
		}
		switch {
		case !had:
			change.Change = "added"
		case !has:
			change.Change = "removed"
		case was.Print == is.Print, was.Problem != "", is.Problem != "":
			equal++
			continue
		}
		changes = append(changes, change)
	}
	return changes, equal
}

// shownAs is a value for people; one that is a secret on the other side is one here too.
func shownAs(s Setting, secret bool) string {
	s.Secret = secret
	return s.Shown()
}

func settingsByKey(all []Setting) map[string]Setting {
	out := map[string]Setting{}
	for _, s := range all {
		out[s.Key] = s
	}
	return out
}

// KeyExplanation is everything that is known of one key of configuration.
type KeyExplanation struct {
	Key      string           `json:"key"`
	Declared *ConfigKey       `json:"declared,omitempty"` // by the release; nil: it does not declare it
	Release  string           `json:"release,omitempty"`
	Secret   bool             `json:"secret,omitempty"`
	Settings []PlacedSetting  `json:"settings"`           // by environment and service
	Referred []string         `json:"referred,omitempty"` // values that refer to it, as web's LISTEN
	Rules    []string         `json:"rules,omitempty"`    // that it has to keep
	Broken   []string         `json:"broken,omitempty"`   // of them, and where
	Read     ReadConfigResult `json:"read"`
}

// PlacedSetting is a setting of one service in one environment.
type PlacedSetting struct {
	Environment string  `json:"environment"`
	Service     string  `json:"service"`
	Setting     Setting `json:"setting"`
}

// ReadConfigResult says whether anything in a release can read a key, and how that was told.
type ReadConfigResult struct {
	State ReadState `json:"state"`
	How   string    `json:"how"`
}

// ReadState is whether a key is read.
type ReadState string

// What can be told of whether a key is read.
const (
	ReadFound   ReadState = "found"   // its name occurs where it can be read
	ReadNowhere ReadState = "nowhere" // its name occurs nowhere in the release
	ReadUntold  ReadState = "untold"  // that could not be told
)

// ConfigRule is a rule over several keys of configuration.
type ConfigRule struct {
	Rule string `json:"rule"` // an expression of the Common Expression Language, true where it is kept
	Says string `json:"says"` // what it asks, for people
}

// ConfigRan is the configuration that one process was seen to run with.
type ConfigRan struct {
	Program string `json:"program"`
	Print   string `json:"print"` // EnvironPrint of what it was started with
	// Read says how that was seen: "kernel" (read back from the running process) or "start"
	// (what the kernel was asked to start it with).
	Read string `json:"read"`
}

// EnvironPrint is a keyed digest of a process's environment, the order of its entries left
// out. Of a key that is there twice, the last entry counts, as for the process.
func EnvironPrint(key []byte, environ []string) string {
	last := map[string]string{}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		last[name] = value
	}
	mac := hmac.New(sha256.New, key)
	for _, name := range sortedKeys(last) {
		mac.Write([]byte(name + "=" + last[name] + "\x00")) // no entry holds a zero byte
	}
	return hex.EncodeToString(mac.Sum(nil))
}
