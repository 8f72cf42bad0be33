# SPDX-License-Identifier: MIT
"""What browsers make of forms, and what they keep of cookies."""
import html.parser
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


class Inputs(html.parser.HTMLParser):
    """Collects what a browser would send of one form that nobody has touched."""

    def __init__(self, form):
        super().__init__()
        self.form = form
        self.is_inside = False
        self.values = {}
        self.area = None

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form":
            self.is_inside = attributes.get("id") == self.form
        elif self.is_inside and tag == "input" and attributes.get("type", "text") not in ("submit", "checkbox", "radio", "file"):
            self.values[attributes.get("name")] = attributes.get("value") or ""
        elif self.is_inside and tag == "textarea":
            self.area = attributes["name"]
            self.values[self.area] = ""

    def handle_endtag(self, tag):
        if tag == "form":
            self.is_inside = False
        elif tag == "textarea":
            self.area = None

    def handle_data(self, data):
        if self.area:
            self.values[self.area] += data


def inputs_of(page, form):
    parser = Inputs(form)
    parser.feed(page)
    assert parser.values, f"no form {form} in {page}"
    return parser.values
