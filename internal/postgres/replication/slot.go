package replication

import (
	"context"
	"regexp"

	"understudy"
)

// SlotSpec describes a slot that is to be made.
type SlotSpec struct {
	Name string // lower case letters, digits and underscores, at most 63
	Mode Mode
	// Temporary slots end with the connection that made them. A permanent one holds the
	// server's log back until it is dropped, whether somebody reads it or not.
	Temporary bool
	// Export, of a logical slot, fixes a view of the data as it is where the slot's
	// changes begin. Reserve, of a physical one, holds the log back from now on and not
	// only from the first start.
	Export, Reserve bool
}

// Slot is one that was made.
type Slot struct {
	Name string
	// At is where its changes begin: what was committed before is not among them. A
	// physical slot that reserves nothing has none.
	At LSN
	// Snapshot names the view of the data at that place. It lasts until the connection
	// that made the slot runs another command or ends.
	Snapshot string
}

var slotName = regexp.MustCompile(`^[a-z0-9_]{1,63}$`)

func validName(name string) error {
	if !slotName.MatchString(name) {
		return understudy.Errorf(understudy.KindInvalid, "%q cannot name a replication slot: it may have 1 to 63 lower case letters, digits and underscores", name)
	}
	return nil
}

// CreateSlot makes a slot. The server makes a logical one only when every transaction that
// writes as it is asked has ended, so this can take as long as the longest of them; when ctx
// ends before, there is no slot.
func (c *Conn) CreateSlot(ctx context.Context, spec SlotSpec) (Slot, error) {
	if err := validName(spec.Name); err != nil {
		return Slot{}, err
	}
	command := "CREATE_REPLICATION_SLOT " + spec.Name
	if spec.Temporary {
		command += " TEMPORARY"
	}
	switch {
	case spec.Mode == Physical && spec.Reserve:
		command += " PHYSICAL RESERVE_WAL"
	case spec.Mode == Physical:
		command += " PHYSICAL"
	case spec.Export:
		command += " LOGICAL pgoutput EXPORT_SNAPSHOT"
	default:
		command += " LOGICAL pgoutput NOEXPORT_SNAPSHOT"
	}
	row, err := c.ask(ctx, "making replication slot "+spec.Name, command, 4)
	if err != nil {
		return Slot{}, err
	}
	made := Slot{Name: spec.Name, Snapshot: string(row[2])}
	if len(row[1]) > 0 {
		made.At, err = ParseLSN(string(row[1]))
	}
	return made, err
}

// DropSlot drops a slot, after whoever reads it has stopped. One that does not exist is an
// error of the server.
func (c *Conn) DropSlot(ctx context.Context, name string) error {
	if err := validName(name); err != nil {
		return err
	}
	return c.run(ctx, "dropping replication slot "+name, "DROP_REPLICATION_SLOT "+name+" WAIT")
}
