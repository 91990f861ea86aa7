package mysqlwatch

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// switches are the server's settings that the watch changed, as the statements that put
// them back.
type switches struct {
	schema bool // performance_schema is on
	undo   []string
}

// neededConsumers and neededInstruments are what of performance_schema the watch stands on.
const (
	neededConsumers = `'events_statements_current', 'events_statements_history', 'events_statements_history_long', 'events_waits_current', 'events_waits_history',
		'events_waits_history_long', 'events_stages_current', 'events_stages_history', 'events_stages_history_long',
		'events_transactions_current', 'events_transactions_history', 'events_transactions_history_long', 'statements_digest', 'global_instrumentation', 'thread_instrumentation'`
	neededInstruments = `(NAME IN ('wait/lock/metadata/sql/mdl', 'wait/lock/table/sql/handler', 'transaction',
		'stage/sql/copy to tmp table', 'stage/sql/preparing for alter table', 'stage/sql/altering table', 'stage/sql/Committing alter table to storage engine',
		'stage/sql/committing alter table to storage engine', 'stage/sql/Rename result table', 'stage/sql/rename result table')
		OR NAME LIKE 'stage/innodb/alter table%' OR NAME LIKE 'statement/%')`
	// crowding are instruments that nobody reads here and that would fill the ring of waits.
	crowding = `(NAME LIKE 'wait/%' AND NAME NOT IN ('wait/lock/metadata/sql/mdl', 'wait/lock/table/sql/handler') AND ENABLED = 'YES')`
)

// switchOn finds out what the server shows, and has it show what is needed.
func (w *Watch) switchOn(ctx context.Context) error {
	const doing = "looking for performance_schema"
	rows, err := w.conn.Texts(ctx, doing, "SHOW GLOBAL VARIABLES LIKE 'performance_schema'")
	if err != nil {
		return err
	}
	if w.schema = len(rows) == 1 && strings.EqualFold(rows[0][1], "ON"); !w.schema {
		w.record.note("performance_schema is off: statements, locks and waits were looked for in the list of processes, and what was shorter was not seen")
		return nil
	}
	for _, s := range []struct{ table, column, where, value string }{
		{"setup_consumers", "ENABLED", "NAME IN (" + neededConsumers + ")", "YES"},
		{"setup_instruments", "ENABLED", neededInstruments, "YES"},
		{"setup_instruments", "TIMED", neededInstruments, "YES"},
		{"setup_instruments", "ENABLED", crowding, "NO"},
	} {
		if err := w.set(ctx, s.table, s.column, s.where, s.value); err != nil {
			return err
		}
	}
	return w.setTimer(ctx)
}

// set changes one column of a table of settings, and remembers how it was. Every row that
// is not so already is one statement to undo, by name.
func (w *Watch) set(ctx context.Context, table, column, where, value string) error {
	const doing = "switching performance_schema on"
	rows, err := w.conn.Texts(ctx, doing, fmt.Sprintf("SELECT NAME, %s FROM performance_schema.%s WHERE %s AND %s <> '%s'", column, table, where, column, value))
	if err != nil || len(rows) == 0 {
		return err
	}
	names := map[string][]string{}
	for _, row := range rows {
		names[row[1]] = append(names[row[1]], "'"+row[0]+"'")
	}
	for was, of := range names {
		w.undo = append(w.undo, fmt.Sprintf("UPDATE performance_schema.%s SET %s = '%s' WHERE NAME IN (%s)", table, column, was, strings.Join(of, ", ")))
	}
	return w.conn.Exec(ctx, doing, fmt.Sprintf("UPDATE performance_schema.%s SET %s = '%s' WHERE %s", table, column, value, where))
}

// setTimer has waits timed by the clock of statements, so that the two can be compared;
// MySQL has one clock for all.
func (w *Watch) setTimer(ctx context.Context) error {
	const doing = "setting the clock of waits"
	there, err := w.conn.Texts(ctx, doing, "SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'performance_schema' AND TABLE_NAME = 'setup_timers'")
	if err != nil || len(there) == 0 {
		return err
	}
	rows, err := w.conn.Texts(ctx, doing, "SELECT TIMER_NAME FROM performance_schema.setup_timers WHERE NAME = 'wait' AND TIMER_NAME <> 'NANOSECOND'")
	if err != nil || len(rows) == 0 {
		return err
	}
	w.undo = append(w.undo, "UPDATE performance_schema.setup_timers SET TIMER_NAME = '"+rows[0][0]+"' WHERE NAME = 'wait'")
	return w.conn.Exec(ctx, doing, "UPDATE performance_schema.setup_timers SET TIMER_NAME = 'NANOSECOND' WHERE NAME = 'wait'")
}

// putBack undoes what was switched, the last first.
func (w *Watch) putBack(ctx context.Context) (err error) {
	for i := len(w.undo) - 1; i >= 0; i-- {
		err = errors.Join(err, w.conn.Exec(ctx, "putting performance_schema back as it was", w.undo[i]))
	}
	w.undo = nil
	return err
}

// counters are figures of the whole server.
type counters struct {
	log         int64
	bytes       int64            // of the database's files
	connections map[string]int64 // made so far, by user
}

func (w *Watch) readCounters(ctx context.Context) (c counters, err error) {
	rows, err := w.conn.Texts(ctx, "reading how much was logged",
		"SHOW GLOBAL STATUS WHERE Variable_name IN ('Innodb_lsn_current', 'Innodb_redo_log_current_lsn', 'Innodb_os_log_written')")
	if err != nil {
		return c, err
	}
	for _, row := range rows {
		if c.log == 0 || !strings.HasPrefix(row[0], "Innodb_os") {
			c.log = number(row[1])
		}
	}
	c.connections = map[string]int64{}
	if w.schema {
		users, err := w.conn.Texts(ctx, "counting connections", "SELECT USER, TOTAL_CONNECTIONS FROM performance_schema.users WHERE USER IS NOT NULL")
		if err != nil {
			return c, err
		}
		for _, row := range users {
			c.connections[row[0]] = number(row[1])
		}
	}
	c.bytes, err = w.readSize(ctx)
	return c, err
}

// readSize adds up the database's files, those of half made tables included.
func (w *Watch) readSize(ctx context.Context) (int64, error) {
	table := "INNODB_TABLESPACES"
	if w.conn.Maria {
		table = "INNODB_SYS_TABLESPACES"
	}
	rows, err := w.conn.Texts(ctx, "adding up the database's files",
		"SELECT COALESCE(SUM(FILE_SIZE), 0) FROM information_schema."+table+" WHERE SUBSTRING_INDEX(NAME, '/', 1) = "+inFiles("?"), w.conn.Database)
	if err != nil {
		return 0, err
	}
	return number(rows[0][0]), nil
}

// inFiles is an expression's text as names of files have it.
func inFiles(expression string) string {
	return "CONVERT(CAST(CONVERT(" + expression + " USING filename) AS BINARY) USING utf8mb4)"
}

// number reads a number that the server wrote; what is none is 0.
func number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
