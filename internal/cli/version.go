package cli

import (
	"context"
	"runtime"

	"github.com/spf13/cobra"

	"understudy/internal/config"
)

func (c *cli) versionCommand() *cobra.Command {
	return c.command(page{
		use: "version", short: "print the version", args: takes(0, 0),
		long:    "Prints the version of this program, the Go it was built with, and the system it was built for.\nNothing is asked of the daemon.",
		example: "understudy version",
	}, func(context.Context, []string) error {
		about := map[string]string{"version": c.programs.Version, "go": runtime.Version(), "system": runtime.GOOS + "/" + runtime.GOARCH}
		return show(c, about, func(map[string]string) {
			c.voice.print("understudy %s %s %s/%s", c.programs.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
		})
	})
}

func (c *cli) schemaCommand() *cobra.Command {
	return c.command(page{
		use: "schema", short: "print the JSON Schema of understudy.yaml", args: takes(0, 0),
		long:    "Prints the JSON Schema that understudy.yaml is checked against. Editors use it to complete keys\nand to explain them.",
		example: "understudy schema > understudy.schema.json",
	}, func(context.Context, []string) error {
		_, err := c.voice.out.Write(config.Schema())
		return err
	})
}
