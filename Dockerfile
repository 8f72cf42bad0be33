# SPDX-License-Identifier: MIT
# docker build -t uvhttpd . && docker run --rm -p 8080:8080 --read-only --tmpfs /tmp uvhttpd
FROM debian:bookworm-slim AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends g++ gcc libc6-dev meson ninja-build pkg-config \
      libuv1-dev libfmt-dev libtoml11-dev libcli11-dev node-llhttp \
      libxxhash-dev zlib1g-dev libbrotli-dev libzstd-dev libssl-dev libcrypt-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN meson setup /build --buildtype=release --prefix=/usr -Dtests=disabled \
 && meson compile -C /build \
 && DESTDIR=/out meson install -C /build --no-rebuild --strip

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends libuv1 libfmt9 libxxhash0 zlib1g libbrotli1 libzstd1 libssl3 libcrypt1 tini \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin uvhttpd
# The binary, its default configuration and the site; a site of your own is mounted over
# /usr/share/uvhttpd/www, a configuration over /etc/uvhttpd/uvhttpd.toml.
COPY --from=build /out/usr/sbin/uvhttpd /usr/sbin/uvhttpd
COPY --from=build /out/usr/share/uvhttpd /usr/share/uvhttpd
COPY --from=build /out/etc/uvhttpd /etc/uvhttpd
# By number, so that an orchestrator can tell that it is not root.
USER 10001
EXPOSE 8080
STOPSIGNAL SIGTERM
# tini is process 1: it reaps what CGI programs leave behind.
ENTRYPOINT ["/usr/bin/tini", "--", "/usr/sbin/uvhttpd"]
CMD ["-c", "/etc/uvhttpd/uvhttpd.toml"]
