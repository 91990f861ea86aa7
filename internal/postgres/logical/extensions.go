package logical

import (
	"context"
	"errors"
	"fmt"

	"understudy/internal/postgres"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"understudy"
)

// sourceExtension is an extension as production has it.
type sourceExtension struct {
	Name, Version, Schema, Owner, SchemaOwner string
	Requires                                  []string
}

// makeExtensions creates the extensions as the roles that own them in production:
// pg_dump keeps neither owner nor version, and a migration that has to alter one
// fails in production and nowhere else.
func (c *copying) makeExtensions(ctx context.Context) error {
	rows, err := c.moment.Tx.Query(ctx, `
		SELECT x.extname::text, x.extversion, n.nspname::text, pg_get_userbyid(x.extowner)::text, pg_get_userbyid(n.nspowner)::text,
			ARRAY(SELECT r.extname::text FROM pg_depend d JOIN pg_extension r ON r.oid = d.refobjid
				WHERE d.classid = 'pg_extension'::regclass AND d.objid = x.oid AND d.refclassid = 'pg_extension'::regclass)
		FROM pg_extension x JOIN pg_namespace n ON n.oid = x.extnamespace WHERE x.extname <> 'plpgsql' ORDER BY x.oid`)
	if err != nil {
		return postgres.ReadError("listing the extensions", err)
	}
	extensions, err := pgx.CollectRows(rows, pgx.RowToStructByPos[sourceExtension])
	if err != nil {
		return postgres.ReadError("listing the extensions", err)
	}
	for _, x := range inOrderOfNeed(extensions) {
		if err := c.makeExtension(ctx, x); err != nil {
			return err
		}
	}
	return nil
}

// inOrderOfNeed puts each extension after those it requires. They cannot require each
// other in a circle: the server would not have created them.
func inOrderOfNeed(extensions []sourceExtension) []sourceExtension {
	byName := map[string]sourceExtension{}
	for _, x := range extensions {
		byName[x.Name] = x
	}
	placed := map[string]bool{"plpgsql": true}
	var order []sourceExtension
	var place func(x sourceExtension)
	place = func(x sourceExtension) {
		if placed[x.Name] {
			return
		}
		placed[x.Name] = true
		for _, need := range x.Requires {
			if needed, found := byName[need]; found {
				place(needed)
			}
		}
		order = append(order, x)
	}
	for _, x := range extensions {
		place(x)
	}
	return order
}

// makeExtension creates one extension. A version that this server does not have gives
// way to the server's own, which is said.
func (c *copying) makeExtension(ctx context.Context, x sourceExtension) error {
	err := c.createExtension(ctx, x, x.Version)
	answer := new(pgconn.PgError)
	if errors.As(err, &answer) && answer.Code == "22023" {
		c.spec.Notice(fmt.Sprintf("extension %s is version %s in production; this machine does not have it, so the twin gets its newest", x.Name, x.Version))
		err = c.createExtension(ctx, x, "")
	}
	switch {
	case err == nil:
		return nil
	case errors.As(err, &answer) && (answer.Code == "0A000" || answer.Code == "58P01"):
		return understudy.Errorf(understudy.KindUnavailable, "extension %s, which production has, is not installed on this machine", x.Name).
			WithHint("install the package that brings it for PostgreSQL %d", c.into.major)
	}
	return postgres.ReadError("creating extension "+x.Name+" as "+x.Owner, err)
}

// createExtension creates it as its owner. An owner who may not do that, because he
// was given it or has lost the right since, is a superuser for this one transaction,
// which nobody else can see.
func (c *copying) createExtension(ctx context.Context, x sourceExtension, version string) error {
	err := c.createExtensionAs(ctx, x, version, false)
	answer := new(pgconn.PgError)
	if errors.As(err, &answer) && answer.Code == "42501" {
		return c.createExtensionAs(ctx, x, version, true)
	}
	return err
}

func (c *copying) createExtensionAs(ctx context.Context, x sourceExtension, version string, raised bool) error {
	owner, schema := pgx.Identifier{x.Owner}.Sanitize(), pgx.Identifier{x.Schema}.Sanitize()
	statements := []string{fmt.Sprintf("CREATE SCHEMA IF NOT EXISTS %s AUTHORIZATION %s", schema, pgx.Identifier{x.SchemaOwner}.Sanitize())}
	if x.Schema == "pg_catalog" || x.Schema == "public" {
		statements = nil
	}
	if raised {
		statements = append(statements, "ALTER ROLE "+owner+" SUPERUSER")
	}
	create := fmt.Sprintf("CREATE EXTENSION %s WITH SCHEMA %s", pgx.Identifier{x.Name}.Sanitize(), schema)
	if version != "" {
		create += " VERSION " + pgx.Identifier{version}.Sanitize()
	}
	statements = append(statements, "SET LOCAL SESSION AUTHORIZATION "+owner, create, "RESET SESSION AUTHORIZATION")
	if raised {
		statements = append(statements, "ALTER ROLE "+owner+" NOSUPERUSER")
	}
	return pgx.BeginFunc(ctx, c.target, func(tx pgx.Tx) error {
		for _, statement := range statements {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
}
