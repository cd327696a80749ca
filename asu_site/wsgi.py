"""The WSGI entry: what a web server calls."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "asu_site.settings")

application = get_wsgi_application()
