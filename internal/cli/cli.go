// Package cli is the door for people: the commands of `understudy`. A command asks the
// daemon through its API, says what it was told, and ends with a status that a script can
// branch on. It decides nothing about releases itself.
//
// How it speaks is laid down in voice.go, and nowhere else. Where a command needs the
// daemon and none answers, it is started (start.go). What is under way goes on when the
// command that follows it is interrupted: following is only looking.
package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"os/user"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/statedir"
)

// Programs are what the command is besides a client: programs of their own, which the
// main package hands in. Each runs until its context ends or its work is done.
type Programs struct {
	Version   string
	Serve     func(ctx context.Context, project string, state statedir.Dir, log io.Writer) error
	Supervise func(ctx context.Context, in io.Reader) error
	Router    func(ctx context.Context, state, control string, log io.Writer) error
	Probe     func(ctx context.Context, out io.Writer) error
	CopyTwin  func(ctx context.Context, order TwinCopy, tell func(string)) (TwinCopied, error)
	// Apart, if not nil, runs this command once more in a session of its own, if that is of use.
	Apart    func(ctx context.Context) (status int, apart bool)
	MaskPlan func(ctx context.Context, database, rules string) (api.MaskPlan, error) // of one database, by URL, without a daemon
	MaskDiff func(ctx context.Context, database, rules string) (api.MaskDiff, error)
	// RehearseMigration rehearses one migration on a copy of one database, and shows how far
	// it is whenever something ended.
	RehearseMigration func(ctx context.Context, order MigrationOrder, tell func(string), each func(understudy.Rehearsal)) (understudy.Rehearsal, error)
	// Tidy waits until such a rehearsal is gone, and clears away what it left where it was killed.
	Tidy func(ctx context.Context, in io.Reader) error
	Seal func() error // tries whether this machine can seal; nil: doctor does not look
}

// Streams are what a command reads and writes. They are files where a terminal is to be
// noticed.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Main runs the command that args say, without the program's name, and returns its exit
// status. It must have the process's signals to itself.
func Main(ctx context.Context, programs Programs, args []string, streams Streams) int {
	c := &cli{programs: programs, streams: streams, voice: newVoice(streams), now: time.Now, patience: startPatience}
	root := c.root()
	root.SetArgs(args)
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.Err)
	err := root.ExecuteContext(ctx)
	if err != nil && !c.began {
		err = usage(root, args, err)
	}
	return c.voice.end(err)
}

// cli is one invocation.
type cli struct {
	programs Programs
	streams  Streams
	voice    *voice
	now      func() time.Time
	patience time.Duration // with a daemon that starts

	dir, state string // flags
	json       bool
	began      bool // the command itself was reached: what fails now is no wrong usage
}

// page is what --help teaches about a command: two sentences, an example, exit statuses.
type page struct {
	use, short, long, example string
	exits                     string // what the statuses mean; empty: 0 done, 1 error, 2 usage
	args                      cobra.PositionalArgs
}

const ordinaryExits = "0 done, 1 error, 2 wrong usage"

// command makes a command of a page. Interrupts end the context; a second one ends the
// program at once.
func (c *cli) command(p page, run func(ctx context.Context, args []string) error) *cobra.Command {
	if p.exits == "" {
		p.exits = ordinaryExits
	}
	return &cobra.Command{
		Use: p.use, Short: p.short, Args: p.args, Example: indent(p.example),
		Long: p.long + "\n\nExit status: " + p.exits + ".",
		RunE: func(cmd *cobra.Command, args []string) error {
			c.began = true
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			context.AfterFunc(ctx, stop)
			return run(ctx, args)
		},
		DisableFlagsInUseLine: true,
	}
}

// group makes a command that only has commands below it.
func (c *cli) group(use, short, long string, below ...*cobra.Command) *cobra.Command {
	group := &cobra.Command{
		Use: use, Short: short, Long: long, Args: cobra.ArbitraryArgs, DisableFlagsInUseLine: true, SuggestionsMinimumDistance: 2,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return understudy.Errorf(understudy.KindInvalid, "%s needs a command", cmd.CommandPath())
			}
			err := understudy.Errorf(understudy.KindInvalid, "there is no command %q", cmd.CommandPath()+" "+args[0])
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				return err.WithHint("did you mean %s", strings.Join(near, " or "))
			}
			return err
		},
	}
	group.AddCommand(below...)
	return group
}

