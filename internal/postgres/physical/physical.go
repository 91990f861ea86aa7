package physical

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"understudy"
	"understudy/internal/postgres/cluster"
	"understudy/internal/postgres/heap"
)

// Spec says what is copied where, and how. Either Source or From is given.
type Spec struct {
	// Source is the URL of the database, on a server, primary or standby, of a role that
	// may replicate. All of the server's cluster goes over the wire.
	Source string
	// From is a data directory that the copy takes over: a clone of production's, cleanly
	// stopped or as it was at one instant, that belongs to nobody else, on the file system
	// of Dir. It is gone afterwards, whatever comes of the copy.
	From     string
	Database string // the one that is kept; needed with From, else that of Source
	// Dir is the data directory to make; nothing may be there. Beside it stand its working
	// folder and files until the end.
	Dir       string
	SocketDir string // a folder with a short path for the server at work; empty: one for the time
	// Masks decides for each table which columns are masked. It is asked before anything
	// is copied, where that can be, without samples, and again of the copy.
	Masks    understudy.Masks
	Samples  int               // values of each column that Masks is shown; 0: 100
	Parallel int               // files, indexes or tables worked on at once; 0: 2
	MaxRate  int64             // bytes a second that the source is read at; 0: as fast as it goes
	Settings map[string]string // of the server at work, such as shared_buffers
	Verify   bool              // look at every page, checksum and rebuilt index again
	// Scan, if not nil, reads every file of the finished copy, from several goroutines at
	// once; an error of it, such as an original value found, ends the copy.
	Scan func(file string, content io.Reader) error
	// Progress, if not nil, is told what is being done and how far it is; never twice at once.
	Progress func(Progress)
	// Notice, if not nil, is told in a sentence each thing of production that the twin has
	// otherwise, or not at all.
	Notice func(sentence string)
}

// Progress is how far a phase has come; a Total of 0 is not known.
type Progress struct {
	Phase string `json:"phase"`
	Done  int64  `json:"done"` // bytes
	Total int64  `json:"total,omitempty"`
}

// Result is what was made.
type Result struct {
	Copy   understudy.DatabaseCopy `json:"copy"`
	Masked []Masked                `json:"masked"` // tables whose files were changed
	Phases []Phase                 `json:"phases"` // in their order
}

// Masked is how one table was masked.
type Masked struct {
	Table string `json:"table"`
	// Way is how: "pages" in place, "rows" where it was written anew by rows.
	Way     string     `json:"way"`
	Why     string     `json:"why,omitempty"` // not in place
	Pages   heap.Tally `json:"pages"`         // what was done in place
	Rows    int64      `json:"rows"`          // masked by rows
	Indexes []string   `json:"indexes,omitempty"`
}

// Phase is how long a step of the copy took.
type Phase struct {
	Name string        `json:"name"`
	Took time.Duration `json:"took"`
}

// Copy makes Dir a stopped cluster that holds one database of production, masked, and
// nothing of production's else but roles (without passwords) and their settings. It is
// started with [cluster.New]; its superuser is postgres, over the socket.
//
// Columns that Masks refuses end it with KindRefused. Like production's, the cluster needs
// this machine's version, byte order and libraries of collation; that is checked. Its
// system identifier is production's: it must never be offered production's archive.
func Copy(ctx context.Context, spec Spec) (Result, error) {
	spec, err := spec.complete()
	if err != nil {
		return Result{}, err
	}
	c := &copying{spec: spec, work: spec.Dir + ".making"}
	unlock, err := c.claim(ctx)
	if err != nil {
		return Result{}, err
	}
	err = c.run(ctx)
	if err != nil {
		err = errors.Join(err, c.abandon(ctx))
	}
	return c.result(), errors.Join(err, unlock())
}

