package mysql

import (
	"strings"
	"testing"

	driver "github.com/go-sql-driver/mysql"

	"understudy"
)

func TestDivide_TakesIndexesOutAndLeavesTheRest(t *testing.T) {
	d := divide("CREATE TABLE `t` (\n  `KEY` int(11) NOT NULL AUTO_INCREMENT COMMENT ',\\n  KEY `x` (`y`)',\n  `b` int(11) DEFAULT NULL,\n  PRIMARY KEY (`KEY`),\n  UNIQUE KEY `u` (`b`),\n  KEY `k``s` (`b`),\n" +
		"  CONSTRAINT `f` FOREIGN KEY (`b`) REFERENCES `t` (`KEY`) ON DELETE CASCADE,\n  CONSTRAINT `c` CHECK (`b` > 0)\n) ENGINE=InnoDB\n PARTITION BY HASH (`KEY`)\nPARTITIONS 2")
	if want := "CREATE TABLE `t` (\n  `KEY` int(11) NOT NULL AUTO_INCREMENT COMMENT ',\\n  KEY `x` (`y`)',\n  `b` int(11) DEFAULT NULL,\n  PRIMARY KEY (`KEY`),\n  CONSTRAINT `c` CHECK (`b` > 0)\n) ENGINE=InnoDB\n PARTITION BY HASH (`KEY`)\nPARTITIONS 2"; d.create != want {
		t.Errorf("the table is\n%s", d.create)
	}
	if got := strings.Join(d.keys, "; "); got != "ADD UNIQUE KEY `u` (`b`); ADD KEY `k``s` (`b`)" {
		t.Errorf("the keys are %s", got)
	}
	if got := strings.Join(d.foreign, "; "); got != "ADD CONSTRAINT `f` FOREIGN KEY (`b`) REFERENCES `t` (`KEY`) ON DELETE CASCADE" {
		t.Errorf("the foreign keys are %s", got)
	}
}

func TestDivide_LeavesTheIndexThatACounterStandsOn(t *testing.T) {
	const create = "CREATE TABLE `t` (\n  `a` int NOT NULL,\n  `n` int NOT NULL AUTO_INCREMENT,\n  PRIMARY KEY (`a`),\n  KEY `n` (`n`)\n) ENGINE=InnoDB"
	if d := divide(create); d.create != create || len(d.keys) != 0 {
		t.Errorf("got %+v", d)
	}
}

func TestRowError_NamesThingsAndNeverAValue(t *testing.T) {
	for message, want := range map[driver.MySQLError]string{
		{Number: 1062, Message: "Duplicate entry 'secret for key 'x'' for key 'mails'"}:                             "unique key mails",
		{Number: 1366, Message: "Incorrect integer value: 'secret' for column `d`.`t`.`age` at row 1"}:              "column age",
		{Number: 1292, Message: "Incorrect datetime value: 'Column 'secret' at row 1' for column 'born' at row 12"}: "column born",
		{Number: 1406, Message: "Data too long for column 'name' at row 3"}:                                         "column name",
		{Number: 1264, Message: "Out of range value for column 'age' at row 3"}:                                     "column age",
		{Number: 1048, Message: "Column 'name' cannot be null"}:                                                     "column name",
		{Number: 4025, Message: "CONSTRAINT `grown` failed for `d`.`t`"}:                                            "constraint grown",
		{Number: 3819, Message: "Check constraint 'grown' is violated."}:                                            "constraint grown",
		{Number: 1064, Message: "You have an error in your SQL syntax near 'secret'"}:                               "refused a row",
	} {
		err := rowError("writing t", &message)
		if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s became %v", message.Message, err)
		}
	}
}

func TestParseAddress_UnderstandsPlacesAndRefusesTheRestWithoutShowingIt(t *testing.T) {
	for raw, want := range map[string]string{
		"mysql://u:p%40ss@db.example.org/shop":       "tcp db.example.org:3306 u p@ss shop",
		"mariadb://u@[::1]:3307/shop?tls=preferred":  "tcp [::1]:3307 u  shop",
		"mysql://u@/shop?socket=/run/mysql/my%20one": "unix /run/mysql/my one u  shop",
	} {
		at, err := parseAddress(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join([]string{at.config.Net, at.config.Addr, at.config.User, at.config.Passwd, at.database}, " "); got != want {
			t.Errorf("%s is %q", raw, got)
		}
	}
	for _, raw := range []string{"", "hunter2", "postgres://u:hunter2@h/d", "mysql://u:hunter2@h", "mysql://:hunter2@h/d", "mysql://u:hunter2@h/d?x=1", "mysql://u:hunter2@h/d?tls=no", "mysql://u:hunter2@%zz/d", "mysql://u:hunter2@/d"} {
		if _, err := parseAddress(raw); understudy.KindOf(err) != understudy.KindInvalid || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v", raw, err)
		}
	}
}

func TestParseServer_ReadsTheVersionsOfBothKinds(t *testing.T) {
	for text, want := range map[string]string{
		"10.11.14-MariaDB-0+deb12u2": "mariadb 10.11.14", "5.5.5-10.6.1-MariaDB": "mariadb 10.6.1", "8.0.36": "mysql 8.0.36", "8.4.0-commercial": "mysql 8.4.0",
	} {
		if got, err := parseServer(text); err != nil || got.String() != want {
			t.Errorf("%s is %s: %v", text, got, err)
		}
	}
	for _, old := range []string{"5.7.44", "10.5.9-MariaDB"} {
		if s, err := parseServer(old); err != nil || s.supported() == nil {
			t.Errorf("%s is taken for supported: %v", old, err)
		}
	}
}
