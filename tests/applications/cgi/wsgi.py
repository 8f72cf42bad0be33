#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The standard library's way from CGI to WSGI, and a validator that holds it to both."""
from wsgiref.handlers import CGIHandler
from wsgiref.validate import validator


def application(environ, start_response):
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(length)
    start_response("202 Taken", [("Content-Type", "text/plain"), ("X-Length", str(len(body)))])
    told = {name: environ.get(name, "-") for name in ("REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "CONTENT_TYPE")}
    return [f"{name}={value}\n".encode("latin-1") for name, value in told.items()] + [b"\n", body]


if __name__ == "__main__":
    CGIHandler().run(validator(application))
