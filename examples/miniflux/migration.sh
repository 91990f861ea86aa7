#!/usr/bin/env bash
# Miniflux's own migration from 2.2.6 (schema 104) to 2.3.4 (schema 135) on a database with
# 250,000 articles, rehearsed alone: no project, no daemon, no web service. What it finds is
# asserted, and the timeline is drawn.
#
#   migration.sh          everything, from nothing; ends and removes what it made
#   KEEP=1 migration.sh   leaves the evidence and the timeline in build/miniflux/migration
#
# Works as root and as anybody else. Needs Go, PostgreSQL's programs and psql, and once, for
# the packages, the archive that this machine takes its own from; see get.sh.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
understudy=$root/bin/understudy
out=$root/build/miniflux
kept=$out/migration
port=18191

say() { printf '\n== %s\n' "$*"; }
fail() { printf '\nexample: %s\n' "$*" >&2; exit 1; }

bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
[ -n "$bin" ] || bin=$(dirname "$(command -v initdb)") || fail "PostgreSQL's programs are not on this machine"

# The server does not run as root.
work=$(mktemp -d /tmp/understudy-miniflux-XXXXXX)
chmod 755 "$work"
as=()
if [ "$(id -u)" = 0 ]; then
  mkdir "$work/db" && chown postgres "$work/db"
  as=(setpriv --reuid=postgres --regid=postgres --clear-groups)
else
  mkdir "$work/db"
fi

ended() {
  local status=$?
  trap - EXIT INT TERM
  [ ! -f "$work/db/data/postmaster.pid" ] || "${as[@]}" "$bin/pg_ctl" -D "$work/db/data" -m immediate -s stop || true
  rm -rf "$work"
  exit "$status"
}
trap ended EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say "Two releases of Miniflux, as Debian ships them"
"$here/get.sh" "$out"
old=$(cat "$out/old") new=$(cat "$out/new")
echo "$old, and $new"

say "A database of $old with 250,000 articles"
began=$SECONDS
cd "$work"
"${as[@]}" "$bin/initdb" -D "$work/db/data" -A trust -U postgres --locale=C.UTF-8 >"$work/log"
"${as[@]}" "$bin/pg_ctl" -D "$work/db/data" -l "$work/db/log" -s -w \
  -o "-p $port -k '$work/db' -c listen_addresses=127.0.0.1 -c fsync=off -c shared_buffers=256MB" start || fail "its server does not start; is port $port taken?"
psql -q -h 127.0.0.1 -p $port -U postgres -c 'CREATE ROLE miniflux LOGIN' -c 'CREATE DATABASE miniflux OWNER miniflux'
psql -q -h 127.0.0.1 -p $port -U miniflux miniflux -c 'CREATE EXTENSION hstore'
database="postgres://miniflux@127.0.0.1:$port/miniflux?sslmode=disable"
DATABASE_URL=$database "$out/releases/$old/usr/bin/miniflux" -migrate
psql -q -h 127.0.0.1 -p $port -U miniflux miniflux -f "$here/migration/fill.sql"
echo "filled in $((SECONDS - began)) s: $(psql -At -h 127.0.0.1 -p $port -U miniflux miniflux -c "SELECT count(*) || ' articles, ' || pg_size_pretty(pg_database_size('miniflux')) FROM entries")"

say "The migration of $new, rehearsed alone; the old release breaks on the new schema, so it must fail (exit status 4)"
rm -rf "$kept"
began=$SECONDS status=0
"$understudy" migration rehearse --plain --json --database "$database" --unmasked --copy-rate 0 --traffic "$here/migration/traffic.sql" --evidence "$kept" \
  --svg "$work/timeline.svg" -- "$out/releases/$new/usr/bin/miniflux" -migrate >"$work/rehearsal.json" || status=$?
mv "$work/rehearsal.json" "$work/timeline.svg" "$kept/" 2>/dev/null || true
[ $status = 4 ] || fail "it ended with status $status, expected 4"
echo "rehearsed in $((SECONDS - began)) s"

say "What it found"
found() {
  grep -q "\"code\": \"$1\"" "$kept/rehearsal.json" || fail "it did not find $1: $2"
  printf '  %-40s %s\n' "$1" "$2"
}
found migration.exclusive-lock "which tables are locked against everything, exactly"
found compatibility.old-release-breaks "sessions is gone, and the old release looks into it"
psql -At -h 127.0.0.1 -p $port -U miniflux miniflux -c 'SELECT version FROM schema_version' | grep -qx 104 || fail "production was changed"
echo "  the database itself is at 104 still: it was only read"

if [ "${KEEP:-}" = 1 ]; then
  printf '\nthe evidence: %s\nthe timeline: %s\n' "$kept" "$kept/timeline.svg"
else
  rm -rf "$kept"
fi
