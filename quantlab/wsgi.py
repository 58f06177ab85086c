"""The lab as a WSGI application, for servers that need one; streams want ASGI."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quantlab.settings")

application = get_wsgi_application()

import pandas  # noqa: E402, F401  as in asgi.py
