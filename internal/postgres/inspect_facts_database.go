package postgres

import "fmt"

// ownershipFacts are about who owns what and who may do what with it. A missing list
// of rights and one that spells out the default are the same fact.
func ownershipFacts() []fact {
	relation := `CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' ELSE 'table' END`
	ofRelation := `c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S') AND c.relpersistence <> 't' AND ` + OfUser + ` AND ` + NotOfExtension("pg_class", "c.oid")
	ofFunction := OfUser + ` AND ` + NotOfExtension("pg_proc", "p.oid")
	ofType := `(t.typtype IN ('e', 'd', 'r') OR t.typtype = 'c' AND (SELECT c.relkind FROM pg_class c WHERE c.oid = t.typrelid) = 'c') AND ` +
		OfUser + ` AND ` + NotOfExtension("pg_type", "t.oid")
	fromRelations := `FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace`
	fromFunctions := `FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace`
	fromTypes := `FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace`
	return []fact{
		{of: "owners of tables", query: `SELECT format('owner of %s %I.%I', ` + relation + `, n.nspname, c.relname),
			quote_ident(pg_get_userbyid(c.relowner)) ` + fromRelations + ` WHERE ` + ofRelation},
		{of: "owners of functions", query: `SELECT format('owner of function %I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
			quote_ident(pg_get_userbyid(p.proowner)) ` + fromFunctions + ` WHERE ` + ofFunction},
		{of: "owners of types", query: `SELECT format('owner of type %I.%I', n.nspname, t.typname),
			quote_ident(pg_get_userbyid(t.typowner)) ` + fromTypes + ` WHERE ` + ofType},
		{of: "grants on tables", query: grants(`format('%s %I.%I', `+relation+`, n.nspname, c.relname)`, `c.relacl`, `CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END`,
			`c.relowner`, fromRelations, ofRelation)},
		{of: "grants on columns", query: grants(`format('column %I.%I.%I', n.nspname, c.relname, a.attname)`, `a.attacl`, `'c'`,
			`c.relowner`, fromRelations+` JOIN pg_attribute a ON a.attrelid = c.oid AND a.attacl IS NOT NULL AND NOT a.attisdropped`, ofRelation)},
		{of: "grants on functions", query: grants(`format('function %I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid))`, `p.proacl`, `'f'`,
			`p.proowner`, fromFunctions, ofFunction)},
		{of: "grants on types", query: grants(`format('type %I.%I', n.nspname, t.typname)`, `t.typacl`, `'T'`, `t.typowner`, fromTypes, ofType)},
		{of: "grants on schemas", query: grants(`format('schema %I', n.nspname)`, `n.nspacl`, `'n'`, `n.nspowner`, `FROM pg_namespace n`, OfUser)},
		{of: "grants on the database", query: grants(`'database'`, `d.datacl`, `'d'`, `d.datdba`, `FROM pg_database d`, `d.datname = current_database()`)},
		{of: "default grants", query: `
			SELECT format('default grant by %I on %s%s to %s', pg_get_userbyid(d.defaclrole),
				CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions' WHEN 'T' THEN 'types' WHEN 'n' THEN 'schemas' ELSE d.defaclobjtype::text END,
				COALESCE(format(' in schema %I', n.nspname), ''), CASE g.grantee WHEN 0 THEN 'public' ELSE quote_ident(pg_get_userbyid(g.grantee)) END),
				string_agg(g.privilege_type || CASE WHEN g.is_grantable THEN '*' ELSE '' END, ', ' ORDER BY g.privilege_type)
			FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace, LATERAL aclexplode(d.defaclacl) g GROUP BY 1`},
	}
}

