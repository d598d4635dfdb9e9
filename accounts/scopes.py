"""What a personal token may do. No scope manages tokens, deletes an account or opens the admin."""

from collections.abc import Mapping
from enum import StrEnum

RequiredScopes = str | Mapping[str, str]


class Scope(StrEnum):
    RECORDS_WRITE = "records:write"
    RECORDS_READ = "records:read"
    DASHBOARD_READ = "dashboard:read"
    EXPORT_READ = "export:read"


def required_scope(view: object, method: str | None) -> Scope | None:
    """What `view` declares for `method`; None if it is closed to personal tokens. ValueError if there is no such scope.

    A view declares `required_scopes = "dashboard:read"` for all its methods, or one scope for each:
    `required_scopes = {"GET": "records:read", "POST": "records:write"}`.
    """
    declared: RequiredScopes | None = getattr(view, "required_scopes", None)
    if isinstance(declared, Mapping):
        declared = declared.get("GET" if method == "HEAD" else str(method))
    return None if declared is None else Scope(declared)
