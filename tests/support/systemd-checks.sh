#!/bin/bash
# SPDX-License-Identifier: MIT
# The checks of test_systemd.py, run inside a container with a booted systemd (systemd-test.sh).
# /t/root is what `meson install` put into its DESTDIR. Each function check_NAME is one test, in the
# order written; for each `ok NAME` or `FAILED NAME` is printed, the latter after its trace.
# shellcheck disable=SC2317  # the functions are called by names made at run time
set -u
config=/etc/uvhttpd/uvhttpd.toml

# Waits until the command succeeds, for 15 seconds at most.
wait_for() {
  local - until=$((SECONDS + 15))
  set +x
  until "$@"; do
    [ "$SECONDS" -lt "$until" ] || return 1
    sleep 0.05
  done
}
# `!` would be invisible to `set -e`.
not() { if "$@"; then return 1; fi; }
get() { curl -fsS --max-time 10 "http://127.0.0.1:${2:-8080}$1"; }
property() { systemctl show uvhttpd -p "$1" --value; }
is() { [ "$(property "$1")" = "$2" ]; }
restarted_since() { not is MainPID "$1" && not is MainPID 0 && is ActiveState active; }
journal_has() { journalctl -u uvhttpd -o cat --no-pager | grep -qE -- "$1"; }
answers() { [ "$(get /probe)" = "$1" ]; }

# configure ADDRESS BODY: /probe answers BODY, everything else as installed.
configure() {
  cat > "$config" <<C
[[listener]]
address = "$1"
[[site]]
root = "/usr/share/uvhttpd/www"
[[site.route]]
path = "/probe"
handler = "respond"
status = 200
body = "$2"
[[site.route]]
path = "/cgi-bin/*"
handler = "cgi"
root = "/usr/share/uvhttpd/www/cgi-bin"
C
}

# A program that tells as which user and with which rights it runs.
install_status_program() {
  cat > /usr/share/uvhttpd/www/cgi-bin/status <<'P'
#!/bin/sh
echo "Content-Type: text/plain"
echo
id -un
cat /proc/self/status
touch /usr/probe 2>/dev/null && echo "wrote to /usr"
touch /tmp/probe && echo "wrote to /tmp"
P
  chmod 755 /usr/share/uvhttpd/www/cgi-bin/status
}

# Starts afresh, whatever the check before left behind.
fresh() {
  systemctl stop uvhttpd.socket uvhttpd.service
  rm -rf /run/systemd/system/uvhttpd.service.d
  systemctl daemon-reload
  systemctl reset-failed uvhttpd.service 2>/dev/null || :
  configure "${1:-0.0.0.0:8080}" first
}

check_starts_as_installed_and_serves_the_site() {
  systemctl start uvhttpd
  systemctl is-active uvhttpd
  get / > /tmp/index
  cmp /tmp/index /usr/share/uvhttpd/www/index.html
  [ -n "$(property StatusText)" ]
}

check_runs_as_its_own_user_with_one_capability() {
  local status
  status=/proc/$(property MainPID)/status
  # Not the owner of the file: it is not dumpable, so that is root.
  grep -E "^Uid:(\s$(id -u uvhttpd)){4}$" "$status"
  grep -E '^CapEff:\s0000000000000(000|400)$' "$status"   # 400: CAP_NET_BIND_SERVICE
  grep -E '^NoNewPrivs:\s1$' "$status"
  grep -E '^Seccomp:\s2$' "$status"
}

check_runs_cgi_programs_confined_and_without_capabilities() {
  install_status_program
  get /cgi-bin/status > /tmp/status
  cat /tmp/status
  grep -x uvhttpd /tmp/status
  grep -E '^CapEff:\s0+$' /tmp/status
  grep -x 'wrote to /tmp' /tmp/status
  not grep -x 'wrote to /usr' /tmp/status
  [ ! -e /tmp/probe ]
}

