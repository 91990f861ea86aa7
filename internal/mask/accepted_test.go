package mask_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"understudy"
	"understudy/internal/mask"
)

func loaded(t *testing.T, text string) (mask.Policy, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mask.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return mask.Load(path)
}

func TestLoad_ReadsTheLeaksThatAreAccepted(t *testing.T) {
	t.Parallel()
	const text = "columns: {}\nleaks:\n  accepted:\n    - public.article.author # published names\n    - public.page.\"odd name\"\n"
	policy, err := loaded(t, text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"public.article.author", `public.page."odd name"`}, policy.Accepted); diff != "" {
		t.Error(diff)
	}
	without, err := loaded(t, "columns: {}\n")
	if err != nil || without.Digest() == policy.Digest() {
		t.Errorf("the digest does not say what is accepted (%v)", err)
	}
	plan, _ := mask.Plan(nil, policy)
	again, err := loaded(t, string(plan))
	if err != nil || !strings.Contains(string(plan), "# published names") || again.Digest() != policy.Digest() {
		t.Errorf("a plan does not keep what is accepted (%v):\n%s", err, plan)
	}
}

func TestLoad_RefusesAcceptedLeaksOfAnotherForm(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"leaks: all", "leaks: {accepted: public.a.b}", "leaks: {accepted: ['*.b']}", "leaks: {accepted: [a.b]}", "leaks: {allowed: [a.b.c]}"} {
		if _, err := loaded(t, text); understudy.KindOf(err) != understudy.KindInvalid {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestLoad_ReadsTheGroupsThatAreCounted(t *testing.T) {
	t.Parallel()
	policy, err := loaded(t, "groups:\n  - {table: public.people, columns: [born, \"odd, name\"], k: 3}\n  - {table: public.a, columns: [b]}\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []mask.Group{{Table: "public.people", Columns: []string{"born", "odd, name"}, K: 3}, {Table: "public.a", Columns: []string{"b"}}}
	if diff := cmp.Diff(want, policy.Groups); diff != "" {
		t.Error(diff)
	}
	plan, _ := mask.Plan(nil, policy)
	again, err := loaded(t, string(plan))
	if diff := cmp.Diff(want, again.Groups); err != nil || diff != "" {
		t.Errorf("a plan does not keep the groups (%v): %s\n%s", err, diff, plan)
	}
	for _, text := range []string{"groups: all", "groups: [public.a]", "groups: [{table: a, columns: [b]}]", "groups: [{table: a.b}]", "groups: [{table: a.b, columns: [c], l: 5}]"} {
		if _, err := loaded(t, text); understudy.KindOf(err) != understudy.KindInvalid {
			t.Errorf("%s: %v", text, err)
		}
	}
}
