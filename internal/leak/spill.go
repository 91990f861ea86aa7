package leak

import (
	"encoding/binary"
	"io"
	"sync"

	"understudy"
)

// File is room on disk for fingerprints. It is written once, read, and closed; nothing of
// it may outlive the program, so it should have no name by then.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
}

// spill keeps records of a fixed number of words by partition: in memory until a block is
// full, then in the file. It may be used by several goroutines at once.
type spill struct {
	file  File
	words int // of a record
	parts [partitions]part

	mu  sync.Mutex
	end int64 // of the file
}

type part struct {
	mu     sync.Mutex
	open   []uint64
	blocks []int64 // offsets of full blocks
	count  int64   // records
}

// blockWords is the size of a block; a multiple of every record's size.
const blockWords = 510

func newSpill(file File, words int) *spill { return &spill{file: file, words: words} }

// add keeps a record in a partition.
func (s *spill) add(at int, record ...uint64) error {
	p := &s.parts[at]
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open == nil {
		p.open = make([]uint64, 0, blockWords)
	}
	p.open = append(p.open, record...)
	p.count++
	if len(p.open) < blockWords {
		return nil
	}
	return s.write(p)
}

func (s *spill) write(p *part) error {
	s.mu.Lock()
	offset := s.end
	s.end += blockWords * 8
	s.mu.Unlock()
	var raw [blockWords * 8]byte
	for i, word := range p.open {
		binary.LittleEndian.PutUint64(raw[i*8:], word)
	}
	if _, err := s.file.WriteAt(raw[:], offset); err != nil {
		return spillError("writing fingerprints for the leak check", err)
	}
	p.blocks = append(p.blocks, offset)
	p.open = p.open[:0]
	return nil
}

// each gives the records of a partition, in no order. A record is good until the next one.
func (s *spill) each(at int, yield func(record []uint64)) error {
	p := &s.parts[at]
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := 0; i < len(p.open); i += s.words {
		yield(p.open[i : i+s.words])
	}
	var raw [blockWords * 8]byte
	var words [blockWords]uint64
	for _, offset := range p.blocks {
		if _, err := s.file.ReadAt(raw[:], offset); err != nil {
			return spillError("reading fingerprints for the leak check", err)
		}
		for i := range words {
			words[i] = binary.LittleEndian.Uint64(raw[i*8:])
		}
		for i := 0; i < blockWords; i += s.words {
			yield(words[i : i+s.words])
		}
	}
	return nil
}

// count is how many records there are.
func (s *spill) count() int64 {
	var sum int64
	for i := range s.parts {
		sum += s.parts[i].count
	}
	return sum
}

func spillError(doing string, err error) error {
	return understudy.Errorf(understudy.KindUnavailable, "%s: %w", doing, err).
		WithHint("it takes up to 16 bytes for every masked value; free space where temporary files are kept, or set TMPDIR")
}