func (c *cli) root() *cobra.Command {
	root := c.group("understudy", "rehearse every release on a twin of production",
		"Understudy keeps staging as a measured, sealed, masked twin of production, rehearses every\n"+
			"release there, signs a verdict, and promotes exactly the bits that were rehearsed.\n\n"+
			"Exit status: 0 done or passed, 1 error, 2 wrong usage, 3 refused by a gate, 4 rehearsal\nfailed, 5 inconclusive.")
	chapter(root, "begin", "Begin:", c.initCommand(), c.doctorCommand(), c.schemaCommand(), c.maskCommand())
	chapter(root, "run", "Run environments:", c.upCommand(), c.downCommand(), c.statusCommand(), c.maintenanceCommand(), c.logsCommand(), c.execCommand(),
		c.twinCommand(), c.parityCommand(), c.configCommand(), c.flagsCommand())
	chapter(root, "rehearse", "Rehearse:", c.releaseCommand(), c.rehearseCommand(), c.rehearsalCommand(), c.migrationCommand(), c.verdictCommand())
	chapter(root, "promote", "Promote:", c.policyCommand(), c.approveCommand(), c.gateCommand(), c.promoteCommand(), c.promotionCommand(), c.rollbackCommand(), c.holdCommand())
	chapter(root, "look", "Look after it:", c.journalCommand(), c.metricsCommand(), c.notificationsCommand(), c.serveCommand(), c.installCommand(), c.stopCommand(), c.versionCommand(),
		c.superviseCommand(), c.routerCommand(), c.probeCommand(), c.tidyCommand())
	root.Example = indent("understudy init\nunderstudy release create v2 --from build/v2\nunderstudy rehearse v2\nunderstudy promote v2")
	root.SilenceErrors, root.SilenceUsage = true, true
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetHelpCommandGroupID("look")
	flags := root.PersistentFlags()
	flags.StringVarP(&c.dir, "dir", "C", ".", "folder of understudy.yaml, or one below it")
	flags.StringVar(&c.state, "state-dir", "", "where state lies (default .understudy beside understudy.yaml)")
	flags.BoolVar(&c.json, "json", false, "print the result as JSON")
	return root
}

// chapter adds commands under a title of their own.
func chapter(root *cobra.Command, id, title string, commands ...*cobra.Command) {
	root.AddGroup(&cobra.Group{ID: id, Title: title})
	for _, cmd := range commands {
		cmd.GroupID = id
	}
	root.AddCommand(commands...)
}

// takes lets a command have between least and most arguments.
func takes(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) >= least && len(args) <= most {
			return nil
		}
		return understudy.Errorf(understudy.KindInvalid, "expected %s, found %s", cmd.UseLine(), counted(len(args)))
	}
}

func counted(arguments int) string {
	switch arguments {
	case 0:
		return "no argument"
	case 1:
		return "one argument"
	}
	return strconv.Itoa(arguments) + " arguments"
}

// usage is what is said about a command line that leads nowhere.
func usage(root *cobra.Command, args []string, err error) error {
	at, _, findErr := root.Find(args)
	if findErr != nil || at == nil {
		at = root
	}
	var known *understudy.Error
	if errors.As(err, &known) && known.Hint != "" {
		return err
	}
	return understudy.Errorf(understudy.KindInvalid, "%s", lowerFirst(err.Error())).WithHint("see: %s --help", at.CommandPath())
}

// who is the person that the journal names.
func who() string {
	if by := os.Getenv("SUDO_USER"); by != "" && os.Getuid() == 0 {
		return by
	}
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "user " + strconv.Itoa(os.Getuid())
}

func indent(text string) string { return "  " + strings.ReplaceAll(text, "\n", "\n  ") }

func lowerFirst(text string) string {
	if text == "" {
		return text
	}
	return strings.ToLower(text[:1]) + text[1:]
}
