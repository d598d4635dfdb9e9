"""Routes of dashboard."""

from django.urls import path

import ingest.routes  # noqa: F401  the converter `id`

from . import export_view, routes, views  # noqa: F401  the converter `year`

app_name = "dashboard"
urlpatterns = [
    path("dashboard/status/", views.StatusView.as_view(), name="status"),
    path("dashboard/summary/", views.SummaryView.as_view(), name="summary"),
    path("dashboard/records/", views.RecordsView.as_view(), name="records"),
    path("dashboard/records/export/", export_view.RecordsExportView.as_view(), name="records_export"),
    path("dashboard/records/<id:id>/", views.RecordView.as_view(), name="record"),
    path("dashboard/channels/", views.ChannelsView.as_view(), name="channels"),
    path("dashboard/channels/<id:id>/", views.ChannelView.as_view(), name="channel"),
    path("dashboard/videos/", views.VideosView.as_view(), name="videos"),
    path("dashboard/heatmap/", views.HeatmapView.as_view(), name="heatmap"),
    path("dashboard/calendar/", views.CalendarView.as_view(), name="calendar"),
    path("dashboard/streaks/", views.StreaksView.as_view(), name="streaks"),
    path("dashboard/discoveries/", views.DiscoveriesView.as_view(), name="discoveries"),
    path("dashboard/sessions/", views.SessionsView.as_view(), name="sessions"),
    path("dashboard/compare/", views.CompareView.as_view(), name="compare"),
    path("dashboard/years/<year:year>/", views.YearView.as_view(), name="year"),
]
