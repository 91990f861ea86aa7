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
	ConfigChanged  Code = "config.changed"
	ConfigDiffers  Code = "config.differs-from-release"
	ConfigBroken   Code = "config.rule-broken"
	ConfigUnused   Code = "config.unused"
	SealLeaked     Code = "seal.leaked"
	TwinDiffers    Code = "twin.differs"

	ParityBlocks     Code = "parity.blocks"
	ParityDiffers    Code = "parity.differs"
	ParityCredential Code = "parity.shared-credential"
	ParityUnder      Code = "parity.under-policy"
	ParityAccepted   Code = "parity.accepted"
	ParityRanOut     Code = "parity.acceptance-over"
	ParityUnused     Code = "parity.acceptance-unused"

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
	MigrationQueue        Code = "migration.queue"
	MigrationInterrupted  Code = "migration.interrupted"
	MigrationAtOnce       Code = "migration.together"

	MigrationWriteLock  Code = "migration.write-lock"
	MigrationLockedScan Code = "migration.locked-scan"
	MigrationLockKept   Code = "migration.lock-kept"
	MigrationTogether   Code = "migration.tables-together"
	MigrationOtherTable Code = "migration.other-table"
	MigrationWaited     Code = "migration.waited"
	MigrationNoTimeout  Code = "migration.no-lock-timeout"
	MigrationDeadlock   Code = "migration.deadlock"

	MigrationBulkWrite  Code = "migration.bulk-write"
	MigrationTriggers   Code = "migration.triggers-fired"
	MigrationRemoved    Code = "migration.data-removed"
	MigrationDisk       Code = "migration.disk-peak"
	MigrationLog        Code = "migration.log-volume"
	MigrationRolledBack Code = "migration.rolled-back"

	MigrationNoStatistics Code = "migration.missing-statistics"
	MigrationIndexGap     Code = "migration.index-gap"
	MigrationHot          Code = "migration.hot-updates-lost"
	MigrationUnindexed    Code = "migration.unindexed-key"
	MigrationKeyType      Code = "migration.key-type"
	MigrationKeyRoom      Code = "migration.key-room"
	MigrationSequence     Code = "migration.sequence-behind"

	MigrationType       Code = "migration.type-changed"
	MigrationTimeZone   Code = "migration.time-zone"
	MigrationNoEquality Code = "migration.no-equality"
	MigrationEnum       Code = "migration.enum-value"
	MigrationDependents Code = "migration.dependents-gone"
	MigrationFollowers  Code = "migration.followers"
	MigrationUnlogged   Code = "migration.unlogged"
	MigrationNotValid   Code = "migration.not-validated"
	MigrationPlan       Code = "migration.plan-changed"
	MigrationGrows      Code = "migration.blocks-at-size"
	MigrationOutlasts   Code = "migration.outlasts-timeout"
	MigrationUnsteady   Code = "migration.unsteady"

	CompatibilityBroken Code = "compatibility.old-release-breaks"

	DeploymentNotReady Code = "deployment.not-ready"
	DeploymentLost     Code = "deployment.requests-lost"
	DeploymentErrors   Code = "deployment.new-errors"
	DeploymentDigest   Code = "deployment.wrong-bits"
	DeploymentConfig   Code = "deployment.wrong-configuration"

	TestsFailed Code = "tests.failed"
	TestsFlaky  Code = "tests.flaky"

	FlagsOffDiffers   Code = "flags.off-differs"
	FlagsOffStatement Code = "flags.off-statement"
	FlagsRowFails     Code = "flags.row-fails"
	FlagsFlaky        Code = "flags.flaky"
	FlagsNoOff        Code = "flags.no-off"
	FlagsUndeclared   Code = "flags.undeclared"
	FlagsUnread       Code = "flags.unread"
	FlagsStale        Code = "flags.stale"

	RollbackBroken     Code = "rollback.old-release-breaks"
	RollbackDownFailed Code = "rollback.down-failed"
	RollbackSchema     Code = "rollback.schema-differs"
	RollbackData       Code = "rollback.data-lost"
	RollbackOrder      Code = "rollback.column-order"
	RollbackSlow       Code = "rollback.slow"
	RollbackNone       Code = "rollback.no-way-back"
	RollbackBlocked    Code = "rollback.blocked"

	RollbackRestoreFailed   Code = "rollback.restore-failed"
	RollbackWritesLost      Code = "rollback.writes-lost"
	RollbackOnlyByRestoring Code = "rollback.only-by-restoring"
	ContractFailed          Code = "contract.failed"
	ContractBroke           Code = "contract.release-breaks"
)

