#!/usr/bin/env bash
# Two real releases that nobody here wrote, Miniflux 2.2.6 and 2.3.4, rehearsed against each
# other. Each thing that a rehearsal has to find by itself is asserted.
#
#   run.sh            everything, from nothing; ends what it started
#   KEEP=1 run.sh     leaves both productions up afterwards, and says where to look
#   run.sh --stop     ends what KEEP=1 left up
#
# Works as root and as anybody else. Needs Go, PostgreSQL's programs and psql, and once, for
# the packages, the archive that this machine takes its own from; see get.sh.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
understudy=$root/bin/understudy
out=$root/build/miniflux
work=$out/work

case $* in
  '') stop=no ;;
  --stop) stop=yes ;;
  *) echo "usage: run.sh [--stop]" >&2; exit 2 ;;
esac

# PostgreSQL does not run as root: its user must be able to reach the folder.
if [ "$(id -u)" = 0 ] && id postgres >/dev/null 2>&1 && ! su -s /bin/sh postgres -c "test -x '$root'"; then
  work=/tmp/understudy-miniflux
fi

say() { printf '\n== %s\n' "$*"; }
fail() { printf '\nexample: %s\n' "$*" >&2; exit 1; }

# us PROJECT COMMAND… is understudy, for one of the two projects.
us() {
  local project=$1
  shift
  "$understudy" -C "$work/$project" "$@"
}

# expect STATUS PROJECT COMMAND… runs a command that has to end with that status.
expect() {
  local want=$1 status=0
  shift
  printf '$ understudy %s\n' "${*:2}" >&2
  us "$@" || status=$?
  [ "$status" = "$want" ] || fail "understudy ${*:2} ended with status $status, expected $want"
}

# timed NAME COMMAND… also notes how long it took, for the summary.
timed() {
  local name=$1 began=$SECONDS
  shift
  "$@"
  printf '  %-58s %4d s\n' "$name" $((SECONDS - began)) >>"$work/times"
}

# finish FILE asks the program whose number is in the file to end, and waits for it.
finish() {
  local file=$1 pid
  [ -f "$file" ] || return 0
  pid=$(cat "$file")
  # A number may have been given to another program since: look before asking.
  case $(ps -o args= -p "$pid" 2>/dev/null || true) in
    "$out"/bin/*)
      kill "$pid" 2>/dev/null || true
      for _ in $(seq 100); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
      done
      kill -9 "$pid" 2>/dev/null || true
      ;;
  esac
  rm -f "$file"
}

# project_down ends a project, unless it is to be kept.
project_down() {
  [ "${KEEP:-}" != 1 ] || return 0
  expect 0 "$1" down --all
  rm -f "$work/$1/is-up"
}

# interrupted_down ends a project, and a rehearsal that may be under way there.
interrupted_down() {
  local id
  for id in $(us "$1" rehearsal list | awk '/ (running|queued) / { print $1 }'); do
    us "$1" rehearsal cancel "$id" || true # it may just have ended
  done
  for _ in $(seq 20); do
    us "$1" down --all && return 0
    sleep 1 # what was cancelled tidies up first
  done
  return 1
}

everything_down() {
  local project
  for project in superuser-owned application-owned; do
    if [ -x "$understudy" ] && [ -f "$work/$project/is-up" ]; then
      interrupted_down "$project" || echo "example: understudy down --all did not end well; see $work/$project/.understudy/logs" >&2
    fi
  done
  finish "$work/feeds.pid"
}

# clear_work removes what an earlier run left, and nothing else.
clear_work() {
  [ -e "$work" ] || return 0
  [ -f "$work/is-the-example" ] || fail "$work was not made by this example; move it away"
  everything_down
  rm -rf "$work"
}

ended() {
  local status=$?
  trap - EXIT INT TERM
  if [ "$status" = 0 ] && [ "${KEEP:-}" = 1 ]; then
    exit 0
  fi
  if [ -f "$work/is-the-example" ]; then
    everything_down
    if [ "$status" = 0 ]; then rm -rf "$work"; else echo "example: what was written is in $work" >&2; fi
  fi
  exit "$status"
}

if [ $stop = yes ]; then
  clear_work
  exit 0
fi

# answering HOST PORT tells whether anybody listens there.
answering() { (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null; }

# project NAME makes a project of the example's own understudy.yaml; what follows edits it.
project() {
  local name=$1 environment
  shift
  mkdir -p "$work/$name"
  cp "$here/mask.yaml" "$work/$name/"
  sed -E "$@" "$here/understudy.yaml" >"$work/$name/understudy.yaml"
  for environment in production staging; do
    mkdir -p "$work/$name/secrets/$environment"
    (
      umask 077
      printf '%s-%s' $environment "$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')" >"$work/$name/secrets/$environment/admin_password"
    )
  done
}

# production NAME PORT brings a project's production up with the old release, and fills it.
production() {
  local name=$1 port=$2 release
  touch "$work/$name/is-up"
  for release in "$old" "$new"; do
    expect 0 "$name" release create "$release" --from "$out/releases/$release"
  done
  expect 0 "$name" up production --release "$old"
  "$out/bin/seed" --url "http://127.0.0.1:$port" --password-file "$work/$name/secrets/production/admin_password"
}

# rehearse NAME REPORT rehearses the new release, which must fail, and shows the findings.
# Step 132 of the migration and a reader can come to wait for each other, and then the
# migration may be the one that gives way: true, and a matter of chance. What the other
# rehearsals have to show is looked for once more then.
rehearse() {
  local name=$1 report=$work/$2.json try
  for try in 1 2 3 4; do
    expect 4 "$name" rehearse "$new" --json >"$report"
    us "$name" rehearsal show "$(sed -n 's/^ *"id": "\([^"]*\)".*/\1/p' "$report" | head -n 1)"
    "$out/bin/expect" deadlock "$report" "$understudy" 2>/dev/null >"$work/deadlock" || return 0
    cat "$work/deadlock"
    sed 's/^/  /' "$work/deadlock" >>"$work/found"
  done
  fail "at $try of $try tries the migration gave way to readers"
}

