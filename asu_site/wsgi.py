"""The WSGI entry: what a web server calls."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "asu_site.settings")

from django.core.wsgi import get_wsgi_application

from asu_site.front import Front, hot_answer

application = Front(get_wsgi_application(), hot=hot_answer())
