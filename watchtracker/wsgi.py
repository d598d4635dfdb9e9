"""The WSGI application: what `manage.py serve` and any other WSGI server serve."""

import os

from django.core.wsgi import get_wsgi_application

from watchtracker.database import limit_web_statements

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "watchtracker.settings")

application = get_wsgi_application()
limit_web_statements()
