package daemon

import (
	"regexp"
	"testing"
)

func TestFollowerName_IsOneThatServersTakeAndNobodyElses(t *testing.T) {
	form := regexp.MustCompile(`^[a-z0-9_]{1,32}$`)
	taken := map[string]bool{}
	for _, project := range []string{"first", "second"} {
		d := &Daemon{printKey: []byte(project)}
		for _, twin := range []string{"staging", "Staging-EU.west", "a-very-long-name-of-an-environment-indeed"} {
			for _, database := range []string{"main", "MAIN", "übersicht"} {
				name := d.followerName(twin, database)
				if !form.MatchString(name) || taken[name] {
					t.Errorf("%s of %s in project %s is followed as %q, which is taken or no name", database, twin, project, name)
				}
				taken[name] = true
				if again := d.followerName(twin, database); again != name {
					t.Errorf("%q became %q", name, again)
				}
			}
		}
	}
}
