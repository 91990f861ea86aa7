package mysql

import (
	"context"
	"slices"
	"strings"

	"understudy"
)

// mayRead refuses an account that does not see everything of the database. What an
// account may not read, the server does not even name to it, so that rights on single
// tables cannot tell a whole copy from one with a hole.
func (s *session) mayRead(ctx context.Context) error {
	held, account, err := s.rights(ctx)
	if err != nil {
		return err
	}
	var missing []string
	for _, right := range []string{"SELECT", "SHOW VIEW", "TRIGGER", "EVENT"} {
		if !held[right] {
			missing = append(missing, right)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return understudy.Errorf(understudy.KindRefused, "reading %s: the account lacks %s on the whole database", s.place, strings.Join(missing, ", ")).
		WithHint("GRANT %s ON %s.* TO %s", strings.Join(missing, ", "), quoted(s.database), account)
}

// rights are the privileges that the account, or a role it has taken on, holds on the
// whole database or the whole server; and the account as GRANT writes it.
func (s *session) rights(ctx context.Context) (map[string]bool, string, error) {
	const doing = "reading the account's rights"
	rows, err := s.texts(ctx, doing, "SELECT CURRENT_USER()")
	if err != nil {
		return nil, "", err
	}
	account := accountName(rows[0][0])
	grantees, err := s.grantees(ctx, account)
	if err != nil {
		return nil, "", err
	}
	rows, err = s.texts(ctx, doing, `SELECT GRANTEE, PRIVILEGE_TYPE FROM information_schema.USER_PRIVILEGES
		UNION ALL SELECT GRANTEE, PRIVILEGE_TYPE FROM information_schema.SCHEMA_PRIVILEGES WHERE DATABASE() LIKE TABLE_SCHEMA`)
	if err != nil {
		return nil, "", err
	}
	held := map[string]bool{}
	for _, row := range rows {
		if slices.Contains(grantees, row[0]) {
			held[strings.ToUpper(row[1])] = true
		}
	}
	return held, account, nil
}

// grantees are the account and its roles, as the server's tables of rights write them.
func (s *session) grantees(ctx context.Context, account string) ([]string, error) {
	grantees := []string{account}
	rows, err := s.texts(ctx, "reading the account's roles", "SELECT COALESCE(CURRENT_ROLE(), '')")
	if err != nil {
		return nil, err
	}
	for role := range strings.SplitSeq(rows[0][0], ",") {
		role = strings.ReplaceAll(strings.TrimSpace(role), "`", "'")
		grantees = append(grantees, role, "'"+role+"'@''", "'"+role+"'")
	}
	return grantees, nil
}

// accountName writes user@host as GRANT does: 'user'@'host'.
func accountName(account string) string {
	at := strings.LastIndex(account, "@")
	if at < 0 {
		return literal(account)
	}
	return "'" + account[:at] + "'@'" + account[at+1:] + "'"
}
