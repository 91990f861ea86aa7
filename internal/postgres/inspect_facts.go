package postgres

import "slices"

// fact is one kind of line of a schema: a query over the catalogs that answers with
// (object, definition), for all objects at once.
type fact struct {
	of    string // "constraints", for messages
	since int    // first major version whose catalogs can answer
	query string
}

// facts are all kinds of lines, in the order in which they are read.
func facts() []fact {
	return slices.Concat(relationFacts(), programFacts(), ownershipFacts(), databaseFacts())
}

// relationFacts are about what holds rows, and what keeps the rows right.
func relationFacts() []fact {
	return []fact{
		columnFacts(),
		{of: "schemas", query: `
			SELECT format('schema %I', n.nspname), 'owner ' || quote_ident(pg_get_userbyid(n.nspowner))
			FROM pg_namespace n WHERE ` + OfUser + ` AND ` + NotOfExtension("pg_namespace", "n.oid")},
		{of: "tables", query: `
			SELECT format('table %I.%I', n.nspname, c.relname), concat_ws(', ',
				CASE c.relpersistence WHEN 'u' THEN 'unlogged' ELSE 'permanent' END,
				CASE c.relkind WHEN 'f' THEN 'foreign, on server ' || (SELECT quote_ident(s.srvname)
					FROM pg_foreign_table f JOIN pg_foreign_server s ON s.oid = f.ftserver WHERE f.ftrelid = c.oid) END,
				CASE c.relkind WHEN 'p' THEN 'partitioned by ' || pg_get_partkeydef(c.oid) END,
				CASE WHEN c.relispartition THEN 'partition ' || pg_get_expr(c.relpartbound, c.oid) END,
				(SELECT 'of ' || string_agg(i.inhparent::regclass::text, ', ' ORDER BY i.inhseqno) FROM pg_inherits i WHERE i.inhrelid = c.oid),
				CASE WHEN c.relrowsecurity THEN 'row security' END, CASE WHEN c.relforcerowsecurity THEN 'also for its owner' END,
				CASE c.relreplident WHEN 'd' THEN NULL WHEN 'n' THEN 'no replica identity' WHEN 'f' THEN 'replica identity full' ELSE 'replica identity by index' END,
				CASE WHEN a.amname <> 'heap' THEN 'access method ' || a.amname END,
				(SELECT 'with ' || string_agg(o, ', ' ORDER BY o) FROM unnest(c.reloptions) o))
			FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_am a ON a.oid = c.relam
			WHERE c.relkind IN ('r', 'p', 'f') AND ` + ofRelation()},
		{of: "constraints", query: `
			SELECT format('constraint %I on %I.%I', k.conname, n.nspname, c.relname), pg_get_constraintdef(k.oid)
			FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE k.contype IN ('c', 'f', 'p', 'u', 'x') AND ` + ofRelation()},
		{of: "indexes", query: `
			SELECT format('index %I.%I', n.nspname, c.relname), pg_get_indexdef(i.indexrelid)
				|| CASE WHEN i.indisvalid THEN '' ELSE ' (invalid)' END || CASE WHEN i.indisclustered THEN ' (clustered)' ELSE '' END
			FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
			JOIN pg_class t ON t.oid = i.indrelid
			WHERE t.relpersistence <> 't' AND ` + OfUser + ` AND ` + NotOfExtension("pg_class", "i.indrelid")},
		{of: "extended statistics", query: `
			SELECT format('statistics %I.%I', n.nspname, s.stxname), pg_get_statisticsobjdef(s.oid)
			FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace WHERE ` + OfUser},
		{of: "sequences", query: `
			SELECT format('sequence %I.%I', n.nspname, c.relname), concat_ws(' ', format_type(s.seqtypid, NULL),
				'start', s.seqstart, 'increment', s.seqincrement, 'from', s.seqmin, 'to', s.seqmax, 'cache', s.seqcache,
				CASE WHEN s.seqcycle THEN 'cycle' END,
				(SELECT format('owned by %s.%I', d.refobjid::regclass, a.attname) FROM pg_depend d
					JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
					WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')))
			FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE ` + ofRelation()},
		{of: "views", query: `
			SELECT format('%s %I.%I', CASE c.relkind WHEN 'v' THEN 'view' ELSE 'materialized view' END, n.nspname, c.relname),
				pg_get_viewdef(c.oid) || COALESCE((SELECT ' with ' || string_agg(o, ', ' ORDER BY o) FROM unnest(c.reloptions) o), '')
				|| CASE WHEN c.relispopulated THEN '' ELSE ' (not populated)' END
			FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('v', 'm') AND ` + ofRelation()},
	}
}