// Catalogue lists every kind of finding, in the order of the checks.
func Catalogue() []Entry {
	var all []Entry
	for _, part := range [][]Entry{parityEntries(), configEntries(), lockEntries(), dataEntries(), plannerEntries(), shapeEntries(), migrationEntries(), releaseEntries(), flagEntries(), rollbackEntries()} {
		all = append(all, part...)
	}
	return all
}

// parityEntries are about how alike the twin is to what it is a twin of. Their subject is a kind
// of difference, a key, or what is accepted.
func parityEntries() []Entry {
	const in = understudy.CheckParity
	return []Entry{
		{ParityBlocks, in, understudy.SeverityBlocking, "{subject} of {twin} is not that of {environment}",
			"what was seen on {twin} was seen with another {subject}, and need not hold in {environment}",
			"make the two alike, or say in understudy.yaml under parity: accepted: who answers for the difference, why, and until when"},
		{ParityDiffers, in, understudy.SeverityWarning, "{subject} of {twin} is a little other than that of {environment}",
			"what was seen on {twin} was seen with another {subject}; each of the differences weighs less than {blocking}",
			"make the two alike, or say in understudy.yaml under parity: accepted: who answers for the difference, why, and until when"},
		{ParityCredential, in, understudy.SeverityBlocking, "{subject} is the same in {environment} and {twin}, and has to differ",
			"whoever gets hold of {twin}'s {subject} holds {environment}'s too; nobody can accept that", "give {twin} a {subject} of its own"},
		{ParityUnder, in, understudy.SeverityBlocking, "the likeness of {twin} to {environment} is {figure}, under the policy's {under}",
			"{twin} has come away from {environment}: what passes there says less and less of what would happen here",
			"see what differs with understudy parity, mend what weighs most, or change parity: under: in understudy.yaml"},
		{ParityRanOut, in, understudy.SeverityWarning, "the acceptance of {subject} ran out on {until}",
			"nobody answers for the difference any more: where it is still there, it counts", "make the two alike, or have {owner} accept it anew, until another day"},
		{ParityUnused, in, understudy.SeverityWarning, "the acceptance of {subject} accepts nothing",
			"nothing; but if the difference came back, nobody would be told", "take it out of understudy.yaml"},
		{ParityAccepted, in, understudy.SeverityNote, "{subject} differs, which {owner} accepts until {until}",
			"what was seen on {twin} was seen with this difference: {reason}", "nothing, while the reason holds"},
	}
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
		{ConfigChanged, in, understudy.SeverityNote, "{subject} changes", "{environment} would run with another {subject} than now", "see that it is meant: understudy config explain {subject}"},
		{ConfigDiffers, in, understudy.SeverityNote, "{subject} is not in {environment} what the release says",
			"the value of {environment} holds there, and the default of the release does not", "nothing, where it is meant; else take {subject} out of {environment}"},
		{ConfigBroken, in, understudy.SeverityBlocking, "a rule of the configuration is not kept in {environment}",
			"the release would not be started in {environment}", "change the value, or the type or rule under config: in understudy.yaml: understudy config explain KEY shows both"},
		{ConfigUnused, in, understudy.SeverityWarning, "nothing in the release reads the configuration key {subject}",
			"a change of {subject} would do nothing, and whoever relies on it is mistaken", "take {subject} out where it is {where}, or mend its name"},
		{TwinDiffers, understudy.CheckTwin, understudy.SeverityBlocking, "the twin's schema is not production's",
			"nothing that was seen on the twin could be relied on", "see the lines that differ; if production was changed while it was copied, rehearse again"},
		{SealLeaked, understudy.CheckTwin, understudy.SeverityBlocking, "staging can reach the outside",
			"the rehearsal itself could have sent mail or moved money", "run the twin on a Linux machine that allows network namespaces"},
	}
}

