# SPDX-License-Identifier: MIT
"""The reverse proxy: what of a request the upstream gets, and what it is told besides."""
import re

import pytest

import upstreams
import wire
from upstreams import route

SET = ('set_headers = { "X-Client" = "{client}", "X-Host" = "{host}", "X-Scheme" = "{scheme}", "X-Upstream" = "{upstream}", '
       '"X-Request-ID" = "{request_id}", "X-Plain" = "a value", "X-Gone" = "", "User-Agent" = "other" }')


def echo(asked):
    """The head of a request, or what its target asks for."""
    if asked.target.startswith("/body"):
        return upstreams.answer(asked.body, fields=["X-Framing: " + ("chunked" if asked.get("Transfer-Encoding") else
                                                                    asked.get("Content-Length") or "none")])
    if asked.target.endswith("/trailers"):
        return upstreams.answer(b"".join(asked.trailers))
    return upstreams.mirror(asked)


@pytest.fixture(scope="module")
def running(shared_server, shared_upstream):
    up = shared_upstream(upstreams.serving(echo))
    server = shared_server('[server]\nworkers = 1\n[limits]\nbody_bytes = "64MiB"\n' +
                           '[[listener]]\naddress = "127.0.0.1:0"\n'
                           '[[listener]]\naddress = "127.0.0.2:0"\ntrusted_proxies = ["127.0.0.1", "127.0.0.2"]\n[[site]]\n' +
                           route(up, SET, "/set/*") + route(up, 'set_headers = { Host = "{upstream}" }', "/host/*") +
                           route(up, 'set_headers = { "X-Forwarded-For" = "{client}", Forwarded = "" }', "/own/*") +
                           route(up, "underscores_in_headers = true", "/odd/*") + route(up),
                           listeners=2)
    server.upstream = up
    return server


def seen(running, target="/", fields=(), trusted=False, **more):
    """The request that the upstream got."""
    with wire.Client((f"127.0.0.{1 + trusted}", running.ports[int(trusted)])) as client:
        answer = client.request(target, fields=fields, **more)
    assert answer.status == 200, answer
    return upstreams.Request(answer.body)


TARGETS = ["/", "/a", "/a/", "//a//b", "/a%2Fb", "/a%2fb%41%7e", "/?", "/a?b=c&d=%20%2F", "/a?b?c", "/a/.b", "/a..b", "/%C3%A4",
           "/a;b=c", "/a:b@c,d!$&'()*+=", "/a%20b"]


@pytest.mark.parametrize("target", TARGETS)
def test_target_is_passed_on_octet_for_octet(running, target):
    assert seen(running, target).target == target


@pytest.mark.parametrize("target, want", [
    ("/a/./b", "/a/b"), ("/a/../b", "/b"), ("/own/%2e%2E/b?c=/../d", "/b?c=/../d"), ("/a/..%2fb", "/b"), ("/a/..;/b", "/a/..%3B/b")])
def test_target_with_dot_segments_is_the_one_whose_route_was_asked(running, target, want):
    assert seen(running, target).target == want


@pytest.mark.parametrize("target", ["http://localhost/a?b", "http://localhost"])
def test_absolute_target_is_passed_on_as_its_path(running, target):
    asked = seen(running, target)
    assert asked.target == target.removeprefix("http://localhost") or asked.target == "/"
    assert asked.all("Host") == ["localhost"]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "REPORT", "PURGE", "NOTIFY", "SUBSCRIBE", "UNSUBSCRIBE",
                                    "M-SEARCH"])
def test_method_is_passed_on(running, method):
    assert seen(running, method=method).method == method


@pytest.mark.parametrize("method", ["QUERY", "SOURCE", "BREW"])
def test_method_that_the_server_does_not_know_is_not_passed_on(running, method):
    before = len(running.upstream.requests)
    with running.client() as client:
        assert client.request("/", method=method).status == 501
    assert len(running.upstream.requests) == before


def test_options_of_the_server_itself_asks_no_upstream(running):
    before = len(running.upstream.requests)
    with running.client() as client:
        assert client.request("*", method="OPTIONS").status in (200, 204)
    assert len(running.upstream.requests) == before


