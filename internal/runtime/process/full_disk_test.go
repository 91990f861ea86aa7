package process

import (
	"io/fs"
	"os"
	"syscall"
	"testing"
)

func TestSupervisor_StartsAProgramAgainOnAFullDisk(t *testing.T) {
	var no error
	s := &supervisor{keep: func(string, any) error { return no }}
	no = &fs.PathError{Op: "write", Path: ".new-1", Err: syscall.ENOSPC}
	if err := s.noteSession("web", os.Getpid()); err != nil {
		t.Errorf("it is not started: %v", err)
	}
	if len(s.record.Sessions) != 1 || s.record.Sessions[0].PID != os.Getpid() {
		t.Errorf("the next note would not have it: %+v", s.record.Sessions)
	}
	no = &fs.PathError{Op: "write", Path: ".new-1", Err: syscall.EIO}
	if err := s.noteSession("web", os.Getpid()); err == nil {
		t.Error("a disk that fails is taken for a full one")
	}
}
