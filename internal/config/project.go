package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"understudy"
)

// FileName is what a project's file is called.
const FileName = "understudy.yaml"

// Project is what understudy.yaml says, in words. Paths are absolute.
type Project struct {
	Dir          string // the folder of the file: what relative paths in it mean
	File         string
	Application  understudy.Application
	Environments []understudy.Environment // in the order of the file
	Policy       understudy.Policy        // as written: WithDefaults is the reader's
	Notify       []understudy.Channel     // who is told what, in the order of the file
	Lines        Lines                    // where keys of configuration stand
	ParityEvery  time.Duration            // between two measurements of each twin's likeness; 0: only when there is an occasion
	Mask         string                   // where the rules of masking are, whether or not there are any yet
}

// Find looks for understudy.yaml in a folder and then upwards, and returns its path.
func Find(dir string) (string, error) {
	start, err := filepath.Abs(dir)
	if err != nil {
		return "", understudy.Errorf(understudy.KindInternal, "looking for %s from %s: %w", FileName, dir, err)
	}
	for at := start; ; at = filepath.Dir(at) {
		path := filepath.Join(at, FileName)
		info, err := os.Stat(path)
		switch {
		case err == nil && info.Mode().IsRegular():
			return path, nil
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return "", understudy.Errorf(understudy.KindUnavailable, "looking for %s: %w", FileName, err)
		}
		if at == filepath.Dir(at) {
			return "", understudy.Errorf(understudy.KindNotFound, "no %s in %s or in a folder above it", FileName, start).
				WithHint("understudy init writes one from your compose.yaml, Procfile and .env")
		}
	}
}

// Load reads a project's file. Whatever is wrong in it is told at once, up to ten
// problems, each with its place.
func Load(path string) (Project, error) {
	file, err := filepath.Abs(path)
	if err != nil {
		return Project{}, understudy.Errorf(understudy.KindInternal, "reading %s: %w", path, err)
	}
	source, err := parse(file, filepath.Base(file))
	if err != nil {
		return Project{}, err
	}
	project, err := source.project()
	return project, source.problems.with(err)
}

// LoadRelease is the application as an artifact folder's own understudy.yaml declares
// it, else the project's. Environments, policy and masking in the artifact's file are
// not looked at: a release cannot bring its own.
func LoadRelease(dir string, p Project) (understudy.Application, error) {
	file := filepath.Join(dir, FileName)
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return p.Application, nil
	}
	file, err := filepath.Abs(file)
	if err != nil {
		return understudy.Application{}, understudy.Errorf(understudy.KindInternal, "reading %s: %w", dir, err)
	}
	source, err := parse(file, file)
	if err != nil {
		return understudy.Application{}, err
	}
	source.forget("environments", "policy", "parity", "mask", "notify")
	app, err := source.application()
	if err := source.problems.with(err); err != nil {
		return understudy.Application{}, err
	}
	if app.Name != p.Application.Name {
		return understudy.Application{}, understudy.Errorf(understudy.KindInvalid,
			"the release in %s is of application %s, expected %s", dir, app.Name, p.Application.Name).
			WithHint("an application keeps its name from release to release")
	}
	return app, nil
}

// Environment is the environment of a name; for one that does not exist the error
// names those that do.
func (p Project) Environment(name string) (understudy.Environment, error) {
	var names []string
	for _, e := range p.Environments {
		if e.Name == name {
			return e, nil
		}
		names = append(names, e.Name)
	}
	err := understudy.Errorf(understudy.KindNotFound, "there is no environment %q in %s%s",
		name, filepath.Base(p.File), didYouMean(name, names))
	if len(names) == 0 {
		return understudy.Environment{}, err.WithHint("add it under environments:")
	}
	return understudy.Environment{}, err.WithHint("the environments are %s", strings.Join(names, ", "))
}

// Confidential are the keys that are a secret in any place of the file: what is one in one
// environment is shown in none.
func (p Project) Confidential() map[string]bool {
	out := map[string]bool{}
	for _, k := range p.Application.Config {
		if k.Secret {
			out[k.Key] = true
		}
	}
	for _, e := range p.Environments {
		for key := range e.Secrets {
			out[key] = true
		}
	}
	return out
}

// ReadFlags reads the file that declares a release's flags: in the release's folder, and
// where that has none and no understudy.yaml of its own, beside the project's.
func ReadFlags(dir string, p Project, flags understudy.Flags) (content []byte, path string, err error) {
	path = filepath.Join(dir, flags.File)
	content, err = os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && !exists(filepath.Join(dir, FileName)) {
		path = filepath.Join(p.Dir, flags.File)
		content, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, path, understudy.Errorf(understudy.KindInvalid, "reading the release's flags: %w", err).
			WithHint("flags: in %s names a file of the release's folder", FileName)
	}
	return content, path, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