// lockEntries are about who is kept out, and for how long.
func lockEntries() []Entry {
	const in = understudy.CheckMigration
	return []Entry{
		{MigrationWriteLock, in, understudy.SeverityWarning, "writers of {subject} are locked out",
			"no row of {subject} could be inserted, changed or deleted until the transaction ends{grows}", "{remedy}"},
		{MigrationLockedScan, in, understudy.SeverityWarning, "{subject} is gone through while it is locked against everything",
			"nobody could read or write {subject} while every row is looked at: the time grows with the table", "{remedy}"},
		{MigrationLockKept, in, understudy.SeverityWarning, "{subject} stays locked for {kept} after it was changed",
			"whoever needs {subject} would wait for statements that have nothing to do with it: a transaction gives no lock back before its end", "{remedy}"},
		{MigrationTogether, in, understudy.SeverityWarning, "one transaction locks several tables against everything: {subject}",
			"an application that takes them in another order would deadlock with the migration, and the first stays locked while the next is waited for", "{remedy}"},
		{MigrationOtherTable, in, understudy.SeverityNote, "one statement locks several tables: {subject}",
			"a table that the statement may not even name stands still with the other; behind one long query on any of them, all wait", "{remedy}"},
		{MigrationWaited, in, understudy.SeverityWarning, "the migration waits {waited} for {subject}",
			"while it waits, every later query on {subject} queues behind it; production has longer transactions than the twin", "{remedy}"},
		{MigrationNoTimeout, in, understudy.SeverityWarning, "lock_timeout is not in force",
			"the migration would wait for a lock as long as it takes, and everybody else behind it", "connect directly or in session mode, not through a pooler in transaction mode, and leave lock_timeout in the migration's session alone: it is handed over in the connection's options"},
		{MigrationDeadlock, in, understudy.SeverityWarning, "the migration and {who} lock each other out",
			"the server would end one of the two: a request that fails, or a migration that does", "take one table in one transaction, or lock tables in the order in which the application does"},
	}
}

// dataEntries are about rows, and what their number costs.
func dataEntries() []Entry {
	const in = understudy.CheckMigration
	return []Entry{
		{MigrationBulkWrite, in, understudy.SeverityWarning, "one transaction writes {rows} rows of {subject}",
			"each row stays locked until all are done, whoever wants to change one waits as long; the table grows by the old rows, replicas fall behind", "{remedy}"},
		{MigrationTriggers, in, understudy.SeverityWarning, "triggers fire for the rows that the migration writes: {subject}",
			"what they do would be done {rows} times at once: messages sent, queues filled, histories and times of change overwritten", "see what each trigger does; where it must not, run the fill with ALTER TABLE … DISABLE TRIGGER in its own short transaction, or let the trigger skip the migration's role"},
		{MigrationRemoved, in, understudy.SeverityWarning, "data is removed: {subject}",
			"it would be gone for good, and going back to the old release brings no value back", "{remedy}"},
		{MigrationDisk, in, understudy.SeverityWarning, "the disk needs {more} more at the peak",
			"a server that runs out of disk stops for everybody", "see that production has twice that free; rewrite in batches rather than at once, one table at a time"},
		{MigrationLog, in, understudy.SeverityWarning, "{written} of log are written",
			"replicas and backups would fall behind by as much, and a replication slot that lags keeps it on disk", "write in batches with pauses in which replicas catch up; build one index at a time"},
		{MigrationRolledBack, in, understudy.SeverityWarning, "work is done and thrown away: {subject}",
			"the locks, the time and the disk would be spent for nothing, and what the migration reports as done may not be", "end each transaction with COMMIT, and let the command end with an error when a statement fails (psql: ON_ERROR_STOP)"},
	}
}

