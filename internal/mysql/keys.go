package mysql

import (
	"regexp"
	"strings"
)

// The lines of SHOW CREATE TABLE, which writes one element on each.
var (
	keyLine     = regexp.MustCompile("^  (?:UNIQUE |FULLTEXT |SPATIAL )?KEY `")
	foreignLine = regexp.MustCompile("^  CONSTRAINT `(?:[^`]|``)*` FOREIGN KEY ")
	primaryLine = regexp.MustCompile("^  PRIMARY KEY \\(`((?:[^`]|``)*)`")
	counterLine = regexp.MustCompile("^  `((?:[^`]|``)*)` .* AUTO_INCREMENT\\b")
	periodLine  = regexp.MustCompile("^  PERIOD FOR |WITHOUT OVERLAPS|WITH SYSTEM VERSIONING")
)

// division is the definition of a table in two: what has to be there for the rows, and
// the indexes and foreign keys, which are made faster from all rows at once.
type division struct {
	create  string
	keys    []string // of ALTER TABLE: "ADD KEY …"
	foreign []string // "ADD CONSTRAINT … FOREIGN KEY …"
}

// divide cuts a CREATE TABLE. Indexes stay with the table where it cannot be without them:
// when an AUTO_INCREMENT stands on one of them, and in tables with periods of time.
func divide(create string) division {
	lines := strings.Split(create, "\n")
	last := len(lines) - 1
	for last > 0 && !strings.HasPrefix(lines[last], ")") {
		last--
	}
	body := lines[1:max(1, last)]
	keep := keysStay(body)
	var d division
	var stays []string
	for _, line := range body {
		element := strings.TrimSuffix(line, ",")
		switch {
		case keyLine.MatchString(line) && !keep:
			d.keys = append(d.keys, "ADD"+element[1:])
		case foreignLine.MatchString(line):
			d.foreign = append(d.foreign, "ADD"+element[1:])
		default:
			stays = append(stays, element)
		}
	}
	if len(d.keys) == 0 && len(d.foreign) == 0 {
		return division{create: create}
	}
	d.create = lines[0] + "\n" + strings.Join(stays, ",\n") + "\n" + strings.Join(lines[last:], "\n")
	return d
}

// keysStay tells of a table that cannot be made without its indexes.
func keysStay(body []string) bool {
	counts, leads := "", ""
	for _, line := range body {
		if found := counterLine.FindStringSubmatch(line); found != nil {
			counts = found[1]
		}
		if found := primaryLine.FindStringSubmatch(line); found != nil {
			leads = found[1]
		}
		if periodLine.MatchString(line) {
			return true
		}
	}
	return counts != leads && counts != ""
}
