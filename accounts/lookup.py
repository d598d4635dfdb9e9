"""Whom an operator means."""

from accounts.models import User

# A primary key has at most as many digits; SQLite raises on more.
MOST_DIGITS = 18


class UnknownUser(LookupError):
    """Nobody goes by this name; the text is a sentence for the person who asked."""


def find_user(text: str) -> User:
    """The user whose Clerk id, username or primary key `text` is, in this order; UnknownUser."""
    by_name = User.objects.filter(clerk_id=text).first() or User.objects.filter(username=text).first()
    if by_name is not None:
        return by_name
    if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS:
        by_key = User.objects.filter(pk=int(text)).first()
        if by_key is not None:
            return by_key
    raise UnknownUser(f"Nobody here is called {text!r}")
