# SPDX-License-Identifier: MIT
"""A small Flask application: forms, uploads, sessions, redirections, bodies that are made while they are sent."""
import hashlib
import threading

import flask
from werkzeug.middleware.proxy_fix import ProxyFix

app = flask.Flask(__name__)
app.secret_key = "known to everybody"
application = app  # the name that uwsgi looks for
# As Flask's documentation has it behind one proxy.
proxied = ProxyFix(app, x_for=1, x_proto=1, x_host=1, x_prefix=1)

# What the streams wait for, by name: a test opens a gate when it has seen what came before.
gates = {}
gates_lock = threading.Lock()


def gate(name):
    with gates_lock:
        return gates.setdefault(name, threading.Event())


@app.route("/", methods=["GET", "POST"])
def index():
    request = flask.request
    return {"scheme": request.scheme, "method": request.method, "url": request.url, "script_root": request.root_path, "path": request.path,
            "query": request.query_string.decode(), "client": request.remote_addr, "form": request.form.to_dict(),
            "fields": dict(request.headers), "environ": {name: str(value) for name, value in request.environ.items() if name.isupper()}}


@app.route("/upload", methods=["POST"])
def upload():
    sent = flask.request.files["file"]
    content = sent.read()
    return {"name": sent.filename, "length": len(content), "sha1": hashlib.sha1(content).hexdigest()}


@app.route("/body", methods=["POST", "PUT"])
def body():
    """Reads however the body comes: with a length or without."""
    digest, length = hashlib.sha1(), 0
    while piece := flask.request.stream.read(1 << 16):
        digest.update(piece)
        length += len(piece)
    return {"length": length, "sha1": digest.hexdigest()}


@app.route("/count")
def count():
    flask.session["count"] = flask.session.get("count", 0) + 1
    return str(flask.session["count"])


@app.route("/away")
def away():
    return flask.redirect(flask.url_for("count"))


@app.route("/fail")
def fail():
    raise RuntimeError("a bug of the application")


@app.route("/teapot")
def teapot():
    return flask.Response("short and stout", status="418 I am a teapot", headers=[("X-Own", "a"), ("X-Own", "b")])


@app.route("/large/<int:octets>")
def large(octets):
    piece = bytes(range(256)) * 256

    def pieces():
        for at in range(0, octets, len(piece)):
            yield piece[:octets - at]
    return flask.Response(pieces(), mimetype="application/octet-stream")


@app.route("/events/<name>")
def events(name):
    """Server-sent events: the second is made when the test has opened the gate."""
    def stream():
        yield "data: first\n\n"
        gate(name).wait(60)
        yield "data: second\n\n"
    return flask.Response(stream(), mimetype="text/event-stream")


@app.route("/gate/<name>", methods=["POST"])
def open_gate(name):
    gate(name).set()
    return "", 204
