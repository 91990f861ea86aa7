package commitgate

import (
	"testing"
	"time"
)

func TestStream_RestsSoonAfterOneCommitAndLaterInASeries(t *testing.T) {
	t.Parallel()
	began := time.Now()
	var s stream
	for _, one := range []struct {
		after time.Duration // the last that was held
		want  time.Duration
	}{
		{time.Hour, single}, // the first
		{series / 2, series},
		{series - 1, series},
		{series, single},
		{50 * time.Millisecond, single},
	} {
		began = began.Add(one.after)
		if s.hold(began); s.calm != one.want {
			t.Errorf("%v after another that was held, the stream rests after %v, want %v", one.after, s.calm, one.want)
		}
	}
}
