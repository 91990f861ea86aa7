package understudy

import (
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// Release is immutable and named by its content: the artifact tree, and the
// application as this release declares it (configuration, migration, tests, traffic).
// Where it came from and when it was made are recorded beside the content and are no
// part of its name, so that the same content has the same digest on every machine.
type Release struct {
	Digest      Digest      `json:"digest"`
	Label       string      `json:"label"`
	Artifact    Artifact    `json:"artifact"`
	Application Application `json:"application"`
	Config      Digest      `json:"config"`               // of the declared configuration
	Migrations  Digest      `json:"migrations,omitempty"` // of the migration's declaration; its files are the artifact's
	Flags       Digest      `json:"flags,omitempty"`      // of the flags' definition
	Source      Source      `json:"source,omitzero"`
	CreatedAt   time.Time   `json:"createdAt"`
	CreatedBy   string      `json:"createdBy"`
}

// Artifact is a tree of files, named by its content.
type Artifact struct {
	Digest Digest         `json:"digest"`
	Files  []ArtifactFile `json:"files"`
}

// ArtifactFile is one file of a tree. Only the executable bit of its mode is content.
type ArtifactFile struct {
	Path       string `json:"path"` // slash-separated, relative, clean
	Digest     Digest `json:"digest,omitempty"`
	Size       int64  `json:"size"`
	Executable bool   `json:"executable,omitempty"`
	Link       string `json:"link,omitempty"` // target of a symbolic link that stays inside the tree
}

// Source is where a release was built from.
type Source struct {
	Revision    string    `json:"revision,omitempty"`
	CommittedAt time.Time `json:"committedAt,omitzero"` // of the revision
	Dirty       bool      `json:"dirty,omitempty"`      // files had changed since
}

// NewArtifact names a tree by its files, whatever order they come in.
func NewArtifact(files []ArtifactFile) (Artifact, error) {
	sorted := slices.SortedFunc(slices.Values(files), func(a, b ArtifactFile) int {
		if a.Path < b.Path {
			return -1
		}
		return 1
	})
	digest, err := DigestOfValue(sorted)
	return Artifact{Digest: digest, Files: sorted}, err
}

// Name fills in the digests of a release from its content, and returns it.
func (r Release) Name() (Release, error) {
	var err error
	if r.Config, err = DigestOfValue(struct {
		Keys   []ConfigKey
		Env    map[string]map[string]string
		Schema json.RawMessage `json:",omitempty"` // left out, digests are those of before there were any
		Rules  []ConfigRule    `json:",omitempty"`
	}{absentIfEmpty(r.Application.Config), serviceEnv(r.Application), r.Application.ConfigSchema, r.Application.ConfigRules}); err != nil {
		return r, err
	}
	if r.Migrations, err = DigestOfValue(r.Application.Migration); err != nil {
		return r, err
	}
	if r.Application.Flags != nil {
		r.Flags = DigestOf(r.Application.Flags.Definition)
	}
	r.Digest, err = DigestOfValue(struct {
		Artifact    Digest
		Application Application
		Flags       Digest
	}{r.Artifact.Digest, r.Application, r.Flags})
	return r, err
}

func serviceEnv(a Application) map[string]map[string]string {
	env := map[string]map[string]string{}
	for _, s := range a.Services {
		env[s.Name] = s.Env
		if len(s.Env) == 0 {
			env[s.Name] = nil
		}
	}
	return env
}

// absentIfEmpty makes an empty list what it is once it was stored and read: absent.
func absentIfEmpty[V any](list []V) []V {
	if len(list) == 0 {
		return nil
	}
	return list
}

// ReleaseDifference is one difference between two releases, for people.
type ReleaseDifference struct {
	What   string `json:"what"`   // "file", "configuration", "service", "migration", …
	Name   string `json:"name"`   // path, key or name
	Change string `json:"change"` // "added", "removed", "changed"
}

// DiffReleases lists what changes from a to b: files, configuration keys, services,
// the migration, tests, traffic and flags.
func DiffReleases(a, b Release) []ReleaseDifference {
	var out []ReleaseDifference
	add := func(what string, before, after map[string]string) {
		for _, name := range sortedKeys(before, after) {
			was, had := before[name]
			is, has := after[name]
			switch {
			case !had:
				out = append(out, ReleaseDifference{what, name, "added"})
			case !has:
				out = append(out, ReleaseDifference{what, name, "removed"})
			case was != is:
				out = append(out, ReleaseDifference{what, name, "changed"})
			}
		}
	}
	add("file", fileIndex(a), fileIndex(b))
	add("configuration", index(a.Application.Config, func(k ConfigKey) string { return k.Key }),
		index(b.Application.Config, func(k ConfigKey) string { return k.Key }))
	add("configuration schema", one(nonEmpty(a.Application.ConfigSchema)), one(nonEmpty(b.Application.ConfigSchema)))
	add("configuration rule", index(a.Application.ConfigRules, func(r ConfigRule) string { return r.Rule }),
		index(b.Application.ConfigRules, func(r ConfigRule) string { return r.Rule }))
	add("service", index(a.Application.Services, func(s Service) string { return s.Name }),
		index(b.Application.Services, func(s Service) string { return s.Name }))
	add("integration", index(a.Application.Integrations, func(i Integration) string { return i.Name }),
		index(b.Application.Integrations, func(i Integration) string { return i.Name }))
	add("database", index(a.Application.Databases, func(d Database) string { return d.Name }),
		index(b.Application.Databases, func(d Database) string { return d.Name }))
	add("test", index(a.Application.Tests, func(t Test) string { return t.Name }),
		index(b.Application.Tests, func(t Test) string { return t.Name }))
	add("migration", one(a.Application.Migration), one(b.Application.Migration))
	add("traffic", one(a.Application.Traffic), one(b.Application.Traffic))
	add("flag", index(a.Application.Declared(), func(f Flag) string { return f.Key }),
		index(b.Application.Declared(), func(f Flag) string { return f.Key }))
	return out
}

func fileIndex(r Release) map[string]string {
	return index(r.Artifact.Files, func(f ArtifactFile) string { return f.Path })
}

func nonEmpty(raw json.RawMessage) *json.RawMessage {
	if len(raw) == 0 {
		return nil
	}
	return &raw
}

func one[V any](v *V) map[string]string {
	if v == nil {
		return nil
	}
	return index([]V{*v}, func(V) string { return "declaration" })
}

func index[V any](list []V, name func(V) string) map[string]string {
	out := map[string]string{}
	for _, v := range list {
		digest, err := DigestOfValue(v)
		if err != nil { // declared types have a JSON form
			digest = Digest(err.Error())
		}
		out[name(v)] = string(digest)
	}
	return out
}

func sortedKeys[V any](ms ...map[string]V) []string {
	all := map[string]bool{}
	for _, m := range ms {
		for k := range m {
			all[k] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}
