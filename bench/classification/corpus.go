package classification

import (
	"bufio"
	"embed"
	"fmt"
	"path"
	"slices"
	"strings"

	"understudy"
)

//go:embed *.tsv
var files embed.FS

// Schema is one public schema of the corpus.
type Schema struct {
	Name, Source string
	HeldBack     bool // labelled and measured before the classifier was worked on with it
	Columns      []Labelled
}

// Labelled is one column, or one path of a document.
type Labelled struct {
	Table, Column, Type string
	Path                string   // in the document; empty: the column itself
	Labels              []string // classes that are right; none: not personal
	Disputed            bool     // left out of the count
	Values              string   // the kind of its values, see Values
}

// Corpus reads all schemas, in the order of their names.
func Corpus() ([]Schema, error) {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil, err
	}
	var all []Schema
	for _, e := range entries {
		schema, err := read(e.Name())
		if err != nil {
			return nil, err
		}
		all = append(all, schema)
	}
	return all, nil
}

func read(name string) (Schema, error) {
	file, err := files.Open(name)
	if err != nil {
		return Schema{}, err
	}
	defer file.Close() //nolint:errcheck // it lies in the program
	schema := Schema{Name: strings.TrimSuffix(name, path.Ext(name))}
	lines := bufio.NewScanner(file)
	for number := 1; lines.Scan(); number++ {
		line := lines.Text()
		if remark, is := strings.CutPrefix(line, "# "); is {
			schema.note(remark)
			continue
		}
		parts := strings.Split(line, "\t")
		if len(parts) != 5 {
			return Schema{}, fmt.Errorf("%s:%d: expected table, column, type, label and values, found %d fields", name, number, len(parts))
		}
		schema.Columns = append(schema.Columns, labelled(parts))
	}
	return schema, lines.Err()
}

func (s *Schema) note(remark string) {
	switch key, value, _ := strings.Cut(remark, ": "); key {
	case "source":
		s.Source = value
	case "set":
		s.HeldBack = strings.HasPrefix(value, "held back")
	}
}

func labelled(parts []string) Labelled {
	l := Labelled{Table: parts[0], Column: parts[1], Type: parts[2], Values: parts[4]}
	l.Column, l.Path, _ = strings.Cut(l.Column, ".")
	labels := strings.Split(parts[3], "|")
	switch {
	case slices.Contains(labels, "?"), len(labels) > 1 && slices.Contains(labels, "-"):
		l.Disputed = true
	case parts[3] != "-":
		l.Labels = labels
	}
	return l
}

// Tables puts the columns together as a copy would see them, with samples.
func (s Schema) Tables() map[string][]understudy.Column {
	tables := map[string][]understudy.Column{}
	documents := map[string][]Labelled{}
	for _, l := range s.Columns {
		table := "public." + l.Table
		column := understudy.Column{Table: table, Name: l.Column, Type: l.Type, Nullable: true, Unique: l.Column == "id"}
		key := column.String()
		if l.Path != "" {
			documents[key] = append(documents[key], l)
			if len(documents[key]) > 1 {
				continue
			}
		} else {
			column.Samples = Values(l.Values, s.Name+key)
			if strings.HasSuffix(l.Type, "[]") {
				column.Samples = arrays(column.Samples)
			}
		}
		tables[table] = append(tables[table], column)
	}
	for table, columns := range tables {
		for i, c := range columns {
			if paths := documents[c.String()]; len(paths) > 0 {
				tables[table][i].Samples = Documents(paths, s.Name+c.String())
			}
		}
	}
	return tables
}