def test_options_that_may_go_no_further_are_answered_here(running):
    before = len(running.upstream.requests)
    with running.client() as client:
        answer = client.request("/", method="OPTIONS", fields=["Max-Forwards: 0"])
    assert answer.status == 204 and answer.get("Allow") == "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH"
    assert len(running.upstream.requests) == before
    assert seen(running, method="OPTIONS", fields=["Max-Forwards: 1"]).all("Max-Forwards") == ["0"]
    assert seen(running, fields=["Max-Forwards: 0"]).all("Max-Forwards") == ["0"]


def test_connect_is_refused(running):
    with running.client() as client:
        client.send(b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost:80\r\n\r\n")
        assert client.response().status in (400, 405, 501)


def test_trace_does_not_reach_the_upstream_with_fields_of_the_server(running):
    with running.client() as client:
        answer = client.request("/", method="TRACE")
        assert answer.status in (405, 501) or b"X-Forwarded" not in answer.body


@pytest.mark.parametrize("size", [0, 1, 65536, 20 << 20])
@pytest.mark.parametrize("is_chunked", [False, True], ids=["length", "chunked"])
def test_body_is_passed_on_and_back(running, size, is_chunked):
    body = (bytes(range(256)) * (size // 256 + 1))[:size]
    with running.client() as client:
        if is_chunked:
            client.send(wire.request("/body", "POST", ["Transfer-Encoding: chunked"]) + wire.chunked(body, 100_000))
            answer = client.response()
        else:
            answer = client.request("/body", "POST", body=body)
    assert answer.status == 200 and answer.body == body
    assert answer.get("X-Framing") == ("chunked" if is_chunked else str(size))


def test_request_without_a_body_has_none_there_either(running):
    asked = seen(running)
    assert not asked.all("Content-Length") and not asked.all("Transfer-Encoding")
    with running.client() as client:
        assert client.request("/body", "POST").get("X-Framing") in ("none", "0")


def test_trailers_of_a_request_are_passed_on(running):
    with running.client() as client:
        client.send(wire.request("/trailers", "POST", ["Transfer-Encoding: chunked", "Trailer: X-Sum"]) +
                    b"3\r\nabc\r\n0\r\nX-Sum: 17\r\nX-More: b\r\n\r\n")
        assert client.response().body == b"X-Sum: 17\r\nX-More: b\r\n"


@pytest.mark.parametrize("field", ["Content-Length: 7", "Transfer-Encoding: chunked", "Host: evil", "Connection: close", "Proxy: x",
                                   "X-Forwarded-For: 1.2.3.4", "X_Forwarded_For: 1.2.3.4", "Forwarded: for=1.2.3.4",
                                   "X-Plain: forged", "x_plain: forged", "X-Gone: here", "TE: trailers", "Upgrade: websocket",
                                   "Expect: 100-continue"])
def test_trailers_bring_in_nothing_that_fields_must_not(running, field):
    with running.client() as client:
        client.send(wire.request("/set/trailers", "POST", ["Transfer-Encoding: chunked"]) +
                    f"3\r\nabc\r\n0\r\nX-Sum: 17\r\n{field}\r\n\r\n".encode())
        answered = client.response()
    assert answered.status == 400 or answered.body == b"X-Sum: 17\r\n"


def test_fields_are_kept_in_their_order(running):
    fields = [("X-B", "2"), ("X-A", "1"), ("x-a", "again, and again"), ("Accept", "*/*"), ("Cookie", "a=b; c=d"),
              ("X-Octets", "\xe4\xff"), ("X-Empty", ""), ("Authorization", "Basic abc"), ("If-None-Match", '"x"'),
              ("Range", "bytes=0-1"), ("Accept-Encoding", "br;q=0.5"), ("Max-Forwards", "3")]
    asked = seen(running, fields=fields)
    assert [field for field in asked.fields if field in fields] == fields


@pytest.mark.parametrize("field", ["Keep-Alive: 5", "Proxy-Connection: keep-alive", "TE: gzip", "Upgrade: h2c", 
                                   "Proxy: http://evil/", "proxy: x", "Proxy-Authorization: Basic abc"])
def test_field_for_one_connection_is_dropped(running, field):
    name = field.partition(":")[0]
    assert not seen(running, fields=[field]).all(name)


def test_fields_named_in_connection_are_dropped(running):
    asked = seen(running, fields=["Connection: X-One, close", "X-One: 1", "x-two: 2", "Connection: keep-alive,X-TWO", "X-Three: 3"])
    assert not asked.all("X-One") and not asked.all("X-Two") and not asked.all("Connection")
    assert asked.all("X-Three") == ["3"]


def test_connection_cannot_remove_what_the_server_says(running):
    named = "Connection: Host, Via, X-Forwarded-For, X-Forwarded-Proto, Content-Length"
    asked = seen(running, method="POST", body=b"", fields=[named])
    assert asked.all("Host") == ["localhost"] and asked.all("X-Forwarded-For") == ["127.0.0.1"]
    assert asked.all("Via") and asked.all("X-Forwarded-Proto") == ["http"] and asked.all("Content-Length") == ["0"]


def test_te_trailers_is_said_again(running):
    asked = seen(running, fields=["TE: trailers, gzip;q=0.5", "Connection: TE"])
    assert asked.all("TE") == ["trailers"] and asked.all("Connection") == ["TE"]


@pytest.mark.parametrize("host", ["localhost", "example.org:8080", "[::1]:80", "EXAMPLE.org"])
def test_host_is_kept(running, host):
    assert seen(running, host=host).all("Host") == [host]


def test_via_has_this_server_behind_those_before(running):
    assert re.fullmatch(r"1\.1 \S+", seen(running).get("Via"))
    assert re.fullmatch(r"1\.0 fred, 1\.1 \S+", seen(running, fields=["Via: 1.0 fred"]).get("Via"))


def forwarded(value):
    return [dict(pair.split("=") for pair in element.strip().replace('"', "").split(";")) for element in value.split(",")]


def test_upstream_is_told_who_asks_for_what(running):
    asked = seen(running, host="example.org:81")
    assert asked.all("X-Forwarded-For") == ["127.0.0.1"] and asked.all("X-Forwarded-Proto") == ["http"]
    assert asked.all("X-Forwarded-Host") == ["example.org:81"]
    assert forwarded(asked.get("Forwarded")) == [{"for": "127.0.0.1", "host": "example.org:81", "proto": "http"}]
    assert not asked.all("X-Forwarded-Prefix")


CLAIMS = [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "claimed.example"),
          ("X-Forwarded-Port", "443"), ("X-Forwarded-Prefix", "/claimed"), ("X-Real-IP", "203.0.113.9"),
          ("Remote-User", "claimed"), ("X-Remote-User", "claimed"), ("SSL-Client-Verify", "claimed"), ("X-SSL-Client-S-DN", "CN=claimed"),
          ("Client-IP", "203.0.113.9"), ("CF-Connecting-IP", "203.0.113.9"), ("X-Cluster-Client-IP", "203.0.113.9"),
          ("X-WebAuth-User", "claimed"), ("X-Authenticated-User", "claimed"), ("X-Auth-Request-User", "claimed"),
          ("Forwarded", "for=203.0.113.9;proto=https;host=claimed.example")]


@pytest.mark.parametrize("spelling", [str, str.upper, lambda name: name.replace("-", "_"), lambda name: name.replace("-", "."),
                                      lambda name: name.replace("-", "_", 1).lower()], ids=["same", "upper", "_", ".", "half"])
def test_client_is_not_believed(running, spelling):
    asked = seen(running, fields=[(spelling(name), value) for name, value in CLAIMS])
    text = asked.octets.decode()
    assert "203.0.113.9" not in text and "claimed" not in text and "https" not in text, text
    assert asked.all("X-Forwarded-For") == ["127.0.0.1"] and asked.all("X-Forwarded-Proto") == ["http"]


@pytest.mark.parametrize("proto, scheme", [("wss", "https"), ("WSS", "https"), ("ws", "http"), ("gopher", "http")])
def test_schemes_of_websockets_are_those_of_http(running, proto, scheme):
    asked = seen(running, fields=[("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", proto)], trusted=True)
    assert asked.all("X-Forwarded-Proto") == [scheme]


def test_trusted_proxy_is_believed(running):
    asked = seen(running, fields=CLAIMS, trusted=True)
    assert asked.all("X-Forwarded-For") == ["203.0.113.9, 127.0.0.1"] and asked.all("X-Forwarded-Proto") == ["https"]
    assert asked.all("X-Forwarded-Host") == ["claimed.example"] and asked.all("X-Real-IP") == ["203.0.113.9"]
    assert asked.all("Remote-User") == ["claimed"] and asked.all("SSL-Client-Verify") == ["claimed"]
    assert asked.all("X-Forwarded-Prefix") == ["/claimed"]
    elements = forwarded(asked.get("Forwarded"))
    assert elements[0] == {"for": "203.0.113.9", "proto": "https", "host": "claimed.example"}
    assert len(elements) == 2 and elements[1]["for"] == "127.0.0.1"


def test_trusted_proxy_is_not_believed_in_other_spellings(running):
    asked = seen(running, fields=[("X_Forwarded_For", "198.51.100.1"), ("X-Forwarded-For", "203.0.113.9")], trusted=True)
    assert "198.51.100.1" not in asked.octets.decode() and asked.all("X-Forwarded-For") == ["203.0.113.9, 127.0.0.1"]


def test_set_headers_fills_placeholders_in(running):
    fields = ["X-Gone: here", "User-Agent: mine", "x_plain: forged", "X-Client: forged"]
    asked = seen(running, "/set/a", fields=fields, host="example.org")
    assert (asked.all("X-Client"), asked.all("X-Host"), asked.all("X-Scheme")) == (["127.0.0.1"], ["example.org"], ["http"])
    assert asked.all("X-Upstream") == [running.upstream.url] and asked.all("X-Plain") == ["a value"]
    assert re.fullmatch(r"\S+", asked.get("X-Request-ID")) and asked.all("User-Agent") == ["other"]
    assert not asked.all("X-Gone") and "forged" not in asked.octets.decode()


def test_placeholder_client_is_whom_a_trusted_proxy_names(running):
    asked = seen(running, "/set/a", fields=CLAIMS, trusted=True)
    assert asked.all("X-Client") == ["203.0.113.9"] and asked.all("X-Scheme") == ["https"]


def test_request_ids_differ(running):
    assert seen(running, "/set/a").get("X-Request-ID") != seen(running, "/set/a").get("X-Request-ID")


def test_request_ids_of_another_start_differ(server, upstream):
    ids = []
    for _ in range(2):
        up = upstream(upstreams.serving(echo))
        text = upstreams.proxy(up, 'set_headers = { "X-Request-ID" = "{request_id}" }\n')
        ids.append(upstreams.Request(server(text).fetch("/").body).get("X-Request-ID"))
    assert all(re.fullmatch("[0-9a-f]{12}-1", each) for each in ids) and ids[0] != ids[1]


def test_set_headers_may_say_another_host(running):
    asked = seen(running, "/host/a")
    assert asked.all("Host") == [running.upstream.url.removeprefix("http://")] and asked.all("X-Forwarded-Host") == ["localhost"]


def test_set_headers_stands_in_the_place_of_what_the_server_says(running):
    asked = seen(running, "/own/a", fields=CLAIMS, trusted=True)
    assert asked.all("X-Forwarded-For") == ["203.0.113.9"] and not asked.all("Forwarded")


def test_http_1_0_client_gets_a_whole_answer(running):
    with running.client() as client:
        client.send(b"GET /a HTTP/1.0\r\n\r\n")
        answer = client.response()
        assert client.read_to_end() == b""
    asked = upstreams.Request(answer.body)
    assert asked.target == "/a" and len(asked.all("Host")) == 1


def test_pipelined_requests_are_answered_in_order(running):
    with running.client() as client:
        client.send(b"".join(wire.request(f"/{i}", "POST", body=b"x" * i) for i in range(50)))
        assert [upstreams.Request(client.response().body).target for _ in range(50)] == [f"/{i}" for i in range(50)]


def test_head_with_many_fields_is_passed_on(running):
    fields = [(f"X-{i}", "v" * 100) for i in range(80)]
    assert [field for field in seen(running, fields=fields).fields if field in fields] == fields


@pytest.mark.parametrize("target,passes", [("/a", False), ("/odd/a", True)])
def test_names_with_underscores_stay_here_unless_they_are_asked_for(running, target, passes):
    asked = seen(running, target, fields=["X_Name: 1", "SCRIPT_NAME: /x", "X.Dot: 2", "Content_Length: 5", "X-Plain: 3"])
    assert [bool(asked.all(name)) for name in ("X_Name", "SCRIPT_NAME", "X.Dot")] == [passes] * 3
    assert not asked.all("Content_Length") and asked.all("X-Plain") == ["3"]


@pytest.mark.parametrize("times,status", [(9, 200), (10, 508)])
def test_a_circle_of_proxies_has_an_end(running, times, status):
    via = ", ".join(["1.1 uvhttpd"] * times)
    with wire.Client(("127.0.0.1", running.ports[0])) as client:
        assert client.request("/", fields=[f"Via: {via}"]).status == status
