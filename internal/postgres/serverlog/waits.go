package serverlog

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Wait is what one message says of a wait for a lock.
type Wait struct {
	PID  int32
	Mode string
	What Waited
	For  time.Duration // so far
	// Over tells that it has ended: the lock was got, or the server gave up for a deadlock.
	Over, Deadlock bool
	Holders, Queue []int32 // where the server says so; the queue with the one who waits
	Table          string  // of the row that was to be written; empty: the server does not say
}

// Waited is what was waited for.
type Waited struct {
	Relation    uint32 // 0: no relation
	Database    uint32
	Row         bool   // a row of the relation
	Transaction uint32 // that has written the row; 0: none
	Text        string // as the server names it
}

var (
	waitMessage  = regexp.MustCompile(`^process (\d+) (still waiting for|acquired|failed to acquire|avoided deadlock for|detected deadlock while waiting for) (\w+) on (.+?)(?: by rearranging queue order)? after (\d+)\.(\d{3}) ms(?: at character \d+)?$`)
	waitRelation = regexp.MustCompile(`^(?:(tuple) \(\d+,\d+\) of |(?:extension|page \d+) of )?relation (\d+) of database (\d+)$`)
	waitWriter   = regexp.MustCompile(`^transaction (\d+)$`)
	waitQueue    = regexp.MustCompile(`^Process(?:es)? holding the lock: ([\d, ]*)\. Wait queue: ([\d, ]*)\.$`)
	waitTable    = regexp.MustCompile(`(?m)^while (?:updating|deleting|locking|rechecking|checking|inserting)[a-z ]* tuple \(\d+,\d+\) in relation "(.*)"$`)
)

// Wait is what the message says of a wait.
func (e Entry) Wait() (Wait, bool) {
	found := waitMessage.FindStringSubmatch(e.Message)
	if found == nil {
		return Wait{}, false
	}
	w := Wait{PID: int32(number(found[1])), Mode: found[3], What: waited(found[4])}
	w.For = time.Duration(number(found[5]))*time.Millisecond + time.Duration(number(found[6]))*time.Microsecond
	w.Over = found[2] == "acquired"
	w.Deadlock = strings.HasPrefix(found[2], "detected deadlock")
	if queue := waitQueue.FindStringSubmatch(e.Detail); queue != nil {
		w.Holders, w.Queue = numbers(queue[1]), numbers(queue[2])
	}
	if table := waitTable.FindStringSubmatch(e.Context); table != nil {
		w.Table = table[1]
	}
	return w, true
}

func waited(text string) Waited {
	w := Waited{Text: text}
	if found := waitRelation.FindStringSubmatch(text); found != nil {
		w.Row, w.Relation, w.Database = found[1] != "", uint32(number(found[2])), uint32(number(found[3]))
	}
	if found := waitWriter.FindStringSubmatch(text); found != nil {
		w.Row, w.Transaction = true, uint32(number(found[1]))
	}
	return w
}

// number reads digits that a pattern has found; more than fit are no number of a server's.
func number(digits string) int64 {
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func numbers(list string) []int32 {
	var out []int32
	for text := range strings.SplitSeq(list, ",") {
		if text = strings.TrimSpace(text); text != "" {
			out = append(out, int32(number(text)))
		}
	}
	return out
}
