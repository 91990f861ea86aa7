package process

import (
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"

	"understudy"
)

// identityFor is who a program runs as: nil for whoever runs the supervisor. A name
// brings its supplementary groups; uid[:gid] need not be known to the machine.
func identityFor(name string) (credential *syscall.Credential, home string, err error) {
	if name == "" {
		home, err := os.UserHomeDir()
		if err != nil { // no HOME: a supervisor started bare
			home = "/"
		}
		return nil, home, nil
	}
	credential, home, err = lookUp(name)
	if err != nil {
		return nil, "", err
	}
	self := uint32(os.Geteuid())
	switch {
	case self == 0:
		return credential, home, nil
	case credential.Uid != self:
		return nil, "", understudy.Errorf(understudy.KindRefused,
			"running as user %s: only root may do that, and this is user %d", name, self).
			WithHint("start the daemon as root, or as %s, or leave the user out", name)
	}
	return nil, home, nil
}

func lookUp(name string) (*syscall.Credential, string, error) {
	uid, gid, numeric := strings.Cut(name, ":")
	if _, err := strconv.ParseUint(uid, 10, 32); err != nil {
		if numeric {
			return nil, "", understudy.Errorf(understudy.KindInvalid, "user %q is neither a name nor uid[:gid]", name)
		}
		known, err := user.Lookup(name)
		if err != nil {
			return nil, "", understudy.Errorf(understudy.KindInvalid, "running as user %q: this machine does not know it", name).
				WithHint("add the user, or name one with uid:gid")
		}
		return ofAccount(known)
	}
	if known, err := user.LookupId(uid); err == nil && gid == "" {
		return ofAccount(known)
	}
	if gid == "" {
		gid = uid
	}
	return parseIDs(uid, gid, nil, "/")
}

func ofAccount(known *user.User) (*syscall.Credential, string, error) {
	groups, err := known.GroupIds()
	if err != nil {
		return nil, "", understudy.Errorf(understudy.KindInternal, "reading the groups of user %s: %w", known.Username, err)
	}
	return parseIDs(known.Uid, known.Gid, groups, known.HomeDir)
}

func parseIDs(uid, gid string, groups []string, home string) (*syscall.Credential, string, error) {
	ids := make([]uint32, 0, len(groups)+2)
	for _, text := range append([]string{uid, gid}, groups...) {
		id, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return nil, "", understudy.Errorf(understudy.KindInvalid, "user %s:%s: %q is not a number", uid, gid, text)
		}
		ids = append(ids, uint32(id))
	}
	return &syscall.Credential{Uid: ids[0], Gid: ids[1], Groups: ids[2:]}, home, nil
}
