"""Routes of dashboard."""

from django.urls import path

import ingest.routes  # noqa: F401  the converter `id`

from . import views

app_name = "dashboard"
urlpatterns = [
    path("dashboard/status/", views.StatusView.as_view(), name="status"),
    path("dashboard/summary/", views.SummaryView.as_view(), name="summary"),
    path("dashboard/records/", views.RecordsView.as_view(), name="records"),
    path("dashboard/records/<id:id>/", views.RecordView.as_view(), name="record"),
]
