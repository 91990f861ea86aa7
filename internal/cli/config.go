package cli

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"understudy"
	"understudy/internal/api"
)

func (c *cli) configCommand() *cobra.Command {
	return c.group("config", "show what is configured, where it comes from, and what a change would do",
		"A key's value comes from the strongest of these layers: what the runtime gives (PORT, addresses),\n"+
			"secrets of the environment, its values, for a twin those of what it is a twin of, and the\n"+
			"defaults of the release. A secret's value is never shown: in its place stands a print of twelve\n"+
			"digits, which is equal where the values are equal, here and nowhere else.\n\n"+
			"What runs keeps the configuration that it was started with. A change in understudy.yaml is brought\n"+
			"to production like any other: rehearse the release that runs there, and promote it.",
		c.configShow(), c.configDiff(), c.configExplain())
}

func (c *cli) configShow() *cobra.Command {
	var request api.ShowConfig
	cmd := c.command(page{
		use: "show ENV [--service S] [--running]", short: "show every key of an environment with its layer and origin", args: takes(1, 1),
		long: "Shows what a start would bring now: keys, values, the layer that each value comes from, and the\n" +
			"place: a line of a file, or the reference of a secret. What is missing, or breaks a rule, stands\n" +
			"below. With --running it shows what runs, which is what it was started with.",
		example: "understudy config show production\nunderstudy config show staging --service web --json | jq '.services[].settings[] | select(.layer == \"secret\")'",
	}, func(ctx context.Context, args []string) error {
		request.Environment = args[0]
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			shown, err := roles.Configurations.Configuration(ctx, request)
			if err != nil {
				return err
			}
			return show(c, shown, c.showConfiguration)
		})
	})
	cmd.Flags().StringVar(&request.Service, "service", "", "only this service")
	cmd.Flags().BoolVar(&request.Running, "running", false, "what runs, not what a start would bring")
	return cmd
}

func (c *cli) showConfiguration(shown understudy.Configuration) {
	what := "as a start would bring it"
	if shown.Running {
		what = "as it runs"
	}
	c.voice.print("%s, release %s, %s%s", shown.Environment, shown.Release, what, after("; digest ", short(shown.Digest)))
	c.voice.table("KEY SERVICE VALUE LAYER FROM", settingRows(shown.Services), "nothing is configured")
	for _, s := range shown.Services {
		for _, key := range s.Missing {
			c.voice.print("missing: %s of service %s", key, s.Service)
		}
		for _, says := range s.Broken {
			c.voice.print("broken: service %s: %s", s.Service, says)
		}
	}
	for _, note := range shown.Notes {
		c.voice.print("note: %s", note)
	}
}

// short is the beginning of a digest, for people.
func short(digest string) string { return digest[:min(12, len(digest))] }

// settingRows are the settings of all services; what is the same for every one stands there once.
func settingRows(services []understudy.ServiceSettings) [][]string {
	counts := map[string]int{}
	row := func(s understudy.Setting) []string {
		value := s.Shown()
		if s.Problem != "" {
			value += ": " + s.Problem
		}
		return []string{s.Key, "", value, s.Layer, s.From}
	}
	for _, service := range services {
		for _, s := range service.Settings {
			counts[strings.Join(row(s), "\x00")]++
		}
	}
	var rows [][]string
	for i, service := range services {
		for _, s := range service.Settings {
			r := row(s)
			switch everywhere := counts[strings.Join(r, "\x00")] == len(services); {
			case everywhere && i > 0:
				continue
			case everywhere:
				r[1] = "all"
			default:
				r[1] = service.Service
			}
			rows = append(rows, r)
		}
	}
	slices.SortStableFunc(rows, func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	return rows
}

func (c *cli) configDiff() *cobra.Command {
	return c.command(page{
		use: "diff A [B]", short: "show how two environments, two releases, or what runs and the file differ", args: takes(1, 2),
		long: "Of one environment: what it runs with against what understudy.yaml has for it now, which is what\n" +
			"a promotion would change. Of two environments: what a start would bring to each. Of two releases:\n" +
			"what they say themselves, their defaults. What the runtime gives is left out.",
		example: "understudy config diff production\nunderstudy config diff production staging\nunderstudy config diff v1 v2 --json",
	}, func(ctx context.Context, args []string) error {
		request := api.DiffConfig{A: args[0]}
		if len(args) == 2 {
			request.B = args[1]
		}
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			differs, err := roles.Configurations.DiffConfiguration(ctx, request)
			if err != nil {
				return err
			}
			return show(c, differs, c.showConfigDiff)
		})
	})
}

