package understudy_test

import (
	"slices"
	"testing"

	"understudy"
)

func TestDiffDefinitions_NamesTheLineThatDiffersAndItsStatement(t *testing.T) {
	before := []string{"CREATE TABLE `a` (\n  `id` int,\n  `b` int\n) ENGINE=InnoDB", "CREATE VIEW v AS SELECT 1", "same", "same"}
	after := []string{"same", "CREATE TABLE `a` (\n  `b` int,\n  `id` bigint\n) ENGINE=InnoDB", "CREATE VIEW v AS SELECT 2"}
	gone, fresh := understudy.DiffDefinitions(before, after)
	if !slices.Equal(gone, []string{"CREATE TABLE `a`: `id` int", "CREATE VIEW v AS SELECT 1", "same"}) {
		t.Errorf("gone: %q", gone)
	}
	if !slices.Equal(fresh, []string{"CREATE TABLE `a`: `id` bigint", "CREATE VIEW v AS SELECT 2"}) {
		t.Errorf("new: %q", fresh)
	}
}