// plannerEntries are about queries and keys once the migration has ended.
func plannerEntries() []Entry {
	const in = understudy.CheckMigration
	return []Entry{
		{MigrationNoStatistics, in, understudy.SeverityWarning, "the planner knows nothing of {subject}",
			"queries that filter or join by it could run with bad plans until the next ANALYZE", "{remedy}"},
		{MigrationIndexGap, in, understudy.SeverityWarning, "queries lose their index {subject}",
			"queries that used it would read whole tables{gap}", "{remedy}"},
		{MigrationHot, in, understudy.SeverityWarning, "updates of {subject} touch its indexes now",
			"each update would write every index of the table and leave more behind for VACUUM: slower writes for good", "leave columns that change often out of indexes, or lower the table's fillfactor"},
		{MigrationUnindexed, in, understudy.SeverityWarning, "no index serves the foreign key {subject}",
			"each delete in {other}, and each change of its key, would read the whole of {table} under a lock", "{remedy}"},
		{MigrationKeyType, in, understudy.SeverityWarning, "the two ends of {subject} differ in type",
			"the narrower end would run out first, and joins cannot use every index: {types}", "give the new column the type of the key it points at, before it has rows"},
		{MigrationKeyRoom, in, understudy.SeverityWarning, "{used} of the values of {subject} are used up",
			"at its end every insert fails until the column is a wider one, which writes the whole table anew", "make it bigint now: as a new column that is filled in batches and switched over, or before the table has rows"},
		{MigrationSequence, in, understudy.SeverityWarning, "sequence {subject} is behind by {behind}",
			"the next inserts would fail with duplicate keys, one after the other", "{remedy}"},
	}
}

