package process_test

import (
	"testing"

	"understudy"
	"understudy/internal/runtime/process"
)

func TestStatus_TellsWithWhatConfigurationAProcessWasSeenToBeStarted(t *testing.T) {
	key, other := []byte("0123456789abcdef"), []byte("another-key-of-it")
	read := "start"
	if process.ReadsBack {
		read = "kernel"
	}
	for name, c := range map[string]struct {
		env  []string
		want []string
	}{
		"as it is given":          {[]string{"PAGE_SIZE=20", "API_TOKEN=sk_live_12345678", "EMPTY="}, []string{"EMPTY=", "API_TOKEN=sk_live_12345678", "PAGE_SIZE=20"}},
		"of two, the last counts": {[]string{"PAGE_SIZE=20", "PAGE_SIZE=30"}, []string{"PAGE_SIZE=30"}},
		"with lines and a path":   {[]string{"PEM=a\nB=c\n", "PATH=/usr/bin:/bin"}, []string{"PATH=/usr/bin:/bin", "PEM=a\nB=c\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRuntime(t)
			spec := shell(t, r, `export PAGE_SIZE=changed; unset API_TOKEN; sleep 1000`)
			spec.Programs[0].Env, spec.PrintKey = c.env, key
			got := startReady(t, r, spec).Programs[0]
			if got.Config != understudy.EnvironPrint(key, c.want) || got.ConfigRead != read {
				t.Errorf("%s by %s, expected %s by %s", got.Config, got.ConfigRead, understudy.EnvironPrint(key, c.want), read)
			}
			if got.Config == understudy.EnvironPrint(other, c.want) || got.Config == understudy.EnvironPrint(key, append(c.want, "X=1")) {
				t.Error("another key, or another environment, gives the same print")
			}
		})
	}
}

func TestStatus_PrintsNoConfigurationWithoutAKey(t *testing.T) {
	r := newRuntime(t)
	if got := startReady(t, r, shell(t, r, "sleep 1000")).Programs[0]; got.Config != "" || got.ConfigRead != "" {
		t.Errorf("%+v", got)
	}
}
