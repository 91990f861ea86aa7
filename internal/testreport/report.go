// Package testreport reads what test commands already write: JUnit XML, the events of
// go test -json, and TAP. It tells how many cases ran and which failed.
package testreport

import (
	"bufio"
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"understudy"
)

// Report is what a test command said.
type Report struct {
	Ran     int      // cases that were run
	Skipped int      // cases that were not
	Failed  []string // names of cases that failed, with the first line of why
}

// longest is how much of a reason is kept.
const longest = 200

// JUnit reads a JUnit XML report, as one suite or several, however nested.
func JUnit(r io.Reader) (Report, error) {
	var report Report
	decoder := xml.NewDecoder(r)
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			return report, nil
		}
		if err != nil {
			return report, unreadable("JUnit XML", err)
		}
		start, is := token.(xml.StartElement)
		if !is || start.Name.Local != "testcase" {
			continue
		}
		var c junitCase
		if err := decoder.DecodeElement(&c, &start); err != nil {
			return report, unreadable("JUnit XML", err)
		}
		report.add(c)
	}
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Failure []junitReason `xml:"failure"`
	Error   []junitReason `xml:"error"`
	Skipped *struct{}     `xml:"skipped"`
}

type junitReason struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

func (r *Report) add(c junitCase) {
	if c.Skipped != nil {
		r.Skipped++
		return
	}
	r.Ran++
	for _, why := range append(c.Failure, c.Error...) {
		reason := why.Message
		if reason == "" {
			reason = why.Text
		}
		r.Failed = append(r.Failed, named(strings.Trim(c.Class+"."+c.Name, "."), reason))
		return
	}
}

// Go reads the events of go test -json. Lines that are no events are passed over: build
// output stands between them.
func Go(r io.Reader) (Report, error) {
	var report Report
	said := map[string]string{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var event struct{ Action, Package, Test, Output string }
		if !bytes.HasPrefix(lines.Bytes(), []byte("{")) || json.Unmarshal(lines.Bytes(), &event) != nil {
			continue
		}
		name := strings.Trim(event.Package+"."+event.Test, ".")
		switch event.Action {
		case "output":
			if line := strings.TrimSpace(event.Output); said[name] == "" && line != "" && !strings.HasPrefix(line, "===") {
				said[name] = line
			}
		case "pass", "fail", "skip":
			report.ended(event.Action, event.Test, named(name, said[name]))
		}
	}
	if err := lines.Err(); err != nil {
		return report, unreadable("go test -json", err)
	}
	return report, nil
}

// ended counts a case; a package that fails without a failing case (it did not build)
// counts as failed itself.
func (r *Report) ended(action, test, text string) {
	switch {
	case action == "fail" && (test != "" || len(r.Failed) == 0):
		r.Failed = append(r.Failed, text)
		r.Ran++
	case test == "":
	case action == "skip":
		r.Skipped++
	default:
		r.Ran++
	}
}

// TAP reads the Test Anything Protocol.
func TAP(r io.Reader) (Report, error) {
	var report Report
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		bad := strings.HasPrefix(line, "not ok")
		switch {
		case !bad && !strings.HasPrefix(line, "ok"):
			if strings.HasPrefix(line, "Bail out!") {
				report.Failed = append(report.Failed, line)
			}
		case strings.Contains(strings.ToUpper(line), "# SKIP"):
			report.Skipped++
		case bad && !strings.Contains(strings.ToUpper(line), "# TODO"):
			report.Ran++
			report.Failed = append(report.Failed, named(strings.TrimSpace(strings.TrimPrefix(line, "not ok")), ""))
		default:
			report.Ran++
		}
	}
	if err := lines.Err(); err != nil {
		return report, unreadable("TAP", err)
	}
	return report, nil
}

func named(name, reason string) string {
	reason, _, _ = strings.Cut(strings.TrimSpace(reason), "\n")
	if len(reason) > longest {
		reason = reason[:longest] + "…"
	}
	if reason == "" {
		return name
	}
	return fmt.Sprintf("%s: %s", name, reason)
}

func unreadable(form string, err error) error {
	return understudy.Errorf(understudy.KindFailed, "the test report is not readable as %s: %w", form, err).
		WithHint("see that report: in understudy.yaml names the form that the command writes")
}
