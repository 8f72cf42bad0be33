#!/bin/bash
# SPDX-License-Identifier: MIT
# Boots a real systemd as PID 1 of a container and runs a script in it. The container's root is an
# overlay of this machine's own, in memory, and its network is private: nothing here is changed.
# usage: systemd-test.sh DIR
#   DIR/run.sh is run, DIR is seen as /t inside. Prints its output, exits with its status.
# Needs root and the packages systemd, systemd-sysv, systemd-container, dbus and procps.
set -euo pipefail
[ "$(id -u)" = 0 ] || exec sudo -n -- "$0" "$@"
share=$(realpath "$1")
work=$(mktemp -d)
mkdir "$work/root"
# The root of the machine is mounted below $work, but only in the namespace made below: were it ever
# to show here, --one-file-system keeps rm away from it.
trap 'rm -rf --one-file-system "$work"' EXIT
cat > "$work/check.service" <<'U'
[Unit]
SuccessAction=exit
FailureAction=exit
Requires=basic.target
After=basic.target dbus.service
Wants=dbus.service
[Service]
Type=oneshot
ExecStart=/bin/bash -c '/t/run.sh >/t/out.txt 2>&1; echo $? >/t/rc'
TimeoutStartSec=150
U
rm -f "$share/rc" "$share/out.txt"
# - systemd in the container wants /sys/fs/cgroup to be cgroup2 alone; a machine may have it hybrid.
# - systemd-nspawn refuses -D /, and a bind mount of / it takes.
# - --register=no and --keep-unit: there may be no systemd outside that could be told.
# - systemd-nspawn 252 does not know the calls of Landlock, and refuses what it does not know.
# shellcheck disable=SC2016  # the inner shell expands these
unshare --mount --propagation private sh -ec '
  umount -R /sys/fs/cgroup 2>/dev/null || :
  mount -t cgroup2 none /sys/fs/cgroup
  mount --bind / "$1/root"
  exec timeout -k 5 180 systemd-nspawn -q --register=no --keep-unit -M "uvhttpd-$$" -D "$1/root" \
    --system-call-filter="landlock_create_ruleset landlock_add_rule landlock_restrict_self" \
    --volatile=overlay --private-network --boot --console=pipe --link-journal=no \
    --bind="$2:/t" --bind-ro="$1/check.service:/etc/systemd/system/check.service" \
    -- systemd.unit=check.service' sh "$work" "$share" >"$work/console" 2>&1 </dev/null || :
if [ ! -s "$share/rc" ]; then
  echo "systemd-test.sh: the container did not come to the end of run.sh; its console:"
  cat "$work/console"
  [ ! -e "$share/out.txt" ] || cat "$share/out.txt"
  exit 1
fi
cat "$share/out.txt"
exit "$(cat "$share/rc")"
