"""The ASGI application, for those who have an ASGI server. WSGI answers in an eighth of the processor time."""

import os

from django.core.asgi import get_asgi_application

from watchtracker.database import limit_web_statements

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "watchtracker.settings")

application = get_asgi_application()
limit_web_statements()
