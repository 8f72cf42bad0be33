#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The Flask application as a CGI program."""
from wsgiref.handlers import CGIHandler

from flask_app import application

CGIHandler().run(application)
