package physical

import (
	"strings"
	"testing"
)

func TestSorting_TakesMemoryByTheIndexAndAHelperOnlyForOneThatIsMostOfTheWork(t *testing.T) {
	const mega = 1 << 20
	big := index{bytes: 40 << 30}
	for _, c := range []struct {
		one  index
		all  []index
		want string
	}{
		{index{bytes: mega}, []index{{bytes: mega}, {bytes: mega}}, "workers = 0; SET maintenance_work_mem = '16MB'"},
		{index{bytes: mega}, []index{{bytes: mega}}, "workers = 1; SET maintenance_work_mem = '64MB'"},
		{big, []index{big, big}, "workers = 0; SET maintenance_work_mem = '177MB'"},
		{index{bytes: 1 << 50}, []index{big, {bytes: 1 << 50}}, "workers = 1; SET maintenance_work_mem = '1024MB'"},
	} {
		if got := (&copying{aside: c.all}).sorting(c.one); !strings.Contains(got, c.want) {
			t.Errorf("an index of %d bytes of %d: %s instead of %s", c.one.bytes, len(c.all), got, c.want)
		}
	}
}

func TestRebuildings_HoldEveryIndexOnceAndTablesWithoutOneBehindThem(t *testing.T) {
	c := &copying{
		tables: []*table{{oid: 1, table: "plain"}, {oid: 2, table: "two"}, {oid: 3, table: "one"}},
		aside:  []index{{of: 2, name: "small", bytes: 1}, {of: 3, name: "big", bytes: 9}, {of: 2, name: "middle", bytes: 5}},
	}
	work, waiting := c.rebuildings()
	var got []string
	for _, w := range work {
		if w.index != nil {
			got = append(got, w.index.name)
		} else {
			got = append(got, w.table.table)
		}
	}
	if strings.Join(got, " ") != "big middle small plain" {
		t.Errorf("the order is %v", got)
	}
	for i, want := range []int32{0, 2, 1} {
		if n := waiting[c.tables[i]].Load(); n != want {
			t.Errorf("%s waits for %d indexes instead of %d", c.tables[i].table, n, want)
		}
	}
}
