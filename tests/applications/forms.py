# SPDX-License-Identifier: MIT
"""What browsers make of forms, and what they keep of cookies."""
import urllib.parse

BOUNDARY = "----boundary-7d1f"


def encoded(values):
    """(fields, body) of a form as application/x-www-form-urlencoded."""
    return ["Content-Type: application/x-www-form-urlencoded"], urllib.parse.urlencode(values).encode()


def multipart(values, files):
    """(fields, body) of a form with uploads, {name: (file name, octets)}."""
    parts = [f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode() for name, value in values.items()]
    parts += [f'Content-Disposition: form-data; name="{name}"; filename="{file}"\r\nContent-Type: application/octet-stream\r\n\r\n'
              .encode() + octets + b"\r\n" for name, (file, octets) in files.items()]
    body = b"".join(f"--{BOUNDARY}\r\n".encode() + part for part in parts) + f"--{BOUNDARY}--\r\n".encode()
    return [f"Content-Type: multipart/form-data; boundary={BOUNDARY}"], body


class Visitor:
    """Asks one server, keeps its cookies, and follows its redirections where told to."""

    def __init__(self, server, host=None):
        self.server = server
        self.host = host or f"127.0.0.1:{server.port}"
        self.cookies = {}

    def fetch(self, target, method="GET", fields=(), body=None):
        fields = list(fields)
        if self.cookies:
            fields.append("Cookie: " + "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        answer = self.server.fetch(target, method=method, fields=fields, body=body, host=self.host)
        for cookie in answer.all("Set-Cookie"):
            name, _, value = cookie.split(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    def post(self, target, values):
        fields, body = encoded(values)
        return self.fetch(target, "POST", fields, body)

    def follow(self, answer):
        """The page that the answer sends to, on the same server."""
        assert answer.status in (301, 302, 303), answer
        place = urllib.parse.urlsplit(answer.get("Location"))
        assert place.netloc in ("", self.host), answer
        return self.fetch(urllib.parse.urlunsplit(("", "", place.path, place.query, "")))
