package alone

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"understudy"
	"understudy/internal/mysql/instance"
	"understudy/internal/runtime/process"
	"understudy/internal/seal"
)

// place is the folder that the copy's server lives in. A program of our own waits beside it
// until we are gone, and clears the place away where we could not do so ourselves.
type place struct {
	left
	mark *held
	tidy *exec.Cmd
}

// left is what is cleared away after a rehearsal that was killed.
type left struct {
	Folder string `json:"folder"`
	Kept   bool   `json:"kept"` // what runs is ended, and the folder stays
}

// temporary begins the names of folders that are not kept.
const temporary = "understudy-migration-"

func (l left) marking() mark {
	const text = "A migration is being rehearsed in this folder, or was ended in the middle of it; "
	if l.Kept {
		return mark{".understudy-rehearsal", text + "it is to be kept.\n"}
	}
	return mark{".understudy-rehearsal", text + "it is cleared away.\n"}
}

// openPlace makes the folder that is to be kept, or a temporary one, after what killed ones
// have left is cleared away. The server runs as another user where we are root, so others may
// enter it.
func openPlace(ctx context.Context, folder string, tell func(string)) (p place, err error) {
	clearLeft(ctx, tell)
	if p.Folder, p.Kept = folder, folder != ""; p.Kept {
		err = os.MkdirAll(folder, 0o755)
	} else if p.Folder, err = os.MkdirTemp("", temporary); err == nil {
		err = os.Chmod(p.Folder, 0o755)
	}
	if err == nil {
		p.Folder, err = filepath.Abs(p.Folder)
	}
	if err == nil {
		p.mark, err = p.marking().put(p.Folder)
	}
	if err != nil {
		return place{}, folderError(err)
	}
	if p.tidy, err = p.await(); err != nil {
		return place{}, errors.Join(err, p.close())
	}
	return p, nil
}

func (p place) close() (err error) {
	if p.Kept {
		err = p.marking().lift(p.Folder)
	} else {
		err = p.marking().remove(p.Folder)
	}
	err = errors.Join(err, p.mark.Close())
	if p.tidy != nil {
		_ = p.tidy.Wait() // it finds nothing to do any more; had it been killed, neither
	}
	return err
}

// await starts the program that waits for our end. It leads a session of its own, so that
// what ends us does not end it.
func (l left) await() (*exec.Cmd, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	order, err := json.Marshal(l)
	if err != nil {
		return nil, err
	}
	reads, writes, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, "tidy")
	cmd.Dir, cmd.Stdin, cmd.SysProcAttr = "/", reads, &syscall.SysProcAttr{Setsid: true}
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	_, err = writes.Write(order) // before it starts: it fits into the pipe, and we may be gone a moment later
	err = errors.Join(err, writes.Close())
	if err == nil {
		err = cmd.Start()
	}
	if err = errors.Join(err, reads.Close()); err != nil {
		return nil, understudy.Errorf(understudy.KindUnavailable, "starting what clears the copy away should this program be killed: %w", err)
	}
	return cmd, nil
}

// Tidy is the main of `understudy tidy`: it waits until a rehearsal is gone, and clears away
// what that has left.
func Tidy(ctx context.Context, in io.Reader) error {
	var l left
	if err := json.NewDecoder(in).Decode(&l); err != nil {
		return understudy.Errorf(understudy.KindInvalid, "reading what to clear away: expected one whole order on standard input: %w", err)
	}
	held, err := l.marking().await(l.Folder)
	if errors.Is(err, errNoMark) { // it has done so itself
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(l.clear(ctx), held.Close())
}

// clearLeft clears away what rehearsals have left that were killed with all of the machine.
// What cannot be cleared away keeps nobody from rehearsing.
func clearLeft(ctx context.Context, tell func(string)) {
	folders, err := filepath.Glob(filepath.Join(os.TempDir(), temporary+"*"))
	if err != nil {
		return // the pattern is well formed, but for a strange name of the folder above
	}
	for _, folder := range folders {
		l := left{Folder: folder}
		if !ours(folder) {
			continue
		}
		held, err := l.marking().find(folder)
		if err != nil { // at work, or not a rehearsal's
			continue
		}
		tell("clearing away what a rehearsal that was killed has left in " + folder)
		if err := errors.Join(l.clear(ctx), held.Close()); err != nil {
			tell(err.Error())
		}
	}
}

// ours tells a folder of our own user's from what others put where everybody may write.
func ours(folder string) bool {
	info, err := os.Lstat(folder)
	if err != nil || !info.IsDir() {
		return false
	}
	stat, isUnix := info.Sys().(*syscall.Stat_t)
	return isUnix && int(stat.Uid) == os.Geteuid()
}

// clear ends what runs in the folder, and removes it where it is not to be kept. Whoever
// calls it holds the mark.
func (l left) clear(ctx context.Context) error {
	commands, err := l.runtime()
	if err != nil {
		return err
	}
	err = errors.Join(commands.Stop(ctx, boothID), endServers(ctx, l.Folder))
	if data := filepath.Join(l.Folder, "data"); isFolder(data) { // of one of MariaDB's or MySQL's, perhaps
		err = errors.Join(err, instance.New(instance.Place{Dir: data, SocketDir: filepath.Join(l.Folder, "run"), Log: filepath.Join(l.Folder, "log")}).Stop(ctx))
	}
	if err == nil && l.Kept {
		return l.marking().lift(l.Folder)
	}
	// A server that was just being made ends when its folder is gone, and may still write meanwhile.
	for limit := time.Now().Add(10 * time.Second); err == nil; {
		if err = l.marking().remove(l.Folder); err == nil {
			return nil
		}
		if time.Now().Before(limit) {
			err = pause(ctx)
		}
	}
	return understudy.Errorf(understudy.KindUnavailable, "clearing away what a rehearsal that was killed has left in %s: %w", l.Folder, err).
		WithHint("end what runs there and remove it by hand: it may hold production's values")
}

// runtime runs the commands of the rehearsal. Its names are short, as the paths of sockets have to be.
func (l left) runtime() (*process.Runtime, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return &process.Runtime{
		Run: filepath.Join(l.Folder, "c"), LogDir: filepath.Join(l.Folder, "commands"), Supervisor: []string{program, "supervise"}, Isolate: seal.Isolate,
	}, nil
}
