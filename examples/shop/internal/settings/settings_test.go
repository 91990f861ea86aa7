package settings_test

import (
	"testing"

	"understudy/examples/shop/internal/settings"
)

func TestRead_NamesEverythingThatIsMissingOrWrong(t *testing.T) {
	t.Setenv("DATABASE_URL", "")
	t.Setenv("SESSION_KEY", "")
	t.Setenv("PAGE_SIZE", "many")
	_, err := settings.Read("DATABASE_URL", "SESSION_KEY")
	const want = `reading the configuration: DATABASE_URL is not set; SESSION_KEY is not set; PAGE_SIZE is "many", expected a number from 1 to 200`
	if err == nil || err.Error() != want {
		t.Errorf("expected %q, found %v", want, err)
	}
}
