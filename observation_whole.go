package understudy

import (
	"slices"
	"strings"
	"time"
)

// InDatabase is how findings, figures and expectations call something of a database: of the
// first, whose name is left empty here, by its own name alone, of another as "archive/public.orders".
func InDatabase(database, subject string) string {
	if database == "" {
		return subject
	}
	return strings.TrimSuffix(database+"/"+subject, "/")
}

// There is how a finding calls something of a further database.
func (o Observation) There(subject string) string { return InDatabase(o.Database, subject) }

// Whole is what was seen of all databases as one: relations are called as findings call them,
// moments are by the clock of the first, sessions and transactions are numbered over all. Notes
// say of which database they are, sizes and the migration's own log are those of all, and nothing
// is exact that was not so everywhere.
func (o Observation) Whole() Observation {
	whole := o
	whole.Elsewhere = nil
	whole.Statements, whole.Locks, whole.Waits = slices.Clone(o.Statements), slices.Clone(o.Locks), slices.Clone(o.Waits)
	whole.Errors, whole.Tables, whole.Indexes = slices.Clone(o.Errors), slices.Clone(o.Tables), slices.Clone(o.Indexes)
	whole.Constraints, whole.Objects, whole.Notes = slices.Clone(o.Constraints), slices.Clone(o.Objects), slices.Clone(o.Notes)
	for _, there := range o.Elsewhere {
		whole.addHappened(there)
		whole.addChanged(there)
		whole.OwnLogBytes, whole.BytesBefore = whole.OwnLogBytes+there.OwnLogBytes, whole.BytesBefore+there.BytesBefore
		whole.BytesPeak, whole.BytesAfter, whole.Every = whole.BytesPeak+there.BytesPeak, whole.BytesAfter+there.BytesAfter, max(whole.Every, there.Every)
		whole.Exact = whole.Exact.and(there.Exact)
		for _, note := range there.Notes {
			if !slices.Contains(o.Notes, note) {
				whole.Notes = append(whole.Notes, "database "+there.Database+": "+note)
			}
		}
	}
	return whole
}

// addHappened adds what happened in another database.
func (o *Observation) addHappened(there Observation) {
	var later time.Duration
	if !there.Began.IsZero() && !o.Began.IsZero() {
		later = there.Began.Sub(o.Began)
	}
	sessions, transactions := o.numbered()
	for _, s := range there.Statements {
		s.In, s.From, s.Until = there.Database, s.From+later, s.Until+later
		if s.Session > 0 {
			s.Session += sessions
		}
		o.Statements = append(o.Statements, s)
	}
	for _, l := range there.Locks {
		l.Relation, l.PartitionOf, l.From = named(there, l.Relation), named(there, l.PartitionOf), l.From+later
		if l.Session > 0 {
			l.Session += sessions
		}
		l.Transactions = slices.Clone(l.Transactions)
		for i := range l.Transactions {
			l.Transactions[i] += transactions
		}
		o.Locks = append(o.Locks, l)
	}
	for _, w := range there.Waits {
		w.Relation, w.From = named(there, w.Relation), w.From+later
		o.Waits = append(o.Waits, w)
	}
	o.Errors = append(o.Errors, there.Errors...)
}

// addChanged adds what became of another database's catalogue.
func (o *Observation) addChanged(there Observation) {
	for _, t := range there.Tables {
		t.Relation, t.Renamed, t.Attached = named(there, t.Relation), named(there, t.Renamed), named(there, t.Attached)
		o.Tables = append(o.Tables, t)
	}
	for _, i := range there.Indexes {
		i.Name, i.Table = named(there, i.Name), named(there, i.Table)
		o.Indexes = append(o.Indexes, i)
	}
	for _, c := range there.Constraints {
		c.Table, c.References = named(there, c.Table), named(there, c.References)
		o.Constraints = append(o.Constraints, c)
	}
	for _, c := range there.Objects {
		c.Name, c.Table = named(there, c.Name), named(there, c.Table)
		o.Objects = append(o.Objects, c)
	}
}

// named leaves nothing as nothing.
func named(there Observation, name string) string {
	if name == "" {
		return ""
	}
	return there.There(name)
}

// numbered are the highest numbers of a session and of a transaction.
func (o *Observation) numbered() (session, transaction int) {
	for _, s := range o.Statements {
		session = max(session, s.Session)
	}
	for _, l := range o.Locks {
		session = max(session, l.Session)
		for _, n := range l.Transactions {
			transaction = max(transaction, n)
		}
	}
	return session, transaction
}

// and is what is exact of both.
func (e Exactness) and(other Exactness) Exactness {
	return Exactness{
		Locks: e.Locks && other.Locks, Exclusive: e.Exclusive && other.Exclusive, Waits: e.Waits && other.Waits, Writes: e.Writes && other.Writes,
		WaitsFrom: max(e.WaitsFrom, other.WaitsFrom),
	}
}
