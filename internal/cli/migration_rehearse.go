package cli

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"understudy"
)

// MigrationOrder is what `migration rehearse` was asked for.
type MigrationOrder struct {
	Database string   // URL; only read
	Command  []string // the team's own; {url} in it stands for the address of the copy
	Down     []string
	Status   []string
	URLEnv   string   // the variable that tells the command the address
	Env      []string // NAME or NAME=VALUE: what else the command gets of the caller's environment
	Unsealed bool     // the command may call whom it likes
	Role     string   // whom the command signs in as; empty: who owns the tables
	Rules    string   // mask.yaml
	Key      string
	Unmasked bool // the database holds no personal data
	Copying  understudy.Copying

	Traffic string  // file of the old release's statements; empty: usual ones, made from the schema
	After   string  // file of the new release's statements
	Rate    float64 // statements a second

	Policy   understudy.Policy
	Timeout  time.Duration
	Folder   string // where the copy's server is made, and kept; empty: a temporary one
	Evidence string // folder that the evidence is written to; empty: none is kept
	SVG      string // file that the timeline is drawn into; empty: none
}

func (c *cli) migrationRehearse() *cobra.Command {
	order := MigrationOrder{}
	var plain bool
	var down, status, rate string
	cmd := c.command(page{
		use: "rehearse --database URL -- COMMAND…", short: "rehearse one migration on a copy of one database, without a project", args: cobra.MinimumNArgs(1),
		long: "Copies the database through masks into a private server, runs the team's own migration command\n" +
			"there under traffic, and says what it would do to production: who is blocked and for how long, what is\n" +
			"locked, rewritten or lost, whether the old release goes on working, whether it can be killed, repeated\n" +
			"and taken back. The database itself is only read.\n\n" +
			"The command runs in this folder, as you, and gets of your environment PATH, HOME, LANG, TZ and what\n" +
			"--env names, but never a variable whose value leads to the database itself. It learns the address of\n" +
			"the copy from DATABASE_URL and PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE, or where it says {url}\n" +
			"(MYSQL_UNIX_PORT, MYSQL_USER, MYSQL_DATABASE; {path} of SQLite's file). On Linux it is sealed off as a twin is:\n" +
			"the copy answers, and whatever else it calls is caught. Where that cannot be had, it is said.\n\n" +
			"Traffic is what nearly every application does, reading and changing rows by their key, made from\n" +
			"the schema; better is --traffic with the statements of your own.",
		example: "understudy mask plan --database postgres://reader@db/shop --print > mask.yaml\n" +
			"PGPASSWORD=… understudy migration rehearse --database postgres://reader@db/shop -- bin/migrate up\n" +
			"understudy migration rehearse --database postgres://localhost/shop --unmasked --down 'psql -f down.sql' -- psql -v ON_ERROR_STOP=1 -f up.sql\n" +
			"understudy migration rehearse --database postgres://localhost/shop --traffic shop.sql --rate 200 -- goose -dir migrations postgres {url} up",
		exits: rehearsalExits + "; 3 a column is not decided on, or a right is missing",
	}, func(ctx context.Context, args []string) error {
		order.Command = args
		if err := order.complete(down, status, rate); err != nil {
			return err
		}
		board := c.board(plain)
		tried, err := c.programs.RehearseMigration(ctx, order, c.tell, board.show)
		board.close()
		if err != nil && (tried.ID == "" || !tried.State.Ended()) {
			return err
		}
		ended := c.concludeRehearsal(tried) // also where something could not be drawn, or cleared away, after it
		if ended == nil {
			return err
		}
		if err != nil {
			c.voice.refuse(err.Error(), understudy.HintOf(err))
		}
		return ended
	})
	order.flags(cmd.Flags())
	flags := cmd.Flags()
	flags.StringVar(&down, "down", "", "the command that takes the migration back, for sh; none: the schema stays")
	flags.StringVar(&status, "status", "", "the command that says how far the schema has come, for sh")
	flags.StringVar(&rate, "copy-rate", "", "bytes a second taken from the database at most while it is at work, as 64MB, or 0: as many as come (default 16MB, 8MB of one on this machine)")
	flags.BoolVar(&plain, "plain", false, "plain lines, on a terminal too")
	return cmd
}

