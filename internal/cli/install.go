package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"understudy"
	"understudy/internal/api/client"
	"understudy/internal/config"
	"understudy/internal/systemd"
)

func (c *cli) installCommand() *cobra.Command {
	var wish systemd.Wish
	var only, away bool
	cmd := c.command(page{
		use: "install [--user USER] [--print] [--uninstall]", short: "set daemon and router up as services of this server (systemd)", args: takes(0, 0),
		long: "Writes a systemd unit for the daemon and one for the router, enables and starts both, and looks\n" +
			"whether they are there: after a reboot what was up serves again without anybody's help. A restart\n" +
			"of the daemon never touches the router. Doing it again changes nothing. A daemon and a router that\n" +
			"run already are ended for it; front doors close for that moment.\n\n" +
			"Secrets that understudy.yaml names as env: have to stand in /etc/understudy/APPLICATION.env, which\n" +
			"is made, and is the operator's from then on. --uninstall takes the services away, and no data.",
		example: "understudy install --dir /srv/shop --print\nsudo understudy install --dir /srv/shop --user shop\nsudo understudy install --dir /srv/shop --uninstall",
		exits:   "0 done, 1 error, 2 wrong usage, 3 the state belongs to another user",
	}, func(ctx context.Context, _ []string) error {
		at, err := c.place()
		if err != nil {
			return err
		}
		if wish, err = c.wish(at, wish); err != nil {
			return err
		}
		switch {
		case only:
			c.printUnits(wish)
			return nil
		case away:
			if err := systemd.Here(); err != nil {
				return err
			}
			return systemd.Uninstall(ctx, wish, c.machine(at))
		}
		if err := systemd.Here(); err != nil {
			return err
		}
		return systemd.Install(ctx, wish, c.machine(at))
	})
	cmd.Flags().StringVar(&wish.User, "user", "", "whom the services run as (default: the owner of the state directory)")
	cmd.Flags().BoolVar(&only, "print", false, "print what would be written, and do nothing")
	cmd.Flags().BoolVar(&away, "uninstall", false, "stop the services and take them away")
	return cmd
}

// wish is what is to be installed for a project.
func (c *cli) wish(at place, w systemd.Wish) (systemd.Wish, error) {
	project, err := config.Load(filepath.Join(at.project, config.FileName))
	if err != nil {
		return w, err
	}
	if w.Program, err = os.Executable(); err != nil {
		return w, understudy.Errorf(understudy.KindInternal, "finding this program's own file: %w", err)
	}
	if w.Program, err = filepath.EvalSymlinks(w.Program); err != nil {
		return w, understudy.Errorf(understudy.KindInternal, "finding this program's own file: %w", err)
	}
	if w.User == "" {
		if w.User, err = systemd.Owner(at.state.Root); err != nil {
			return w, err
		}
	}
	w.Application, w.Project, w.State, w.Run = project.Application.Name, at.project, at.state.Root, at.state.Run
	return w.Complete()
}

func (c *cli) printUnits(w systemd.Wish) {
	for i, f := range w.Files() {
		if i > 0 {
			c.voice.print("")
		}
		c.voice.print("# %s", f.Path)
		c.voice.print("%s", strings.TrimSuffix(f.Content, "\n"))
	}
	c.voice.say("nothing was changed; these files would be written, and %s and %s enabled and started", w.Router(), w.Daemon())
}

// machine is this machine, for an installation.
func (c *cli) machine(at place) systemd.Machine {
	return systemd.Machine{
		Systemctl: systemd.Systemctl,
		Tell:      func(text string) { c.voice.say("%s", text) },
		Answers: func(ctx context.Context) error {
			daemon := client.New(at.state.Socket())
			defer daemon.Close()
			_, err := daemon.Info(ctx)
			return err
		},
		End: func(ctx context.Context) error { return c.endByHand(ctx, at) },
	}
}

// endByHand ends a daemon and a router that commands have started: the services take over.
func (c *cli) endByHand(ctx context.Context, at place) error {
	if answers(ctx, at.state.Socket()) {
		daemon := client.New(at.state.Socket())
		defer daemon.Close()
		if err := c.stopDaemon(ctx, at, daemon); err != nil {
			return err
		}
	}
	pid, err := routerOf(at.state.RouterSocket())
	if err != nil || pid == 0 {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("ending the router: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 2*stopPatience)
	defer cancel()
	for answers(ctx, at.state.RouterSocket()) || !letGo(at.state.Below("router", "lock")) {
		if pause(ctx, startLook) != nil {
			return understudy.Errorf(understudy.KindUnavailable, "the router (process %d) does not end", pid)
		}
	}
	c.voice.say("the router that a command had started has ended")
	return nil
}

// routerOf is the process of the router that answers on a socket; 0: none does.
func routerOf(socket string) (int, error) {
	if !answers(context.Background(), socket) {
		return 0, nil
	}
	asked := &http.Client{Transport: &http.Transport{DialContext: client.Dial(socket), DisableKeepAlives: true}, Timeout: startPatience}
	response, err := asked.Get("http://router/state")
	if err != nil {
		return 0, understudy.Errorf(understudy.KindUnavailable, "asking the router which process it is: %w", err)
	}
	var state struct {
		PID int `json:"pid"`
	}
	err = json.NewDecoder(response.Body).Decode(&state)
	return state.PID, errors.Join(err, response.Body.Close())
}
