#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The Django application as a CGI program."""
from wsgiref.handlers import CGIHandler

from django_app import application

CGIHandler().run(application)
