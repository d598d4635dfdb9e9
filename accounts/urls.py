"""Routes of accounts."""

from django.urls import path

from accounts import routes, views  # noqa: F401  routes brings the converters
from accounts.webhook_view import ClerkWebhookView

app_name = "accounts"
urlpatterns = [
    path("me/", views.MeView.as_view(), name="me"),
    path("me/tokens/", views.TokensView.as_view(), name="tokens"),
    path("me/tokens/<token_id:id>/", views.TokenView.as_view(), name="token"),
    path("erasures/<receipt:receipt>/", views.ErasureView.as_view(), name="erasure"),
    path("webhooks/clerk/", ClerkWebhookView.as_view(), name="clerk_webhook"),
]
