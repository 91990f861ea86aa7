package archtest

import (
	"bytes"
	"go/ast"
	"go/format"
	"testing"
)

const (
	fileBudget      = 500 // lines
	functionBudget  = 60  // lines
	interfaceBudget = 5   // methods
)

func TestAFileIsOneIdea(t *testing.T) {
	for _, s := range sources(t) {
		if !s.isTest() && s.lines() > fileBudget {
			t.Errorf("%s has %d lines, a file may have %d", s.path, s.lines(), fileBudget)
		}
	}
}

func TestAFunctionIsOneParagraph(t *testing.T) {
	for _, s := range sources(t) {
		for _, d := range s.tree.Decls {
			f, isFunction := d.(*ast.FuncDecl)
			if s.isTest() || !isFunction {
				continue
			}
			if lines := s.line(f.End()) - s.line(f.Pos()) + 1; lines > functionBudget {
				t.Errorf("%s:%d: %s has %d lines, a function may have %d", s.path, s.line(f.Pos()), f.Name.Name, lines, functionBudget)
			}
		}
	}
}

func TestAnInterfaceIsOneRole(t *testing.T) {
	for _, s := range sources(t) {
		ast.Inspect(s.tree, func(n ast.Node) bool {
			i, isInterface := n.(*ast.InterfaceType)
			if isInterface && i.Methods.NumFields() > interfaceBudget {
				t.Errorf("%s:%d: an interface of %d methods, it may have %d", s.path, s.line(i.Pos()), i.Methods.NumFields(), interfaceBudget)
			}
			return true
		})
	}
}

func TestSourcesAreFormatted(t *testing.T) {
	for _, s := range sources(t) {
		formatted, err := format.Source(s.text)
		if err != nil || !bytes.Equal(formatted, s.text) {
			t.Errorf("%s is not formatted: make fmt (%v)", s.path, err)
		}
	}
}
