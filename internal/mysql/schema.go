package mysql

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"regexp"
	"slices"
	"strings"

	"understudy"
)

// definition is what makes one thing of a database, and the session that it was made in:
// the same words mean other things under another mode or character set.
type definition struct {
	kind, name string
	statement  string
	mode       string // sql_mode; empty: ours
	client     string // character_set_client
	connection string // collation_connection
	zone       string // time_zone
}

// schema is everything of a database but its rows.
type schema struct {
	charset, collation string
	tables             map[string]string // CREATE TABLE, by name
	sequences          []definition
	routines           []definition
	views              []definition
	triggers           []definition
	events             []definition
}

// definer is the clause that names whose rights a routine runs with. Accounts are the
// server's, not the database's, and the twin's server has none of production's.
var definer = regexp.MustCompile("^(CREATE(?: OR REPLACE)?(?: ALGORITHM=\\w+)?(?: AGGREGATE)?) DEFINER=(?:`(?:[^`]|``)*`(?:@`(?:[^`]|``)*`)?|CURRENT_ROLE|CURRENT_USER)")

// counter is where an AUTO_INCREMENT stands, which moves without a change of the schema.
var counter = regexp.MustCompile(`(?m)^(\) ENGINE=.*?) AUTO_INCREMENT=\d+`)

// schema reads all definitions. What the account may not read is an error that names the
// GRANT.
func (s *session) schema(ctx context.Context, tables []*table) (*schema, error) {
	defaults, err := s.texts(ctx, "reading the database", "SELECT @@character_set_database, @@collation_database")
	if err != nil {
		return nil, err
	}
	made := &schema{charset: defaults[0][0], collation: defaults[0][1], tables: map[string]string{}}
	for _, t := range tables {
		row, err := s.first(ctx, "reading the definition of table "+tableName(t.name), "SHOW CREATE TABLE "+quoted(t.name))
		if err != nil {
			return nil, err
		}
		made.tables[t.name] = row["create table"]
	}
	for _, part := range []struct {
		into *[]definition
		read func(context.Context) ([]definition, error)
	}{
		{&made.sequences, s.sequences}, {&made.routines, s.routines}, {&made.views, s.views}, {&made.triggers, s.triggers}, {&made.events, s.events},
	} {
		if *part.into, err = part.read(ctx); err != nil {
			return nil, err
		}
	}
	return made, nil
}

// shown reads the definition of one thing by SHOW CREATE.
func (s *session) shown(ctx context.Context, kind, name string) (definition, error) {
	doing := "reading the definition of " + strings.ToLower(kind) + " " + plainName(name)
	row, err := s.first(ctx, doing, "SHOW CREATE "+kind+" "+quoted(name))
	if err != nil {
		return definition{}, err
	}
	statement := cmp.Or(row["create "+strings.ToLower(kind)], row["create table"])
	if statement == "" {
		return definition{}, s.hidden(doing)
	}
	return definition{
		kind: kind, name: name, statement: definer.ReplaceAllString(statement, "$1"),
		mode: row["sql_mode"], client: row["character_set_client"], connection: row["collation_connection"], zone: row["time_zone"],
	}, nil
}

// hidden is the refusal to show what a routine does.
func (s *session) hidden(doing string) error {
	grant := "GRANT SHOW_ROUTINE ON *.* TO " + s.config.User
	if s.maria {
		grant = "GRANT SELECT ON mysql.proc TO " + s.config.User
	}
	return understudy.Errorf(understudy.KindRefused, "%s: the account may not see it", doing).WithHint("%s (with the account's host)", grant)
}

func (s *session) sequences(ctx context.Context) ([]definition, error) {
	return s.each(ctx, "reading the sequences", "SELECT 'SEQUENCE', TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'SEQUENCE' ORDER BY 2")
}

func (s *session) routines(ctx context.Context) ([]definition, error) {
	return s.each(ctx, "reading the routines", "SELECT ROUTINE_TYPE, ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE() ORDER BY 1, 2")
}

func (s *session) views(ctx context.Context) ([]definition, error) {
	return s.each(ctx, "reading the views", "SELECT 'VIEW', TABLE_NAME FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE() ORDER BY 2")
}

func (s *session) events(ctx context.Context) ([]definition, error) {
	return s.each(ctx, "reading the events", "SELECT 'EVENT', EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE() ORDER BY 2")
}

// each reads the definition of every thing that a query lists by kind and name.
func (s *session) each(ctx context.Context, doing, query string) ([]definition, error) {
	rows, err := s.texts(ctx, doing, query)
	if err != nil {
		return nil, err
	}
	var all []definition
	for _, row := range rows {
		d, err := s.shown(ctx, row[0], row[1])
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
}

// triggers are put together from their parts: the text that made one may name the
// database. They come in the order in which they fire.
func (s *session) triggers(ctx context.Context) ([]definition, error) {
	rows, err := s.texts(ctx, "reading the triggers", `SELECT TRIGGER_NAME, ACTION_TIMING, EVENT_MANIPULATION, EVENT_OBJECT_TABLE, ACTION_STATEMENT,
		SQL_MODE, CHARACTER_SET_CLIENT, COLLATION_CONNECTION FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()
		ORDER BY EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER`)
	if err != nil {
		return nil, err
	}
	all := make([]definition, len(rows))
	for i, row := range rows {
		all[i] = definition{
			kind: "TRIGGER", name: row[0], mode: row[5], client: row[6], connection: row[7],
			statement: "CREATE TRIGGER " + quoted(row[0]) + " " + row[1] + " " + row[2] + " ON " + quoted(row[3]) + " FOR EACH ROW " + row[4],
		}
	}
	return all, nil
}

// lines is the schema as text to compare: one thing after the other, without what moves
// by itself.
func (s *schema) lines() []string {
	lines := []string{"DATABASE " + s.charset + " " + s.collation}
	for _, name := range slices.Sorted(maps.Keys(s.tables)) {
		lines = append(lines, counter.ReplaceAllString(s.tables[name], "$1"))
	}
	for _, part := range [][]definition{s.sequences, s.routines, s.views, s.triggers, s.events} {
		for _, d := range part {
			lines = append(lines, d.statement)
		}
	}
	return lines
}

// digest stands for the schema: equal as long as nothing was changed.
func (s *schema) digest() string {
	sum := sha256.Sum256([]byte(strings.Join(s.lines(), "\x00")))
	return hex.EncodeToString(sum[:])
}

// Schema describes a database by the statements that make it, for comparison: without
// the accounts that own its code, and without where its counters stand.
func Schema(ctx context.Context, url string) ([]string, error) {
	s, err := open(ctx, url)
	if err != nil {
		return nil, err
	}
	defer s.close()
	tables, err := s.tables(ctx)
	if err != nil {
		return nil, err
	}
	read, err := s.schema(ctx, tables)
	if err != nil {
		return nil, err
	}
	return read.lines(), nil
}
