"""How the authentication classes read in OpenAPI, and which scope a personal token needs for what."""

from typing import TYPE_CHECKING, Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension

from accounts.scopes import required_scope

if TYPE_CHECKING:
    from drf_spectacular.openapi import AutoSchema

PERSONAL_TOKEN = "personalToken"  # noqa: S105 - a name in the document


class ClerkSessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.authentication.ClerkAuthentication"
    name = "clerkSession"

    def get_security_definition(self, auto_schema: "AutoSchema") -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "A session token of Clerk, as `getToken()` gives it in the browser. It lives for a minute.",
        }


class PersonalTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.authentication.TokenAuthentication"
    name = PERSONAL_TOKEN

    def get_security_requirement(self, auto_schema: "AutoSchema") -> dict[str, list[Any]] | list[dict[str, list[Any]]]:
        """Nothing, and so no way in, where the view is closed to tokens."""
        scope = required_scope(auto_schema.view, auto_schema.method)
        return [] if scope is None else {PERSONAL_TOKEN: [str(scope)]}

    def get_security_definition(self, auto_schema: "AutoSchema") -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "wt_...",
            "description": "A personal token for scripts and scrobblers. It opens what its scopes name.",
        }


def describe_scopes(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """A hook of drf-spectacular: says in each operation's description which scope it needs.

    OpenAPI 3.0 has no place for the scopes of a bearer token, and no viewer shows them where 3.1 has one.
    """
    for path in result.get("paths", {}).values():
        for operation in path.values():
            _describe_scope(operation)
    return result


def _describe_scope(operation: dict[str, Any]) -> None:
    for requirement in operation.get("security", []):
        if scopes := requirement.get(PERSONAL_TOKEN):
            needed = f"A personal token needs the scope `{scopes[0]}`."
            operation["description"] = "\n\n".join(filter(None, [operation.get("description"), needed]))
            operation["x-required-scope"] = scopes[0]
            requirement[PERSONAL_TOKEN] = []
