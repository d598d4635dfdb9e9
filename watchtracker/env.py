"""Reads the environment: typed, and refusing nonsense in a sentence that says what to write instead.

A reader takes the text of one variable and returns its value, or raises ValueError with the second half of that
sentence: `write True or False` becomes `DEBUG is 'yes'; write True or False.`
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")
D = TypeVar("D")
Reader = Callable[[str], T]

# A value is shown in a sentence no longer than this.
SHOWN = 60


class Environment:
    """The variables of one start. `refuse_problems` tells everything that is wrong with them at once."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self.names: list[str] = []
        self.problems: list[str] = []

    def read(self, name: str, reader: Reader[T], default: D, *, secret: bool = False) -> T | D:
        """The value of `name`; `default` when it is absent or empty. The text of a `secret` is never shown."""
        self.names.append(name)
        text = self._variables.get(name, "").strip()
        if not text:
            return default
        try:
            return reader(text)
        except ValueError as problem:
            shown = "not usable" if secret else repr(text if len(text) <= SHOWN else text[:SHOWN] + "…")
            self.problems.append(f"{name} is {shown}; {problem}.")
            return default

    def refuse(self, sentence: str) -> None:
        """Adds a problem that no single reader can see."""
        self.problems.append(sentence)

    def refuse_problems(self) -> None:
        """Raises ImproperlyConfigured with every problem found."""
        if self.problems:
            raise ImproperlyConfigured("\n".join(["The environment does not make sense:", *self.problems]))


def flag(text: str) -> bool:
    match text.lower():
        case "true":
            return True
        case "false":
            return False
    raise ValueError("write True or False")


def whole_number(low: int, high: int) -> Reader[int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,18}", text) or not low <= int(text) <= high:
            raise ValueError(f"write a whole number from {low} to {high}")
        return int(text)

    return read


def matching(pattern: str, form: str) -> Reader[str]:
    """Text of which all matches `pattern`; `form` describes it in words."""

    def read(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"write {form}")
        return text

    return read


def one_of(*choices: str) -> Reader[str]:
    def read(text: str) -> str:
        if text not in choices:
            raise ValueError(f"write one of {', '.join(choices)}")
        return text

    return read


def comma_separated(reader: Reader[T]) -> Reader[tuple[T, ...]]:
    def read(text: str) -> tuple[T, ...]:
        return tuple(reader(part.strip()) for part in text.split(",") if part.strip())

    return read


def absolute_path(text: str) -> Path:
    path = Path(text).expanduser()
    if not path.is_absolute():
        raise ValueError("write an absolute path")
    return path


def url(text: str) -> str:
    """An https URL, or an http one to this machine."""
    parts = urlsplit(text)
    local = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not parts.hostname or parts.username or parts.fragment or not (parts.scheme == "https" or local):
        raise ValueError("write an https:// address")
    return text


def origin(text: str) -> str:
    """An origin as browsers send it: scheme, host and port, nothing after. Extensions have a scheme of their own."""
    if not re.fullmatch(r"[a-z][a-z0-9+.-]*://[a-z0-9_.-]+(:[0-9]{1,5})?", text):
        raise ValueError("write origins like https://app.example.com, in lower case and without a slash at the end")
    return text


def secret_key(text: str) -> str:
    # The limits of Django's security.W009, enforced instead of warned about.
    if len(text) < 50 or len(set(text)) < 5:
        raise ValueError("write 50 random characters or more")
    return text


def public_keys(text: str) -> tuple[str, ...]:
    r"""One or more PEM public keys, one after the other; line breaks may be written as `\n`."""
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    block = r"-----BEGIN PUBLIC KEY-----[A-Za-z0-9+/=\s]+-----END PUBLIC KEY-----"
    text = text.replace("\\n", "\n")
    keys = tuple(re.findall(block, text))
    try:
        if not keys or re.sub(block, "", text).strip(" \n,"):
            raise ValueError
        for key in keys:
            load_pem_public_key(key.encode())
    except ValueError as error:
        raise ValueError("write a PEM public key, -----BEGIN PUBLIC KEY----- and all") from error
    return keys


def rate(text: str) -> str:
    """A number of requests in a time, as django-ratelimit writes it: 300/m, 5/h, 20/10s."""
    if not re.fullmatch(r"[1-9][0-9]{0,6}/([1-9][0-9]{0,3})?[smhd]", text):
        raise ValueError("write a number and a time, such as 300/m, 5/h or 20/10s")
    return text


def env_file(path: Path) -> dict[str, str]:
    """The variables in a .env file: NAME=value lines; a quoted value may go over several lines; # starts a comment."""
    if not path.is_file():
        return {}
    entry = r"""^[ \t]*([A-Z][A-Z0-9_]*)=(?:"([^"]*)"|'([^']*)'|([^\n#]*))"""
    found = re.finditer(entry, path.read_text(encoding="utf-8"), re.MULTILINE)
    return {match[1]: next(value for value in match.groups()[1:] if value is not None) for match in found}
