package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"understudy"
	"understudy/internal/config"
)

const strictPolicy = `application: shop
services: {web: {command: [x]}}
policy:
  soak: 2h
  approvals: {count: 2, by: [ann, "group:releasers"], not_author: true, not_promoter: true, max_age: 8h}
  freeze:
    - {rrule: "FREQ=WEEKLY;BYDAY=FR;BYHOUR=16", duration: 2d16h, time_zone: Europe/Berlin, reason: nobody is there}
    - {from: 2026-12-21, duration: 12d, time_zone: Europe/Berlin}
  windows:
    - {rrule: "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;BYHOUR=9", duration: 8h, time_zone: Europe/Berlin}
  express:
    when: {max_files: 5, max_bytes: 64KB, paths: [pages/, "*.css"], services: [web], max_lock: 50ms, max_rows: 10, new_keys: true, permissions: true, likeness: 0.95}
    approvals: 0
    soak: 0s
    bake: 10s
    step_for: 2s
    steps: [50, 100]
`

func TestLoad_TurnsAPolicyIntoWords(t *testing.T) {
	p, err := load(t, map[string]string{config.FileName: strictPolicy})
	if err != nil {
		t.Fatal(err)
	}
	none, soak, bake, step := 0, time.Duration(0), 10*time.Second, 2*time.Second
	berlin := "Europe/Berlin"
	want := understudy.Policy{
		Soak:      2 * time.Hour,
		Approvals: &understudy.ApprovalRule{Count: 2, By: []string{"ann", "group:releasers"}, NotAuthor: true, NotPromoter: true, MaxAge: 8 * time.Hour},
		Freeze: []understudy.Window{
			{Rule: "FREQ=WEEKLY;BYDAY=FR;BYHOUR=16", Days: 2, For: 16 * time.Hour, Zone: berlin, Reason: "nobody is there"},
			{From: "2026-12-21", Days: 12, Zone: berlin},
		},
		Windows: []understudy.Window{{Rule: "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;BYHOUR=9", For: 8 * time.Hour, Zone: berlin}},
		Express: &understudy.Express{
			When: understudy.ExpressWhen{MaxFiles: 5, MaxBytes: 64 << 10, Paths: []string{"pages/", "*.css"}, Services: []string{"web"},
				MaxLock: 50 * time.Millisecond, MaxRows: 10, NewKeys: true, Permissions: true, Likeness: 0.95},
			Approvals: &none, Soak: &soak, Bake: &bake, StepFor: &step, Steps: []int{50, 100},
		},
	}
	if diff := cmp.Diff(want, p.Policy); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestLoad_SaysWhereAPolicyCannotBeFollowed(t *testing.T) {
	const head = "application: shop\nservices: {web: {command: [x]}}\npolicy:\n"
	const window = "{rrule: FREQ=DAILY, duration: 1h, time_zone: UTC}"
	for name, c := range map[string]struct{ policy, want string }{
		"no count":              {"  approvals: {by: [ann]}\n", `understudy.yaml:4:3: policy.approvals: expected count:, found none`},
		"count of nothing":      {"  approvals: {count: 0}\n", `understudy.yaml:4:15: policy.approvals.count: expected at least 1 and at most 100, found "0"`},
		"more than there are":   {"  approvals: {count: 3, by: [ann, bob]}\n", `policy.approvals.count: 3 approvals of 2 people can never be given`},
		"somebody twice":        {"  approvals: {count: 1, by: [ann, ann]}\n", `understudy.yaml:4:35: policy.approvals.by[1]: expected the name of a user, or group:NAME, each once; found "ann"`},
		"a group without name":  {"  approvals: {count: 1, by: ['group:']}\n", `policy.approvals.by[0]: expected the name of a user`},
		"a key that is none":    {"  approvals: {count: 1, counts: 1}\n", `unknown key "counts"; did you mean "count"?`},
		"a zone that is none":   {"  freeze:\n    - {rrule: FREQ=DAILY, duration: 1h, time_zone: Europe/Berln}\n", `understudy.yaml:5:41: policy.freeze[0].time_zone: there is no time zone "Europe/Berln"`},
		"no zone":               {"  freeze: [{rrule: FREQ=DAILY, duration: 1h}]\n", `policy.freeze[0]: expected time_zone:, found none`},
		"a rule that is none":   {"  freeze: [" + window + ", {rrule: every friday, duration: 1h, time_zone: UTC}]\n", `policy.freeze[1].rrule: expected a recurrence rule such as`},
		"a rule that never is":  {"  windows: [{rrule: 'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30', duration: 1h, time_zone: UTC}]\n", `policy.windows[0].rrule: it describes no day`},
		"a length that is none": {"  freeze: [{rrule: FREQ=DAILY, duration: 1 day, time_zone: UTC}]\n", `policy.freeze[0].duration: expected a length such as 14h, 2d or 2d14h30m, found "1 day"`},
		"half a millisecond":    {"  lock_timeout: 0.5ms\n", `policy.lock_timeout: expected at least 1ms, found 500µs`},
		"no length":             {"  freeze: [{rrule: FREQ=DAILY, duration: 0h, time_zone: UTC}]\n", `policy.freeze[0].duration: expected more than nothing`},
		"neither rule nor day":  {"  freeze: [{duration: 1h, time_zone: UTC}]\n", `policy.freeze[0]: expected rrule:, when it comes again, or from:, when it is once`},
		"frozen for ever":       {"  freeze: [{rrule: FREQ=DAILY, duration: 1d, time_zone: UTC}]\n", `understudy.yaml:4:3: policy.freeze: nothing could ever be promoted: no moment is outside of every freeze`},
		"open only when frozen": {"  freeze: [" + window + "]\n  windows: [" + window + "]\n", `no moment is outside of every freeze and inside a window`},
		"no bound":              {"  express: {when: {new_keys: true}}\n", `policy.express.when: expected a bound on what changes: max_files:, max_bytes: or paths:`},
		"no size":               {"  express: {when: {max_files: 1, max_bytes: lots}}\n", `policy.express.when.max_bytes: expected a size such as 64KB or 1MB, found "lots"`},
		"no pattern":            {"  express: {when: {paths: ['[']}}\n", `policy.express.when.paths[0]: expected a path in the artifact`},
		"no service":            {"  express: {when: {max_files: 1, services: [wep]}}\n", `policy.express.when.services[0]: there is no service "wep"; did you mean "web"?`},
		"slower than the rest":  {"  express: {when: {max_files: 1}, bake: 1h}\n", `policy.express.bake: it asks for 1h0m0s, and policy.bake for 1m0s: the express lane asks for less`},
		"more asked than else":  {"  express: {when: {max_files: 1}, approvals: 1}\n", `policy.express.approvals: it asks for 1 approvals, and policy.approvals for 0`},
		"falling steps":         {"  express: {when: {max_files: 1}, steps: [50, 20]}\n", `policy.express.steps: policy steps must rise`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, map[string]string{config.FileName: head + c.policy})
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("got  %v\nwant %s, alone", err, c.want)
			}
		})
	}
}
