package logical

import (
	"encoding/binary"
	"encoding/hex"

	"understudy"
)

// binaryCodec is COPY's binary format, as the server's documentation gives it: a row is
// a count of fields, a field its length and its bytes, in the byte order of networks.
// It spares both servers the text form of numbers and times, and bytes their doubling.
type binaryCodec struct{ forms []binaryForm }

// binaryForm is how a type's binary form follows from its text form.
type binaryForm int

const (
	formForeign binaryForm = iota // not known here: such a column is not masked in this format
	formText                      // the text itself
	formJSONB                     // a version, which is 1, and the text
	formBytea                     // the bytes that the text writes in hexadecimal
)

// binaryHeader begins the format: a signature, no flags, no extension.
const binaryHeader = "PGCOPY\n\xff\r\n\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00"

// binaryTrailer ends it: a row of -1 fields.
const binaryTrailer = "\xff\xff"

func (binaryCodec) whole(data []byte) (end, rows int, err error) {
	for {
		next, complete := skipRow(data, end)
		if !complete {
			return end, rows, nil
		}
		end, rows = next, rows+1
	}
}

// skipRow is where the row at a place ends, if all of it is there and it is one.
func skipRow(data []byte, at int) (end int, complete bool) {
	if len(data)-at < 2 {
		return 0, false
	}
	count := int16(binary.BigEndian.Uint16(data[at:]))
	if count < 0 {
		return 0, false
	}
	at += 2
	for range count {
		if len(data)-at < 4 {
			return 0, false
		}
		length := int32(binary.BigEndian.Uint32(data[at:]))
		at += 4 + int(max(length, 0))
		if at > len(data) {
			return 0, false
		}
	}
	return at, true
}

func (binaryCodec) split(data []byte, fields [][]byte) (rest []byte, err error) {
	if count := int(binary.BigEndian.Uint16(data)); count != len(fields) {
		return nil, understudy.Errorf(understudy.KindInternal, "it has %d columns, not the %d it was read with", count, len(fields))
	}
	data = data[2:]
	for i := range fields {
		length := int32(binary.BigEndian.Uint32(data))
		data = data[4:]
		if length < 0 {
			fields[i] = nil
			continue
		}
		fields[i], data = data[:length:length], data[length:]
	}
	return data, nil
}

func (binaryCodec) join(to []byte, fields [][]byte) []byte {
	to = binary.BigEndian.AppendUint16(to, uint16(len(fields)))
	for _, field := range fields {
		if field == nil {
			to = append(to, 0xff, 0xff, 0xff, 0xff)
			continue
		}
		to = binary.BigEndian.AppendUint32(to, uint32(len(field)))
		to = append(to, field...)
	}
	return to
}

func (c binaryCodec) decode(to []byte, column int, field []byte) []byte {
	switch c.forms[column] {
	case formJSONB:
		return append(to, field[1:]...)
	case formBytea:
		return hex.AppendEncode(append(to, `\x`...), field)
	}
	return append(to, field...)
}

func (c binaryCodec) encode(to []byte, column int, value []byte) ([]byte, error) {
	switch c.forms[column] {
	case formJSONB:
		return append(append(to, 1), value...), nil
	case formBytea:
		return appendBytea(to, value)
	}
	return append(to, value...), nil
}

// appendBytea appends the bytes that a text form of bytea writes: \x and two
// hexadecimal digits for each.
func appendBytea(to, value []byte) ([]byte, error) {
	if len(value) < 2 || value[0] != '\\' || value[1] != 'x' {
		return nil, understudy.Errorf(understudy.KindInvalid, `what the mask made is no bytea in hexadecimal: it does not begin with \x`)
	}
	out, err := hex.AppendDecode(to, value[2:])
	if err != nil {
		return nil, understudy.Errorf(understudy.KindInvalid, "what the mask made is no bytea in hexadecimal")
	}
	return out, nil
}

// formOf is the form of a type that every server since 12 writes and reads alike in
// binary; false: of others it is not known, or it holds numbers of the one server.
func formOf(typeName string) (binaryForm, bool) {
	switch typeName {
	case "text", "varchar", "bpchar", "json", "enum":
		return formText, true
	case "jsonb":
		return formJSONB, true
	case "bytea":
		return formBytea, true
	case "bool", "int2", "int4", "int8", "float4", "float8", "numeric", "date", "time", "timetz", "timestamp", "timestamptz",
		"interval", "uuid", "inet", "cidr", "macaddr", "macaddr8", "oid", "char":
		return formForeign, true
	}
	return formForeign, false
}
