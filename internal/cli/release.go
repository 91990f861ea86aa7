package cli

import (
	"context"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"understudy"
	"understudy/internal/api"
)

func (c *cli) releaseCommand() *cobra.Command {
	return c.group("release", "make and look at releases",
		"A release is immutable and named by its content: files, configuration, migrations. The same\n"+
			"content has the same digest on every machine. Wherever a release is asked for, give its label,\n"+
			"its digest, or the digest's first digits.",
		c.releaseCreate(), c.releaseList(), c.releaseShow(), c.releaseDiff())
}

func (c *cli) releaseCreate() *cobra.Command {
	var from string
	cmd := c.command(page{
		use: "create LABEL --from DIR", short: "make a release of a folder", args: takes(1, 1),
		long: "Takes a folder's files into a new release. The folder's own understudy.yaml, where it has one,\n" +
			"says how this release runs; otherwise the project's does.",
		example: "understudy release create v2 --from build/v2",
	}, func(ctx context.Context, args []string) error {
		folder, err := folderOf(from)
		if err != nil {
			return err
		}
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			release, err := roles.Releases.CreateRelease(ctx, api.CreateRelease{Label: args[0], From: folder, By: who()})
			if err != nil {
				return err
			}
			return show(c, release, func(r understudy.Release) {
				c.voice.print("%s %s", r.Label, r.Digest)
				c.voice.say("%d files, %s", len(r.Artifact.Files), bytesOf(treeSize(r)))
				for _, file := range dotenvs(r.Artifact.Files) {
					c.voice.say("note: %s is part of this release, for good: if it holds secrets, leave it out of the folder and make another", file)
				}
			})
		})
	})
	cmd.Flags().StringVar(&from, "from", "", "folder with the release's files")
	return cmd
}

// dotenvs are the files that mostly hold secrets, and are taken in by accident.
func dotenvs(files []understudy.ArtifactFile) []string {
	var found []string
	for _, f := range files {
		if name := path.Base(f.Path); name == ".env" || strings.HasPrefix(name, ".env.") && !strings.HasSuffix(name, ".example") {
			found = append(found, f.Path)
		}
	}
	return found
}

func folderOf(from string) (string, error) {
	if from == "" {
		return "", understudy.Errorf(understudy.KindInvalid, "a release is made of a folder, and none was named").
			WithHint("name it with --from")
	}
	if info, err := os.Stat(from); err != nil || !info.IsDir() {
		return "", understudy.Errorf(understudy.KindInvalid, "there is no folder %s to make a release of", from)
	}
	return filepath.Abs(from)
}

func (c *cli) releaseList() *cobra.Command {
	return c.command(page{
		use: "list", short: "list the releases, oldest first", args: takes(0, 0),
		long:    "Lists the releases, oldest first: label, digest, when and by whom it was made, from what\nrevision. A star marks sources that were not committed.",
		example: "understudy release list",
	}, func(ctx context.Context, _ []string) error {
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			all, err := roles.Releases.Releases(ctx)
			if err != nil {
				return err
			}
			return show(c, all, func(all []understudy.Release) {
				var rows [][]string
				for _, r := range all {
					rows = append(rows, []string{r.Label, r.Digest.Short(), moment(r.CreatedAt), r.CreatedBy, revision(r.Source)})
				}
				c.voice.table("LABEL DIGEST MADE BY SOURCE", rows, "there are no releases; make one with: understudy release create LABEL --from DIR")
			})
		})
	})
}

func revision(s understudy.Source) string {
	short := s.Revision[:min(len(s.Revision), 12)]
	if s.Dirty {
		return short + "*"
	}
	return short
}

func (c *cli) releaseShow() *cobra.Command {
	return c.command(page{
		use: "show RELEASE", short: "show a release", args: takes(1, 1),
		long: "Shows what a release is made of: digests, services, databases, migration, size. With --json\n" +
			"everything, file by file.",
		example: "understudy release show v2\nunderstudy release show v2 --json | jq .artifact.files",
	}, func(ctx context.Context, args []string) error {
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			release, err := roles.Releases.Release(ctx, args[0])
			if err != nil {
				return err
			}
			return show(c, release, c.showRelease)
		})
	})
}

func (c *cli) showRelease(r understudy.Release) {
	v := c.voice
	v.print("release        %s", r.Label)
	v.print("digest         %s", r.Digest)
	v.print("made           %s by %s", moment(r.CreatedAt), r.CreatedBy)
	if r.Source.Revision != "" {
		v.print("source         %s", revision(r.Source))
	}
	v.print("files          %d, %s, %s", len(r.Artifact.Files), bytesOf(treeSize(r)), r.Artifact.Digest)
	v.print("configuration  %d keys, %s", len(r.Application.Config), r.Config)
	v.print("migrations     %s", r.Migrations)
	for _, s := range r.Application.Services {
		v.print("service        %s", s.Name)
	}
	for _, d := range r.Application.Databases {
		v.print("database       %s (%s)", d.Name, d.Engine)
	}
}

func (c *cli) releaseDiff() *cobra.Command {
	return c.command(page{
		use: "diff A B", short: "list what changes from one release to another", args: takes(2, 2),
		long: "Lists every file, configuration key, service, database, test and migration that release B adds,\n" +
			"removes or changes.",
		example: "understudy release diff v1 v2",
	}, func(ctx context.Context, args []string) error {
		return c.ask(ctx, func(ctx context.Context, roles api.Roles) error {
			a, err := roles.Releases.Release(ctx, args[0])
			if err != nil {
				return err
			}
			b, err := roles.Releases.Release(ctx, args[1])
			if err != nil {
				return err
			}
			return show(c, understudy.DiffReleases(a, b), func(all []understudy.ReleaseDifference) {
				var rows [][]string
				for _, d := range all {
					rows = append(rows, []string{d.Change, d.What, d.Name})
				}
				c.voice.table("CHANGE WHAT NAME", rows, "they have the same content")
			})
		})
	})
}

func treeSize(r understudy.Release) int64 {
	var size int64
	for _, f := range r.Artifact.Files {
		size += f.Size
	}
	return size
}

// bytesOf is a number of bytes, for people.
func bytesOf(n int64) string {
	size, unit := float64(n), 0
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	for size >= 1024 && unit < len(units)-1 {
		size, unit = size/1024, unit+1
	}
	if unit == 0 {
		return strconv.FormatInt(n, 10) + " B"
	}
	return strconv.FormatFloat(size, 'f', 1, 64) + " " + units[unit]
}
