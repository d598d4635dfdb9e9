"""What operators may do to accounts and tokens, and what they may not."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.urls import reverse

from accounts.models import AccessToken, User
from accounts.tests.factories import make_token, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(client):
    user = User.objects.create_superuser("operator")
    client.force_login(user)
    return user


@pytest.fixture
def helper(client, operator):
    """An operator who may change users, and no superuser."""
    user = make_user("helper", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="accounts"))
    client.force_login(user)
    return user


def change(client, user, **data):
    return client.post(reverse("admin:accounts_user_change", args=(user.pk,)), {"username": user.username, **data})


def test_no_secret_of_a_token_is_shown(client, operator):
    token, text = make_token(make_user("ana"))

    for url in ("admin:accounts_accesstoken_changelist", "admin:accounts_accesstoken_change"):
        page = client.get(reverse(url, args=(token.pk,) if url.endswith("change") else ()))
        assert token.public_id in page.text
        assert text not in page.text
        assert bytes(token.digest).hex() not in page.text
        assert str(bytes(token.digest)) not in page.text


def test_a_token_that_was_found_somewhere_is_found_here(client, operator):
    token, text = make_token(make_user("ana"))
    make_token(make_user("ben"))

    page = client.get(reverse("admin:accounts_accesstoken_changelist"), {"q": text})

    assert list(page.context["cl"].result_list) == [token]


def test_tokens_are_revoked_and_stay(client, operator):
    ana = make_user("ana")
    lost, kept = (make_token(ana)[0] for _ in range(2))

    client.post(
        reverse("admin:accounts_accesstoken_changelist"), {"action": "revoke", "index": 0, "_selected_action": lost.pk}
    )

    assert AccessToken.objects.get(pk=lost.pk).revoked_at is not None
    assert AccessToken.objects.get(pk=kept.pk).revoked_at is None
    assert LogEntry.objects.get().object_id == lost.pk


def test_whose_and_when_of_an_account_are_fixed(client, operator):
    ana = make_user("ana")

    change(client, ana, email="a@example.com", clerk_id="user_other", timezone="Europe/Berlin", day_start_hour=4)

    ana.refresh_from_db()
    assert (ana.email, ana.clerk_id, ana.timezone, ana.day_start_hour) == ("a@example.com", "user_testana", "UTC", 0)


def test_the_log_of_a_change_names_nobody(client, operator):
    change(client, make_user("ana"), email="a@example.com")

    entry = LogEntry.objects.get()
    assert "ana" not in entry.object_repr
    assert "example" not in entry.change_message


def test_nobody_is_deleted_here(client, operator):
    ana = make_user("ana")

    assert client.post(reverse("admin:accounts_user_delete", args=(ana.pk,)), {"post": "yes"}).status_code == 403


def test_a_superuser_makes_operators(client, operator):
    ana = make_user("ana")

    change(client, ana, is_active="on", is_staff="on")

    ana.refresh_from_db()
    assert ana.is_staff


def test_an_operator_makes_no_operators(client, helper):
    ana = make_user("ana")

    change(client, ana, is_active="on", is_staff="on", is_superuser="on")
    change(client, helper, is_active="on", is_staff="on", is_superuser="on")

    for user in (ana, helper):
        user.refresh_from_db()
        assert not user.is_superuser
    assert not ana.is_staff


def test_an_operator_does_not_touch_a_superuser(client, helper, operator):
    assert change(client, operator, email="mine@example.com").status_code == 403
    password = reverse("admin:auth_user_password_change", args=(operator.pk,))
    new = {"password1": "a-Long-one-1", "password2": "a-Long-one-1", "usable_password": "true"}
    assert client.post(password, new).status_code == 403


def test_an_account_is_made_without_a_clerk_id(client, operator):
    client.post(reverse("admin:accounts_user_add"), {"username": "new", "usable_password": "false"})

    new = User.objects.get(username="new")
    assert new.clerk_id is None
    assert not new.has_usable_password()


def test_people_are_found_by_clerk_id_name_and_number(client, operator):
    ana = make_user("ana")
    make_user("ben")

    for text in ("user_testana", "ana", "an"):
        page = client.get(reverse("admin:accounts_user_changelist"), {"q": text})
        assert list(page.context["cl"].result_list) == [ana]
