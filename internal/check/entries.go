package check

import "understudy"

// The codes, check by check.
const (
	ConfigMissing  Code = "config.missing"
	ConfigEmpty    Code = "config.empty"
	ConfigShared   Code = "config.shared-credential"
	ConfigAdded    Code = "config.added"
	ConfigRemoved  Code = "config.removed"
	ConfigOnlyTwin Code = "config.only-on-twin"
	SealLeaked     Code = "seal.leaked"
	TwinDiffers    Code = "twin.differs"

	MigrationFailed       Code = "migration.failed"
	MigrationHung         Code = "migration.hung"
	MigrationBlocked      Code = "migration.blocked"
	MigrationStalled      Code = "migration.stalled-requests"
	MigrationBroke        Code = "migration.failed-requests"
	MigrationRewrote      Code = "migration.rewrite"
	MigrationExclusive    Code = "migration.exclusive-lock"
	MigrationInvalidIndex Code = "migration.invalid-index"
	MigrationStatistics   Code = "migration.lost-statistics"
	MigrationLockTimeout  Code = "migration.lock-timeout"
	MigrationNotRepeats   Code = "migration.not-repeatable"
	MigrationPlan         Code = "migration.plan-changed"
	MigrationGrows        Code = "migration.blocks-at-size"
	MigrationOutlasts     Code = "migration.outlasts-timeout"

	CompatibilityBroken Code = "compatibility.old-release-breaks"

	DeploymentNotReady Code = "deployment.not-ready"
	DeploymentLost     Code = "deployment.requests-lost"
	DeploymentErrors   Code = "deployment.new-errors"
	DeploymentDigest   Code = "deployment.wrong-bits"

	TestsFailed Code = "tests.failed"
	TestsFlaky  Code = "tests.flaky"

	RollbackBroken     Code = "rollback.old-release-breaks"
	RollbackDownFailed Code = "rollback.down-failed"
	RollbackSchema     Code = "rollback.schema-differs"
	RollbackData       Code = "rollback.data-lost"
	RollbackOrder      Code = "rollback.column-order"
	RollbackSlow       Code = "rollback.slow"
	RollbackNone       Code = "rollback.no-way-back"
	RollbackBlocked    Code = "rollback.blocked"
)

// Catalogue lists every kind of finding, in the order of the checks.
func Catalogue() []Entry {
	var all []Entry
	for _, part := range [][]Entry{configEntries(), migrationEntries(), releaseEntries(), rollbackEntries()} {
		all = append(all, part...)
	}
	return all
}

func configEntries() []Entry {
	const in = understudy.CheckConfig
	return []Entry{
		{ConfigMissing, in, understudy.SeverityBlocking, "{subject} is missing in {environment}",
			"the new release would not start in {environment}, or would run without {subject}: {about}",
			"set {subject} for {environment} in understudy.yaml (env: for a plain value, secrets: for a reference) before the promotion"},
		{ConfigEmpty, in, understudy.SeverityBlocking, "{subject} is empty in {environment}",
			"the new release would find {subject} set to nothing, which is rarely what it was written for",
			"give {subject} a value for {environment}, or leave the key out so that its default holds"},
		{ConfigShared, in, understudy.SeverityBlocking, "{subject} is the same in {environment} and {twin}",
			"whoever gets hold of staging's {subject} holds production's too",
			"give {twin} a {subject} of its own"},
		{ConfigOnlyTwin, in, understudy.SeverityWarning, "{subject} exists on {twin} only",
			"what was seen on {twin} rests on a setting that {environment} does not have",
			"set {subject} in both, or in neither"},
		{ConfigAdded, in, understudy.SeverityNote, "the release declares {subject} anew", "nothing, where the key is set", "see that {subject} holds the right value in {environment}"},
		{ConfigRemoved, in, understudy.SeverityNote, "the release declares {subject} no more", "nothing; the setting is left over", "take {subject} out of {environment} once the old release is gone"},
		{TwinDiffers, understudy.CheckTwin, understudy.SeverityBlocking, "the twin's schema is not production's",
			"nothing that was seen on the twin could be relied on", "see the lines that differ; if production was changed while it was copied, rehearse again"},
		{SealLeaked, understudy.CheckTwin, understudy.SeverityBlocking, "staging can reach the outside",
			"the rehearsal itself could have sent mail or moved money", "run the twin on a Linux machine that allows network namespaces"},
	}
}

