package logical

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"understudy"
	"understudy/internal/postgres"
)

// Of a mask for large objects these names mean what they say; of any other, each object
// is given to the mask as a whole.
const (
	maskKeep = "keep"
	maskNull = "null" // the object is there, and empty
)

const (
	largeObjectPiece = 1 << 20  // bytes that are moved at once
	largeObjectWhole = 64 << 20 // the largest object that a mask is given
)

// decideLargeObjects asks for the mask of large objects, where there are any. Where no rule
// decides about them nothing is copied; as with any column, none that is named is keep.
func (c *copying) decideLargeObjects(ctx context.Context) error {
	if err := c.moment.Tx.QueryRow(ctx, `SELECT count(*) FROM pg_largeobject_metadata`).Scan(&c.objects.count); err != nil {
		return postgres.ReadError("counting large objects", err)
	}
	if c.objects.count == 0 {
		return nil
	}
	column := postgres.LargeObjectColumn()
	chosen, err := c.spec.Masks(column.Table, []understudy.Column{column})
	mask, masked := chosen.Columns[column.Name]
	if !masked {
		mask.Name = maskKeep
	}
	switch {
	case err != nil && understudy.KindOf(err) != understudy.KindRefused:
		return fmt.Errorf("deciding the mask of large objects: %w", err)
	case err != nil || mask.Apply == nil && mask.Name != maskKeep && mask.Name != maskNull:
		return understudy.Errorf(understudy.KindRefused, "nothing was copied: database %s holds large objects (%d), and no rule says whether they are personal",
			c.source.database, c.objects.count).
			WithHint("rule %s with keep, null or hash in mask.yaml; move them into a bytea column; or remove the ones nothing refers to with vacuumlo", column)
	}
	c.objects.mask = mask
	return nil
}

// largeObjects are those of the database, and what is done to them.
type largeObjects struct {
	count int64
	mask  understudy.Mask
}

// largeObject is one of them, with the statements that give it its owner, grants and comment.
type largeObject struct {
	oid        uint32
	statements []string
}

// copyLargeObjects copies them with number, owner, grants and comment.
func (c *copying) copyLargeObjects(ctx context.Context) error {
	if c.objects.count == 0 {
		return nil
	}
	objects, err := c.listLargeObjects(ctx)
	if err != nil {
		return err
	}
	return c.moment.Join(ctx, func(source pgx.Tx) error {
		for _, o := range objects {
			err := pgx.BeginFunc(ctx, c.target, func(target pgx.Tx) error { return c.copyLargeObject(ctx, source, target, o) })
			if err != nil {
				return largeObjectError(o.oid, err)
			}
		}
		return nil
	})
}

func largeObjectError(oid uint32, err error) error {
	if answer := new(pgconn.PgError); errors.As(err, &answer) && answer.Code == "42501" {
		return understudy.Errorf(understudy.KindRefused, "reading large object %d: %s", oid, postgres.SafeMessage(answer)).
			WithHint("on the source, as a superuser: GRANT SELECT ON LARGE OBJECT %d to the copy's role, or set lo_compat_privileges for it", oid)
	}
	return postgres.ReadError(fmt.Sprintf("copying large object %d", oid), err)
}

func (c *copying) listLargeObjects(ctx context.Context) ([]largeObject, error) {
	rows, err := c.moment.Tx.Query(ctx, `
		SELECT l.oid, array_remove(ARRAY[format('ALTER LARGE OBJECT %s OWNER TO %I', l.oid, pg_get_userbyid(l.lomowner)),
				CASE WHEN l.lomacl IS NOT NULL THEN format('REVOKE ALL ON LARGE OBJECT %s FROM PUBLIC, %I', l.oid, pg_get_userbyid(l.lomowner)) END,
				'COMMENT ON LARGE OBJECT ' || l.oid || ' IS ' || quote_literal(obj_description(l.oid, 'pg_largeobject'))]
			|| ARRAY(SELECT format('GRANT %s ON LARGE OBJECT %s TO %s%s', g.privilege_type, l.oid,
					CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END, CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
				FROM aclexplode(l.lomacl) g ORDER BY 1), NULL)
		FROM pg_largeobject_metadata l ORDER BY l.oid`)
	if err != nil {
		return nil, postgres.ReadError("listing large objects", err)
	}
	objects, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (o largeObject, err error) {
		return o, row.Scan(&o.oid, &o.statements)
	})
	if err != nil {
		return nil, postgres.ReadError("listing large objects", err)
	}
	return objects, nil
}

func (c *copying) copyLargeObject(ctx context.Context, source, target pgx.Tx, o largeObject) error {
	if _, err := target.Exec(ctx, `SELECT lo_create($1)`, o.oid); err != nil {
		return err
	}
	if err := c.copyContent(ctx, source, target, o.oid); err != nil {
		return err
	}
	for _, statement := range o.statements {
		if _, err := target.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

func (c *copying) copyContent(ctx context.Context, source, target pgx.Tx, oid uint32) error {
	switch c.objects.mask.Name {
	case maskNull:
		return nil
	case maskKeep:
		return c.eachPiece(ctx, source, oid, func(at int64, bytes []byte) error {
			_, err := target.Exec(ctx, `SELECT lo_put($1, $2, $3)`, oid, at, bytes)
			return err
		})
	}
	value := []byte(`\x`)
	err := c.eachPiece(ctx, source, oid, func(at int64, bytes []byte) error {
		if at+int64(len(bytes)) > largeObjectWhole {
			return understudy.Errorf(understudy.KindInvalid, "large object %d is larger than the %d MB that a mask can be given: rule large objects with keep or null", oid, largeObjectWhole>>20)
		}
		value = hex.AppendEncode(value, bytes)
		return nil
	})
	if err != nil {
		return err
	}
	safe, err := c.objects.mask.Apply(value)
	if err != nil || safe == nil {
		return err
	}
	content, err := appendBytea(nil, safe)
	if err != nil {
		return err
	}
	_, err = target.Exec(ctx, `SELECT lo_put($1, 0, $2)`, oid, content)
	return err
}

// eachPiece reads the content of an object from its start.
func (c *copying) eachPiece(ctx context.Context, source pgx.Tx, oid uint32, act func(at int64, bytes []byte) error) error {
	for at := int64(0); ; at += largeObjectPiece {
		var bytes []byte
		if err := source.QueryRow(ctx, `SELECT lo_get($1, $2, $3)`, oid, at, largeObjectPiece).Scan(&bytes); err != nil {
			return err
		}
		if err := c.throttle.take(ctx, len(bytes)); err != nil {
			return err
		}
		if len(bytes) > 0 {
			if err := act(at, bytes); err != nil {
				return err
			}
		}
		if len(bytes) < largeObjectPiece {
			return nil
		}
	}
}
