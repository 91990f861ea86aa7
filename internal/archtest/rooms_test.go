package archtest

import (
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "understudy"

// room is a package and what it may know of the others. The root package and the
// standard library are for everybody, unless never says otherwise.
type room struct {
	knows []string // rooms that it may import
	all   bool     // it may import every room
	bare  bool     // the standard library only
	never []string // packages of the standard library it does without, and those below them
	tests []string // rooms that its tests may import besides
}

// world is what a room without effects does without.
func world() []string {
	return []string{"os", "net", "io/fs", "io/ioutil", "database/sql", "log", "syscall", "embed"}
}

// pure packages stand below others that reach the world, and only parse.
func pure() []string { return []string{"net/netip", "net/url", "net/mail", "net/textproto"} }

// rooms is the table of docs/architecture.md. The key is the folder.
func rooms() map[string]room {
	return map[string]room{
		".": {bare: true, never: world()},

		// acts
		"internal/check":     {bare: true, never: world()},
		"internal/twin":      {knows: []string{"check"}, never: []string{"database/sql", "os/exec"}},
		"internal/rehearsal": {knows: []string{"twin", "check"}, never: []string{"database/sql", "os/exec"}},
		"internal/promotion": {knows: []string{"check", "policy"}, never: []string{"database/sql", "os/exec"}},

		// instruments
		"internal/atomicfile":              {bare: true},
		"internal/attest":                  {},
		"internal/combination":             {never: world()},
		"internal/doctor":                  {},
		"internal/dora":                    {never: []string{"os", "net", "database/sql", "log", "syscall"}},
		"internal/evidence":                {knows: []string{"atomicfile"}},
		"internal/featureflag":             {never: []string{"os", "database/sql", "syscall"}},
		"internal/filetree":                {},
		"internal/filetree/filetreetest":   {},
		"internal/journal":                 {knows: []string{"atomicfile"}},
		"internal/keyfile":                 {knows: []string{"atomicfile"}},
		"internal/laboratory":              {knows: []string{"migration", "rehearsal", "postgres", "postgres/contention", "postgres/lockwatch", "postgres/plans"}},
		"internal/leak":                    {never: world()},
		"internal/load":                    {},
		"internal/machine":                 {},
		"internal/mask":                    {never: []string{"net", "os/exec", "database/sql", "log", "syscall"}},
		"internal/maskprogram":             {},
		"internal/meter":                   {},
		"internal/migration":               {knows: []string{"check"}, never: []string{"database/sql"}, tests: []string{"migration/hazards", "migrationpage", "postgres/lockwatch"}},
		"internal/migration/migrationtest": {never: []string{"os/exec", "database/sql"}},
		"internal/databasetest":            {never: []string{"os/exec", "database/sql"}},
		"internal/mysql":                   {knows: []string{"rowmask"}},
		"internal/mysql/instance":          {},
		"internal/mysql/mysqltest":         {knows: []string{"mysql/instance"}},
		"internal/mysql/mysqlwatch":        {knows: []string{"mysql", "mysql/instance"}}, // the last in tests: servers that show everything
		"internal/parity":                  {bare: true, never: world()},
		"internal/policy":                  {never: world()},
		"internal/postgres":                {},
		"internal/postgres/census":         {knows: []string{"parity", "postgres", "postgres/plans"}, tests: []string{"postgres/census/planted"}},
		"internal/postgres/census/planted": {bare: true, never: world()},
		"internal/postgres/cluster":        {knows: []string{"postgres", "filetree", "atomicfile", "yield", "loopback"}},
		"internal/postgres/contention":     {knows: []string{"postgres"}},
		"internal/postgres/heap":           {never: world()},
		"internal/postgres/commitgate":     {knows: []string{"postgres", "postgres/replication", "postgres/wal", "yield"}},
		"internal/postgres/lockwatch":      {knows: []string{"postgres", "postgres/commitgate", "postgres/serverlog", "postgres/wal", "yield"}},
		"internal/postgres/logical":        {knows: []string{"postgres", "yield"}},
		"internal/postgres/physical":       {knows: []string{"postgres", "postgres/cluster", "postgres/heap", "yield"}},
		"internal/postgres/subsetting":     {knows: []string{"postgres", "subset"}},
		"internal/postgres/follow":         {knows: []string{"postgres", "postgres/replication"}},
		"internal/postgres/replication":    {knows: []string{"postgres"}},
		"internal/postgres/serverlog":      {knows: []string{"postgres"}},
		"internal/postgres/wal":            {knows: []string{"postgres/replication"}, never: world()}, // in tests: who streams the log
		"internal/postgres/lookout":        {knows: []string{"postgres", "postgres/lockwatch"}},       // the last for taking literals out
		"internal/postgres/plans":          {knows: []string{"postgres"}},
		"internal/postgres/proof":          {knows: []string{"postgres", "postgres/plans", "leak", "parity", "postgres/logical"}}, // the last in tests: what a copy hands over
		"internal/postgres/postgrestest":   {knows: []string{"postgres", "postgres/cluster", "loopback"}},
		"internal/loopback":                {},
		"internal/migrationpage":           {never: []string{"os", "net", "database/sql", "log", "syscall"}},
		"internal/migration/hazards":       {knows: []string{"check"}, bare: true, never: world()},
		"internal/notify":                  {never: []string{"os", "database/sql"}},
		"internal/paritypage":              {never: []string{"os", "net", "database/sql", "log", "syscall"}},
		"internal/proofpage":               {never: []string{"os", "net", "database/sql", "log", "syscall"}},
		"internal/router":                  {knows: []string{"loopback"}}, // in tests
		"internal/rowmask":                 {never: []string{"os", "net", "database/sql", "log", "syscall"}},
		"internal/runtime/process":         {knows: []string{"loopback"}},
		"internal/runtime/runtimetest":     {knows: []string{"loopback"}},
		"internal/seal":                    {},
		"internal/sqlite":                  {knows: []string{"rowmask"}},
		"internal/sqlite/sqlitewatch":      {knows: []string{"sqlite"}},
		"internal/sqltraffic":              {knows: []string{"load"}},
		"internal/statedir":                {},
		"internal/store":                   {knows: []string{"atomicfile"}},
		"internal/store/storetest":         {knows: []string{"store"}},
		"internal/subset":                  {bare: true, never: world()},
		"internal/supervisor":              {knows: []string{"runtime/process", "seal", "featureflag"}}, // where they meet, in a process of its own
		"internal/systemd":                 {knows: []string{"atomicfile"}},
		"internal/testreport":              {},
		"internal/yield":                   {},

		// doors
		"internal/api":         {},
		"internal/api/apitest": {knows: []string{"api"}},
		"internal/api/client":  {knows: []string{"api"}},
		"internal/cli":         {knows: []string{"api", "api/client", "atomicfile", "config", "doctor", "dora", "migrationpage", "paritypage", "proofpage", "statedir", "systemd"}},
		"internal/config":      {knows: []string{"policy"}},

		// who sees all
		"internal/archtest":           {},
		"internal/alone":              {all: true},
		"internal/daemon":             {all: true},
		"bench/classification":        {knows: []string{"mask", "bench/figures"}},
		"bench/classification/report": {knows: []string{"bench/classification", "bench/figures"}},
		"bench/figures":               {bare: true},
		"bench/flags":                 {all: true},
		"bench/migration":             {all: true},
		"bench/parity":                {all: true},
		"bench/rollback":              {all: true},
		"bench/router":                {all: true},
		"bench/throwaway":             {knows: []string{"postgres/cluster"}},
		"bench/twin":                  {all: true},
		"cmd/understudy":              {all: true},
		"docs":                        {knows: []string{"check", "cli"}}, // tests of the documents
	}
}

func TestEveryPackageIsARoomOfTheTable(t *testing.T) {
	table := rooms()
	missing := map[string]bool{}
	for _, s := range sources(t) {
		if _, known := table[s.folder]; s.isHouse() && !known && !missing[s.folder] {
			missing[s.folder] = true
			t.Errorf("%s is no room of the table in internal/archtest/rooms_test.go: add it, with what it may know", s.folder)
		}
	}
}

func TestARoomImportsOnlyWhatItMayKnow(t *testing.T) {
	for _, s := range sources(t) {
		r, known := rooms()[s.folder]
		if !s.isHouse() || !known {
			continue
		}
		for _, imported := range s.imports() {
			if why := r.objects(s, imported); why != "" {
				t.Errorf("%s imports %s: %s", s.path, imported, why)
			}
		}
	}
}

func TestExamplesUseTheProgramFromOutside(t *testing.T) {
	for _, s := range sources(t) {
		for _, imported := range s.imports() {
			inside := imported == module || strings.HasPrefix(imported, module+"/internal/")
			if !s.isHouse() && inside {
				t.Errorf("%s imports %s: an example stands for somebody else's program", s.path, imported)
			}
		}
	}
}

// objects says why a file of the room must not import a package; empty if it may.
func (r room) objects(s source, imported string) string {
	own := path.Join(module, s.folder)
	folder, ours := strings.CutPrefix(imported, module+"/")
	switch {
	case imported == module, imported == own && s.isTest():
		return ""
	case ours && strings.HasPrefix(folder, "examples/"):
		return "nothing of the program may know an example"
	case ours:
		return r.objectsToRoom(s, strings.TrimPrefix(folder, "internal/"))
	case s.isTest():
		return ""
	case isThirdParty(imported) && r.bare:
		return "this room has the standard library only"
	case slices.Contains(pure(), imported):
		return ""
	case slices.ContainsFunc(r.never, func(p string) bool { return imported == p || strings.HasPrefix(imported, p+"/") }):
		return "this room does without it"
	}
	return ""
}

func (r room) objectsToRoom(s source, name string) string {
	switch {
	case r.all, slices.Contains(r.knows, name):
		return ""
	case s.isTest() && (isTestPackage(name) || slices.Contains(r.tests, name)):
		return ""
	}
	return "rooms do not import each other; declare the role that is needed, and let the daemon cast it"
}

func isThirdParty(imported string) bool {
	return strings.Contains(strings.SplitN(imported, "/", 2)[0], ".")
}

func TestOnlyTheCommandImportsTheDaemon(t *testing.T) {
	for _, s := range sources(t) {
		if s.folder != "cmd/understudy" && !s.isTest() && slices.Contains(s.imports(), module+"/internal/daemon") {
			t.Errorf("%s imports the daemon, which only cmd/understudy may", s.path)
		}
	}
}

func TestTestCodeDoesNotShip(t *testing.T) {
	for _, s := range sources(t) {
		for _, imported := range s.imports() {
			ours := strings.HasPrefix(imported, module+"/") && isTestPackage(imported)
			forTests := imported == "testing" || strings.HasPrefix(imported, "testing/") || ours
			if forTests && !s.isTest() && !s.isTestPackage() {
				t.Errorf("%s imports %s, and is not a test", s.path, imported)
			}
		}
	}
}
