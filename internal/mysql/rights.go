package mysql

import (
	"context"
	"regexp"
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

// grantLine is what SHOW GRANTS says of a whole database or of the server: those of the
// roles that the account has taken on are among it.
var grantLine = regexp.MustCompile("^(GRANT|REVOKE) (.+?) ON (\\*|`(?:[^`]|``)*`)\\.\\* (?:TO|FROM) ")

// rights are the privileges that the account, or a role it has taken on, holds on the
// whole database or the whole server; and the account as GRANT writes it.
func (s *session) rights(ctx context.Context) (map[string]bool, string, error) {
	const doing = "reading the account's rights"
	account, err := s.texts(ctx, doing, "SELECT CURRENT_USER()")
	if err != nil {
		return nil, "", err
	}
	lines, err := s.texts(ctx, doing, "SHOW GRANTS")
	if err != nil {
		return nil, "", err
	}
	held := map[string]bool{}
	for _, line := range lines {
		found := grantLine.FindStringSubmatch(line[0])
		if found == nil {
			continue
		}
		if ours, err := s.covers(ctx, found[3]); err != nil || !ours {
			if err != nil {
				return nil, "", err
			}
			continue
		}
		for right := range strings.SplitSeq(found[2], ",") {
			held[strings.TrimSpace(right)] = found[1] == "GRANT"
		}
	}
	if held["ALL PRIVILEGES"] {
		held = map[string]bool{"SELECT": true, "SHOW VIEW": true, "TRIGGER": true, "EVENT": true}
	}
	return held, accountName(account[0][0]), nil
}

// covers tells whether the place of a grant is the server, or holds our database: it is a
// pattern as of LIKE.
func (s *session) covers(ctx context.Context, place string) (bool, error) {
	if place == "*" {
		return true, nil
	}
	pattern := strings.ReplaceAll(strings.Trim(place, "`"), "``", "`")
	n, err := s.number(ctx, "reading the account's rights", "SELECT DATABASE() LIKE ?", pattern)
	return n == 1, err
}

// accountName writes user@host as GRANT does: 'user'@'host'.
func accountName(account string) string {
	at := strings.LastIndex(account, "@")
	if at < 0 {
		return literal(account)
	}
	return "'" + account[:at] + "'@'" + account[at+1:] + "'"
}
