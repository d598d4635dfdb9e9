"""manage.py issue_token"""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import AccessToken
from accounts.tests.factories import make_token, make_user
from accounts.tokens import MOST_LIVE_TOKENS, recognise

pytestmark = pytest.mark.django_db


def issued(capsys, *arguments):
    call_command("issue_token", *arguments)
    output = capsys.readouterr()
    assert output.err == ""
    assert output.out.count("\n") == 1
    return recognise(output.out.strip(), timezone.now())


def test_it_prints_a_token_that_works(capsys):
    ana = make_user("ana")

    token = issued(capsys, "--user", "ana")

    assert token.user == ana
    assert token.scopes == ["dashboard:read", "records:read"]
    assert token.expires_at - token.created_at == timedelta(days=365)


def test_scopes_name_and_life_are_as_asked(capsys):
    make_user("ana")

    token = issued(
        capsys, "--user", "ana", "--scopes", "records:write", "export:read", "--days", "7", "--name", "living room"
    )

    assert token.scopes == ["export:read", "records:write"]
    assert token.name == "living room"
    assert token.expires_at - token.created_at == timedelta(days=7)
    assert issued(capsys, "--user", "ana", "--never-expires").expires_at is None


def test_the_user_may_be_named_three_ways(capsys):
    ana = make_user("ana", clerk_id="user_2ana")
    make_user("bob")

    for name in ("ana", "user_2ana", str(ana.pk)):
        assert issued(capsys, "--user", name).user == ana


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--user", "eve"], "Nobody here is called 'eve'."),
        (["--user", "ana", "--days", "0"], "--days is 0; write 1 to 3650, or --never-expires."),
        (["--user", "ana", "--days", "99999999999"], "--days is 99999999999; write 1 to 3650"),
        (["--user", "ana", "--scopes", "admin"], "invalid choice: 'admin'"),
        (["--user", "ana", "--scopes"], "expected at least one argument"),
        (["--user", "ana", "--name", ""], "--name has 0 characters; write 1 to 100."),
        (["--user", "ana", "--name", "x" * 101], "--name has 101 characters"),
        (["--user", "ana", "--days", "7", "--never-expires"], "not allowed with argument"),
        ([], "--user"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(arguments, sentence):
    make_user("ana")

    with pytest.raises(CommandError) as refused:
        call_command("issue_token", *arguments)

    assert sentence in str(refused.value)
    assert not AccessToken.objects.exists()


def test_one_too_many_is_refused_in_a_sentence():
    ana = make_user("ana")
    for _ in range(MOST_LIVE_TOKENS):
        make_token(ana)

    with pytest.raises(CommandError, match="There are 25 live tokens already"):
        call_command("issue_token", "--user", "ana")
