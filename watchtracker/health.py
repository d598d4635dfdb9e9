"""/healthz: the process answers. /readyz: it can do its work. For load balancers and the person on call.

Unlike the API's endpoints they do not look at their query: some load balancers add one against caches, and a server
that is well must not be taken away for that.
"""

from __future__ import annotations

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.jwks import KeysUnavailable
from accounts.trust import trusted


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """Asks nothing of the database: restarting the process would not mend that."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when requests can be answered, else 503 and what is missing. States only, no reasons: anybody may ask."""
    checks = {"database": database(), "migrations": "unknown"}
    if checks["database"] == "ok":
        checks["migrations"] = migrations()
    ready = all(state == "ok" for state in checks.values())
    body = {"status": "ok" if ready else "not ready", "checks": checks, "signing_keys_age_seconds": signing_keys_age()}
    return JsonResponse(body, status=200 if ready else 503)


def database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "no answer"
    return "ok"


def migrations() -> str:
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        # It has gone since it answered.
        return "unknown"
    return "missing" if missing else "ok"


def signing_keys_age() -> int | None:
    """Since Clerk's keys were last fetched; None before that, and where none are fetched.

    Told and not judged: without Clerk, personal tokens still work, and the first sign-in fetches the keys.
    """
    if not settings.CLERK_JWKS_URL:
        return None
    try:
        age = trusted().keys.age()
    except KeysUnavailable:
        return None
    return None if age is None else round(age)