check_logs_requests_to_the_journal() {
  get '/?journal' > /dev/null
  wait_for journal_has '"GET /\?journal HTTP/1.1" 200 '
}

check_reload_keeps_the_process_and_takes_the_new_configuration() {
  fresh
  systemctl start uvhttpd
  answers first
  local pid
  pid=$(property MainPID)
  configure 0.0.0.0:8080 second
  systemctl reload uvhttpd
  # Whatever the moment, a request is answered, by the old configuration or by the new one.
  for _ in $(seq 50); do get /probe | grep -xE 'first|second'; done
  wait_for answers second
  is MainPID "$pid"
  wait_for is ActiveState active
}

check_reload_of_a_bad_configuration_changes_nothing() {
  local pid before
  pid=$(property MainPID)
  before=$(property StatusText)
  configure 0.0.0.0:8080 third
  echo 'nonsense = true' >> "$config"
  local line
  line=$(grep -n nonsense "$config" | cut -d: -f1)
  systemctl reload uvhttpd
  wait_for journal_has "uvhttpd\.toml:$line:"
  wait_for is ActiveState active
  is MainPID "$pid"
  answers second
  not is StatusText "$before"
}

check_a_bad_configuration_at_the_start_is_not_tried_again() {
  fresh
  echo 'nonsense = true' >> "$config"
  not systemctl start uvhttpd
  is ActiveState failed
  is ExecMainStatus 2
  is NRestarts 0
}

check_comes_back_after_a_crash() {
  fresh
  systemctl start uvhttpd
  local pid
  pid=$(property MainPID)
  kill -SEGV "$pid"
  wait_for restarted_since "$pid"
  is NRestarts 1
  answers first
}

check_comes_back_after_a_hang() {
  fresh
  mkdir -p /run/systemd/system/uvhttpd.service.d
  printf '[Service]\nWatchdogSec=1s\n' > /run/systemd/system/uvhttpd.service.d/watchdog.conf
  systemctl daemon-reload
  systemctl start uvhttpd
  local pid beat
  pid=$(property MainPID)
  # While it lives it reports to the watchdog, again and again.
  for _ in 1 2 3; do
    beat=$(property WatchdogTimestampMonotonic)
    wait_for not is WatchdogTimestampMonotonic "$beat"
  done
  is NRestarts 0
  kill -STOP "$pid"
  wait_for restarted_since "$pid"
  answers first
}

check_stops_cleanly() {
  fresh
  systemctl start uvhttpd
  answers first
  systemctl stop uvhttpd
  is ActiveState inactive
  is Result success
  is ExecMainStatus 0
}

check_listens_on_port_80_without_root() {
  fresh 0.0.0.0:80
  systemctl start uvhttpd
  [ "$(get /probe 80)" = first ]
}

check_the_socket_unit_starts_the_service_with_the_first_request() {
  fresh systemd:http
  systemctl start uvhttpd.socket
  is ActiveState inactive
  answers first
  is ActiveState active
}

check_the_socket_outlives_a_restart_of_the_service() {
  systemctl restart --no-block uvhttpd
  for _ in $(seq 20); do answers first; done
  systemctl stop uvhttpd.service
  answers first
  systemctl stop uvhttpd.socket uvhttpd.service
  not get /probe
}

cp -a /t/root/. /
systemd-sysusers
systemctl daemon-reload
failed=0
mapfile -t names < <(sed -n 's/^check_\([a-z0-9_]*\)().*/\1/p' "$0")
for name in "${names[@]}"; do
  # Not in a condition: there `set -e` would not hold.
  (set -ex; "check_$name") > /tmp/trace 2>&1
  # shellcheck disable=SC2181
  if [ $? = 0 ]; then
    echo "ok $name"
  else
    failed=1
    cat /tmp/trace
    systemctl status uvhttpd --no-pager
    journalctl -u uvhttpd -o cat --no-pager -n 30
    echo "FAILED $name"
  fi
done
exit $failed
