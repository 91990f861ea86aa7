package daemon

import (
	"os"
	"path/filepath"
	"testing"

	"understudy"
	"understudy/internal/mask"
)

func TestPlainColumns_AreThoseThatAreKeptAndNotPersonal(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mask.yaml")
	if err := os.WriteFile(file, []byte("columns:\n  public.orders.id: keep\n  public.orders.total: keep\n  public.orders.email: email\n  public.orders.phone: keep\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	rules, err := mask.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	column := func(table, name, of string) understudy.Column {
		return understudy.Column{Table: table, Name: name, Type: of, Nullable: true}
	}
	plain := plainColumns(rules.Masks([]byte("0123456789abcdef0123456789abcdef")))
	got := plain([]understudy.Column{column("public.orders", "id", "bigint"), column("public.orders", "total", "numeric(10,2)"),
		column("public.orders", "email", "text"), column("public.orders", "phone", "text")})
	for name, want := range map[string]bool{"id": true, "total": true, "email": false, "phone": false} {
		if got[name] != want {
			t.Errorf("%s is looked at by value: %t", name, got[name])
		}
	}
	if got := plain([]understudy.Column{column("public.people", "id", "bigint"), column("public.people", "note", "text")}); got["id"] || got["note"] {
		t.Errorf("of a table without rules, %v are looked at by value", got)
	}
}
