package cluster

import (
	"context"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const preloadSetting = "shared_preload_libraries"

// preloading adds the libraries of Preload that this installation has to those that the
// settings load anyway. One that it lacks would keep the server from starting.
func (c *Cluster) preloading(ctx context.Context, from Installation, overlay map[string]string) map[string]string {
	libraries := splitLibraries(c.spec.Settings[preloadSetting])
	had := len(libraries)
	for _, name := range c.spec.Preload {
		if !slices.Contains(libraries, name) && from.has(ctx, name) {
			libraries = append(libraries, name)
		}
	}
	if len(libraries) == had {
		return overlay
	}
	all := map[string]string{preloadSetting: strings.Join(libraries, ", ")}
	maps.Copy(all, overlay)
	return all
}

func splitLibraries(list string) []string {
	var names []string
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.Trim(strings.TrimSpace(name), `"`); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// has tells whether a library is where the server looks for one.
func (i Installation) has(ctx context.Context, library string) bool {
	folders := []string{"../lib", "../lib/postgresql", "../lib64/pgsql", "../lib/pgsql"}
	for n, folder := range folders {
		folders[n] = filepath.Join(i.Bin, folder)
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if said, err := exec.CommandContext(ctx, filepath.Join(i.Bin, "pg_config"), "--pkglibdir").Output(); err == nil { // not every package has it
		folders = []string{strings.TrimSpace(string(said))}
	}
	return slices.ContainsFunc(folders, func(folder string) bool {
		return slices.ContainsFunc([]string{".so", ".dylib", ".dll"}, func(ending string) bool {
			_, err := os.Stat(filepath.Join(folder, library+ending))
			return err == nil
		})
	})
}
