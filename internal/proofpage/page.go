package proofpage

import (
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strconv"
	"time"

	"understudy"
)

//go:embed page.html
var source string

// Write writes the page of a snapshot's proofs.
func Write(to io.Writer, s understudy.Snapshot) error {
	page, err := template.New("proof").Funcs(template.FuncMap{
		"number": number, "percent": percent, "moment": moment, "took": took, "bar": bar, "share": share, "count": count,
	}).Parse(source)
	if err != nil {
		return understudy.Errorf(understudy.KindInternal, "reading the page of a proof: %w", err)
	}
	if err := page.Execute(to, viewOf(s)); err != nil {
		return understudy.Errorf(understudy.KindInternal, "writing the page of a proof: %w", err)
	}
	return nil
}

// view is a snapshot as the page shows it.
type view struct {
	understudy.Snapshot
	Proofs   []proof
	Unproven []string // databases without a proof
}

type proof struct {
	understudy.CopyProof
	Database string
	Server   string
	Refusals []string
	Worst    []understudy.ColumnLikeness // columns, the least alike first
	More     int                         // columns that are not shown
	Unequal  []understudy.TableProof
}

// shownColumns is how many columns the page shows; JSON has all.
const shownColumns = 40

func viewOf(s understudy.Snapshot) view {
	v := view{Snapshot: s}
	for _, d := range s.Databases {
		if d.Proof == nil {
			v.Unproven = append(v.Unproven, d.Database)
			continue
		}
		p := proof{CopyProof: *d.Proof, Database: d.Database, Server: d.Server, Refusals: d.Proof.Refusals(), Worst: slices.Clone(d.Proof.Columns)}
		slices.SortStableFunc(p.Worst, func(a, b understudy.ColumnLikeness) int { return cmp.Compare(a.Score, b.Score) })
		if p.More = max(0, len(p.Worst)-shownColumns); p.More > 0 {
			p.Worst = p.Worst[:shownColumns]
		}
		for _, t := range p.Tables {
			if !t.Equal() {
				p.Unequal = append(p.Unequal, t)
			}
		}
		v.Proofs = append(v.Proofs, p)
	}
	return v
}

// number writes a count with thin spaces between thousands.
func number(of any) string {
	n, err := strconv.ParseInt(fmt.Sprint(of), 10, 64)
	if err != nil {
		return fmt.Sprint(of)
	}
	digits := strconv.FormatInt(n, 10)
	for at := len(digits) - 3; at > 0 && digits[at-1] != '-'; at -= 3 {
		digits = digits[:at] + "\u202f" + digits[at:]
	}
	return digits
}

// percent rounds down, so that nothing is called whole that is not.
func percent(share float64) string {
	return strconv.FormatFloat(math.Floor(share*1000)/10, 'f', -1, 64) + " %"
}

func share(of float64) string { return strconv.FormatFloat(of, 'g', 3, 64) }

// count is what a server estimates: digits beyond the first three are not to be trusted.
func count(of float64) string {
	if of < 1000 {
		return share(of)
	}
	step := math.Pow(10, math.Floor(math.Log10(of))-2)
	return number(int64(math.Round(of/step) * step))
}

func moment(at time.Time) string { return at.UTC().Format("2006-01-02 15:04 MST") }

func took(d time.Duration) string { return d.Round(100 * time.Millisecond).String() }

// bar is the length of a bar of 120 for a share.
func bar(share float64) string {
	return strconv.FormatFloat(120*min(max(share, 0), 1), 'f', 1, 64)
}
