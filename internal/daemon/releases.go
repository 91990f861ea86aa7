package daemon

import (
	"context"
	"encoding/json"
	"os/exec"
	"strings"
	"time"

	"understudy"
	"understudy/internal/api"
	"understudy/internal/config"
	"understudy/internal/featureflag"
	"understudy/internal/store"
)

// CreateRelease makes an immutable release of a folder: its files are copied in under
// their digest, and the application is taken down as it is declared now.
func (d *Daemon) CreateRelease(ctx context.Context, request api.CreateRelease) (understudy.Release, error) {
	request.By = d.actor(ctx, request.By)
	if err := validLabel(request.Label); err != nil {
		return understudy.Release{}, err
	}
	p, err := d.project()
	if err != nil {
		return understudy.Release{}, err
	}
	app, err := config.LoadRelease(request.From, p)
	if err != nil {
		return understudy.Release{}, err
	}
	if err := app.Validate(); err != nil {
		return understudy.Release{}, err
	}
	if err := declareFlags(&app, request.From, p); err != nil {
		return understudy.Release{}, err
	}
	artifact, err := config.Tree(request.From)
	if err != nil {
		return understudy.Release{}, err
	}
	release, err := understudy.Release{
		Label: request.Label, Artifact: artifact, Application: app, Source: source(ctx, request.From),
		CreatedAt: time.Now(), CreatedBy: request.By,
	}.Name()
	if err != nil {
		return release, err
	}
	return d.keepRelease(ctx, release, request.From)
}

// declareFlags reads the flags of a release into its application, as they are kept.
func declareFlags(app *understudy.Application, from string, p config.Project) error {
	if app.Flags == nil {
		return nil
	}
	raw, path, err := config.ReadFlags(from, p, *app.Flags)
	if err != nil {
		return err
	}
	set, err := featureflag.Parse(raw)
	if err != nil {
		return understudy.Errorf(understudy.KindOf(err), "%s: %w", path, err).WithHint("%s", understudy.HintOf(err))
	}
	definition, err := json.Marshal(set.JSON()) // as it comes back from the store
	app.Flags = &understudy.Flags{File: app.Flags.File, Definition: definition}
	return err
}

func validLabel(label string) error {
	if label == "" || len(label) > 60 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != "" {
		return understudy.Errorf(understudy.KindInvalid, "a label is 1 to 60 letters, digits, dots, dashes and underscores, found %q", label)
	}
	return nil
}

// labelled is what a label names.
type labelled struct {
	Digest understudy.Digest `json:"digest"`
}

func (d *Daemon) keepRelease(ctx context.Context, release understudy.Release, from string) (understudy.Release, error) {
	var named labelled
	err := d.store.Get(ctx, kindLabel, release.Label, &named)
	switch {
	case err == nil && named.Digest != release.Digest:
		return release, understudy.Errorf(understudy.KindConflict, "label %s names release %s already, and these files are release %s",
			release.Label, named.Digest.Short(), release.Digest.Short()).WithHint("labels never move: choose another")
	case err == nil: // made before; the copy of its files is mended where it was damaged since
		if err := d.keepTree(release.Artifact, from); err != nil {
			return release, err
		}
		return d.Release(ctx, string(release.Digest))
	case understudy.KindOf(err) != understudy.KindNotFound:
		return release, err
	}
	if err := d.keepTree(release.Artifact, from); err != nil {
		return release, err
	}
	facts := map[string]string{"label": release.Label, "artifact": string(release.Artifact.Digest), "revision": release.Source.Revision}
	if s := release.Source; !s.CommittedAt.IsZero() && !s.Dirty {
		facts["committed"] = s.CommittedAt.UTC().Format(time.RFC3339)
	}
	if err := (recorder{d, release.CreatedBy}).Record(ctx, "release.created", string(release.Digest), "", facts); err != nil {
		return release, err
	}
	if err := d.store.Put(ctx, kindRelease, string(release.Digest), release); err != nil {
		return release, err
	}
	return release, d.store.Put(ctx, kindLabel, release.Label, labelled{release.Digest})
}

// source asks git, where there is one, what a folder was built from.
func source(ctx context.Context, dir string) understudy.Source {
	git := func(args ...string) (string, error) {
		out, err := exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...).Output()
		return strings.TrimSpace(string(out)), err
	}
	revision, err := git("rev-parse", "HEAD")
	if err != nil {
		return understudy.Source{}
	}
	changed, err := git("status", "--porcelain", "--untracked-files=no")
	source := understudy.Source{Revision: revision, Dirty: err != nil || changed != ""}
	if at, err := git("show", "-s", "--format=%cI", revision); err == nil {
		source.CommittedAt, _ = time.Parse(time.RFC3339, at) // zero where git says something else: then it is not known
	}
	return source
}

// Releases lists the releases, oldest first.
func (d *Daemon) Releases(ctx context.Context) ([]understudy.Release, error) {
	return store.All[understudy.Release](ctx, d.store, kindRelease)
}

// Release finds a release by label, digest, or the beginning of a digest.
func (d *Daemon) Release(ctx context.Context, name string) (understudy.Release, error) {
	var named labelled
	if err := d.store.Get(ctx, kindLabel, name, &named); err == nil {
		return d.releaseByDigest(ctx, named.Digest)
	}
	all, err := d.Releases(ctx)
	if err != nil {
		return understudy.Release{}, err
	}
	var found []understudy.Release
	for _, r := range all {
		if name != "" && (string(r.Digest) == name || strings.HasPrefix(r.Digest.Hex(), name)) {
			found = append(found, r)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return understudy.Release{}, understudy.Errorf(understudy.KindNotFound, "there is no release %q", name).
			WithHint("see what there is: understudy release list; make one: understudy release create %s --from DIR", name)
	}
	return understudy.Release{}, understudy.Errorf(understudy.KindInvalid, "%q could be any of %d releases", name, len(found)).WithHint("write more of the digest, or its label")
}

func (d *Daemon) releaseByDigest(ctx context.Context, digest understudy.Digest) (understudy.Release, error) {
	var r understudy.Release
	err := d.store.Get(ctx, kindRelease, string(digest), &r)
	return r, err
}
