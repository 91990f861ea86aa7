package cli

import "github.com/spf13/cobra"

func (c *cli) migrationCommand() *cobra.Command {
	return c.group("migration", "look into what a migration did, or rehearse one alone",
		"A rehearsal watches the team's migration: every statement, the locks that it held, who waited\n"+
			"for it. What it saw is kept as evidence, and explained here. A migration can also be rehearsed alone,\n"+
			"on a copy of any database, for people who want only this.",
		c.migrationExplain(), c.migrationRehearse())
}
