"""Routes of ingest."""

from django.urls import path

from . import routes, upload_views, views  # noqa: F401  routes brings the converter `id`

app_name = "ingest"
urlpatterns = [
    path("ingest/records/", views.RecordsView.as_view(), name="records"),
    path("ingest/records/<id:id>/", views.RecordView.as_view(), name="record"),
    path("ingest/uploads/", upload_views.UploadsView.as_view(), name="uploads"),
    path("ingest/uploads/<id:id>/", upload_views.UploadView.as_view(), name="upload"),
    path("ingest/uploads/<id:id>/rows/", upload_views.UploadRowsView.as_view(), name="upload_rows"),
    path("ingest/uploads/<id:id>/cancel/", upload_views.CancelUploadView.as_view(), name="cancel_upload"),
    path("ingest/uploads/<id:id>/retry/", upload_views.RetryUploadView.as_view(), name="retry_upload"),
    path("ingest/uploads/<id:id>/undo/", upload_views.UndoUploadView.as_view(), name="undo_upload"),
]
