package config

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"understudy"
)

// fromSops has the sops program decrypt one value of a file: sops:FILE#key.path, where a step
// of the path that is a number counts from 0 in a list. The keys to decrypt with are the
// program's own matter: it has the daemon's environment.
func fromSops(ctx context.Context, rest string) (string, error) {
	file, path, err := sopsParts(rest)
	if err != nil {
		return "", err
	}
	program, err := exec.LookPath("sops")
	if err != nil {
		return "", understudy.Errorf(understudy.KindUnavailable, "reading a secret from sops file %s: there is no program sops on the daemon's PATH", file).
			WithHint("install sops (https://getsops.io), or name its folder in the PATH of the daemon")
	}
	if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
		return "", understudy.Errorf(understudy.KindNotFound, "reading a secret from sops file %s: it does not exist", file)
	}
	return run(ctx, func(ctx context.Context) *exec.Cmd {
		return exec.CommandContext(ctx, program, "--decrypt", "--extract", path, file)
	}, "sops, of file "+file)
}

// sopsParts are the file and, as sops has it, the path in it: ["database"]["password"].
func sopsParts(rest string) (file, path string, err error) {
	at := strings.LastIndex(rest, "#")
	if at <= 0 || at == len(rest)-1 {
		return "", "", understudy.Errorf(understudy.KindInvalid, "a secret of sops is written as sops:FILE#KEY, found no # with a key behind it").
			WithHint("name one value of the file: sops:secrets.enc.yaml#database.password")
	}
	var out strings.Builder
	for step := range strings.SplitSeq(rest[at+1:], ".") {
		if n, err := strconv.Atoi(step); err == nil {
			out.WriteString("[" + strconv.Itoa(n) + "]")
			continue
		}
		out.WriteString(`["` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(step) + `"]`)
	}
	return filepath.Clean(rest[:at]), out.String(), nil
}
