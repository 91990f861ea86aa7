package understudy_test

import (
	"testing"

	"understudy"
)

func TestParseBytes_ReadsSizesAsPostgreSQLWritesThem(t *testing.T) {
	for text, want := range map[string]int64{"64MB": 64 << 20, "512kB": 512 << 10, "1.5GB": 3 << 29, "7": 7, "2 TB": 2 << 40} {
		if got, err := understudy.ParseBytes(text); err != nil || got != want {
			t.Errorf("%s became %d, %v; expected %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "fast", "-1MB", "9999999TB", "1MBit"} {
		if got, err := understudy.ParseBytes(text); err == nil {
			t.Errorf("%q became %d", text, got)
		}
	}
}
