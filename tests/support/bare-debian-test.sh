#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs scripts/serve of a copy of this tree on a Debian that has nothing but apt, the first time and
# once more, and fetches the site.
# usage: bare-debian-test.sh SUITE TREE CACHEDIR
# Prints what the scripts say, then `ok NAME` or `FAILED NAME` for each check.
# Needs root and the packages mmdebstrap, iproute2 and curl.
set -uo pipefail
[ "$(id -u)" = 0 ] || exec sudo -n -- "$0" "$@"
suite=$1
tree=$(realpath "$2")
cache=$(realpath -m "$3")
failed=0
check() {
  local name=$1
  shift
  if "$@"; then echo "ok $name"; else
    echo "FAILED $name"
    failed=1
  fi
}

base=$cache/$suite.tar
mkdir -p "$cache"
if [ ! -s "$base" ]; then
  mmdebstrap --variant=apt --quiet "$suite" "$base.part.tar" && mv "$base.part.tar" "$base" || exit 1
fi
work=$(mktemp -d "$cache/$suite.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
export work
tar -xf "$base" -C "$work"
cp -L /etc/resolv.conf "$work/etc/resolv.conf"
mkdir "$work/uvhttpd"
tar -C "$tree" --exclude='./build*' --exclude=./.git --exclude=node_modules -cf - . | tar -xf - -C "$work/uvhttpd"

# Becomes the command, inside: to be called in a subshell. The mount namespace is there so that nothing
# stays mounted whatever happens.
inside() {
  # shellcheck disable=SC2016  # the inner shell expands these
  exec unshare --mount --propagation private bash -c '
    mount -t proc proc "$work/proc" && mount --rbind /dev "$work/dev" &&
    exec chroot "$work" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root "$@"' inside "$@"
}

# In a network of its own, where the port is free.
# shellcheck disable=SC2317  # called through `bash -c`
serve_and_fetch() {
  local page server until=$((SECONDS + 20))
  ip link set lo up
  inside /uvhttpd/scripts/serve > "$work/third" 2>&1 &
  server=$!
  until page=$(curl -sS http://127.0.0.1:8080/ 2>&1); do
    [ "$SECONDS" -lt "$until" ] || break
    sleep 0.05
  done
  kill "$server"
  wait "$server" && [ "$page" = "$(cat "$work/uvhttpd/www/index.html")" ] && grep -q 'http://127.0.0.1:8080' "$work/third"
}
export -f inside serve_and_fetch

# --version: everything but the serving, with the network that apt needs.
(inside /uvhttpd/scripts/serve --version) > "$work/first" 2>&1
status=$?
tail -n 100 "$work/first"
check installs_and_builds_on_a_bare_machine [ $status = 0 ]
check says_what_it_installs grep -q '^installing: .*g++' "$work/first"

(inside /uvhttpd/scripts/serve --version) > "$work/second" 2>&1
cat "$work/second"
check says_nothing_when_nothing_is_missing [ "$(wc -l < "$work/second")" = 1 ]

check serves_the_site_from_a_warm_start unshare --net bash -c serve_and_fetch
cat "$work/third"
exit $failed
