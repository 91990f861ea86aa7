package archtest

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// top is the repository as seen from this package's folder, where its tests run.
const top = "../.."

// source is one Go file of the repository.
type source struct {
	path   string // from the top of the repository, with slashes
	folder string // of it: "." for the root package
	text   []byte
	files  *token.FileSet
	tree   *ast.File
}

func (s source) isTest() bool { return strings.HasSuffix(s.path, "_test.go") }

// isHouse tells the program itself from its examples.
func (s source) isHouse() bool { return !strings.HasPrefix(s.path, "examples/") }

// isTestPackage is a package made for tests, such as storetest; it may import testing.
func (s source) isTestPackage() bool { return isTestPackage(s.folder) }

// isTestPackage goes by the name, as net/http/httptest does. (A thing that is attested
// is not a test.)
func isTestPackage(folder string) bool {
	name := path.Base(folder)
	return strings.HasSuffix(name, "test") && name != "attest"
}

func (s source) line(at token.Pos) int { return s.files.Position(at).Line }

// imports are the import paths of the file.
func (s source) imports() []string {
	var paths []string
	for _, i := range s.tree.Imports {
		paths = append(paths, strings.Trim(i.Path.Value, `"`))
	}
	return paths
}

// sources are all Go files of the repository that people wrote. Nobody may change them.
func sources(t *testing.T) []source {
	t.Helper()
	all, err := parsedOnce()
	if err != nil {
		t.Fatalf("reading the sources: %v", err)
	}
	if len(all) < 20 {
		t.Fatalf("only %d Go files were found: the rules would hold for nothing", len(all))
	}
	return all
}

// parsedOnce parses them for all rules.
var parsedOnce = sync.OnceValues(func() (all []source, err error) {
	err = filepath.WalkDir(top, func(at string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return skipFolder(at, entry.Name())
		}
		if !strings.HasSuffix(at, ".go") {
			return nil
		}
		s, err := parse(at)
		if err == nil && !ast.IsGenerated(s.tree) {
			all = append(all, s)
		}
		return err
	})
	return all, err
})

func skipFolder(at, name string) error {
	aside := []string{"testdata", "bin", "build", "node_modules", "vendor"}
	if at != top && (strings.HasPrefix(name, ".") || slices.Contains(aside, name)) {
		return fs.SkipDir
	}
	return nil
}

func parse(at string) (source, error) {
	text, err := os.ReadFile(at)
	if err != nil {
		return source{}, err
	}
	from, err := filepath.Rel(top, at)
	if err != nil {
		return source{}, err
	}
	s := source{path: filepath.ToSlash(from), text: text, files: token.NewFileSet()}
	s.folder = path.Dir(s.path)
	s.tree, err = parser.ParseFile(s.files, s.path, text, parser.ParseComments|parser.SkipObjectResolution)
	return s, err
}

func (s source) lines() int { return bytes.Count(s.text, []byte("\n")) }
