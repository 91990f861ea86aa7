package daemon

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"understudy"
	"understudy/internal/load"
	"understudy/internal/postgres"
	"understudy/internal/postgres/lockwatch"
	"understudy/internal/postgres/plans"
	"understudy/internal/rehearsal"
	"understudy/internal/seal"
	"understudy/internal/supervisor"
)

// SetFlags puts values in force for a part: where it runs already, it serves them when this
// returns; else they are what it starts with.
func (s *stage) SetFlags(ctx context.Context, part rehearsal.Part, values understudy.FlagValues) error {
	state, err := s.d.flagState(ctx, s.env.Name)
	if err != nil {
		return err
	}
	s.rows++
	set := supervisor.FlagSet{Version: state.Version + s.rows, Definition: s.release(part).Application.Flags.Definition, Set: understudy.FlagValues{}}
	for key, variant := range values {
		if variant != "" {
			set.Set[key] = variant
		}
	}
	if s.flags == nil {
		s.flags = map[rehearsal.Part]*supervisor.FlagSet{}
	}
	s.flags[part] = &set
	served, err := s.d.setFlags(ctx, s.deploymentID(part), set)
	if understudy.KindOf(err) == understudy.KindNotFound {
		return nil // it does not run
	}
	if err == nil && served.Version != set.Version {
		err = understudy.Errorf(understudy.KindInternal, "setting flags of %s: it serves version %d, and was handed %d", s.deploymentID(part), served.Version, set.Version)
	}
	return err
}

// FlagReads is what a part has read since it started.
func (s *stage) FlagReads(ctx context.Context, part rehearsal.Part) (rehearsal.FlagReads, error) {
	out := rehearsal.FlagReads{Known: map[string]int{}, Unknown: map[string]int{}}
	served, err := s.d.served(ctx, s.deploymentID(part))
	for _, key := range served.Reads {
		if key.Unknown {
			out.Unknown[key.Key] += key.Reads
		} else {
			out.Known[key.Key] += key.Reads
		}
	}
	out.Bulk = served.Bulk
	return out, err
}

// tours is how often each journey is made when the declared traffic is played once.
const tours = 3

// Play makes the requests of the declared traffic at the twin's door, one after the other.
func (s *stage) Play(ctx context.Context, turn int) ([]rehearsal.Answered, error) {
	traffic := declaredTraffic(s.baseline, s.candidate)
	if traffic == nil || s.env.Listen == "" {
		return nil, nil
	}
	answers, err := load.Tour(ctx, *traffic, load.Target{Base: "http://" + s.env.Listen}, 1, turn, tours)
	var out []rehearsal.Answered
	for _, a := range answers {
		out = append(out, rehearsal.Answered(a))
	}
	return out, err
}

// Effects counts the rows written to the work copy and the statements that the server ran for
// it, and lists the calls that the seal caught.
func (s *stage) Effects(ctx context.Context) (rehearsal.Effects, error) {
	out := rehearsal.Effects{Rows: map[string]int64{}}
	captured, err := seal.Read(s.d.captures(s.env.Name), s.entered)
	if err != nil {
		return out, err
	}
	for _, c := range captured {
		if c.Kind != seal.KindDNS || c.Integration != "" {
			out.Calls = append(out.Calls, asCall(c))
		}
	}
	for name, physical := range s.physical(rehearsal.Work) {
		rows, err := s.written(ctx, physical)
		if err != nil {
			return out, err
		}
		for what, n := range rows {
			if len(s.baseline.Application.Databases) > 1 {
				what = name + ": " + what
			}
			out.Rows[what] = n
		}
		statements, err := s.statements(ctx, physical)
		if err != nil {
			return out, err
		}
		for text, n := range statements {
			if out.Statements == nil {
				out.Statements = map[string]int64{}
			}
			out.Statements[text] += n
		}
	}
	return out, nil
}

// asCall is what the seal caught, without what no program decides by itself.
func asCall(c seal.Capture) rehearsal.Call {
	out := rehearsal.Call{Of: c.Kind + " to " + c.Host, Does: c.Method, From: c.From, To: c.To, Body: []byte(c.Body), Size: c.Size, Type: http.Header(c.Header).Get("Content-Type")}
	if c.Integration != "" {
		out.Of, out.Does = "integration "+c.Integration, strings.TrimSpace(c.Method+" "+c.Host)
	}
	out.Path, out.Query, _ = strings.Cut(c.Path, "?")
	if c.Kind == seal.KindSMTP {
		out.Does, out.Path = "mail", c.Subject
	}
	return out
}

