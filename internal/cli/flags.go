package cli

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"understudy"
	"understudy/internal/api"
)

func (c *cli) flagsCommand() *cobra.Command {
	return c.group("flags", "show feature flags, and turn them on and off",
		"A release declares its flags; each environment may set some of them otherwise, for everybody and\n"+
			"at once, whatever is being promoted. Each change stands in the journal.",
		c.flagsList(), c.flagsGet(), c.flagsSet(), c.flagsOff(), c.flagsDiff(), c.flagsCopy())
}

// flagged asks for the flags of an environment; an empty name is production's.
func flagged(ctx context.Context, roles api.Roles, name string) (api.EnvironmentFlags, error) {
	name, err := productionUnless(ctx, roles, name)
	if err != nil {
		return api.EnvironmentFlags{}, err
	}
	return roles.Flags.Flags(ctx, name)
}

func productionUnless(ctx context.Context, roles api.Roles, name string) (string, error) {
	if name != "" {
		return name, nil
	}
	all, err := roles.Environments.Status(ctx)
	for _, e := range all {
		if e.Environment.Purpose == understudy.PurposeProduction {
			return e.Environment.Name, nil
		}
	}
	if err == nil {
		err = understudy.Errorf(understudy.KindInvalid, "there is no environment of purpose production, and --env names none")
	}
	return "", err
}

func (c *cli) flagsList() *cobra.Command {
	var env string
	cmd := c.command(page{
		use: "list [--env production]", short: "list the flags of an environment", args: takes(0, 0),
		long: "Lists what the release that runs there declares, what is set beside that, and the version of the\n" +
			"whole, which a change can be bound to.",
		example: "understudy flags list --env staging",
	}, func(ctx context.Context, _ []string) error {
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			flags, err := flagged(ctx, roles, env)
			if err != nil {
				return err
			}
			return show(c, flags, c.showFlags)
		})
	})
	cmd.Flags().StringVar(&env, "env", "", "environment (default production)")
	return cmd
}

func (c *cli) showFlags(e api.EnvironmentFlags) {
	c.voice.print("%s, version %d%s", e.Environment, e.Version, after(", as declared by ", e.Release))
	var rows [][]string
	for _, f := range e.Flags {
		rows = append(rows, []string{f.Key, nowOf(f), string(f.Value), strings.Join(f.Names(), ","), setBy(e.Set[f.Key])})
	}
	c.voice.table("FLAG NOW VALUE VARIANTS SET", rows, "the release declares no flags")
	for _, key := range e.Ignored {
		c.voice.print("set to %s, and not among what the release declares: %s (%s)", e.Set[key].Variant, key, setBy(e.Set[key]))
	}
	for _, s := range e.Served {
		c.voice.print("served to %s (%s): version %d%s", s.Deployment, s.Label, s.Version, after("; ", s.Problem))
	}
	for _, warning := range e.Warnings {
		c.voice.print("warning: %s", warning)
	}
	if e.Note != "" {
		c.voice.print("%s", e.Note)
	}
}

func nowOf(f api.FlagStatus) string {
	switch {
	case f.Now != "":
		return f.Now
	case f.Disabled:
		return "(disabled)"
	case f.Targeted:
		return "(by rule)"
	}
	return "(the application's default)"
}

func setBy(s understudy.FlagSetting) string {
	if s.Variant == "" {
		return ""
	}
	return "by " + s.By + " at " + moment(s.At) + after(": ", s.Reason)
}

func (c *cli) flagsGet() *cobra.Command {
	var env string
	cmd := c.command(page{
		use: "get KEY [--env production]", short: "show one flag", args: takes(1, 1),
		long: "Shows one flag of an environment: the variant that everybody gets, or that rules decide, and who\nset it.", example: "understudy flags get new-checkout",
	}, func(ctx context.Context, args []string) error {
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			flags, err := flagged(ctx, roles, env)
			if err != nil {
				return err
			}
			for _, f := range flags.Flags {
				if f.Key == args[0] {
					return show(c, f, func(f api.FlagStatus) { c.showFlag(flags, f) })
				}
			}
			return understudy.Errorf(understudy.KindNotFound, "the release that runs in %s declares no flag %q", flags.Environment, args[0]).
				WithHint("see what there is: understudy flags list --env %s", flags.Environment)
		})
	})
	cmd.Flags().StringVar(&env, "env", "", "environment (default production)")
	return cmd
}

func (c *cli) showFlag(e api.EnvironmentFlags, f api.FlagStatus) {
	c.voice.print("%s in %s: %s%s", f.Key, e.Environment, nowOf(f), after(" = ", string(f.Value)))
	for _, name := range f.Names() {
		c.voice.print("  %-12s %s", name, f.Variants[name])
	}
	if f.Default != "" {
		c.voice.print("  declared default: %s", f.Default)
	}
	if by := setBy(e.Set[f.Key]); by != "" {
		c.voice.print("  set %s", by)
	}
	c.voice.print("  version %d", e.Version)
}

