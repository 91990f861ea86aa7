package archtest

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"testing"
)

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	said := map[string]bool{}
	for _, s := range sources(t) {
		if !s.isTest() {
			said[s.folder] = said[s.folder] || s.tree.Doc != nil
		}
	}
	for folder, yes := range said {
		if !yes {
			t.Errorf("package %s has no comment", folder)
		}
	}
}

func TestEveryExportedThingIsDocumented(t *testing.T) {
	for _, s := range sources(t) {
		if !s.isHouse() || s.isTest() || s.tree.Name.Name == "main" {
			continue
		}
		for _, d := range s.tree.Decls {
			for _, name := range undocumented(d) {
				t.Errorf("%s:%d: %s has no comment", s.path, s.line(d.Pos()), name)
			}
		}
	}
}

// undocumented lists the exported names that a declaration says nothing about. A
// comment on a group speaks for all in it.
func undocumented(d ast.Decl) []string {
	var names []string
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && receiverIsExported(d) && !saysItself(d) {
			names = append(names, d.Name.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				if d.Doc == nil && spec.Doc == nil && spec.Name.IsExported() {
					names = append(names, spec.Name.Name)
				}
			case *ast.ValueSpec:
				if d.Doc == nil && spec.Doc == nil && spec.Comment == nil && spec.Names[0].IsExported() {
					names = append(names, spec.Names[0].Name)
				}
			}
		}
	}
	return names
}

// saysItself tells of a method whose meaning is that of the standard library's role.
func saysItself(f *ast.FuncDecl) bool {
	roles := []string{"String", "Error", "Unwrap", "Read", "Write", "ServeHTTP", "MarshalJSON", "UnmarshalJSON", "MarshalText", "UnmarshalText"}
	return f.Recv != nil && slices.Contains(roles, f.Name.Name)
}

func receiverIsExported(f *ast.FuncDecl) bool {
	if f.Recv == nil {
		return true
	}
	of := f.Recv.List[0].Type
	if pointer, isPointer := of.(*ast.StarExpr); isPointer {
		of = pointer.X
	}
	name, isName := of.(*ast.Ident)
	return !isName || name.IsExported() // a generic receiver counts as exported
}

func TestNothingHappensByImporting(t *testing.T) {
	for _, s := range sources(t) {
		for _, d := range s.tree.Decls {
			if f, isFunction := d.(*ast.FuncDecl); isFunction && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s:%d: a package has no init", s.path, s.line(f.Pos()))
			}
		}
	}
}

func TestNoPackageKeepsStateInVariables(t *testing.T) {
	for _, s := range sources(t) {
		for _, d := range s.tree.Decls {
			group, isGroup := d.(*ast.GenDecl)
			if s.isTest() || !isGroup || group.Tok != token.VAR {
				continue
			}
			for _, spec := range group.Specs {
				if v := spec.(*ast.ValueSpec); !isConstantAtHeart(group, v) {
					t.Errorf("%s:%d: package variable %s can change: make it a constant, a function or a field", s.path, s.line(v.Pos()), v.Names[0].Name)
				}
			}
		}
	}
}

// isConstantAtHeart allows what Go cannot declare as a constant and nobody changes:
// error sentinels, compiled expressions, templates and schemas, embedded files, values
// computed once on demand, and the assertion that a type has a role.
func isConstantAtHeart(group *ast.GenDecl, v *ast.ValueSpec) bool {
	if v.Names[0].Name == "_" || isEmbedded(group.Doc) || isEmbedded(v.Doc) {
		return true
	}
	makers := []string{
		"errors.New", "understudy.Errorf", "Errorf", "regexp.MustCompile", "template.Must", "jsonschema.MustCompileString",
		"sync.OnceValue", "sync.OnceValues", "strings.NewReplacer",
	}
	return len(v.Values) > 0 && !slices.ContainsFunc(v.Values, func(value ast.Expr) bool {
		call, isCall := value.(*ast.CallExpr)
		return !isCall || !slices.Contains(makers, callee(call.Fun))
	})
}

func isEmbedded(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") })
}

// callee is the written name of what is called: "errors.New".
func callee(fun ast.Expr) string {
	switch fun := fun.(type) {
	case *ast.Ident:
		return fun.Name
	case *ast.SelectorExpr:
		return callee(fun.X) + "." + fun.Sel.Name
	case *ast.CallExpr: // a method on what was made, as in Errorf(…).WithHint
		return callee(fun.Fun)
	}
	return ""
}

func TestNoDrawerAndNoBorrowedName(t *testing.T) {
	drawers := []string{"util", "utils", "common", "helper", "helpers", "misc", "manager", "shared", "others"}
	borrowed := []string{
		"bytes", "context", "embed", "errors", "exec", "flag", "fmt", "http", "io", "log", "net", "os", "path", "plugin",
		"rpc", "runtime", "slices", "sort", "sql", "strings", "sync", "template", "testing", "time", "types", "url",
	}
	for _, s := range sources(t) {
		file := strings.TrimSuffix(s.path[strings.LastIndex(s.path, "/")+1:], ".go")
		switch name := strings.TrimSuffix(s.tree.Name.Name, "_test"); {
		case slices.Contains(drawers, name), slices.Contains(drawers, strings.TrimSuffix(file, "_test")):
			t.Errorf("%s is a drawer: name it after what is in it", s.path)
		case slices.Contains(borrowed, name):
			t.Errorf("%s is in a package named like one of the standard library's: %s", s.path, name)
		}
	}
}