// grants is the query for the rights on one kind of object. A star says that the right
// may be passed on; who gave it is named only where it was not the owner.
func grants(object, acl, kind, owner, from, where string) string {
	return fmt.Sprintf(`
		SELECT format('grant on %%s to %%s%%s', o.object, CASE g.grantee WHEN 0 THEN 'public' ELSE quote_ident(pg_get_userbyid(g.grantee)) END,
				CASE WHEN g.grantor <> o.owner THEN ' by ' || quote_ident(pg_get_userbyid(g.grantor)) ELSE '' END),
			string_agg(g.privilege_type || CASE WHEN g.is_grantable THEN '*' ELSE '' END, ', ' ORDER BY g.privilege_type)
		FROM (SELECT %s AS object, COALESCE(%s, acldefault((%s)::"char", %s)) AS acl, %s AS owner %s WHERE %s) o,
			LATERAL aclexplode(o.acl) g
		WHERE g.grantee <> o.owner GROUP BY 1`, object, acl, kind, owner, owner, from, where)
}

// databaseFacts are about the database as a whole. Roles and databases are named in
// no line that would differ between a database and its twin for that alone.
func databaseFacts() []fact {
	notOurs := `p.pubname NOT LIKE 'understudy\_%'` // a live twin's comes and goes with it
	knownSetting := `CASE WHEN EXISTS (SELECT FROM pg_settings k WHERE lower(k.name) = lower(split_part(x, '=', 1)))
		THEN substr(x, strpos(x, '=') + 1) ELSE '(set; value not shown)' END`
	return []fact{
		{of: "the database", query: `
			SELECT 'database', concat_ws(' ', 'encoding', pg_encoding_to_char(d.encoding), 'collate', d.datcollate, 'ctype', d.datctype,
				'owner', quote_ident(pg_get_userbyid(d.datdba)))
			FROM pg_database d WHERE d.datname = current_database()`},
		{of: "settings", query: `
			SELECT CASE s.setrole WHEN 0 THEN '' ELSE format('role %I ', pg_get_userbyid(s.setrole)) END || 'setting ' || split_part(x, '=', 1), ` + knownSetting + `
			FROM pg_db_role_setting s, LATERAL unnest(s.setconfig) x
			WHERE s.setdatabase = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())`},
		{of: "extensions", query: `
			SELECT format('extension %I', x.extname), format('version %s in schema %I, owner %I', x.extversion, n.nspname, pg_get_userbyid(x.extowner))
			FROM pg_extension x JOIN pg_namespace n ON n.oid = x.extnamespace WHERE x.extname <> 'plpgsql'`},
		{of: "foreign servers", query: `
			SELECT format('server %I', s.srvname), format('wrapper %I, owner %I', w.fdwname, pg_get_userbyid(s.srvowner))
			FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw`},
		{of: "comments", query: `
			SELECT format('comment on %s %s', i.type, i.identity), quote_literal(d.description)
			FROM pg_description d, LATERAL pg_identify_object(d.classoid, d.objoid, d.objsubid) i
			WHERE d.objoid >= 16384 AND i.schema IS DISTINCT FROM 'pg_toast' AND i.identity IS NOT NULL AND d.classoid <> 'pg_extension'::regclass
			AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = d.classoid AND e.objid = d.objoid AND e.deptype = 'e')`},
		{of: "publications", query: `
			SELECT format('publication %I', p.pubname), concat_ws(', ', CASE WHEN p.puballtables THEN 'all tables' END,
				CASE WHEN p.pubinsert THEN 'insert' END, CASE WHEN p.pubupdate THEN 'update' END, CASE WHEN p.pubdelete THEN 'delete' END,
				CASE WHEN p.pubtruncate THEN 'truncate' END, 'owner ' || quote_ident(pg_get_userbyid(p.pubowner)))
			FROM pg_publication p WHERE ` + notOurs},
		{of: "published tables", query: `
			SELECT format('publication %I of %s', p.pubname, r.prrelid::regclass), 'published'
			FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid WHERE ` + notOurs},
		{of: "published schemas", since: 15, query: `
			SELECT format('publication %I of schema %I', p.pubname, n.nspname), 'published'
			FROM pg_publication_namespace r JOIN pg_publication p ON p.oid = r.pnpubid JOIN pg_namespace n ON n.oid = r.pnnspid WHERE ` + notOurs},
	}
}
