#!/usr/bin/env bash
# The demonstration: a shop with a million rows and customers in it; a release that must
# not reach production, and one that may.
#
#   demo.sh [--state-dir DIR]     everything, from nothing; ends what it started
#   KEEP=1 demo.sh                leaves the shop up afterwards, and says where to look
#   demo.sh --stop                ends what KEEP=1 left up
#
# Works as root and as anybody else. Needs Go and PostgreSQL's programs; no container
# engine, no network but loopback.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
understudy=$root/bin/understudy
build=$here/build
state=$here/.understudy
stop=no

while [ $# -gt 0 ]; do
  case $1 in
    --state-dir) state=${2:?--state-dir needs a folder}; shift 2 ;;
    --stop) stop=yes; shift ;;
    *) echo "usage: demo.sh [--state-dir DIR] [--stop]" >&2; exit 2 ;;
  esac
done

# PostgreSQL does not run as root: its user must be able to reach the folder.
if [ "$(id -u)" = 0 ] && [ "$state" = "$here/.understudy" ] && id postgres >/dev/null 2>&1 &&
  ! su -s /bin/sh postgres -c "test -x '$here'"; then
  state=/tmp/understudy-demo
fi
case $state in /*) ;; *) state=$PWD/$state ;; esac
scene=$state/demo # what the demonstration itself keeps

say() { printf '\n== %s\n' "$*"; }
fail() { printf '\ndemo: %s\n' "$*" >&2; exit 1; }
us() { "$understudy" --state-dir "$state" -C "$here" "$@"; }

# expect STATUS COMMAND… runs a command that has to end with that status.
expect() {
  local want=$1 status=0
  shift
  printf '$ understudy %s\n' "$*"
  us "$@" || status=$?
  [ "$status" = "$want" ] || fail "understudy $* ended with status $status, expected $want"
}

# timed NAME STATUS COMMAND… also notes how long it took, for the summary.
timed() {
  local name=$1 began=$SECONDS
  shift
  expect "$@"
  printf '  %-44s %4d s\n' "$name" $((SECONDS - began)) >>"$scene/times"
}

# finish FILE asks the program whose number is in the file to end, and waits for it.
finish() {
  local file=$1 pid
  [ -f "$file" ] || return 0
  pid=$(cat "$file")
  # A number may have been given to another program since: look before asking.
  case $(ps -o args= -p "$pid" 2>/dev/null || true) in
    "$build"/bin/*)
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

down=no
everything_down() {
  if [ $down = yes ]; then return 0; fi
  finish "$scene/customers.pid"
  if [ -x "$understudy" ] && [ -d "$state" ]; then
    us down --all || echo "demo: understudy down --all did not end well; see $state/logs" >&2
  fi
  finish "$scene/payments.pid"
}

# clear_state removes what an earlier demonstration left, and nothing else.
clear_state() {
  [ -e "$state" ] || return 0
  [ -z "$(ls -A "$state")" ] && return 0
  [ -f "$scene/is-a-demo" ] ||
    fail "$state is not empty and was not made by this demonstration; choose another --state-dir, or remove it"
  everything_down
  rm -rf "$state"
}

ended() {
  local status=$?
  trap - EXIT INT TERM
  if [ "$status" = 0 ] && [ "${KEEP:-}" = 1 ]; then
    exit 0
  fi
  if [ -f "$scene/is-a-demo" ]; then
    everything_down
    if [ "$status" = 0 ]; then rm -rf "$state"; else echo "demo: what was written is in $state" >&2; fi
  fi
  exit "$status"
}

if [ $stop = yes ]; then
  clear_state
  exit 0
fi

# answering HOST PORT tells whether anybody listens there.
answering() { (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null; }

# seen NAME is a count that the customers keep.
seen() { sed -n 's/.*"'"$1"'":\([0-9]*\).*/\1/p' "$scene/customers.json"; }

# nobody_hurt WHEN fails when a customer's request has failed, or none were made.
nobody_hurt() {
  sleep 2 # the counts are a second old at most
  local requests failed
  requests=$(seen requests) failed=$(seen failed)
  [ "${requests:-0}" -gt 0 ] || fail "the customers made no requests"
  if [ "$failed" != 0 ]; then
    cat "$scene/customers.json" >&2
    fail "$1, $failed of the customers' $requests requests had failed"
  fi
  printf 'customers: %s requests so far, 0 failed; answered by %s\n' "$requests" \
    "$(sed -n 's/.*"versions_seen":{\([^}]*\)}.*/\1/p' "$scene/customers.json" | tr -d '"')"
}

