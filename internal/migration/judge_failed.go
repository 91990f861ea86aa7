package migration

import "strings"

// cause is why a migration fails: what database servers say, and what helps.
type cause struct{ words, remedy string }

// causes are told apart by the words of the server, the narrower ones first.
func causes() []cause {
	return []cause{
		{"must be owner of extension", "the application's role does not own the extension: let a superuser run that step before, or hand the extension over; do not test migrations as superuser"},
		{"must be owner of", "the migration's role does not own what it changes: run it as the owner, or hand the object over"},
		{"must be superuser", "this step needs a superuser, which the migration's role is not in production: let whoever runs the server do it before"},
		{"permission denied", "the migration's role lacks a right that it has only elsewhere: grant it in production, or run the migration as the role that has it"},
		{"must be able to set role", "the migration's role is no member of the role that it hands something to: grant the membership, or run the step as a member"},
		{"must be member of role", "the migration's role is no member of the role that it hands something to: grant the membership, or run the step as a member"},
		{"not-null constraint", "there are rows without a value: fill them first, in batches"},
		{"contains null values", "there are rows without a value: fill them first, in batches"},
		{"could not create unique index", "there are rows that are equal in what is to be unique: find and merge them first, and keep new ones out"},
		{"duplicate key value", "a row is there already that is equal in what is unique: let the step skip it (ON CONFLICT DO NOTHING), or see whether a sequence is behind"},
		{"could not create exclusion constraint", "there are rows that exclude each other by the new rule: find and mend them first"},
		{"violates foreign key", "there are rows that point at nothing: find and mend them first"},
		{"is violated by some row", "there are rows that break the rule: mend them first; NOT VALID lets the rule hold for new rows meanwhile"},
		{"violates check", "there are rows that break the rule: mend them first; NOT VALID lets the rule hold for new rows meanwhile"},
		{"contains values that violate the new constraint", "there are rows that break the rule: mend them first; NOT VALID lets the rule hold for new rows meanwhile"},
		{"no partition of relation", "there are rows that no partition takes: make the partitions first, or a default one"},
		{"partition constraint", "there are rows outside the partition's bounds: move them first"},
		{"value too long for type", "there are values that are longer than the new type allows: shorten them first, or keep the wider type"},
		{"out of range", "there are values that do not fit the new type: look for them first, or keep the wider type"},
		{"numeric field overflow", "there are values that do not fit the new type: look for them first, or keep the wider type"},
		{"invalid input syntax", "there are values that cannot be read as the new type: find and mend them first; a new column that is filled row by row tells which"},
		{"invalid input value for enum", "there are values that the enum does not have: add them to it, in a transaction before, or mend the rows"},
		{"cannot be cast automatically", "the server does not know how to turn the old values into the new type: say it with USING, on a copy of the column"},
		{"unsafe use of new value", "a new enum value cannot be used in the transaction that adds it: commit ALTER TYPE … ADD VALUE first, use the value in the next step"},
		{"cannot run inside a transaction block", "the statement cannot run inside a transaction, and the tool opens one: switch the tool's transaction off for this file (disable_ddl_transaction!, atomic = False, -- +goose NO TRANSACTION, or the like), with this statement alone in it"},
		{"cannot be executed from a function", "the statement cannot run inside a function or a DO block: let the tool run it on its own, outside a transaction"},
		{"used by a view or rule", "a view or rule uses the column: drop it, change the column, and make it anew in the same transaction"},
		{"other objects depend on it", "something still uses what is dropped: change or drop that first, by name; CASCADE takes it along unseen"},
		{"used in a publication", "a publication uses the column: take it out there first, and tell who follows"},
		{"used by a generated column", "a generated column is made of it: drop that one first, and make it anew after the change"},
		{"used in a trigger definition", "a trigger is made for the column: drop it, change the column, make the trigger anew in the same transaction"},
		{"used in a policy definition", "a policy of row security uses the column: drop it, change the column, make the policy anew in the same transaction"},
		{"has pending trigger events", "rows were changed before in the same transaction, and deferred checks still wait: commit in between, or SET CONSTRAINTS ALL IMMEDIATE before the change"},
		{"being used by active queries", "the session itself still reads from what it changes: close the cursor, or change it in another transaction"},
		{"lock timeout", "its lock was not to be had in time under this traffic: make the statement smaller, or do it in a quiet hour"},
		{"statement timeout", "a statement took longer than the role's statement_timeout allows: SET statement_timeout = 0 in the migration's session for what is known to be long, or do it in batches"},
		{"deadlock detected", "it takes locks in another order than the application does: one table in one transaction"},
		{"no space left on device", "the disk is full: a table that is written anew needs its size, and that of its indexes, again"},
		{"already exists", "a step was done before, by hand or by a run that was interrupted: look where the schema stands, and let the step skip what is there only after seeing that it is whole (an index may be invalid)"},
		{"does not exist", "the schema is not what the migration was written for: compare it with where the tool believes it to be"},
		{"current transaction is aborted", "an earlier statement of the transaction failed: its error stands further up in the evidence"},
	}
}

// failureRemedy gives advice that fits what the database server said.
func failureRemedy(output string) string {
	said := strings.ToLower(output)
	for _, known := range causes() {
		if strings.Contains(said, known.words) {
			return known.remedy
		}
	}
	return "read its output in the evidence, and run it again on a fresh twin"
}
