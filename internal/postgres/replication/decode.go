package replication

import (
	"bytes"
	"encoding/binary"
	"time"

	"understudy"
)

// Decode reads one message of pgoutput. What it returns shares memory with p.
func Decode(p []byte) (Change, error) {
	if len(p) == 0 {
		return nil, understudy.Errorf(understudy.KindInternal, "decoding the changes: an empty message")
	}
	r := &reader{rest: p[1:]}
	change := r.change(p[0])
	switch {
	case change == nil:
		return nil, understudy.Errorf(understudy.KindInternal, "decoding the changes: a message of kind %q is not known", p[0])
	case r.short:
		return nil, understudy.Errorf(understudy.KindInternal, "decoding the changes: a message of kind %q ends too early, after %d bytes", p[0], len(p))
	}
	return change, nil
}

func (r *reader) change(kind byte) Change {
	switch kind {
	case 'B':
		return Begin{Commit: r.lsn(), At: r.moment(), XID: r.uint32()}
	case 'C':
		r.byte() // flags: none are defined
		return Commit{LSN: r.lsn(), End: r.lsn(), At: r.moment()}
	case 'O':
		return Origin{Commit: r.lsn(), Name: r.text()}
	case 'R':
		return r.relation()
	case 'Y':
		return Type{ID: r.uint32(), Schema: r.text(), Name: r.text()}
	case 'I':
		return r.insert()
	case 'U':
		return r.update()
	case 'D':
		return r.delete()
	case 'T':
		return r.truncate()
	case 'M':
		return Emitted{Transactional: r.byte() == 1, LSN: r.lsn(), Prefix: r.text()}
	}
	return nil
}

func (r *reader) relation() Relation {
	of := Relation{ID: r.uint32(), Schema: r.text(), Name: r.text(), Identity: Identity(r.byte())}
	for range r.uint16() {
		if r.short {
			break
		}
		of.Columns = append(of.Columns, RelationColumn{Key: r.byte()&1 == 1, Name: r.text(), Type: r.uint32(), Modifier: int32(r.uint32())})
	}
	return of
}

func (r *reader) insert() Insert {
	made := Insert{Relation: r.uint32()}
	r.expect('N')
	made.New = r.row()
	return made
}

func (r *reader) update() Update {
	made := Update{Relation: r.uint32()}
	if len(r.rest) > 0 && (r.rest[0] == 'K' || r.rest[0] == 'O') {
		r.byte()
		made.Old = r.row()
	}
	r.expect('N')
	made.New = r.row()
	return made
}

func (r *reader) delete() Delete {
	gone := Delete{Relation: r.uint32()}
	if kind := r.byte(); kind != 'K' && kind != 'O' {
		r.short = true
	}
	gone.Old = r.row()
	return gone
}

func (r *reader) truncate() Truncate {
	count := r.uint32()
	options := r.byte()
	emptied := Truncate{Cascade: options&1 != 0, RestartIdentity: options&2 != 0}
	for range count {
		if r.short {
			break
		}
		emptied.Relations = append(emptied.Relations, r.uint32())
	}
	return emptied
}

func (r *reader) row() []Value {
	count := int(r.uint16())
	if count > len(r.rest) { // each value has a byte at least
		r.short = true
		return nil
	}
	values := make([]Value, count)
	for i := range values {
		values[i].Kind = ValueKind(r.byte())
		switch values[i].Kind {
		case ValueNull, ValueUnchanged:
		case ValueText:
			values[i].Text = r.bytes(int(r.uint32()))
		default:
			r.short = true
			return nil
		}
	}
	return values
}

// reader takes a message apart. Beyond its end everything is zero, and short is set.
type reader struct {
	rest  []byte
	short bool
}

func (r *reader) bytes(n int) []byte {
	if n < 0 || n > len(r.rest) {
		r.short, r.rest = true, nil
		return nil
	}
	taken := r.rest[:n:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *reader) byte() byte {
	if p := r.bytes(1); p != nil {
		return p[0]
	}
	return 0
}

func (r *reader) expect(kind byte) {
	if r.byte() != kind {
		r.short = true
	}
}

func (r *reader) uint16() uint16 {
	if p := r.bytes(2); p != nil {
		return binary.BigEndian.Uint16(p)
	}
	return 0
}

func (r *reader) uint32() uint32 {
	if p := r.bytes(4); p != nil {
		return binary.BigEndian.Uint32(p)
	}
	return 0
}

func (r *reader) lsn() LSN {
	if p := r.bytes(8); p != nil {
		return lsnAt(p)
	}
	return 0
}

func (r *reader) moment() time.Time {
	if p := r.bytes(8); p != nil {
		return momentAt(p)
	}
	return time.Time{}
}

func (r *reader) text() string {
	end := bytes.IndexByte(r.rest, 0)
	if end < 0 {
		r.short, r.rest = true, nil
		return ""
	}
	text := string(r.rest[:end])
	r.rest = r.rest[end+1:]
	return text
}
