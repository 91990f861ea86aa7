package understudy

// GapKind is one kind of fact in which two environments can differ.
type GapKind struct {
	Name string `json:"name"`
	// Weight is what a gap of this kind weighs; of a scaled one at most, as it is
	// multiplied by how far the two are apart, from 0 to 1.
	Weight float64 `json:"weight"`
	Scaled bool    `json:"scaled,omitempty"`
	About  string  `json:"about"` // what is compared
}

// The kinds of gaps.
const (
	GapRelease       = "release"
	GapComponent     = "component"
	GapRuntime       = "runtime"
	GapServer        = "server"
	GapSetting       = "setting"
	GapExtension     = "extension"
	GapConfiguration = "configuration"
	GapCredential    = "credential"
	GapFlag          = "flag"
	GapIntegration   = "integration"
	GapCertificate   = "certificate"
	GapInstances     = "instances"
	GapReplica       = "replica"
	GapLimit         = "limit"
	GapProcessor     = "processor"
	GapMemory        = "memory"
	GapDisk          = "disk"
	GapDatabase      = "database"
	GapSchema        = "schema"
	GapTable         = "table"
	GapColumn        = "column"
	GapConstraint    = "constraint"
	GapIndex         = "index"
	GapStatistics    = "statistics"
	GapSequence      = "sequence"
	GapView          = "view"
	GapFunction      = "function"
	GapTrigger       = "trigger"
	GapRule          = "rule"
	GapPolicy        = "policy"
	GapType          = "type"
	GapCollation     = "collation"
	GapForeign       = "foreign"
	GapPublication   = "publication"
	GapComment       = "comment"
	GapRole          = "role"
	GapOwner         = "owner"
	GapGrant         = "grant"
	GapVolume        = "volume"
	GapPosition      = "position"
	GapNulls         = "nulls"
	GapDistinct      = "distinct"
	GapCommon        = "common"
	GapHistogram     = "histogram"
	GapWidth         = "width"
	GapPlan          = "plan"
	GapCost          = "cost"
)

// GapKinds are all kinds of gaps. There are no others.
func GapKinds() []GapKind {
	return append(append(applicationKinds(), schemaKinds()...), dataKinds()...)
}

// GapKindOf finds a kind by its name.
func GapKindOf(name string) (GapKind, bool) {
	for _, k := range GapKinds() {
		if k.Name == name {
			return k, true
		}
	}
	return GapKind{}, false
}

func applicationKinds() []GapKind {
	return []GapKind{
		{GapRelease, 10, false, "the release, by label and digest"},
		{GapComponent, 10, false, "the program that a service runs, by the digest of its file"},
		{GapRuntime, 3, false, "what it runs on: system, kernel, C library, architecture, version of Understudy"},
		{GapServer, 10, false, "the version of a database server; where only the minor version is another, 1"},
		{GapSetting, 2, false, "a setting of a server, a database or a role that is not default"},
		{GapExtension, 5, false, "an extension, its version and where it is"},
		{GapConfiguration, 3, false, "a configuration key; where both sides have it, by keyed digest, and then a third of the weight"},
		{GapCredential, 10, false, "a credential that must differ and does not"},
		{GapFlag, 3, false, "a flag, by the digest of what it is"},
		{GapIntegration, 3, false, "the address of something outside, by keyed digest"},
		{GapCertificate, 2, false, "what the front door shows: names, issuer, and 14 days left or fewer"},
		{GapInstances, 2, false, "how often a service runs"},
		{GapReplica, 1, false, "standbys of a database"},
		{GapLimit, 2, false, "a limit of the front door, or of connections to a database"},
		{GapProcessor, 2, true, "processors of the machine"},
		{GapMemory, 2, true, "memory of the machine, more than 10 % apart"},
		{GapDisk, 1, true, "the disk's size and what is free of it, more than 10 % apart"},
	}
}

func schemaKinds() []GapKind {
	return []GapKind{
		{GapDatabase, 5, false, "encoding, locale and owner of a database"},
		{GapSchema, 5, false, "a schema"},
		{GapTable, 10, false, "a table: whether it is there, kept, partitioned, its storage, row security, replica identity"},
		{GapColumn, 5, false, "a column: type, collation, NULL, default, identity, generation, storage, statistics target"},
		{GapConstraint, 5, false, "a constraint, with whether it is valid"},
		{GapIndex, 5, false, "an index, with whether it is valid"},
		{GapStatistics, 2, false, "extended statistics"},
		{GapSequence, 5, false, "a sequence: type, step, bounds, owner"},
		{GapView, 5, false, "a view, or a materialized one and whether it is populated"},
		{GapFunction, 5, false, "a function, procedure or aggregate, by digest"},
		{GapTrigger, 5, false, "a trigger, also of events, with whether it is enabled"},
		{GapRule, 5, false, "a rewriting rule"},
		{GapPolicy, 5, false, "a policy of row security"},
		{GapType, 5, false, "an enum, domain, range or composite type"},
		{GapCollation, 5, false, "a collation, and the version of the library that sorts by it; where only that of the database is another, 2"},
		{GapForeign, 5, false, "a foreign server"},
		{GapPublication, 2, false, "a publication and what it publishes"},
		{GapComment, 1, false, "a comment"},
		{GapRole, 5, false, "a role that matters to the database: what it may, which groups it is in"},
		{GapOwner, 5, false, "who owns something"},
		{GapGrant, 5, false, "who may do what with something"},
	}
}

func dataKinds() []GapKind {
	return []GapKind{
		{GapVolume, 3, true, "rows of a table as the server estimates them, more than 10 % apart (not compared: under 100 rows)"},
		{GapPosition, 1, true, "how far a sequence has counted, more than 10 % apart (not compared: under 100)"},
		{GapNulls, 2, true, "the share of NULL in a column, more than 0.02 apart"},
		{GapDistinct, 2, true, "distinct values of a column, both as a number and as a share of its rows more than 30 % apart"},
		{GapCommon, 2, true, "the shares of a column's ten most common values, by rank, together more than 0.05 apart"},
		{GapHistogram, 2, true, "how a column's values are spread: Kolmogorov–Smirnov distance of the servers' bounds over 0.1; of a masked column that of their lengths"},
		{GapWidth, 1, true, "the mean width of a column's values, more than 25 % apart"},
		{GapPlan, 3, false, "how one of the busiest statements is planned: nodes, tables, indexes"},
		{GapCost, 1, false, "what such a plan costs: ten times or more, with the same nodes (not compared: under 100)"},
	}
}
