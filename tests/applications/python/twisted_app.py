# SPDX-License-Identifier: MIT
"""Twisted's web server. usage: twisted_app.py HOST PORT"""
import hashlib
import json
import sys

from twisted.internet import endpoints, reactor
from twisted.web import resource, server, static


class Told(resource.Resource):
    isLeaf = True

    def render_GET(self, request):
        request.setHeader(b"Content-Type", b"application/json")
        request.addCookie(b"twisted", b"yes", path=b"/")
        return json.dumps({"uri": request.uri.decode(), "client": request.getClientIP(), "host": request.getHeader("host"),
                           "fields": {name.decode(): [value.decode("latin-1") for value in values]
                                      for name, values in request.requestHeaders.getAllRawHeaders()}}).encode()

    def render_POST(self, request):
        body = request.content.read()
        return b"%d %s" % (len(body), hashlib.sha1(body).hexdigest().encode())


class Later(resource.Resource):
    """Answers in three pieces, with the loop turning between them."""
    isLeaf = True

    def render_GET(self, request):
        pieces = [b"one ", b"two ", b"three"]

        def more():
            if not pieces:
                request.finish()
                return
            request.write(pieces.pop(0))
            reactor.callLater(0, more)
        more()
        return server.NOT_DONE_YET


root = resource.Resource()
root.putChild(b"told", Told())
root.putChild(b"later", Later())
root.putChild(b"data", static.Data(bytes(range(256)) * 4096, "application/octet-stream"))
host, port = sys.argv[1:]
endpoints.serverFromString(reactor, f"tcp:{port}:interface={host}").listen(server.Site(root))
reactor.run()
