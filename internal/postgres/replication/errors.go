package replication

import (
	"errors"

	"github.com/jackc/pgx/v5/pgconn"

	"understudy"
	"understudy/internal/postgres"
)

// failed says why something on a replication connection stopped. Somebody may branch on:
// a slot that somebody else reads or that exists already (KindConflict), one that does not
// exist (KindNotFound), and one whose log the server has removed (KindRefused).
func failed(doing string, err error) error {
	answer := new(pgconn.PgError)
	if !errors.As(err, &answer) {
		return postgres.ReadError(doing, err)
	}
	said := postgres.SafeMessage(answer)
	switch answer.Code {
	case "55006", "42710":
		return understudy.Errorf(understudy.KindConflict, "%s: %s", doing, said)
	case "42704":
		return understudy.Errorf(understudy.KindNotFound, "%s: %s", doing, said)
	case "55000":
		return understudy.Errorf(understudy.KindRefused, "%s: %s", doing, said)
	case "53400":
		return understudy.Errorf(understudy.KindUnavailable, "%s: %s", doing, said).
			WithHint("drop a slot that nobody uses (SELECT slot_name, active FROM pg_replication_slots), or raise max_replication_slots")
	}
	if class := answer.Code[:2]; class == "08" || class == "53" || class == "58" { // connection, room, disk
		return understudy.Errorf(understudy.KindUnavailable, "%s: %s", doing, said)
	}
	return postgres.ServerError(doing, answer)
}