func (s Spec) complete() (Spec, error) {
	invalid := func(what string) error {
		return understudy.Errorf(understudy.KindInvalid, "a physical copy %s", what)
	}
	switch {
	case s.Masks == nil:
		return s, invalid("needs masks, and was given none")
	case (s.Source == "") == (s.From == ""):
		return s, invalid("is made of a server or of a data directory: one of the two has to be given")
	case s.From != "" && s.Database == "":
		return s, invalid("of a data directory has to be told which database it is for")
	case s.Database == "template0" || s.Database == "template1":
		return s, invalid("is of a database of production's, not of a template")
	case !filepath.IsAbs(s.Dir):
		return s, invalid("needs a data directory with an absolute path")
	}
	if s.Parallel <= 0 {
		s.Parallel = 2
	}
	if s.Samples <= 0 {
		s.Samples = 100
	}
	if s.Progress == nil {
		s.Progress = func(Progress) {}
	}
	if s.Notice == nil {
		s.Notice = func(string) {}
	}
	return s, nil
}

// copying is one copy under way.
type copying struct {
	spec    Spec
	work    string // the data directory until it is finished
	socket  string // the folder of the server's socket
	owner   cluster.User
	from    cluster.Installation
	server  *cluster.Cluster
	control control
	tables  []*table
	aside   []index         // set aside until they are built again
	known   map[string]bool // files of the database that belong to something
	version string
	bytes   int64
	phases  []Phase
	telling sync.Mutex
}

// run goes the way that the package comment draws.
func (c *copying) run(ctx context.Context) error {
	steps := []struct {
		name string
		do   func(context.Context) error
	}{
		{"take", c.take}, {"recover", c.recover}, {"strip", c.strip}, {"decide", c.decide}, {"stop", c.stop},
		{"mask pages", c.maskPages}, {"start", c.start}, {"mask rows", c.maskRows}, {"forget", c.forgetStatistics}, {"rebuild", c.rebuild},
		{"views", c.refreshViews}, {"prove", c.prove}, {"statistics", c.renewStatistics}, {"list files", c.listFiles}, {"stop again", c.stop}, {"seal", c.seal},
		{"verify", c.verifyFiles}, {"scan", c.scan}, {"finish", c.finish},
	}
	for _, step := range steps {
		began := time.Now()
		c.tell(Progress{Phase: step.name})
		if err := step.do(ctx); err != nil {
			if ctx.Err() != nil {
				return understudy.Errorf(understudy.KindUnavailable, "the physical copy was ended before it was done, at %q: %w", step.name, context.Cause(ctx))
			}
			return err
		}
		c.phases = append(c.phases, Phase{step.name, time.Since(began)})
	}
	return nil
}

func (c *copying) tell(p Progress) {
	c.telling.Lock()
	defer c.telling.Unlock()
	c.spec.Progress(p)
}

// abandon removes what is half made: it holds production's values.
func (c *copying) abandon(ctx context.Context) error {
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	return c.clear(ending)
}

// clear removes the working folder and what stands around it, after ending a server that
// may still run there.
func (c *copying) clear(ctx context.Context) error {
	one := cluster.New(cluster.Spec{Dir: c.work, SocketDir: os.TempDir()})
	if err := one.Stop(ctx); err != nil {
		return err
	}
	for _, path := range []string{c.work, c.work + ".log", c.work + ".lock", c.socket} {
		if path == "" || path == c.spec.SocketDir {
			continue
		}
		if err := os.RemoveAll(path); err != nil {
			return understudy.Errorf(understudy.KindUnavailable, "removing %s, which a copy was made in: %w", path, err).
				WithHint("remove it by hand: it may hold production's values")
		}
	}
	return nil
}

func (c *copying) result() Result {
	r := Result{Phases: c.phases, Copy: understudy.DatabaseCopy{Database: c.spec.Database, Server: "PostgreSQL " + c.version, Bytes: c.bytes}}
	for _, t := range c.tables {
		r.Copy.Tables = append(r.Copy.Tables, understudy.TableCopy{Table: t.name(), Rows: t.rows, Masked: t.masked()})
		if len(t.masks.Columns)+len(t.masks.Batches) == 0 && !t.dropped {
			continue
		}
		m := Masked{Table: t.name(), Way: "pages", Why: t.why, Pages: t.tally, Rows: t.byRows}
		if t.why != "" {
			m.Way = "rows"
		}
		for _, i := range c.aside {
			if i.of == t.oid {
				m.Indexes = append(m.Indexes, i.name)
			}
		}
		r.Masked = append(r.Masked, m)
	}
	return r
}
