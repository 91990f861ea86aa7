#!/usr/bin/env bash
# Gets two releases of Miniflux that others have built, from the package archive that this
# machine takes its own packages from: get.sh OUT makes
#
#   OUT/packages/*.deb    as they came, kept for the next time
#   OUT/releases/2.2.6    unpacked, from the suite trixie
#   OUT/releases/VERSION  unpacked, from sid: 2.3.4, or what has followed it
#   OUT/old, OUT/new      the two versions, one line each
#
# apt verifies the archive's signature and the packages' hashes. It does so with a state of
# its own below OUT: neither root nor anything of the machine's own apt is needed or touched.
set -euo pipefail

out=${1:?usage: get.sh OUT}
mkdir -p "$out"
out=$(cd "$out" && pwd)
packages=$out/packages apt=$out/apt
oldest=2.3.4

fail() { printf 'get: %s\n' "$*" >&2; exit 1; }

command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null ||
  fail "apt-get and dpkg-deb are not on this machine, so the example's packages cannot be had here; it needs a Debian system"

# archives lists the addresses of Debian archives in this machine's package sources, of the
# form with one line for each and of the form with paragraphs.
archives() {
  local file
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ -f "$file" ] && sed -nE 's/^deb[[:space:]]+(\[[^]]*\][[:space:]]+)?([^[:space:]]+)[[:space:]]+[^[:space:]]+[[:space:]].*\bmain\b.*/\2/p' "$file"
  done
  for file in /etc/apt/sources.list.d/*.sources; do
    [ -f "$file" ] && awk -v RS= 'tolower($0) !~ /enabled:[ ]*(no|false)/ && /Types:[^\n]*deb/ && /Components:[^\n]*main/ {
      n = split($0, line, "\n")
      for (i = 1; i <= n; i++) if (line[i] ~ /^URIs:/) { sub(/^URIs:[ \t]*/, "", line[i]); print line[i] }
    }' "$file" | tr ' ' '\n'
  done
  return 0
}

# keyring is what the archive's signature is held against.
keyring() {
  local file
  for file in /usr/share/keyrings/debian-archive-keyring.{pgp,gpg}; do
    [ -f "$file" ] && { echo "$file"; return; }
  done
  fail "the keys of the Debian archive are not on this machine; install the package debian-archive-keyring"
}

# ask ADDRESS sets up a private apt that knows the two suites of one archive.
ask() {
  rm -rf "$apt"
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
  : >"$apt/status"
  printf 'Types: deb\nURIs: %s\nSuites: trixie sid\nComponents: main\nSigned-By: %s\n' "$1" "$keys" >"$apt/debian.sources"
  cat >"$apt/apt.conf" <<END
Dir::Etc::sourcelist "$apt/debian.sources";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "$apt";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
Acquire::Retries "2";
Acquire::http::Timeout "20";
APT::Update::Error-Mode "any";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
END
  [ "$(id -u)" != 0 ] || echo 'APT::Sandbox::User "root";' >>"$apt/apt.conf" # its own user cannot reach this folder
  apt-get -c "$apt/apt.conf" -qq update
}

download() {
  local address
  keys=$(keyring)
  rm -rf "$packages.next"
  mkdir -p "$packages.next"
  # Only the archive itself: others have addresses like it, and not these packages.
  for address in $(archives | grep -E '/debian(/|\.list)?$' | sort -u); do
    echo "asking the archive of this machine's package sources for the suites trixie and sid" >&2
    if ask "$address" && (cd "$packages.next" && apt-get -c "$apt/apt.conf" -qq download miniflux/trixie && apt-get -c "$apt/apt.conf" -qq download miniflux/sid); then
      (cd "$packages.next" && sha256sum -- *.deb >SHA256SUMS)
      rm -rf "$packages" "$apt"
      mv "$packages.next" "$packages"
      return
    fi
  done
  rm -rf "$packages.next" "$apt"
  fail "the packages of Miniflux could not be had from this machine's package sources: no Debian archive among them, or it does not answer (offline?). Run it again with a network, or put miniflux_2.2.6-*.deb and miniflux_$oldest-*.deb with their SHA256SUMS into $packages"
}

# kept tells whether both packages lie here, as they were verified.
kept() { [ -f "$packages/SHA256SUMS" ] && (cd "$packages" && sha256sum --quiet -c SHA256SUMS) >&2; }

# version FILE is the version that its authors gave it: without Debian's own number.
version() { local full; full=$(dpkg-deb -f "$1" Version); echo "${full%-*}"; }

# unpack FILE VERSION, whole or not at all.
unpack() {
  local to=$out/releases/$2
  [ -d "$to" ] && return
  mkdir -p "$out/releases"
  rm -rf "$to.next"
  dpkg-deb -x "$1" "$to.next"
  mv "$to.next" "$to"
}

kept || download
old='' new=''
for file in "$packages"/miniflux_*.deb; do
  found=$(version "$file")
  if [ "$found" = 2.2.6 ]; then
    old=$found
  elif dpkg --compare-versions "$found" ge $oldest; then
    new=$found
    [ "$found" = $oldest ] || echo "sid has moved on: it has Miniflux $found now, which is rehearsed in place of $oldest" >&2
  else
    fail "expected Miniflux 2.2.6 in trixie and $oldest or later in sid, found $found"
  fi
  unpack "$file" "$found"
done
[ -n "$old" ] && [ -n "$new" ] || fail "expected Miniflux 2.2.6 and $oldest or later in $packages, found '$old' and '$new'"
echo "$old" >"$out/old"
echo "$new" >"$out/new"
