# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# What scripts/serve and scripts/test share: packages and builds. Sourced from the root of the
# repository by scripts that run under `set -euo pipefail`.

say() { printf '%s\n' "$*" >&2; }
fail() {
  say "$(basename "$0"): $*"
  exit 1
}

# The packages have these names in Debian 12; later releases have llhttp as a library.
build_packages() {
  echo g++ meson ninja-build pkg-config cmake libuv1-dev libfmt-dev libtoml11-dev libcli11-dev
  echo libxxhash-dev zlib1g-dev libbrotli-dev libzstd-dev libssl-dev libcrypt-dev
  case $(debian_release) in
    12) echo node-llhttp ;;
    *) echo libllhttp-dev ;;
  esac
}

test_packages() {
  echo doctest-dev clang llvm shellcheck python3 python3-pytest python3-pytest-xdist python3-doc python3-yaml git curl brotli zstd groff-base chromium
  echo systemd systemd-sysv systemd-container dbus procps iproute2
  echo mkdocs hugo wget openssl apache2-utils
  # clang does not depend on its own sanitizers, and their package carries its version.
  case $(debian_release) in
    12) echo libclang-rt-14-dev ;;
    *) echo libclang-rt-19-dev ;;
  esac
  # Any node will do, also one that did not come as a package.
  command -v node >/dev/null || echo nodejs
  command -v npm >/dev/null || echo npm
}

# What stands behind the server in tests/applications.
application_packages() {
  echo php-cgi php-fpm php-xml php-mbstring dokuwiki git gitweb libcgi-pm-perl cgit fcgiwrap
  echo gunicorn uwsgi-core uwsgi-plugin-python3 python3-django python3-flask python3-tornado python3-twisted
  echo tomcat10 tomcat10-examples websocketd python3-websockets haproxy
  echo pebble certbot lego sslscan testssl.sh libnss3-tools
}

container_packages() { echo buildah podman crun mmdebstrap; }

debian_release() {
  # shellcheck disable=SC1091
  (. /etc/os-release && echo "${VERSION_ID:-}")
}

# install_missing PACKAGE...: silent when all are there. The package lists are fetched only when the
# ones at hand do not do: a new machine has none, an old one names files that are gone.
install_missing() {
  command -v dpkg-query >/dev/null || fail "packages are installed with apt, which this system does not have; needed: $*"
  local missing log apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=600)
  missing=$(comm -23 <(printf '%s\n' "$@" | sort -u) \
    <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2>/dev/null | sed -n 's/^installed //p' | sort -u))
  [ -n "$missing" ] || return 0
  say "installing: ${missing//$'\n'/ }"
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || fail "that needs root, and there is no sudo"
    apt=(sudo "${apt[@]}")
  fi
  log=$(mktemp)
  # shellcheck disable=SC2086  # one word a package
  if ! "${apt[@]}" install --no-install-recommends $missing >"$log" 2>&1 &&
    ! { "${apt[@]}" update && "${apt[@]}" install --no-install-recommends $missing; } >"$log" 2>&1; then
    cat "$log" >&2
    fail "could not install the packages above"
  fi
  rm -f "$log"
}

# build DIR MESON-OPTION... [-- TARGET...]: configures the build directory once, then brings it (or only
# the targets) up to date.
build() {
  local dir=$1 setup=()
  shift
  while [ $# -gt 0 ] && [ "$1" != -- ]; do
    setup+=("$1")
    shift
  done
  [ $# -eq 0 ] || shift
  if [ ! -f "$dir/build.ninja" ]; then
    rm -rf "$dir"
    meson setup "$dir" --prefix=/usr "${setup[@]}" || return
  fi
  meson compile -C "$dir" "$@"
}