// ofRelation keeps what lasts and is the user's own; c is pg_class.
func ofRelation() string {
	return OfUser + ` AND c.relpersistence <> 't' AND ` + NotOfExtension("pg_class", "c.oid")
}

func columnFacts() fact {
	return fact{of: "columns", query: `
		SELECT format('column %I.%I.%I', n.nspname, c.relname, a.attname), concat_ws(' ',
			format_type(a.atttypid, a.atttypmod),
			(SELECT format('collate %I.%I', cn.nspname, l.collname) FROM pg_collation l JOIN pg_namespace cn ON cn.oid = l.collnamespace
				WHERE l.oid = a.attcollation AND a.attcollation <> t.typcollation),
			CASE WHEN a.attnotnull THEN 'not null' END,
			CASE a.attidentity WHEN 'a' THEN 'generated always as identity' WHEN 'd' THEN 'generated by default as identity' END,
			CASE WHEN a.attgenerated = '' THEN 'default ' || pg_get_expr(d.adbin, d.adrelid) END,
			CASE a.attgenerated WHEN 's' THEN 'generated always as (' || pg_get_expr(d.adbin, d.adrelid) || ') stored'
				WHEN 'v' THEN 'generated always as (' || pg_get_expr(d.adbin, d.adrelid) || ') virtual' END,
			CASE WHEN a.attstorage <> t.typstorage AND c.relkind IN ('r', 'p') THEN 'storage ' || a.attstorage::text END,
			CASE WHEN a.attstattarget > 0 THEN 'statistics ' || a.attstattarget END)
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
		WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm', 'c') AND ` + ofRelation()}
}

