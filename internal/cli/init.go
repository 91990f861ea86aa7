package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"understudy"
	"understudy/internal/atomicfile"
	"understudy/internal/config"
)

func (c *cli) initCommand() *cobra.Command {
	var print bool
	cmd := c.command(page{
		use: "init", short: "write understudy.yaml from what the project has", args: takes(0, 0),
		long: "Reads compose.yaml, Procfile and .env in the folder and writes an understudy.yaml with\n" +
			"comments. An understudy.yaml that is there already is never overwritten.",
		example: "understudy init\nunderstudy init --print | less",
	}, func(context.Context, []string) error { return c.init(print) })
	cmd.Flags().BoolVar(&print, "print", false, "print the file instead of writing it")
	return cmd
}

func (c *cli) init(print bool) error {
	file := filepath.Join(c.dir, config.FileName)
	if _, err := os.Lstat(file); !print && !errors.Is(err, os.ErrNotExist) {
		return understudy.Errorf(understudy.KindConflict, "%s is there already", file).
			WithHint("see what would be written with: understudy init --print")
	}
	text, notes, err := config.Init(c.dir)
	if err != nil {
		return err
	}
	for _, note := range notes {
		c.voice.say("note: %s", note)
	}
	if print {
		_, err = c.voice.out.Write(text)
		return err
	}
	if err := atomicfile.Write(file, text, 0o644); err != nil {
		return err
	}
	return show(c, map[string]any{"file": file, "notes": notes}, func(map[string]any) {
		c.voice.print("wrote %s", file)
		c.voice.say("next: read it, declare under traffic: what visitors do (rehearsals are inconclusive without), then understudy doctor")
	})
}
