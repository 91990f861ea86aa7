package check_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"understudy"
	"understudy/internal/check"
)

var blank = regexp.MustCompile(`\{([a-z]+)\}`)

func TestCatalogue_EveryEntryCanBeRead(t *testing.T) {
	seen := map[check.Code]bool{}
	for _, e := range check.Catalogue() {
		switch {
		case seen[e.Code]:
			t.Errorf("%s stands twice in the catalogue", e.Code)
		case !slices.Contains(understudy.Checks(), e.Check):
			t.Errorf("%s belongs to check %q, which does not exist", e.Code, e.Check)
		case !slices.Contains([]understudy.Severity{understudy.SeverityBlocking, understudy.SeverityWarning, understudy.SeverityNote}, e.Severity):
			t.Errorf("%s has severity %q", e.Code, e.Severity)
		case e.Title == "" || e.Would == "" || e.Remedy == "":
			t.Errorf("%s leaves something unsaid: %+v", e.Code, e)
		}
		if unicode.IsUpper([]rune(e.Title)[0]) {
			t.Errorf("%s: a title begins in lower case: %s", e.Code, e.Title)
		}
		for _, text := range []string{e.Title, e.Would, e.Remedy} {
			if strings.HasSuffix(text, ".") {
				t.Errorf("%s: a text is a phrase without a full stop: %s", e.Code, text)
			}
		}
		if strings.ContainsAny(blank.ReplaceAllString(e.Title+e.Would+e.Remedy, ""), "{}") {
			t.Errorf("%s has a brace that is no blank", e.Code)
		}
		seen[e.Code] = true
	}
}

func TestCatalogue_EveryCodeHasItsEntry(t *testing.T) {
	codes := codesByName(t)
	if len(codes) != len(check.Catalogue()) {
		t.Errorf("%d codes, and %d entries", len(codes), len(check.Catalogue()))
	}
	for name, code := range codes {
		f := check.Find(code, "public.users", "what was seen", nil)
		if f.Check == "" || f.Title == "a finding that the catalogue does not know" {
			t.Errorf("%s (%s) has no entry", name, code)
		}
		if f.Code != string(code) || f.Subject != "public.users" || f.Seen != "what was seen" {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestFind_AnUnknownCodeBlocks(t *testing.T) {
	f := check.Find("made.up", "it", "seen", nil)
	if f.Severity != understudy.SeverityBlocking || f.Code != "made.up" || f.Subject != "it" || f.Seen != "seen" || f.Title == "" || f.Remedy == "" {
		t.Errorf("%+v", f)
	}
	if c := (understudy.Check{Findings: []understudy.Finding{f}}).Conclude(); c.Outcome != understudy.OutcomeFailed {
		t.Errorf("a check with it is %s", c.Outcome)
	}
}

func TestFind_WhatIsFilledInIsNotFilledInAgain(t *testing.T) {
	f := check.Find(check.ConfigMissing, "{about}", "", check.Facts{"environment": "{subject}", "about": "x"})
	if f.Title != "{about} is missing in {subject}" {
		t.Errorf("title %q", f.Title)
	}
}

// codesByName are the codes as entries.go declares them.
func codesByName(t *testing.T) map[string]check.Code {
	t.Helper()
	codes := map[string]check.Code{}
	ast.Inspect(parsed(t, "entries.go"), func(n ast.Node) bool {
		spec, is := n.(*ast.ValueSpec)
		if !is || len(spec.Values) != 1 {
			return true
		}
		if kind, named := spec.Type.(*ast.Ident); named && kind.Name == "Code" {
			code, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			codes[spec.Names[0].Name] = check.Code(code)
		}
		return true
	})
	return codes
}

func parsed(t *testing.T, path string) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// TestFind_CallersFillInEveryBlank reads the callers' sources: each call of check.Find, or
// of a function that hands its code on, with the facts that it is given.
func TestFind_CallersFillInEveryBlank(t *testing.T) {
	codes, called := codesByName(t), map[string]bool{}
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		for _, d := range parsed(t, path).Decls {
			f, is := d.(*ast.FuncDecl)
			if !is || f.Body == nil {
				continue
			}
			for _, code := range mentioned(f.Body) {
				called[code] = true
				blanks(t, path+" "+f.Name.Name, codes[code], factsNear(f.Body, code))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range codes {
		if !called[name] {
			t.Errorf("%s is in the catalogue, and nobody finds it", name)
		}
	}
}

// mentioned are the codes that a function names as check.Name, where it makes findings.
func mentioned(body ast.Node) []string {
	var names []string
	finds := false
	ast.Inspect(body, func(n ast.Node) bool {
		if name, is := n.(*ast.Ident); is && (name.Name == "Find" || name.Name == "newFailures") {
			finds = true
		}
		s, is := n.(*ast.SelectorExpr)
		if !is {
			return true
		}
		if x, named := s.X.(*ast.Ident); named && x.Name == "check" && !slices.Contains([]string{"Find", "Facts", "Code", "Catalogue", "Entry"}, s.Sel.Name) {
			names = append(names, s.Sel.Name)
		}
		return true
	})
	if !finds {
		return nil
	}
	return names
}

// factsNear are the names of facts that a call with a code is given: those of a literal
// in the call, else those of every literal in the function. What newFailures adds of its
// own counts where it is called.
func factsNear(body ast.Node, code string) map[string]bool {
	all, own := map[string]bool{}, map[string]bool{}
	literal := false
	ast.Inspect(body, func(n ast.Node) bool {
		call, is := n.(*ast.CallExpr)
		if is && slices.ContainsFunc(call.Args, func(a ast.Expr) bool { s, is := a.(*ast.SelectorExpr); return is && s.Sel.Name == code }) {
			for _, arg := range call.Args {
				if facts, is := arg.(*ast.CompositeLit); is {
					literal = true
					keys(facts, own)
				}
			}
			if name, is := call.Fun.(*ast.Ident); is && name.Name == "newFailures" {
				for _, added := range []string{"classes", "lost", "rate"} {
					own[added], all[added] = true, true
				}
			}
		}
		if facts, is := n.(*ast.CompositeLit); is {
			keys(facts, all)
		}
		return true
	})
	if literal {
		return own
	}
	return all
}

func keys(facts *ast.CompositeLit, into map[string]bool) {
	if kind, is := facts.Type.(*ast.SelectorExpr); !is || kind.Sel.Name != "Facts" {
		return
	}
	for _, e := range facts.Elts {
		if name, err := strconv.Unquote(e.(*ast.KeyValueExpr).Key.(*ast.BasicLit).Value); err == nil {
			into[name] = true
		}
	}
}

func blanks(t *testing.T, caller string, code check.Code, given map[string]bool) {
	t.Helper()
	for _, e := range check.Catalogue() {
		if e.Code != code {
			continue
		}
		for _, m := range blank.FindAllStringSubmatch(e.Title+e.Would+e.Remedy, -1) {
			if m[1] != "subject" && !given[m[1]] {
				t.Errorf("%s finds %s and leaves {%s} unfilled", caller, code, m[1])
			}
		}
	}
}
