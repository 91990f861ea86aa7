package main

import (
	"fmt"
	"strings"
)

// The requests of understudy.yaml that the two releases answer differently, as failed.
const (
	page    = "GET / → 500"
	refresh = "PUT /v1/feeds/{{int 1 20}}/refresh → 500"
)

// claim is something known of the two releases that a rehearsal must have found by itself.
type claim struct {
	name  string
	words string
	holds func(s seen) error
}

func claims() []claim {
	return []claim{
		{"halfway", "the migration stops half way, at 118 of 135: the role does not own the extension that step 119 drops", halfway},
		{"overlap", "on the new schema the old release answers 500 to pages and refreshes, while its health check is well", overlap},
		{"private", "the new release refuses to fetch feeds from private networks", private},
		{"allowed", "with FETCHER_ALLOW_PRIVATE_NETWORKS=1 the new release answers everything", allowed},
		{"deadlock", "a matter of chance, and bad luck this time: the migration and a reader waited for each other, and the migration gave way", deadlock},
	}
}

// halfway: v119 is DROP EXTENSION hstore. A twin on which the superuser, or the role,
// owned everything would let it pass.
func halfway(s seen) error {
	c, err := s.check("migration", "failed")
	if err != nil {
		return err
	}
	f, err := c.finding("migration.failed")
	if err != nil {
		return err
	}
	for _, words := range []string{"[Migration v119]", "must be owner of extension hstore"} {
		if !strings.Contains(f.Seen, words) {
			return fmt.Errorf("expected the migration to say %q, found %s", words, f.Seen)
		}
	}
	if !strings.HasSuffix(f.Would, "says 118") {
		return fmt.Errorf("expected the schema to be left at 118, found: %s", f.Would)
	}
	_, err = s.check("deployment", "error")
	return err
}

// overlap: the migration got through, how long it blocked is the machine's. The evidence has no other failure in it. Each visitor who got 500 for the page
// had got 200 from /healthcheck just before.
func overlap(s seen) error {
	if err := s.without("migration", "migration.failed", "migration.hung", "migration.not-repeatable"); err != nil {
		return err
	}
	c, err := s.check("compatibility", "failed")
	if err != nil {
		return err
	}
	f, err := c.finding("compatibility.old-release-breaks")
	if err != nil {
		return err
	}
	before, after, err := s.evidence(f)
	if err != nil {
		return err
	}
	if before.Requests == 0 || before.Failed != 0 {
		return fmt.Errorf("before the migration: expected requests and no failure, found %d of %d failed: %q", before.Failed, before.Requests, before.Samples)
	}
	return after.exactly(map[string]string{
		page:    `relation "sessions" does not exist`,
		refresh: "unable to create enclosure: pq: there is no unique or exclusion constraint matching the ON CONFLICT specification",
	})
}

func private(s seen) error {
	c, err := s.check("deployment", "failed")
	if err != nil {
		return err
	}
	f, err := c.finding("deployment.new-errors")
	if err != nil {
		return err
	}
	_, after, err := s.evidence(f)
	if err != nil {
		return err
	}
	return after.exactly(map[string]string{refresh: "refusing to access private network host"})
}

func allowed(s seen) error {
	c, err := s.check("deployment", "passed")
	if err == nil && len(c.Findings) > 0 {
		err = fmt.Errorf("check %s: expected nothing, found %s", c.Name, c.Findings[0].Seen)
	}
	return err
}

func deadlock(s seen) error {
	c, err := s.check("migration", "failed")
	if err != nil {
		return err
	}
	f, err := c.finding("migration.failed")
	if err == nil && !strings.Contains(f.Seen, "pq: deadlock detected") {
		err = fmt.Errorf("the migration failed for another reason: %s", f.Seen)
	}
	return err
}