func (c *cli) showConfigDiff(d understudy.ConfigDiff) {
	c.voice.print("%s → %s: %d differ, %d equal", d.A, d.B, len(d.Changes), d.Equal)
	var rows [][]string
	for _, change := range d.Changes {
		service := change.Service
		if service == "" {
			service = "all"
		}
		rows = append(rows, []string{change.Change, change.Key, service, change.A, change.B, change.FromB})
	}
	if len(rows) > 0 {
		c.voice.table("CHANGE KEY SERVICE A B FROM", rows, "")
	}
}

func (c *cli) configExplain() *cobra.Command {
	var request api.ExplainConfig
	cmd := c.command(page{
		use: "explain KEY [--env E]", short: "show every layer of a key, which wins, and what it has to keep", args: takes(1, 1),
		long: "Shows of every environment (or of one) what each layer has for the key, the strongest first, who\n" +
			"refers to it, the type and the rules that it has to keep, and whether anything in the release\n" +
			"reads it. Nobody can see a process read its environment, so that is told by its name: a key whose\n" +
			"name occurs nowhere in the release is read by nothing in it.",
		example: "understudy config explain PAGE_SIZE\nunderstudy config explain SESSION_KEY --env production",
	}, func(ctx context.Context, args []string) error {
		request.Key = args[0]
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			told, err := roles.Configurations.ExplainConfiguration(ctx, request)
			if err != nil {
				return err
			}
			return show(c, told, c.showKey)
		})
	})
	cmd.Flags().StringVar(&request.Environment, "env", "", "only this environment")
	return cmd
}

func (c *cli) showKey(k understudy.KeyExplanation) {
	c.voice.print("%s: %s", k.Key, declaredAs(k))
	for _, p := range k.Settings {
		services := alike(k.Settings, p)
		if services[0] != p.Service {
			continue // told with the first of them
		}
		c.voice.print("%s, %s: %s", p.Environment, strings.Join(services, " and "), describeSetting(p.Setting))
		for _, l := range p.Setting.Over {
			c.voice.print("  over %s (%s): %s", l.Layer, l.From, layerValue(l, p.Setting.Secret))
		}
	}
	for _, group := range []struct {
		what  string
		lines []string
	}{{"referred to by", k.Referred}, {"rule", k.Rules}, {"broken", k.Broken}} {
		for _, line := range group.lines {
			c.voice.print("%s: %s", group.what, line)
		}
	}
	words := map[understudy.ReadState]string{understudy.ReadFound: "yes, it seems", understudy.ReadNowhere: "by nothing in the release", understudy.ReadUntold: "cannot be told"}
	c.voice.print("read: %s (%s)", words[k.Read.State], k.Read.How)
}

// alike are the services of an environment that have a key in the same way, in their order.
func alike(all []understudy.PlacedSetting, as understudy.PlacedSetting) []string {
	var out []string
	for _, p := range all {
		if p.Environment == as.Environment && reflect.DeepEqual(p.Setting, as.Setting) {
			out = append(out, p.Service)
		}
	}
	return out
}

func declaredAs(k understudy.KeyExplanation) string {
	if k.Declared == nil {
		if k.Secret {
			return "not declared by the release, and a secret"
		}
		return "not declared by the release"
	}
	words := []string{"declared by " + k.Release}
	for _, flag := range []struct {
		is   bool
		word string
	}{{k.Declared.Required, "required"}, {k.Secret, "secret"}, {k.Declared.Unique, "unique"}, {len(k.Declared.Schema) > 0, "schema " + string(k.Declared.Schema)}} {
		if flag.is {
			words = append(words, flag.word)
		}
	}
	return strings.Join(words, ", ") + after("; ", k.Declared.About)
}

func describeSetting(s understudy.Setting) string {
	text := fmt.Sprintf("%s, from %s (%s)", s.Shown(), s.Layer, s.From)
	return text + after(": ", s.Problem)
}

func layerValue(l understudy.SettingLayer, secret bool) string {
	if secret {
		return "secret " + l.Print
	}
	return l.Value
}