// programFacts are about what runs inside the database, and the types it works with.
func programFacts() []fact {
	return []fact{
		{of: "functions", query: `
			SELECT format('%s %I.%I(%s)', CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END,
					n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
				concat_ws(' ', 'returns ' || pg_get_function_result(p.oid), 'language ' || l.lanname,
				CASE WHEN p.prosecdef THEN 'security definer' END, 'definition',
				encode(sha256(convert_to(CASE WHEN p.prokind = 'a' THEN (SELECT concat_ws(' ', g.aggkind, g.aggtransfn, g.aggfinalfn, g.aggcombinefn,
					format_type(g.aggtranstype, NULL), g.agginitval, g.aggsortop::regoperator) FROM pg_aggregate g WHERE g.aggfnoid = p.oid)
					ELSE pg_get_functiondef(p.oid) END, 'UTF8')), 'hex'))
			FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
			WHERE ` + OfUser + ` AND ` + NotOfExtension("pg_proc", "p.oid")},
		{of: "triggers", query: `
			SELECT format('trigger %I on %I.%I', g.tgname, n.nspname, c.relname), pg_get_triggerdef(g.oid)
				|| CASE g.tgenabled WHEN 'O' THEN '' WHEN 'D' THEN ' (disabled)' WHEN 'A' THEN ' (always)' ELSE ' (replica only)' END
			FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE NOT g.tgisinternal AND c.relpersistence <> 't' AND ` + OfUser + ` AND ` + NotOfExtension("pg_class", "c.oid")},
		{of: "event triggers", query: `
			SELECT format('event trigger %I', g.evtname), concat_ws(' ', 'on', g.evtevent, array_to_string(g.evttags, ', '),
				'calls', g.evtfoid::regproc, CASE g.evtenabled WHEN 'D' THEN '(disabled)' WHEN 'A' THEN '(always)' WHEN 'R' THEN '(replica only)' END)
			FROM pg_event_trigger g WHERE ` + NotOfExtension("pg_event_trigger", "g.oid")},
		{of: "rules", query: `
			SELECT format('rule %I on %I.%I', r.rulename, n.nspname, c.relname), pg_get_ruledef(r.oid)
			FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE r.rulename <> '_RETURN' AND ` + OfUser + ` AND ` + NotOfExtension("pg_class", "c.oid")},
		{of: "policies", query: `
			SELECT format('policy %I on %I.%I', p.polname, n.nspname, c.relname), concat_ws(' ',
				CASE WHEN p.polpermissive THEN 'permissive' ELSE 'restrictive' END, 'for',
				CASE p.polcmd WHEN 'r' THEN 'select' WHEN 'a' THEN 'insert' WHEN 'w' THEN 'update' WHEN 'd' THEN 'delete' ELSE 'all' END, 'to',
				(SELECT string_agg(CASE r WHEN 0 THEN 'public' ELSE quote_ident(pg_get_userbyid(r)) END, ', ' ORDER BY pg_get_userbyid(r)) FROM unnest(p.polroles) r),
				'using ' || pg_get_expr(p.polqual, p.polrelid), 'check ' || pg_get_expr(p.polwithcheck, p.polrelid))
			FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE ` + OfUser + ` AND ` + NotOfExtension("pg_class", "c.oid")},
		{of: "types", query: `
			SELECT format('type %I.%I', n.nspname, t.typname), CASE t.typtype
				WHEN 'e' THEN 'enum (' || COALESCE((SELECT string_agg(quote_literal(l.enumlabel), ', ' ORDER BY l.enumsortorder) FROM pg_enum l WHERE l.enumtypid = t.oid), '') || ')'
				WHEN 'd' THEN concat_ws(' ', 'domain', format_type(t.typbasetype, t.typtypmod), CASE WHEN t.typnotnull THEN 'not null' END, 'default ' || t.typdefault)
				WHEN 'r' THEN 'range of ' || (SELECT format_type(r.rngsubtype, NULL) FROM pg_range r WHERE r.rngtypid = t.oid)
				WHEN 'c' THEN 'composite' ELSE 'base' END
			FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
			WHERE (t.typtype IN ('e', 'd', 'r') OR t.typtype = 'b' AND NOT EXISTS (SELECT FROM pg_type y WHERE y.typarray = t.oid)
				OR t.typtype = 'c' AND (SELECT c.relkind FROM pg_class c WHERE c.oid = t.typrelid) = 'c')
			AND ` + OfUser + ` AND ` + NotOfExtension("pg_type", "t.oid")},
		{of: "constraints of domains", query: `
			SELECT format('constraint %I on domain %I.%I', k.conname, n.nspname, t.typname), pg_get_constraintdef(k.oid)
			FROM pg_constraint k JOIN pg_type t ON t.oid = k.contypid JOIN pg_namespace n ON n.oid = t.typnamespace
			WHERE k.contype = 'c' AND ` + OfUser + ` AND ` + NotOfExtension("pg_type", "t.oid")},
		{of: "collations", query: `
			SELECT format('collation %I.%I', n.nspname, l.collname), concat_ws(' ', 'provider', l.collprovider::text, l.collcollate,
				CASE WHEN l.collisdeterministic THEN 'deterministic' ELSE 'not deterministic' END)
			FROM pg_collation l JOIN pg_namespace n ON n.oid = l.collnamespace WHERE ` + OfUser + ` AND ` + NotOfExtension("pg_collation", "l.oid")},
	}
}
