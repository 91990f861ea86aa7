package physical

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// segments shows act the files of a relation, one after the other, by path.
func segments(path string, act func(number int, file string, size int64) error) error {
	for number := 0; ; number++ {
		file := path
		if number > 0 {
			file += "." + strconv.Itoa(number)
		}
		info, err := os.Stat(file)
		if errors.Is(err, fs.ErrNotExist) && number > 0 {
			return nil
		}
		if err != nil {
			return err
		}
		if err := act(number, file, info.Size()); err != nil {
			return err
		}
	}
}

// writeOut lets the system begin to write out the files that nobody will change any more,
// while others are worked on: all but those of masked tables, which follow stretch by
// stretch, and of indexes that are built again. The flush at the end finds little to do then.
func (c *copying) writeOut(ctx context.Context) error {
	later := map[string]bool{}
	for _, t := range c.tables {
		if len(t.masked()) > 0 || t.dropped {
			later[t.path] = true
		}
	}
	for _, i := range c.aside {
		later[i.path] = true
	}
	return c.eachFile(func(path string, size int64) error {
		relation, _, _ := strings.Cut(path, ".")
		if later[relation] || ctx.Err() != nil {
			return ctx.Err()
		}
		return writeFileBack(filepath.Join(c.work, path), size)
	})
}

func writeFileBack(path string, size int64) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	writeBack(file, 0, size)
	return file.Close()
}