// shapeEntries are about what the schema is afterwards, for those who use it already.
func shapeEntries() []Entry {
	const in = understudy.CheckMigration
	return []Entry{
		{MigrationType, in, understudy.SeverityWarning, "the type changes under running programs: {subject}",
			"prepared statements of open connections that return the column would fail with: cached plan must not change result type; in a transaction, each time", "open the old release's connections anew after the migration (restart it, or let the pooler run DISCARD ALL), or add a new column; the check compatibility tells whether this release is hit"},
		{MigrationTimeZone, in, understudy.SeverityNote, "the session's time zone decides what becomes of {subject}",
			"in another time zone than UTC every value is shifted and the whole table is written anew", "{remedy}"},
		{MigrationNoEquality, in, understudy.SeverityWarning, "{subject} has a type without equality",
			"SELECT DISTINCT, GROUP BY and UNION over it would fail: could not identify an equality operator for type json", "use jsonb"},
		{MigrationEnum, in, understudy.SeverityNote, "{subject} gets a value that cannot be taken away again",
			"there is no way back for the type, and the old release reads a value that it does not know once the new one has written it", "let the old release accept the value first; where values come and go, use a lookup table"},
		{MigrationDependents, in, understudy.SeverityWarning, "what others use is gone: {subject}",
			"every query that uses it would fail, the old release's too", "drop without CASCADE, so that the server names what hangs on it; make views anew in the same transaction"},
		{MigrationFollowers, in, understudy.SeverityWarning, "followers of {subject} are not told of its new shape",
			"logical replication carries rows and no changes of schema: a subscriber that lacks the column, or cannot tell rows apart, stops", "change the subscribers first when columns are added, last when they go; refresh the subscription"},
		{MigrationUnlogged, in, understudy.SeverityWarning, "{subject} is not logged any more",
			"after a crash it would be empty, and on every replica it is", "keep tables logged unless their rows can be made again"},
		{MigrationNotValid, in, understudy.SeverityNote, "{subject} holds for new rows only",
			"rows from before may break the rule, and the planner cannot rely on it", "{remedy}"},
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
			"customers would wait up to {longest}; held up past {budget} would be: {requests}", "make the statement that blocks run without a lock that the application needs; the finding migration.blocked names it where it was seen"},
		{MigrationBroke, in, understudy.SeverityBlocking, "requests fail while the migration runs",
			"customers would see errors during the deployment: {classes}", "split the migration so that each step leaves the running release working"},
		{MigrationRewrote, in, understudy.SeverityWarning, "{subject} is written anew as a whole",
			"{subject} is locked against everything while it is copied, needs its size again on disk, and writes as much to the log", "{remedy}"},
		{MigrationExclusive, in, understudy.SeverityNote, "{subject}: locked against everything for a while",
			"behind one long-running query this lock, however short, makes every later query on the table wait", "keep such statements short and on their own; Understudy hands the migration a lock_timeout of {timeout} and tries again"},
		{MigrationInvalidIndex, in, understudy.SeverityBlocking, "index {subject} is left invalid",
			"the index would be kept up to date and never used, and a unique one would not keep rows unique", "{remedy}"},
		{MigrationStatistics, in, understudy.SeverityWarning, "the planner's statistics are gone: {subject}",
			"queries on these columns could run with bad plans until the next ANALYZE", "{remedy}"},
		{MigrationLockTimeout, in, understudy.SeverityWarning, "the migration did not get its lock at once",
			"it would need several tries under load", "run it in a quiet hour, or split it so that each statement needs its lock only for a moment"},
		{MigrationNotRepeats, in, understudy.SeverityBlocking, "the migration cannot be run a second time",
			"a promotion that was interrupted and resumed would stop here", "make the command skip what is done, as every migration tool with a version table does"},
		{MigrationQueue, in, understudy.SeverityBlocking, "behind one long transaction, {who} of {subject} stand still for {longest}",
			"while the migration waits for its lock, everybody who comes later waits behind it: {bound}", "{remedy}"},
		{MigrationInterrupted, in, understudy.SeverityBlocking, "killed {when}, the migration cannot be taken up again",
			"a promotion that is interrupted, by a crash or by a deadline, would leave production there", "{remedy}"},
		{MigrationAtOnce, in, understudy.SeverityBlocking, "two runs of the migration at once do not end as one does",
			"{would}", "let the command take a lock of its own before it looks at what is to be done, as most migration tools can (an advisory lock, a lock on their version table), and wait for it"},
		{MigrationPlan, in, understudy.SeverityWarning, "a busy statement is planned {manner}: {subject}",
			"after the migration this statement would be run {manner}, at {ratio} times the cost by the planner's reckoning", "see which index or statistics the new plan lacks: create the index again, or end the migration with ANALYZE of the tables that it names"},
		{MigrationGrows, in, understudy.SeverityBlocking, "with production's size the migration blocks {subject} for about {blocked}",
			"whoever waits for {subject} would wait about {blocked} ({basis}); on the smaller twin it was within {budget}", "{remedy}"},
		{MigrationOutlasts, in, understudy.SeverityBlocking, "with production's size the migration takes about {expected}",
			"the promotion would end it at its timeout of {limit}, half way", "do long work in batches outside the deployment, or give the migration the timeout that it needs"},
		{MigrationUnsteady, in, understudy.SeverityBlocking, "the migration ran through under traffic, and does not on another copy of the same data",
			"whether it runs through hangs on more than the data, as on what others do meanwhile, on the time, on chance or on how far a sequence has come, and may go the other way in production", "look rows up by what they mean rather than by a number, and wait for what the migration needs rather than for a while"},
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
		{DeploymentConfig, understudy.CheckDeployment, understudy.SeverityBlocking, "{subject} does not run with the configuration it was given",
			"what was rehearsed would not be what runs", "see what changes its environment between the start and the program: a wrapper, a login shell"},
		{DeploymentDigest, understudy.CheckDeployment, understudy.SeverityBlocking, "{subject} does not run the rehearsed bits",
			"what would be promoted is not what was rehearsed", "start the service from a program inside the artifact tree, and change nothing there"},
		{TestsFailed, understudy.CheckTests, understudy.SeverityBlocking, "test {subject} fails on the twin",
			"what the test guards would be broken on production's data", "see its output in the evidence"},
		{TestsFlaky, understudy.CheckTests, understudy.SeverityWarning, "test {subject} fails now and then",
			"it failed and then passed on the same bits: either the test or the release depends on chance", "make it deterministic; until then it proves little"},
	}
}

