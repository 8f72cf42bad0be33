#!/bin/bash
# SPDX-License-Identifier: MIT
# Builds the Dockerfile of a directory as it stands, without a Docker engine, and runs the image as an
# unprivileged user on a read-only root without capabilities (container-checks.sh).
# usage: container-test.sh CONTEXT CACHEDIR
# Prints what the build says, then `ok NAME` or, after the reason, `FAILED NAME` for each check.
# Needs root and the packages buildah, podman, crun, mmdebstrap, iproute2 and curl. The cache holds the
# base image and the layers, about 1 GB, and may be removed at any time.
set -euo pipefail
[ "$(id -u)" = 0 ] || exec sudo -n -- "$0" "$@"
context=$(realpath "$1")
cache=$(realpath -m "$2")
mkdir -p "$cache"
storage=(--root "$cache/store" --runroot "$cache/run" --storage-driver overlay)
image=localhost/uvhttpd:test

# The base image comes from the package archive that this machine uses anyway. Under this name
# `FROM debian:bookworm-slim` finds it, and --pull-never keeps buildah from asking elsewhere.
base=localhost/debian:bookworm-slim
if ! buildah "${storage[@]}" inspect --type image "$base" >/dev/null 2>&1; then
  if [ ! -s "$cache/base.tar" ]; then
    mmdebstrap --variant=apt --quiet bookworm "$cache/base.part.tar"
    mv "$cache/base.part.tar" "$cache/base.tar"
  fi
  container=$(buildah "${storage[@]}" from scratch)
  buildah "${storage[@]}" add -q "$container" "$cache/base.tar" /
  buildah "${storage[@]}" config --cmd bash "$container"
  buildah "${storage[@]}" commit -q --rm "$container" "$base" >/dev/null
fi
# --isolation chroot: an OCI runtime wants to raise limits that this machine may not allow it to raise.
# --format docker: what `docker build` would make, HEALTHCHECK and all.
buildah "${storage[@]}" bud --isolation chroot --pull-never --layers --format docker -t "$image" "$context"

# No default_ulimits and no cgroups for the same reason.
cat > "$cache/containers.conf" <<'C'
[containers]
default_ulimits = []
cgroups = "disabled"
[engine]
runtime = "crun"
cgroup_manager = "cgroupfs"
events_logger = "file"
C
export CONTAINERS_CONF="$cache/containers.conf"

# Own mounts, because podman wants /sys/fs/cgroup to be cgroup2 alone; an own network, which is the
# `host` network of the container, so that its port is free.
exec unshare --mount --net --propagation private "$(dirname "$0")/container-checks.sh" "$image" "${storage[@]}"