// expecting lets a change say which version it is a change of.
func expecting(flags *pflag.FlagSet, expect **int64) {
	flags.Func("expect-version", "refuse if the flags were changed since this version", func(text string) error {
		version, err := strconv.ParseInt(text, 10, 64)
		if err != nil || version < 0 {
			return understudy.Errorf(understudy.KindInvalid, "expected a version, as flags list shows it")
		}
		*expect = &version
		return nil
	})
}

func (c *cli) flagsSet() *cobra.Command {
	var request api.SetFlag
	declared := false
	cmd := c.command(page{
		use: "set KEY VARIANT --env ENV [--reason R] [--expect-version N]", short: "set a flag for everybody", args: takes(1, 2),
		long: "Sets a flag to one of its variants for everybody in an environment, at once. With --as-declared\n" +
			"instead of a variant it is what the release declares again, rules included. Production wants a reason.",
		example: "understudy flags set new-checkout on --env production --reason 'rehearsed on its own'",
	}, func(ctx context.Context, args []string) error {
		request.Key, request.By = args[0], who()
		switch {
		case request.Environment == "":
			return understudy.Errorf(understudy.KindInvalid, "flags set needs --env")
		case declared == (len(args) == 2):
			return understudy.Errorf(understudy.KindInvalid, "flags set needs a variant, or --as-declared")
		case len(args) == 2:
			request.Variant = args[1]
		}
		return c.setFlag(ctx, request)
	})
	flags := cmd.Flags()
	flags.StringVar(&request.Environment, "env", "", "environment")
	flags.StringVar(&request.Reason, "reason", "", "why, for the journal")
	flags.BoolVar(&declared, "as-declared", false, "as the release declares it")
	expecting(flags, &request.Expect)
	return cmd
}

func (c *cli) flagsOff() *cobra.Command {
	request := api.SetFlag{Off: true}
	cmd := c.command(page{
		use: "off KEY --env ENV [--reason R]", short: "turn a flag off, now: the kill switch", args: takes(1, 1),
		long: "Turns a flag off for everybody in an environment, within a second, in the old release and in the\n" +
			"new one, whatever is being promoted. It asks for nothing; a reason can be given.",
		example: "understudy flags off new-checkout --env production",
	}, func(ctx context.Context, args []string) error {
		request.Key, request.By = args[0], who()
		if request.Environment == "" {
			return understudy.Errorf(understudy.KindInvalid, "flags off needs --env")
		}
		return c.setFlag(ctx, request)
	})
	cmd.Flags().StringVar(&request.Environment, "env", "", "environment")
	cmd.Flags().StringVar(&request.Reason, "reason", "", "why, for the journal")
	return cmd
}

func (c *cli) setFlag(ctx context.Context, request api.SetFlag) error {
	return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
		flags, err := roles.Flags.SetFlag(ctx, request)
		if err != nil {
			return err
		}
		return show(c, flags, func(e api.EnvironmentFlags) {
			said := "what the release declares"
			if s := e.Set[request.Key]; s.Variant != "" {
				said = s.Variant
			}
			c.voice.say("%s is %s in %s (version %d)", request.Key, said, e.Environment, e.Version)
			for _, warning := range e.Warnings {
				c.voice.say("warning: %s", warning)
			}
		})
	})
}

func (c *cli) flagsDiff() *cobra.Command {
	return c.command(page{
		use: "diff A B", short: "compare the flags of two environments", args: takes(2, 2),
		long: "Lists the flags that two environments have otherwise, and those that only one of them declares.", example: "understudy flags diff staging production",
	}, func(ctx context.Context, args []string) error {
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			all, err := roles.Flags.DiffFlags(ctx, args[0], args[1])
			if err != nil {
				return err
			}
			return show(c, all, func(all []api.FlagDifference) {
				var rows [][]string
				for _, d := range all {
					rows = append(rows, []string{d.Key, orDeclared(d.A), orDeclared(d.B), strings.Join(d.Undeclared, ",")})
				}
				c.voice.table("FLAG "+args[0]+" "+args[1]+" NOT-DECLARED-IN", rows, "the flags are the same")
			})
		})
	})
}

func orDeclared(variant string) string {
	if variant == "" {
		return "(as declared)"
	}
	return variant
}

func (c *cli) flagsCopy() *cobra.Command {
	var request api.CopyFlags
	cmd := c.command(page{
		use: "copy FROM TO [KEY…] [--reason R] [--expect-version N]", short: "set in one environment what another sets", args: takes(2, 1000),
		long: "Copies what is set in one environment to another: the flags that are named, or all. What is set\n" +
			"there and not in the first is what the release declares again. Production wants a reason.",
		example: "understudy flags copy staging production new-checkout --reason 'tried on staging'",
	}, func(ctx context.Context, args []string) error {
		request.From, request.To, request.Keys, request.By = args[0], args[1], args[2:], who()
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			flags, err := roles.Flags.CopyFlags(ctx, request)
			if err != nil {
				return err
			}
			return show(c, flags, c.showFlags)
		})
	})
	cmd.Flags().StringVar(&request.Reason, "reason", "", "why, for the journal")
	expecting(cmd.Flags(), &request.Expect)
	return cmd
}