# found NAME REPORT CLAIM… asserts that a rehearsal found what it should, and why.
found() {
  local name=$1 report=$work/$2.json claim words
  shift 2
  for claim in "$@"; do
    words=$("$out/bin/expect" "$claim" "$report" "$understudy" -C "$work/$name") || fail "the rehearsal is not what is known of these releases; see $report"
    echo "$words"
    printf '  %s\n' "$words" >>"$work/found"
  done
}

trap ended EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say "Building Understudy, and what the example needs"
(cd "$root" && make --no-print-directory build)
mkdir -p "$out/bin"
(cd "$here" && CGO_ENABLED=0 go build -o "$out/bin/" ./feeds ./seed ./expect)

say "Two releases of Miniflux, as Debian ships them"
"$here/get.sh" "$out"
old=$(cat "$out/old") new=$(cat "$out/new")
echo "$old, and $new"

clear_work
began=$SECONDS
mkdir -p "$work"
touch "$work/is-the-example"
for port in 18180 18181 18182 18183 18190; do
  ! answering 127.0.0.1 $port || fail "port $port is taken; the example needs it"
done

say "The world outside: a server with twenty feeds of two hundred articles"
"$out/bin/feeds" --listen 127.0.0.1:18190 2>"$work/feeds.log" &
echo $! >"$work/feeds.pid"
for _ in $(seq 50); do
  answering 127.0.0.1 18190 && break
  sleep 0.1
done
answering 127.0.0.1 18190 || fail "the feeds did not start; see $work/feeds.log"

say "A production whose extension belongs to the superuser, as the installation guide had it"
project superuser-owned -e ''
timed "production with $old, where the superuser owns it: up" production superuser-owned 18180

say "$new is rehearsed there, and must fail (exit status 4): its migration cannot get through"
timed "$new rehearsed where the superuser owns the extension" rehearse superuser-owned halfway
found superuser-owned halfway halfway
expect 3 superuser-owned gate "$new" --to production
project_down superuser-owned

say "The same production, but its extension belongs to the application's role"
project application-owned -e 's/, extensions: \[hstore\]//' -e 's/18180/18182/; s/18181/18183/'
timed "production with $old, where the role owns it: up" production application-owned 18182

say "$new is rehearsed there: the migration gets through, and what comes after it must fail (exit status 4)"
timed "$new rehearsed where the role owns it" rehearse application-owned through
found application-owned through overlap private

say "Once more, with feeds on private networks allowed: that finding must be gone, and the other stay"
sed -i.before -E 's/^( *)CREATE_ADMIN: .*/&\n\1FETCHER_ALLOW_PRIVATE_NETWORKS: "1"/' "$work/application-owned/understudy.yaml"
timed "$new rehearsed with private networks allowed" rehearse application-owned allowed
found application-owned allowed allowed overlap
expect 3 application-owned gate "$new" --to production

if [ "${KEEP:-}" != 1 ]; then
  say "Everything down"
  project_down application-owned
  finish "$work/feeds.pid"
fi

say "In short"
awk '!seen[$0]++' "$work/found" "$work/times"
printf '  %-58s %4d s\n' "all together, building and fetching aside" $((SECONDS - began))
if [ "${KEEP:-}" = 1 ]; then
  cat <<END

It is all still up:
  production, superuser-owned    http://127.0.0.1:18180  $work/superuser-owned
  production, application-owned  http://127.0.0.1:18182  $work/application-owned
  its administrator              admin, with the password in secrets/production/admin_password
  the rehearsals                 $understudy -C $work/superuser-owned rehearsal list
End it with: $here/run.sh --stop
END
fi
