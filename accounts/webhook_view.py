"""Where Clerk's messages arrive. Open, for the signature says who sends; and nothing is read before it is checked."""

from __future__ import annotations

import logging
import time
from typing import ClassVar

from django.conf import settings
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from drf_spectacular.utils import OpenApiParameter, extend_schema
from msgspec import Struct
from rest_framework.exceptions import APIException, ParseError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import examples
from accounts.clerk_events import Outcome, take
from accounts.limits import Limit
from accounts.reading import NoParameters, read_query
from accounts.webhooks import LARGEST_BODY, BadMessage, Event, read_event, read_secret, verify

logger = logging.getLogger("watchtracker.webhooks")

HEADERS = [
    OpenApiParameter("svix-id", str, "header", required=True),
    OpenApiParameter("svix-timestamp", str, "header", required=True),
    OpenApiParameter("svix-signature", str, "header", required=True),
]


class Taken(Struct, frozen=True, kw_only=True):
    """What became of the message."""

    outcome: Outcome


class NotConfigured(APIException):
    """503, so that Clerk sends it again once somebody has set the secret."""

    status_code = 503
    default_code = "not_configured"
    default_detail = "This server has no CLERK_WEBHOOK_SECRETS, so it takes no messages."


class TooLarge(APIException):
    status_code = 413
    default_code = "too_large"
    default_detail = f"The body is larger than {LARGEST_BODY:,} bytes."


class ClerkWebhookView(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    parser_classes = ()  # the signature is over the bytes as they came
    rate_limit: ClassVar[Limit] = Limit.WEBHOOK

    @extend_schema(
        operation_id="clerk_webhook",
        tags=["webhooks"],
        parameters=HEADERS,
        request={"application/json": {"type": "object"}},
        responses=Taken,
        examples=[examples.answer(examples.WEBHOOK)],
    )
    # Addresses and names of people are in here; they are kept out of error reports.
    @sensitive_variables()
    def post(self, request: Request) -> Response:
        """Takes a message of Clerk's, signed by Svix. The same message again is answered alike and changes nothing."""
        read_query(NoParameters, request.query_params)
        secrets = _secrets()
        body = _body(request)
        try:
            message_id = verify(request.headers, body, secrets, time.time())
            event = read_event(body)
            _refuse_other_instances(event)
        except BadMessage as bad:
            logger.warning("Refused a webhook: %s", bad.reason)
            raise ParseError("This message was refused.", "bad_message") from None
        outcome = take(message_id, event, timezone.now())
        logger.info("Webhook %s, %s: %s", message_id, event.type, outcome)
        return Response({"outcome": outcome})


def _secrets() -> list[bytes]:
    try:
        secrets = [read_secret(text) for text in settings.CLERK_WEBHOOK_SECRETS]
    except ValueError:
        raise NotConfigured from None  # accounts/checks.py says which
    if not secrets:
        raise NotConfigured
    return secrets


def _body(request: Request) -> bytes:
    if int(request.META.get("CONTENT_LENGTH") or 0) > LARGEST_BODY:
        raise TooLarge
    body: bytes = request._request.body
    if len(body) > LARGEST_BODY:
        raise TooLarge
    return body


def _refuse_other_instances(event: Event) -> None:
    """A staging instance whose messages go here by mistake must not delete people."""
    if settings.CLERK_INSTANCE_ID and event.instance_id != settings.CLERK_INSTANCE_ID:
        raise BadMessage("from another instance of Clerk")
