#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs an image in the mount and network namespaces that container-test.sh made, and checks what it
# answers and how it ends.
# usage: container-checks.sh IMAGE PODMAN-OPTION...
set -u
image=$1
shift
storage=("$@")
failed=0

p() { podman "${storage[@]}" "$@"; }

# check NAME REASON COMMAND...: the reason is shown when the command fails.
check() {
  local name=$1 reason=$2
  shift 2
  if "$@"; then
    echo "ok $name"
  else
    echo "$reason"
    echo "FAILED $name"
    failed=1
  fi
}

fetch() { curl -sS -i --max-time 10 "http://127.0.0.1:8080$1" 2>&1 | tr -d '\r'; }

umount -R /sys/fs/cgroup 2>/dev/null
mount -t cgroup2 none /sys/fs/cgroup || exit 1
ip link set lo up || exit 1

id=$(p run -d --network host --read-only --tmpfs /tmp --cap-drop all --security-opt no-new-privileges "$image") || exit 1
trap 'p rm -f -t 2 "$id" >/dev/null' EXIT
until=$((SECONDS + 15))
until curl -s -o /dev/null http://127.0.0.1:8080/ || [ "$SECONDS" -ge "$until" ]; do sleep 0.05; done

page=$(fetch /)
check serves_the_site "$page" grep -qx 'HTTP/1.1 200 OK' <<< "$page"
answer=$(fetch /cgi-bin/echo)
check runs_cgi_programs "$answer" grep -qx 'HTTP/1.1 200 OK' <<< "$answer"

status=$(cat "/proc/$(p inspect -f '{{.State.Pid}}' "$id")/status")
check is_not_root "$status" grep -qE '^Uid:\s10001\s10001\s10001\s10001$' <<< "$status"
check has_no_capabilities "$status" grep -qE '^CapEff:\s0+$' <<< "$status"

p stop -t 10 "$id" >/dev/null
logs=$(p logs "$id" 2>&1)
code=$(p inspect -f '{{.State.ExitCode}}' "$id")
check ends_with_0_on_the_stop_signal "exit code $code: $logs" [ "$code" = 0 ]
check says_where_it_listens "$logs" grep -qx 'uvhttpd: listening on http://0.0.0.0:8080' <<< "$logs"
check logs_requests "$logs" grep -q '"GET / HTTP/1.1" 200 ' <<< "$logs"
exit $failed