func flagEntries() []Entry {
	const in = understudy.CheckFlags
	return []Entry{
		{FlagsOffDiffers, in, understudy.SeverityBlocking, "{subject} is otherwise though all new flags are off",
			"the release would change what exists already the moment it arrives, and turning {flags} off would not bring it back", "put the change behind its flag; where it is meant to come with the release, name it under policy: flags: differs: with the reason"},
		{FlagsOffStatement, in, understudy.SeverityNote, "{subject} comes or goes though all new flags are off",
			"the database would be asked something else than now, with the flags off, too", "see that it belongs to the release, and not behind a flag"},
		{FlagsRowFails, in, understudy.SeverityBlocking, "it fails with {subject}",
			"it would fail for customers as soon as these flags are set so", "mend it; where these flags must never be on together, say so in their metadata (requires, excludes)"},
		{FlagsFlaky, in, understudy.SeverityWarning, "it fails now and then with {subject}",
			"it failed and then passed on the same bits and the same flags: something depends on chance", "make it deterministic, and rehearse again"},
		{FlagsNoOff, in, understudy.SeverityWarning, "nothing turns the flag {subject} off",
			"the kill switch would not know what to set, and what the release does without {subject} was not rehearsed", "give the flag a variant called off or of the value false, or name one in its metadata as off"},
		{FlagsUndeclared, in, understudy.SeverityWarning, "the flag {subject} is read, and declared nowhere",
			"the application would always take the default in its code, and nobody could turn {subject} on or off", "declare {subject} with the release, or read it no longer"},
		{FlagsUnread, in, understudy.SeverityWarning, "the flag {subject} is declared, and was read by nobody",
			"turning {subject} on or off would do nothing, or something that was not rehearsed", "let a test or a journey reach what reads {subject}; if nothing does, take it out"},
		{FlagsStale, in, understudy.SeverityNote, "the flag {subject} decides nothing any more",
			"the way that is never taken would be kept working for nobody", "take {subject} and the other way out of the code"},
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
		{RollbackRestoreFailed, in, understudy.SeverityBlocking, "the databases cannot be restored from their safety copy",
			"there would be no way back: the release has none but this one", "see why in what was seen; where a copy cannot hold all that is there, declare back: down or back: none"},
		{RollbackWritesLost, in, understudy.SeverityWarning, "going back loses what was written since the safety copy",
			"customers would lose all that they did from the safety copy before the migration until the rollback: {rows}", "expand first and contract in a later release, which needs no restore; else promote when little is written, and decide soon"},
		{RollbackOnlyByRestoring, in, understudy.SeverityWarning, "the old release breaks on what the new one wrote, so nothing goes back by itself",
			"a release that turns out to be worse would serve on until a person asks for the restore, and for the loss that comes with it", "keep the schema readable by the old release; else be there while it bakes"},
		{ContractFailed, in, understudy.SeverityBlocking, "the contract migration does not run through",
			"production would be left with a schema half way, and no way back", "try the contract command on data that both releases have written"},
		{ContractBroke, in, understudy.SeverityBlocking, "the new release breaks on the contracted schema",
			"customers would get {classes}, with no release to go back to", "take away only what the new release does not use any more"},
	}
}