// written is how many rows of each table sessions that have ended have written since the copy
// was made.
func (s *stage) written(ctx context.Context, physical string) (map[string]int64, error) {
	out := map[string]int64{}
	err := s.onServer(ctx, physical, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, `SELECT format('%I.%I', schemaname, relname), n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables`)
		if err != nil {
			return err
		}
		var table string
		var inserted, updated, deleted int64
		_, err = pgx.ForEachRow(rows, []any{&table, &inserted, &updated, &deleted}, func() error {
			for what, n := range map[string]int64{"inserted": inserted, "updated": updated, "deleted": deleted} {
				if n > 0 {
					out["table "+table+" "+what] = n
				}
			}
			return nil
		})
		return err
	})
	return out, err
}

// mostStatements is as many as a server keeps apart, and more.
const mostStatements = 20_000

// statements is how often the server has run which for the services on a copy; none: it does not
// count, or cannot be asked. Of their texts no more is kept than their forms.
func (s *stage) statements(ctx context.Context, physical string) (map[string]int64, error) {
	out := map[string]int64{}
	if why := s.eachOnTwin(ctx, physical, mostStatements, func(one plans.Statement) { out[statementForm(one.Text)] += one.Calls }); why != "" {
		return nil, ctx.Err()
	}
	return out, ctx.Err()
}

var (
	// parameterList is a list of parameters, or several of them, as of rows that are inserted.
	parameterList = regexp.MustCompile(`\(\$\d+(, ?\$\d+)+\)(, ?\(\$\d+(, ?\$\d+)*\))*`)
	// listOfOne is such a list where there happened to be one value, or rows of one value each.
	listOfOne = regexp.MustCompile(`(?i)\b((?:IN|VALUES)\s*)\(\$\d+\)(, ?\(\$\d+\))*`)
	// parameter is one that is left. Its number says only how long the lists before it are.
	parameter = regexp.MustCompile(`\$\d+`)
)

// statementForm is a statement as it is compared and shown: the same however many values a list has, and
// however it is commented, as programs that trace themselves do. All of it counts, and of a long one the beginning is shown.
func statementForm(statement string) string {
	lists := listOfOne.ReplaceAllString(parameterList.ReplaceAllString(statement, "(…)"), "$1(…)")
	return lockwatch.Form(parameter.ReplaceAllString(lists, "?"))
}

func (s *stage) onServer(ctx context.Context, database string, act func(*pgx.Conn) error) error {
	server, err := s.d.twinServer(ctx, s.env.Name)
	if err != nil {
		return err
	}
	conn, err := server.Connect(ctx, database)
	if err != nil {
		return err
	}
	defer postgres.CloseConn(ctx, conn)
	if err := act(conn); err != nil {
		return postgres.ReadError("counting what was written to "+database, err)
	}
	return nil
}

// calmFor is how long nothing new may be seen before what services have begun is taken to be
// done, and calmAtMost the longest that this is waited for.
const (
	calmFor    = 1500 * time.Millisecond
	calmAtMost = 15 * time.Second
)

// End ends all services of the twin once the outside has seen nothing of them for a while.
func (s *stage) End(ctx context.Context) error {
	calm, began := time.Now(), time.Now()
	seen := ""
	for time.Since(calm) < calmFor && time.Since(began) < calmAtMost {
		now, err := s.seen(ctx)
		if err != nil {
			return err
		}
		if now != seen {
			seen, calm = now, time.Now()
		}
		if err := (clock{}).Wait(ctx, 250*time.Millisecond); err != nil {
			return err
		}
	}
	return s.clear(ctx)
}

// seen is what can be seen of services that run: the calls that they make, and what they have
// told the server's statistics so far.
func (s *stage) seen(ctx context.Context) (string, error) {
	seen := []any{}
	if info, err := os.Stat(s.d.captures(s.env.Name)); err == nil { // else nothing was caught yet
		seen = append(seen, info.Size())
	}
	if len(s.baseline.Application.Databases) > 0 {
		for _, physical := range s.physical(rehearsal.Work) {
			rows, err := s.written(ctx, physical)
			if err != nil {
				return "", err
			}
			seen = append(seen, physical, rows)
		}
	}
	raw, err := json.Marshal(seen)
	return string(raw), err
}

// begins are the flags that a part starts with, where a rehearsal has set them.
func (s *stage) begins(part rehearsal.Part) *supervisor.FlagSet {
	set := s.flags[part]
	if set == nil {
		return nil
	}
	copied := *set
	copied.Set = maps.Clone(set.Set)
	return &copied
}
