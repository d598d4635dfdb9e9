"""Whom an operator means."""

import pytest

from accounts.lookup import UnknownUser, find_user
from accounts.tests.factories import make_user

pytestmark = pytest.mark.django_db


def test_a_clerk_id_a_username_or_a_primary_key():
    ana, bob = make_user("ana", clerk_id="user_2ana"), make_user("bob", clerk_id=None)

    assert find_user("user_2ana") == find_user("ana") == find_user(str(ana.pk)) == ana
    assert find_user("bob") == find_user(str(bob.pk)) == bob


def test_a_username_of_digits_goes_before_a_primary_key():
    ana = make_user("ana")
    number = make_user(str(ana.pk))

    assert find_user(str(ana.pk)) == number


@pytest.mark.parametrize("text", ["eve", "", "0", "-1", "9" * 18, "9" * 400, "٣", "1.0", "ANA", "user_2ANA"])
def test_nobody_is_told_in_a_sentence(text):
    make_user("ana", clerk_id="user_2ana")

    with pytest.raises(UnknownUser) as unknown:
        find_user(text)

    assert str(unknown.value) == f"Nobody here is called {text!r}"
