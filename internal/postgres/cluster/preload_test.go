package cluster_test

import (
	"testing"

	"understudy/internal/postgres/postgrestest"
)

func TestStart_LoadsTheLibrariesThatTheMachineHas(t *testing.T) {
	t.Parallel()
	spec := postgrestest.Spec(postgrestest.Folder(t), postgrestest.FreePort(t))
	spec.Settings["shared_preload_libraries"] = "pg_prewarm"
	spec.Preload = []string{"pg_stat_statements", "pg_prewarm", "understudy_is_nowhere"}
	server := postgrestest.Started(t, spec)
	conn := postgrestest.Connected(t, server.AdminURL("postgres"))
	if got := postgrestest.Answer(t, conn, `SHOW shared_preload_libraries`); got != "pg_prewarm, pg_stat_statements" {
		t.Errorf("it has loaded %q", got)
	}
}
