package mysql_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"understudy"
	"understudy/internal/mysql"
	"understudy/internal/mysql/mysqltest"
)

// benchRows is how many rows the benchmark's tables have together.
const benchRows = 400_000

// shopLike fills a database with people and their orders.
func shopLike(b *testing.B, at string) {
	b.Helper()
	for _, statement := range []string{
		"CREATE TABLE people (id int AUTO_INCREMENT PRIMARY KEY, mail varchar(80) NOT NULL, name varchar(80), phone varchar(30), about text, UNIQUE KEY mails (mail), KEY names (name))",
		"CREATE TABLE orders (id int AUTO_INCREMENT PRIMARY KEY, buyer int NOT NULL, total decimal(10,2), placed datetime, KEY placed (placed), FOREIGN KEY (buyer) REFERENCES people (id))",
		fmt.Sprintf("INSERT INTO people SELECT seq, concat('person', seq, '@example.org'), concat('Name ', md5(seq)), concat('+49 30 ', seq), repeat(md5(seq), 4) FROM seq_1_to_%d", benchRows/2),
		fmt.Sprintf("INSERT INTO orders SELECT seq, 1 + seq %% %d, seq / 100, '2025-01-01' + INTERVAL seq MINUTE FROM seq_1_to_%d", benchRows/2, benchRows/2),
	} {
		if err := run(b.Context(), at, statement); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCopy copies a shop, with and without masks on three columns.
func BenchmarkCopy(b *testing.B) {
	from, _ := mysqltest.Database(b)
	shopLike(b, from)
	masked := func(table string, _ []understudy.Column) (understudy.TableMasks, error) {
		masks := understudy.TableMasks{Columns: map[string]understudy.Mask{}}
		for _, column := range []string{"mail", "name", "phone"} {
			if table == "main.people" {
				masks.Columns[column] = understudy.Mask{Name: "upper", Apply: func(value []byte) ([]byte, error) { return bytes.ToUpper(value), nil }}
			}
		}
		return masks, nil
	}
	for name, masks := range map[string]understudy.Masks{"unmasked": unmasked, "masked": masked} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				to, database := mysqltest.Database(b)
				b.StartTimer()
				started := time.Now()
				made, err := mysql.Copy(b.Context(), mysql.Spec{Source: from, Target: to, Masks: masks})
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(made.Bytes)
				b.ReportMetric(float64(made.Rows())/time.Since(started).Seconds(), "rows/s")
				b.StopTimer()
				if err := mysqltest.Server(b).Drop(context.Background(), database); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}
