package alone

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"understudy/internal/cli"
	"understudy/internal/mask"
	"understudy/internal/postgres"
)

// rulesSetting is the setting of a followed database that names the rules it was copied
// under.
const rulesSetting = "understudy.rules"

// noteRules notes in the copy under which rules its rows were masked.
func noteRules(ctx context.Context, order cli.TwinCopy) error {
	rules, err := mask.Load(order.Rules)
	if err != nil {
		return err
	}
	return inCopy(ctx, order, "noting the masking rules in the copy", func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, fmt.Sprintf("ALTER DATABASE %s SET %s = %s", pgx.Identifier{conn.Config().Database}.Sanitize(), rulesSetting,
			postgres.QuoteText(string(rules.Digest()))))
		return err
	})
}

// sameRules tells whether the rows of a copy were masked by the rules of today. By other
// ones, what those kept would stay, while it looks as if today's held for all of it.
func sameRules(ctx context.Context, order cli.TwinCopy) (bool, error) {
	rules, err := mask.Load(order.Rules)
	if err != nil {
		return false, err
	}
	var noted string
	err = inCopy(ctx, order, "reading the masking rules of the copy", func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, "SELECT COALESCE(current_setting($1, true), '')", rulesSetting).Scan(&noted)
	})
	return noted == string(rules.Digest()), err
}

// inCopy runs act with a session on the copy's database.
func inCopy(ctx context.Context, order cli.TwinCopy, doing string, act func(*pgx.Conn) error) error {
	conn, err := postgres.OpenReader(ctx, order.To, "understudy")
	if err != nil {
		return err
	}
	defer postgres.CloseConn(ctx, conn)
	if err := act(conn); err != nil {
		return postgres.ReadError(doing, err)
	}
	return nil
}
