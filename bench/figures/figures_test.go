package figures_test

import (
	"os"
	"path/filepath"
	"testing"

	"understudy/bench/figures"
)

func TestRenew_LeavesWhatWasNotMeasuredAgain(t *testing.T) {
	t.Chdir(t.TempDir())
	const want = `[
  {
    "metric": "copy",
    "value": 1,
    "unit": "s",
    "peer": "pg_dump",
    "peer_value": 4,
    "ratio": 0.25,
    "target": "at most 0.5 x",
    "met": true
  },
  {
    "metric": "copy",
    "value": 3,
    "unit": "s",
    "peer": "greenmask",
    "peer_value": 4,
    "ratio": 0.75,
    "target": "at most 0.6 x",
    "met": false
  },
  {
    "metric": "lag",
    "value": 5,
    "unit": "s",
    "peer": "",
    "peer_value": null,
    "ratio": null,
    "target": "",
    "met": null
  }
]
`
	dumped := figures.Against("copy", 1, "s", "pg_dump", 4, 0.5, 0)
	for _, run := range [][]figures.Figure{
		{dumped, figures.Unmeasured("copy", "at most 0.6 x", "no greenmask on the PATH")},
		{figures.Alone("lag", 5, "s", 0, 0)},
		{figures.Against("copy", 2, "s", "greenmask", 4, 0.6, 0)},
		{figures.Against("copy", 3, "s", "greenmask", 4, 0.6, 0)},
	} {
		if err := figures.Renew("twin", run); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(filepath.Join("bench", "results", "twin.json")); err != nil || string(got) != want {
		t.Errorf("%s, %v", got, err)
	}
	if err := os.WriteFile(filepath.Join("bench", "results", "twin.json"), []byte("[{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := figures.Renew("twin", []figures.Figure{dumped}); err == nil {
		t.Error("a damaged file was replaced, and with it what was not measured again")
	}
}
