package mask

import (
	"testing"

	"understudy"
)

func TestMasks_TellWhenATablesRowsWouldBecomeOthers(t *testing.T) {
	columns := []understudy.Column{{Table: "public.t", Name: "a", Type: "text"}, {Table: "public.t", Name: "b", Type: "integer"}}
	digest := func(text, key string, columns []understudy.Column) understudy.Digest {
		t.Helper()
		masks, err := mustParse(t, text).Masks([]byte(key))("public.t", columns)
		if err != nil {
			t.Fatal(err)
		}
		return masks.Digest
	}
	const rules = "columns:\n  public.t.a: email\n  public.t.b: keep\n"
	was := digest(rules, secret, columns)
	if same := digest("columns:\n  public.u.c: hash\n  public.t.b: keep # a reason\n  public.t.a: email\nleaks:\n  accepted:\n    - public.tt.a\n", secret, columns); same != was || was == "" {
		t.Error("rules of other tables change the digest, or there is none")
	}
	for name, other := range map[string]understudy.Digest{
		"another rule":      digest("columns:\n  public.t.a: hash\n  public.t.b: keep\n", secret, columns),
		"an option":         digest("columns:\n  public.t.a: {name: de}\n  public.t.b: keep\n", secret, columns),
		"another key":       digest(rules, secret+"x", columns),
		"an accepted place": digest(rules+"leaks:\n  accepted:\n    - public.t.a\n", secret, columns),
		"a column less":     digest(rules, secret, columns[:1]),
	} {
		if other == was {
			t.Errorf("%s does not change the digest", name)
		}
	}
}
