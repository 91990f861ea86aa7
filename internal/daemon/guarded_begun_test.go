package daemon

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/migration"
	"understudy/internal/postgres"
	"understudy/internal/postgres/lockwatch"
	"understudy/internal/postgres/lookout"
	"understudy/internal/postgres/postgrestest"
	"understudy/internal/promotion"
	"understudy/internal/statedir"
)

func TestForget_KeepsWhatAMigrationMayStillGoOnFrom(t *testing.T) {
	d := archived(t)
	d.options.State = statedir.Dir{Root: t.TempDir()}
	for id, p := range map[string]understudy.Promotion{
		"p-1": {To: "production", State: understudy.PromotionSettled}, "p-2": {To: "production", State: understudy.PromotionPreparing},
		"p-3": {To: "qa", State: understudy.PromotionSettled}, "p-4": {To: "production", State: understudy.PromotionContracted},
	} {
		p.ID = id
		if err := (records{d}).SavePromotion(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	var told []string
	order := promotion.Order{Promotion: "p-2", Tell: func(text string) { told = append(told, text) }}
	folder := filepath.Dir(d.begunFile(order))
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"p-1", "p-2", "p-3", "p-4", "p-4-contract", "unknown"} {
		if err := os.WriteFile(filepath.Join(folder, name+".json"), []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.keepBegun(promotion.Order{Promotion: "p-4", Contract: true}, begun{Failed: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if err := (migrator{d: d, env: understudy.Environment{Name: "production"}}).forget(t.Context(), order); err != nil {
		t.Fatal(err)
	}
	var left []string
	entries, err := os.ReadDir(folder)
	for _, entry := range entries {
		left = append(left, entry.Name())
	}
	if err != nil || !slices.Equal(left, []string{"p-2.json", "p-3.json", "unknown.json"}) {
		t.Errorf("left are %q, %v", left, err)
	}
	if !slices.Equal(told, []string{"the migration of promotion p-4 did not run through; this one is held against what is there now"}) {
		t.Errorf("it tells %q", told)
	}
}

func TestAgain_IsWhatIsThereNowByTheNamesFromBeforeTheFirstRun(t *testing.T) {
	seen := func(invalid []string, relations map[uint32]string) begun {
		b := lookout.Before{Relations: map[uint32]lookout.Relation{}, Invalid: invalid}
		for oid, name := range relations {
			b.Relations[oid] = lookout.Relation{Name: name, Kind: "table"}
		}
		return begun{Seen: map[string]lookout.Before{"": b}, Schemas: map[string]postgres.Schema{"main": {Digest: understudy.Digest(strings.Join(slices.Sorted(maps.Values(relations)), " "))}}}
	}
	first := seen([]string{"public.old_key"}, map[uint32]string{1: "public.notes", 2: "public.dropped"})
	first.Failed = time.Now()
	now := seen([]string{"public.old_key", "public.left_key"}, map[uint32]string{1: "public.articles", 3: "public.made_since"})
	now.Seen["archive"] = lookout.Before{Invalid: []string{"public.x"}} // of which the first run knew nothing
	want := seen([]string{"public.old_key"}, map[uint32]string{1: "public.notes", 3: "public.made_since"})
	want.Seen["archive"], want.Schemas = now.Seen["archive"], now.Schemas
	if diff := cmp.Diff(want, first.again(now)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestBegun_HoldsAnInterruptedRunAgainstWhatWasThereBeforeItAndOneAfterAFailureAgainstWhatIsThere(t *testing.T) {
	t.Parallel()
	d := archived(t)
	d.options.State = statedir.Dir{Root: t.TempDir()}
	m := migrator{d: d, env: understudy.Environment{Name: "production", Databases: map[string]understudy.DatabasePlacement{}}}
	conns := map[string]*pgx.Conn{}
	for _, name := range []string{"main", "archive"} {
		server, physical := postgrestest.Database(t)
		postgrestest.Exec(t, server, physical, `CREATE TABLE notes (id int)`)
		conns[name] = postgrestest.Connected(t, server.AdminURL(physical))
		address := filepath.Join(t.TempDir(), "url")
		if err := os.WriteFile(address, []byte(server.AdminURL(physical)), 0o600); err != nil {
			t.Fatal(err)
		}
		m.env.Databases[name] = understudy.DatabasePlacement{URL: understudy.SecretRef("file:" + address)}
		m.release.Application.Databases = append(m.release.Application.Databases, understudy.Database{Name: name})
	}
	m.databases = physicals(m.release.Application)
	var told []string
	order := promotion.Order{Promotion: "p-1", Contract: true, Tell: func(text string) { told = append(told, text) }}
	begins := func(says string) (begun, map[string][]string) {
		told = nil
		was, look, err := m.begun(t.Context(), order)
		if err != nil {
			t.Fatal(err)
		}
		defer look.close(context.WithoutCancel(t.Context()))
		if err := m.begin(t.Context(), look, &migration.Guard{Rules: migration.Rules{Expected: &understudy.Expectation{Exact: understudy.Exactness{Locks: true}}}}, order, was); err != nil {
			t.Fatal(err)
		}
		if said := strings.Join(told, "\n"); said == "" != (says == "") || !strings.Contains(said, says) {
			t.Errorf("it tells %q, want %q", said, says)
		}
		names := map[string][]string{}
		for database, before := range look.before() {
			for _, r := range before.Relations {
				names[database] = append(names[database], r.Name)
			}
			slices.Sort(names[database])
		}
		return was, names
	}
	first, _ := begins("")
	if was, err := d.lastBegun(order); err != nil || was == nil {
		t.Fatalf("of what begins nothing is noted: %v", err)
	}
	for _, conn := range conns {
		postgrestest.Runs(t, conn, `ALTER TABLE notes RENAME TO articles; CREATE TABLE made (id int)`)
	}
	was, names := begins("was begun before, and is held against what was there then")
	if diff := cmp.Diff(map[string][]string{"": {"public.notes"}, "archive": {"public.notes"}}, names); diff != "" {
		t.Errorf("goes on, -want +got:\n%s", diff)
	}
	if diff := cmp.Diff(first.Schemas, was.Schemas); diff != "" {
		t.Errorf("goes on, schemas -want +got:\n%s", diff)
	}
	was.Failed = time.Now()
	if err := d.keepBegun(order, was); err != nil {
		t.Fatal(err)
	}
	again, names := begins("did not run through; this one is held against what is there now")
	if diff := cmp.Diff(map[string][]string{"": {"public.made", "public.notes"}, "archive": {"public.made", "public.notes"}}, names); diff != "" {
		t.Errorf("tried again, -want +got:\n%s", diff)
	}
	if len(again.Schemas["main"].Diff(first.Schemas["main"])) == 0 || !again.Failed.IsZero() {
		t.Errorf("tried again, it has failed at %s before it began, or takes the first schemas for its own", again.Failed)
	}
	if _, names = begins("was begun before"); len(names["archive"]) != 2 { // interrupted in turn
		t.Errorf("what goes on once more knows %q", names)
	}
}

func TestBegin_WhatCouldNotBeBegunWasNotInterrupted(t *testing.T) {
	t.Parallel()
	d := archived(t)
	d.options.State = statedir.Dir{Root: t.TempDir()}
	server, physical := postgrestest.Database(t)
	postgrestest.Exec(t, server, physical, `CREATE ROLE `+physical+`_weak LOGIN`)
	look, err := lookout.Open(t.Context(), lookout.Spec{URL: strings.Replace(server.AdminURL(physical), "user=postgres", "user="+physical+"_weak", 1), ApplicationName: lockwatch.MigrationName})
	if err != nil {
		t.Fatal(err)
	}
	defer look.Close(context.WithoutCancel(t.Context()))
	postgrestest.Runs(t, postgrestest.Connected(t, server.AdminURL(physical)), `SET application_name = '`+lockwatch.MigrationName+`'`)
	order := promotion.Order{Promotion: "p-1", Contract: true, Tell: func(string) {}}
	if err = (migrator{d: d}).begin(t.Context(), lookouts{{"", look}}, &migration.Guard{}, order, begun{}); err == nil {
		t.Fatal("a session that may not be ended is in nobody's way")
	}
	if was, err := d.lastBegun(order); err != nil || was != nil {
		t.Errorf("it is taken for begun: %+v, %v", was, err)
	}
}

func TestStillThere_SaysHowManyOrWhy(t *testing.T) {
	for want, err := range map[string]error{": 2 left": stillThere(2, nil), ": not permitted": stillThere(0, errors.New("not permitted"))} {
		if !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%q does not end with %q", err, want)
		}
	}
}

func TestLastBegun_ReadsWhatWasNotedOfOneDatabaseAlone(t *testing.T) {
	d := &Daemon{options: Options{State: statedir.Dir{Root: t.TempDir()}}}
	order := promotion.Order{Promotion: "p-1"}
	if err := os.MkdirAll(filepath.Dir(d.begunFile(order)), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.begunFile(order), []byte(`{"schemas":{"main":{}},"seen":{"relations":{"17001":{"name":"public.notes","kind":"table"}},"invalid":null}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	was, err := d.lastBegun(order)
	if err != nil || was.Seen[""].Relations[17001].Name != "public.notes" {
		t.Errorf("%+v, %v", was, err)
	}
}