# answered_by RELEASE fails unless that release has answered more than it had before.
answered_by() {
  local before now
  before=$(seen "$1")
  for _ in $(seq 20); do
    sleep 0.5
    now=$(seen "$1")
    [ "${now:-0}" -gt "${before:-0}" ] && return 0
  done
  fail "production should be answered by $1 now, and is not"
}

secret() { # NAME VALUE-PREFIX
  mkdir -p "$(dirname "$here/secrets/$1")"
  printf '%s-%s' "$2" "$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')" >"$here/secrets/$1"
}

trap ended EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say "Building Understudy, and the shop in three releases"
(cd "$root" && make --no-print-directory build)
"$here/build.sh" "$build"
(cd "$here" && CGO_ENABLED=0 go build -o "$build/bin/" ./customers ./payments)

clear_state
began=$SECONDS
mkdir -p "$scene"
touch "$scene/is-a-demo"
(
  umask 077
  for environment in production staging; do
    secret $environment/session_key $environment
    secret $environment/payment_key $environment
  done
)
for port in 18080 18081 18090 18025; do
  ! answering 127.0.0.1 $port || fail "port $port is taken; the demonstration needs it"
done

say "The world outside: a payment provider and a mail relay"
"$build/bin/payments" >"$scene/payments.json" 2>"$scene/payments.log" &
echo $! >"$scene/payments.pid"
for _ in $(seq 50); do
  answering 127.0.0.1 18090 && break
  sleep 0.1
done
answering 127.0.0.1 18090 || fail "the payment provider did not start; see $scene/payments.log"

say "Three releases, named by their content"
for release in v1 v2 v3; do
  expect 0 release create $release --from "$build/$release"
done

say "Production: v1, with a database of 1.3 million rows"
timed "production up, seeded" 0 up production --release v1

say "Customers come in, and stay to the end"
"$build/bin/customers" --url http://127.0.0.1:18080 --rate 5 --status "$scene/customers.json" \
  >"$scene/customers.last" 2>"$scene/customers.log" &
echo $! >"$scene/customers.pid"
for _ in $(seq 100); do
  [ -f "$scene/customers.json" ] && break
  sleep 0.1
done
nobody_hurt "before anything was rehearsed"

say "v3 passes its own tests, and looks fine. It is rehearsed, and must fail (exit status 4)"
timed "v3 rehearsed: must not go" 4 rehearse v3
nobody_hurt "while v3 was rehearsed"

say "v2 is rehearsed, and must pass"
timed "v2 rehearsed: may go" 0 rehearse v2

say "How alike are production and staging, that v2 was rehearsed on?"
expect 0 parity production staging

say "v2 goes to production, under the customers' eyes"
timed "v2 promoted, in three steps, and watched" 0 promote v2 --yes
answered_by v2
nobody_hurt "after v2 was promoted"

say "Its ratings are behind a flag, which is off. They are turned on, and off again: at once, and as was rehearsed"
expect 0 flags set ratings on --env production --reason "rehearsed on its own"
expect 0 flags list
expect 0 flags off ratings --env production
nobody_hurt "after ratings were turned on and off"

say "And back, as if it had to be"
timed "production rolled back to v1" 0 rollback production --yes
answered_by v1
nobody_hurt "after production was rolled back"

say "What was done, by whom, when: nobody has changed the record"
expect 0 journal verify

if [ "${KEEP:-}" != 1 ]; then
  say "Everything down"
  finish "$scene/customers.pid"
  expect 0 down --all
  down=yes
  finish "$scene/payments.pid"
  grep -q '"production":[1-9]' "$scene/payments.json" || fail "production charged nothing: $(cat "$scene/payments.json")"
  ! grep -q '"staging"' "$scene/payments.json" || fail "staging reached the payment provider: $(cat "$scene/payments.json")"
fi

say "In short"
cat "$scene/times"
printf '  %-44s %4d s\n' "all together, building aside" $((SECONDS - began))
printf '  %-44s %s, %s failed\n' "requests by customers" "$(seen requests)" "$(seen failed)"
if [ "${KEEP:-}" = 1 ]; then
  cat <<EOF

It is all still up:
  the shop           http://127.0.0.1:18080
  staging            http://127.0.0.1:18081
  charges and mails  http://127.0.0.1:18090/received
  the customers      $scene/customers.json
  the record         $understudy --state-dir $state -C $here journal
  the rehearsals     $understudy --state-dir $state -C $here rehearsal list
End it with: $here/demo.sh --state-dir $state --stop
EOF
else
  printf '  %-44s %s\n' "what reached the world outside" "$(cat "$scene/payments.json")"
fi
