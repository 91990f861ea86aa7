package cli

import "github.com/spf13/cobra"

func (c *cli) migrationCommand() *cobra.Command {
	return c.group("migration", "rehearse one migration alone",
		"A migration is what breaks production most. `understudy rehearse` rehearses it with the whole release;\n"+
			"here it is rehearsed alone, on a copy of any database, for people who want only this.",
		c.migrationRehearse())
}
