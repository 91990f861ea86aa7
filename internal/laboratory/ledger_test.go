package laboratory_test

import (
	"encoding/json"
	"testing"

	"understudy"
	"understudy/internal/laboratory"
)

func TestCompareData_LeavesOutTheVersionTablesOfTools(t *testing.T) {
	data := func(sum string) json.RawMessage {
		tables := understudy.DataPrint{}
		for _, name := range []string{"DATABASECHANGELOG", "public.databasechangelog", `public."SequelizeMeta"`, "orders"} {
			tables[name] = understudy.TablePrint{Rows: 1, Columns: map[string]understudy.ColumnPrint{"at": {Present: 1, Sum: sum}}}
		}
		raw, err := json.Marshal(map[string]understudy.DataPrint{"shop": tables})
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	losses, err := laboratory.CompareData(data("a"), data("b"))
	if err != nil || len(losses) != 1 || losses[0].Table != "orders" {
		t.Errorf("losses are %+v, %v", losses, err)
	}
}
