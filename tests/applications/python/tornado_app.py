# SPDX-License-Identifier: MIT
"""Tornado: WebSockets, and bodies that arrive and leave in pieces. usage: tornado_app.py HOST PORT"""
import asyncio
import hashlib
import json
import sys

import tornado.web
import tornado.websocket

gates = {}  # by name; a stream waits at one until a test has opened it


def gate(name):
    return gates.setdefault(name, asyncio.Event())


class Echo(tornado.websocket.WebSocketHandler):
    """Sends back what comes, and closes as it is told: `close 4001 because`."""

    def check_origin(self, origin):
        return origin.endswith("://allowed.example")

    def select_subprotocol(self, subprotocols):
        return "second" if "second" in subprotocols else None

    def on_message(self, message):
        if isinstance(message, str) and message.startswith("close "):
            _, code, reason = message.split(" ", 2)
            self.close(int(code), reason)
        elif message == "fields":
            self.write_message(json.dumps(dict(self.request.headers)))
        else:
            self.write_message(message, binary=isinstance(message, bytes))


class Last(tornado.websocket.WebSocketHandler):
    """Notes with which code each client has gone."""
    codes = []

    def on_close(self):
        self.codes.append([self.close_code, self.close_reason])


class Codes(tornado.web.RequestHandler):
    def get(self):
        self.write({"codes": Last.codes})


class Told(tornado.web.RequestHandler):
    def get(self):
        self.write({"method": self.request.method, "uri": self.request.uri, "fields": dict(self.request.headers),
                    "client": self.request.remote_ip, "host": self.request.host})


class Events(tornado.web.RequestHandler):
    async def get(self, name):
        self.set_header("Content-Type", "text/event-stream")
        for number in range(3):
            self.write(f"id: {number}\ndata: event {number}\n\n")
            await self.flush()
            await asyncio.wait_for(gate(f"{name}{number}").wait(), 60)


class Piece(tornado.web.RequestHandler):
    """Answers when the first piece of an upload has come."""

    async def get(self):
        await asyncio.wait_for(gate("piece").wait(), 60)
        self.set_status(204)


class Gate(tornado.web.RequestHandler):
    def post(self, name):
        gate(name).set()
        self.set_status(204)


@tornado.web.stream_request_body
class Upload(tornado.web.RequestHandler):
    """Opens the gate `piece` as soon as a piece has come."""

    def prepare(self):
        self.request.connection.set_max_body_size(1 << 30)
        self.digest, self.length = hashlib.sha1(), 0

    def data_received(self, chunk):
        self.digest.update(chunk)
        self.length += len(chunk)
        gate("piece").set()

    def post(self):
        self.write({"length": self.length, "sha1": self.digest.hexdigest(), "fields": dict(self.request.headers)})


class Download(tornado.web.RequestHandler):
    async def get(self, octets):
        self.set_header("Content-Type", "application/octet-stream")
        piece, left = bytes(range(256)) * 256, int(octets)
        while left > 0:
            self.write(piece[:left])
            await self.flush()
            left -= len(piece)


async def main(host, port):
    tornado.web.Application([
        (r"/told(?:/.*)?", Told), (r"/echo", Echo), (r"/last", Last), (r"/codes", Codes), (r"/events/(\w+)", Events), (r"/piece", Piece),
        (r"/gate/(\w+)", Gate), (r"/upload", Upload), (r"/download/(\d+)", Download),
    ], websocket_max_message_size=16 << 20).listen(port, host)
    await asyncio.Event().wait()


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
