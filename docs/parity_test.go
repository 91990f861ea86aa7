package docs_test

import (
	"fmt"
	"strings"
	"testing"

	"understudy"
)

func TestEveryKindOfGapIsTold(t *testing.T) {
	page := pages(t)["parity.md"]
	for _, k := range understudy.GapKinds() {
		weight := fmt.Sprint(k.Weight)
		if k.Scaled {
			weight += " × apart"
		}
		if row := fmt.Sprintf("| `%s` | %s | %s |", k.Name, weight, k.About); !strings.Contains(page, row) {
			t.Errorf("parity.md has no row %s", row)
		}
	}
}
