package logical

import (
	"context"
	"strings"

	"understudy"
)

// pieceSize is how much of a table is gathered before it moves on. A row that is larger
// is a piece by itself.
const pieceSize = 256 << 10

// piece is some whole rows on their way.
type piece struct {
	in    []byte // as the source wrote them
	out   []byte // masked; in itself where the table has no masks
	first int64  // number of the first row of its lane, from 1
	room  int64  // that it takes of its lane's
	err   error
	done  chan struct{} // closed when out, or err, is there
}

// buffers are the memory of pieces, used again and again: gigabytes pass through a few of
// them. A nil one has none to lend, and is given none back.
type buffers chan []byte

// take lends an empty buffer with room for a piece.
func (b buffers) take() []byte {
	select {
	case buffer := <-b:
		return buffer[:0]
	default:
		return make([]byte, 0, pieceSize+pieceSize/4)
	}
}

// give takes one back, if it is of a size that can be kept.
func (b buffers) give(buffer []byte) {
	if cap(buffer) < pieceSize || cap(buffer) > 2*pieceSize {
		return
	}
	select {
	case b <- buffer:
	default:
	}
}

// cutter takes what the source writes, in pieces of any size, and hands it on in pieces
// of whole rows.
type cutter struct {
	ctx         context.Context // of this one reading, which no call outlives
	codec       codec
	headed      bool // the format's header is over, or it has none
	now         []byte
	buffers     buffers
	hand        func(ctx context.Context, rows []byte, first int64) error // keeps rows
	moved       func(rows, bytes int64)                                   // told what is through so far
	rows, bytes int64
}

// Write takes the next piece from the source.
func (c *cutter) Write(p []byte) (int, error) {
	c.bytes += int64(len(p))
	c.now = append(c.now, p...)
	if !c.headed && len(c.now) >= len(binaryHeader) {
		if !strings.HasPrefix(string(c.now[:len(binaryHeader)]), binaryHeader) {
			return 0, understudy.Errorf(understudy.KindInternal, "the source's binary rows begin with a header that is not known")
		}
		c.headed = true
		c.now = c.now[:copy(c.now, c.now[len(binaryHeader):])]
	}
	if len(c.now) < pieceSize || !c.headed {
		return len(p), nil
	}
	if err := c.cut(); err != nil {
		return 0, err
	}
	return len(p), nil
}

// cut hands on the whole rows that are there.
func (c *cutter) cut() error {
	end, rows, err := c.codec.whole(c.now)
	if err != nil || end == 0 {
		return err
	}
	whole := c.now[:end]
	c.now = append(c.buffers.take(), c.now[end:]...)
	if err := c.hand(c.ctx, whole, c.rows+1); err != nil {
		return err
	}
	c.rows += int64(rows)
	c.moved(c.rows, c.bytes)
	return nil
}

// finish hands on what is left, which has to be whole rows and the end of the format.
func (c *cutter) finish() error {
	if err := c.cut(); err != nil {
		return err
	}
	end := ""
	if _, isBinary := c.codec.(binaryCodec); isBinary {
		end = binaryTrailer
	}
	if string(c.now) != end {
		return understudy.Errorf(understudy.KindInternal, "after row %d the source's rows do not end where a row ends", c.rows)
	}
	return nil
}
