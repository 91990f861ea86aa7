package logical

// codec is one of COPY's formats. A field is a value as it stands in the format, nil for
// NULL; a codec has no state of its own and serves several goroutines.
type codec interface {
	// whole tells how many bytes at the start of data are whole rows, and how many rows.
	whole(data []byte) (bytes, rows int, err error)
	// split takes the first row off data, and puts its fields into fields, of which
	// there are as many as columns.
	split(data []byte, fields [][]byte) (rest []byte, err error)
	// join appends a row of these fields.
	join(to []byte, fields [][]byte) []byte
	// decode appends the database's text form of a field of a column.
	decode(to []byte, column int, field []byte) []byte
	// encode appends the field for a text form.
	encode(to []byte, column int, value []byte) ([]byte, error)
}
