# SPDX-License-Identifier: MIT
"""HAProxy on both sides: as an upstream that is told the client by the PROXY protocol, and as the proxy in front."""
import json

import pytest

import wire

BEHIND = """
defaults
  mode http
  timeout client 30s
  timeout server 30s
  timeout connect 5s
frontend f
  bind {address} accept-proxy
  http-request return status 200 content-type text/plain lf-string "%[src] %[src_port] %[req.hdr(x-forwarded-for)]"
"""

IN_FRONT = """
defaults
  mode http
  timeout client 30s
  timeout server 30s
  timeout connect 5s
frontend f
  bind {address}
  default_backend b
backend b
  {option}
  server s 127.0.0.{host}:{port} {how}
"""

CONFIG = """
[server]
workers = 2
[access_log]
path = "access.log"
format = "json"
[[listener]]
address = "127.0.0.1:0"
[[listener]]
address = "127.0.0.2:0"
proxy_protocol = true
trusted_proxies = ["127.0.0.0/8"]
[[listener]]
address = "127.0.0.3:0"
trusted_proxies = ["127.0.0.0/8"]
[[site]]
[[site.route]]
path = "/v1/*"
handler = "proxy"
upstream = ["http://{haproxy}"]
proxy_protocol = "v1"
[[site.route]]
path = "/v2/*"
handler = "proxy"
upstream = ["http://{haproxy}"]
proxy_protocol = "v2"
[[site.route]]
path = "/tornado/*"
handler = "proxy"
upstream = ["http://{tornado}"]
strip_prefix = "/tornado"
"""

OTHER = "127.0.0.77"  # an address of this machine, which only the client uses


@pytest.fixture(scope="module")
def proxy(programs, shared_server, shared_tmp):
    haproxy = programs.haproxy("behind", programs.port(), BEHIND)
    tornado = programs.python("tornado", "tornado_app.py", programs.port())
    return shared_server(CONFIG.format(haproxy="%s:%d" % haproxy, tornado="%s:%d" % tornado), listeners=3)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_an_upstream_is_told_the_address_and_port_of_each_client(proxy, version):
    for source in ("127.0.0.1", OTHER):
        with wire.Client(proxy.address, source=source) as client:
            told = [client.request(f"/{version}/").body.decode() for _ in range(3)]
            assert told == [f"{source} {client.socket.getsockname()[1]} {source}"] * 3


@pytest.mark.parametrize("name, listener, option, how", [
    ("by-v1", 1, "", "send-proxy"), ("by-v2", 1, "", "send-proxy-v2"), ("by-field", 2, "option forwardfor", "")])
def test_the_client_behind_a_proxy_in_front_is_the_client(programs, proxy, name, listener, option, how):
    address = programs.haproxy(name, programs.port(), IN_FRONT, option=option, how=how, host=1 + listener,
                               port=proxy.ports[listener])
    with wire.Client(address, source=OTHER) as client:
        answer = client.request(f"/tornado/told/{name}")
    told = json.loads(answer.body)
    assert answer.status == 200 and told["fields"]["X-Forwarded-For"].startswith(OTHER)

    def logged():
        lines = (proxy.tmp / "access.log").read_text(encoding="utf-8").splitlines()
        return [entry["client"] for entry in map(json.loads, lines) if entry["target"].endswith(name)]
    assert wire.wait_until(logged, "the line in the access log") == [OTHER]
