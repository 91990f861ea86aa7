package router_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"understudy/internal/router"
)

// The test binary is also the router's program: with this variable set it is a router
// that lives in the folder named, as "understudy router" would.
const asRouter = "UNDERSTUDY_TEST_ROUTER"

func TestMain(m *testing.M) {
	if folder := os.Getenv(asRouter); folder != "" {
		err := router.Run(context.Background(), router.Config{State: folder, Control: folder + "/s", Drain: 5 * time.Second,
			Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if settings := os.Getenv(asIssuer); settings != "" {
		if err := issue(settings); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}