func (o *MigrationOrder) flags(flags *pflag.FlagSet) {
	flags.StringVar(&o.Database, "database", "", "the database to rehearse for: postgres://…, mysql://…, mariadb://… or sqlite:///path")
	flags.StringVar(&o.URLEnv, "url-env", "DATABASE_URL", "the variable that tells the command the address of the copy")
	flags.StringArrayVar(&o.Env, "env", nil, "NAME or NAME=VALUE: hand this variable to the command too; may be repeated")
	flags.BoolVar(&o.Unsealed, "unsealed", false, "do not seal the command off: it needs the network for more than the copy")
	flags.StringVar(&o.Role, "role", "", "whom the command signs in as (default: who owns the tables); never a superuser")
	flags.StringVar(&o.Rules, "mask", "mask.yaml", "the masking rules")
	flags.StringVar(&o.Key, "key", "mask.key", "file of the masking key; made when it is not there")
	flags.BoolVar(&o.Unmasked, "unmasked", false, "copy values as they are: the database holds no personal data")
	flags.StringVar(&o.Traffic, "traffic", "", "file of the application's statements (see docs/migrations.md)")
	flags.StringVar(&o.After, "after", "", "file of the new release's statements, run after the migration and before the way back")
	flags.Float64Var(&o.Rate, "rate", 50, "statements a second")
	flags.DurationVar(&o.Policy.BlockedFor, "blocked-for", time.Second, "the longest that a statement may be blocked")
	flags.DurationVar(&o.Policy.LockTimeout, "lock-timeout", 0, "handed to the command's sessions, as in production (default half of --blocked-for)")
	flags.IntVar(&o.Policy.Retries, "tries", 5, "how often the command is run when it cannot get a lock")
	flags.DurationVar(&o.Timeout, "timeout", understudy.DefaultMigrationTimeout, "how long the command may take")
	flags.StringVar(&o.Folder, "folder", "", "make the copy's server in this new folder, and keep it (default: a temporary one)")
	flags.StringVar(&o.Evidence, "evidence", "", "write what the findings rest on into this new folder")
	flags.StringVar(&o.SVG, "svg", "", "draw the migration's timeline into this file: statements, locks, who waited")
}

func (o *MigrationOrder) complete(down, status, rate string) error {
	if o.Database == "" {
		return understudy.Errorf(understudy.KindInvalid, "migration rehearse needs --database").WithHint("see: understudy migration rehearse --help")
	}
	if err := o.figures(); err != nil {
		return err
	}
	for _, file := range []struct{ flag, path string }{{"--traffic", o.Traffic}, {"--after", o.After}} {
		if _, err := os.Stat(file.path); file.path != "" && err != nil {
			return understudy.Errorf(understudy.KindInvalid, "%s: there is no file %s", file.flag, file.path)
		}
	}
	if above, err := os.Stat(filepath.Dir(o.SVG)); o.SVG != "" && (err != nil || !above.IsDir()) {
		return understudy.Errorf(understudy.KindInvalid, "--svg: there is no folder %s", filepath.Dir(o.SVG))
	}
	for _, folder := range []struct{ flag, path string }{{"--folder", o.Folder}, {"--evidence", o.Evidence}} {
		if err := newFolder(folder.flag, folder.path); err != nil {
			return err
		}
	}
	if _, err := os.Stat(o.Rules); err != nil && !o.Unmasked {
		return understudy.Errorf(understudy.KindInvalid, "--mask: there is no file %s, and nothing is copied without rules", o.Rules).
			WithHint("understudy mask plan --database URL --print > %s\nor say --unmasked, where the database holds no personal data", o.Rules)
	}
	o.Down, o.Status = forShell(down), forShell(status)
	var err error
	o.Copying.Rate, err = copyRate("--copy-rate", rate)
	return err
}

// figures refuses those that mean nothing.
func (o *MigrationOrder) figures() error {
	if !(o.Rate > 0 && o.Rate <= 10000) {
		return understudy.Errorf(understudy.KindInvalid, "--rate: expected statements a second from above 0 to 10000, found %v", o.Rate)
	}
	if o.Policy.Retries < 1 {
		return understudy.Errorf(understudy.KindInvalid, "--tries: expected 1 or more, found %d", o.Policy.Retries)
	}
	for _, one := range []struct {
		flag  string
		given time.Duration
	}{{"--timeout", o.Timeout}, {"--blocked-for", o.Policy.BlockedFor}, {"--lock-timeout", cmp.Or(o.Policy.LockTimeout, understudy.LeastLockTimeout)}} {
		if one.given < understudy.LeastLockTimeout {
			return understudy.Errorf(understudy.KindInvalid, "%s: expected %s or more, found %s", one.flag, understudy.LeastLockTimeout, one.given)
		}
	}
	return nil
}

// newFolder refuses a folder that is there already, or that has none above it.
func newFolder(flag, path string) error {
	if path == "" {
		return nil
	}
	if _, err := os.Lstat(path); err == nil {
		return understudy.Errorf(understudy.KindConflict, "%s: %s is there already; expected a folder that is not", flag, path)
	}
	if above, err := os.Stat(filepath.Dir(path)); err != nil || !above.IsDir() {
		return understudy.Errorf(understudy.KindInvalid, "%s: there is no folder %s to make it in", flag, filepath.Dir(path))
	}
	return nil
}

func forShell(command string) []string {
	if command == "" {
		return nil
	}
	return []string{"sh", "-c", command}
}

// copyRate reads a rate of bytes a second: none given is the copy's own, 0 is no limit.
func copyRate(flag, rate string) (int64, error) {
	if rate == "" {
		return 0, nil
	}
	bytes, err := understudy.ParseBytes(rate)
	switch {
	case err != nil:
		return 0, understudy.Errorf(understudy.KindInvalid, "%s: %w", flag, err)
	case bytes == 0:
		return -1, nil
	}
	return bytes, nil
}
