"""The endpoints about oneself: the person, their tokens, and leaving."""

from __future__ import annotations

from typing import Any, ClassVar, cast

import msgspec
from django.db import transaction
from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from drf_spectacular.utils import extend_schema
from msgspec import UNSET
from rest_framework.exceptions import APIException
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import examples
from accounts.clock import change_clock
from accounts.closing import close_account
from accounts.erasure import held
from accounts.limits import Limit
from accounts.models import AccessToken, Erasure, User
from accounts.permissions import FreshSession, HasScope, NotImpersonated
from accounts.reading import NoParameters, read_body, read_query
from accounts.serializers import (
    AccountClosed,
    ErasureReceipt,
    IssuedToken,
    Me,
    MeChange,
    NewToken,
    Revoked,
    Token,
    TokenList,
)
from accounts.tokens import TooManyTokens, issue_token

PROBLEM = {"$ref": "#/components/schemas/Problem"}
CONFLICT = {(409, "application/problem+json"): PROBLEM}


class Conflict(APIException):
    """What was asked for cannot be done as things stand; its text is a sentence."""

    status_code = 409
    default_code = "conflict"


class OwnView(APIView):
    """Something about oneself. What is not only read needs a fresh sign-in, where `fresh` says so."""

    fresh: ClassVar[frozenset[str]] = frozenset()

    def get_permissions(self) -> list[BasePermission]:
        return [HasScope(), FreshSession()] if self.request.method in self.fresh else [HasScope()]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        read_query(NoParameters, request.query_params)

    @property
    def me(self) -> User:
        return cast(User, self.request.user)


class MeView(OwnView):
    fresh = frozenset({"DELETE"})
    required_scopes: ClassVar[dict[str, str]] = {"GET": "dashboard:read"}

    @extend_schema(operation_id="me", tags=["me"], responses=Me, examples=[examples.answer(examples.ME)])
    def get(self, request: Request) -> Response:
        """Who am I here, and by which clock are my days counted?"""
        return Response(msgspec.to_builtins(Me.of(self.me)))

    @extend_schema(
        operation_id="change_me",
        tags=["me"],
        request=MeChange,
        responses={200: Me, 202: Me},
        examples=[examples.request(examples.ME_CHANGE), examples.answer(examples.ME)],
    )
    def patch(self, request: Request) -> Response:
        """Changes what is given.

        Another time zone or day start counts all days anew. 202 if there are so many that it is done in the
        background: until then the old clock counts, and is shown.
        """
        change = read_body(MeChange, request.data)
        change.refuse_unknown_zone()
        with transaction.atomic():
            is_done = self._change(change)
        return Response(msgspec.to_builtins(Me.of(self.me)), status=200 if is_done else 202)

    def _change(self, change: MeChange) -> bool:
        user = self.me
        if change.display_name is not UNSET:
            user.display_name = change.display_name.strip()
            user.save(update_fields=["display_name"])
        if change.timezone is UNSET and change.day_start_hour is UNSET:
            return True
        timezone = user.timezone if change.timezone is UNSET else change.timezone
        day_start_hour = user.day_start_hour if change.day_start_hour is UNSET else change.day_start_hour
        is_done = change_clock(user, timezone, day_start_hour)
        user.refresh_from_db(fields=["timezone", "day_start_hour"])
        return is_done

    @extend_schema(
        operation_id="delete_me",
        tags=["me"],
        responses={202: AccountClosed, **CONFLICT},
        examples=[examples.answer(examples.CLOSED, 202)],
    )
    def delete(self, request: Request) -> Response:
        """Deletes the account and everything that is held about the person. It cannot be undone.

        At once nobody can sign in to it any more and its tokens are dead. The erasure follows in the background; its
        receipt is at the answer's Location, open to whoever knows it. Needs a sign-in of the last minutes.
        """
        user = self.me
        if user.is_staff or user.clerk_id is None:
            raise Conflict("An operator's account is not deleted here; have another operator take its powers away.")
        with transaction.atomic():
            erasure = close_account(user.clerk_id, timezone.now())
            answer = AccountClosed.with_held(erasure, held(user))
        receipt = reverse("accounts:erasure", args=[erasure.receipt])
        return Response(msgspec.to_builtins(answer), status=202, headers={"Location": receipt})


class TokensView(OwnView):
    fresh = frozenset({"POST", "DELETE"})
    rate_limit: ClassVar[dict[str, Limit]] = {"POST": Limit.TOKENS}

    def get_permissions(self) -> list[BasePermission]:
        # Not even the list while somebody acts as the person: it is theirs to give away.
        return [*super().get_permissions(), NotImpersonated()]

    @extend_schema(operation_id="tokens", tags=["me"], responses=TokenList, examples=[examples.answer(examples.TOKENS)])
    def get(self, request: Request) -> Response:
        """Which personal tokens of mine work?"""
        rows = AccessToken.objects.of(self.me).live(timezone.now())
        return Response(msgspec.to_builtins(TokenList(results=[Token.of(row) for row in rows])))

    @extend_schema(
        operation_id="issue_token",
        tags=["me"],
        request=NewToken,
        responses={201: IssuedToken, **CONFLICT},
        examples=[examples.request(examples.NEW_TOKEN), examples.answer(examples.ISSUED_TOKEN, 201)],
    )
    # Its text is kept out of error reports.
    @sensitive_variables()
    def post(self, request: Request) -> Response:
        """Issues a personal token for a program. Its text is in this answer and cannot be shown again.

        Needs a sign-in of the last minutes.
        """
        asked = read_body(NewToken, request.data)
        try:
            row, text = issue_token(self.me, asked.name.strip(), asked.scopes, now=timezone.now(), days=asked.days)
        except TooManyTokens as full:
            raise Conflict(str(full), "too_many_tokens") from full
        place = reverse("accounts:token", args=[row.public_id])
        return Response(msgspec.to_builtins(IssuedToken.with_text(row, text)), status=201, headers={"Location": place})

    @extend_schema(
        operation_id="revoke_tokens",
        tags=["me"],
        responses={200: Revoked},
        examples=[examples.answer(examples.REVOKED)],
    )
    def delete(self, request: Request) -> Response:
        """Revokes all personal tokens. From now on each of them is refused. Needs a sign-in of the last minutes."""
        revoked = AccessToken.objects.of(self.me).revoke(timezone.now())
        return Response(msgspec.to_builtins(Revoked(revoked=revoked)))


class TokenView(OwnView):
    fresh = frozenset({"DELETE"})

    @extend_schema(
        operation_id="revoke_token",
        tags=["me"],
        responses={204: None},
    )
    def delete(self, request: Request, id: str) -> Response:
        """Revokes one personal token. From now on it is refused. Needs a sign-in of the last minutes."""
        token = AccessToken.objects.of(self.me).filter(pk=id)
        if not token.exists():
            raise Http404
        token.revoke(timezone.now())
        return Response(status=204)


class ErasureView(APIView):
    """Open: whoever asks has no account any more. Nobody can guess a receipt, and it names nobody."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(
        operation_id="erasure",
        tags=["me"],
        responses=ErasureReceipt,
        examples=[examples.answer(examples.ERASED)],
    )
    def get(self, request: Request, receipt: str) -> Response:
        """What has become of the erasure of my account?"""
        read_query(NoParameters, request.query_params)
        erasure = Erasure.objects.filter(receipt=receipt).first()
        if erasure is None:
            raise Http404
        return Response(msgspec.to_builtins(ErasureReceipt.of(erasure)))