func migrationEntries() []Entry {
	const in = understudy.CheckMigration
	return []Entry{
		{MigrationFailed, in, understudy.SeverityBlocking, "the migration fails",
			"the promotion would stop half way: {left}", "{remedy}"},
		{MigrationHung, in, understudy.SeverityBlocking, "the migration does not end within {limit}",
			"the promotion would hang with whatever locks the migration holds", "find what it waits for in the evidence; do long work in batches outside the deployment"},
		{MigrationBlocked, in, understudy.SeverityBlocking, "the migration blocks {who} for {blocked}",
			"every {what} on {subject} would stand still for at least {blocked} on a machine like this one, and longer with more rows", "{remedy}"},
		{MigrationStalled, in, understudy.SeverityBlocking, "requests wait up to {longest} during the migration",
			"customers would wait up to {longest}: {requests} requests at {rate} a second were held up past {budget}", "make the statement that blocks run without a lock that the application needs; the finding migration.blocked names it where it was seen"},
		{MigrationBroke, in, understudy.SeverityBlocking, "requests fail while the migration runs",
			"customers would see errors during the deployment: {classes}", "split the migration so that each step leaves the running release working"},
		{MigrationRewrote, in, understudy.SeverityWarning, "{subject} is written anew as a whole",
			"the table is locked against everything while it is copied, needs its size again on disk, and writes as much to the log", "add the column without a volatile default or the change of type, fill it in batches, then switch over"},
		{MigrationExclusive, in, understudy.SeverityNote, "{subject}: locked against everything for a while",
			"behind one long-running query this lock, however short, makes every later query on the table wait", "keep such statements short and on their own; Understudy hands the migration a lock_timeout of {timeout} and tries again"},
		{MigrationInvalidIndex, in, understudy.SeverityBlocking, "index {subject} is left invalid",
			"the index would be kept up to date and never used, and a unique one would not keep rows unique", "drop it and build it again with CREATE INDEX CONCURRENTLY; IF NOT EXISTS keeps the broken one"},
		{MigrationStatistics, in, understudy.SeverityWarning, "the planner's statistics are gone: {subject}",
			"queries on these columns could run with bad plans until the next ANALYZE", "end the migration with ANALYZE of that table"},
		{MigrationLockTimeout, in, understudy.SeverityWarning, "the migration did not get its lock at once",
			"it would need several tries under load", "run it in a quiet hour, or split it so that each statement needs its lock only for a moment"},
		{MigrationNotRepeats, in, understudy.SeverityBlocking, "the migration cannot be run a second time",
			"a promotion that was interrupted and resumed would stop here", "make the command skip what is done, as every migration tool with a version table does"},
		{MigrationPlan, in, understudy.SeverityWarning, "a busy statement is planned {manner}: {subject}",
			"after the migration this statement would be run {manner}, at {ratio} times the cost by the planner's reckoning", "see which index or statistics the new plan lacks: create the index again, or end the migration with ANALYZE of the tables that it names"},
		{MigrationGrows, in, understudy.SeverityBlocking, "with production's size the migration blocks {subject} for about {blocked}",
			"whoever waits for {subject} would wait about {blocked} ({basis}); on the smaller twin it was within {budget}", "{remedy}"},
		{MigrationOutlasts, in, understudy.SeverityBlocking, "with production's size the migration takes about {expected}",
			"the promotion would end it at its timeout of {limit}, half way", "do long work in batches outside the deployment, or give the migration the timeout that it needs"},
	}
}

func releaseEntries() []Entry {
	return []Entry{
		{CompatibilityBroken, understudy.CheckCompatibility, understudy.SeverityBlocking, "the old release breaks on the new schema",
			"from the migration until the last old process is gone, and after every rollback that keeps the schema, customers would get: {classes}",
			"expand first (add, fill, let both releases write), contract in a later release once nothing uses the old form"},
		{DeploymentNotReady, understudy.CheckDeployment, understudy.SeverityBlocking, "{subject} does not become ready",
			"the promotion would stop before the switch; production would stay on the old release, on the new schema", "see its last log lines above; the release must answer its health check within its deadline"},
		{DeploymentLost, understudy.CheckDeployment, understudy.SeverityBlocking, "requests are lost in the switch",
			"{lost} requests would be lost at {rate} a second: {classes}", "let the service finish what it has begun when it gets SIGTERM, and answer its health check only when it can serve"},
		{DeploymentErrors, understudy.CheckDeployment, understudy.SeverityBlocking, "the new release answers with errors",
			"customers would get from the new release: {classes}", "see the failed requests in the evidence"},
		{DeploymentDigest, understudy.CheckDeployment, understudy.SeverityBlocking, "{subject} does not run the rehearsed bits",
			"what would be promoted is not what was rehearsed", "start the service from a program inside the artifact tree, and change nothing there"},
		{TestsFailed, understudy.CheckTests, understudy.SeverityBlocking, "test {subject} fails on the twin",
			"what the test guards would be broken on production's data", "see its output in the evidence"},
		{TestsFlaky, understudy.CheckTests, understudy.SeverityWarning, "test {subject} fails now and then",
			"it failed and then passed on the same bits: either the test or the release depends on chance", "make it deterministic; until then it proves little"},
	}
}

func rollbackEntries() []Entry {
	const in = understudy.CheckRollback
	return []Entry{
		{RollbackBroken, in, understudy.SeverityBlocking, "the old release breaks after {when}",
			"going back would not help: customers would get {classes}", "keep the schema readable by the old release until nobody will go back to it"},
		{RollbackDownFailed, in, understudy.SeverityBlocking, "the way back fails",
			"a rollback would stop half way with the schema of neither release", "{remedy}"},
		{RollbackSchema, in, understudy.SeverityBlocking, "the schema is not back after the way back",
			"the old release would run on a schema it was never tested with: {changes}", "let the down command undo exactly what the up command did: each step since production's release, constraints, defaults and indexes included"},
		{RollbackData, in, understudy.SeverityBlocking, "the way back loses data in {subject}",
			"after a rollback, what was there before would be gone for good: {lost}", "keep the old column or table until the release is settled, or declare back: none and roll forward"},
		{RollbackOrder, in, understudy.SeverityNote, "columns of {subject} come back in another order",
			"INSERT without column names, COPY and SELECT * would mix columns up", "nothing, where the application names its columns"},
		{RollbackSlow, in, understudy.SeverityWarning, "the way back takes {took}",
			"customers would live with the bad release for {took} or more; the policy allows {limit}", "make the way back not depend on the size of the data"},
		{RollbackNone, in, understudy.SeverityNote, "the release declares no way back for its schema",
			"a rollback would run the old release on the new schema, as was rehearsed", "nothing, while the old release works on the new schema"},
		{RollbackBlocked, in, understudy.SeverityWarning, "the way back blocks requests for {longest}",
			"customers would wait again while going back", "see the remedy for migration.blocked"},
	}
}
