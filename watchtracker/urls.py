"""Every route begins here."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from watchtracker import health, problems
from watchtracker.docs import ApiDocsView, SchemaView
from watchtracker.export import ExportView
from watchtracker.limits import LimitsView

urlpatterns = [
    # What is asked most is looked for first.
    path("api/v1/", include("dashboard.urls")),
    path("api/v1/", include("ingest.urls")),
    path("api/v1/", include("accounts.urls")),
    path("api/v1/me/export/", ExportView.as_view(), name="export"),
    path("api/v1/limits/", LimitsView.as_view(), name="limits"),
    path("api/schema/", SchemaView.as_view(), name="schema"),
    path("api/docs/", ApiDocsView.as_view(), name="docs"),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    *([path(settings.ADMIN_PATH, admin.site.urls)] if settings.ADMIN_ENABLED else []),
    path("api/<path:path>", problems.no_such_route),
]

handler400 = "watchtracker.problems.bad_request"
handler403 = "watchtracker.problems.permission_denied"
handler404 = "watchtracker.problems.page_not_found"
handler500 = "watchtracker.problems.server_error"
