"""Clerk's messages: believed if signed, taken once, in the order in which things happened.

They are signed here by the standardwebhooks library, which is what Svix uses.
"""

import base64
import json
import logging
import random
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
import standardwebhooks
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from accounts import clerk_events, webhooks
from accounts.checks import check_webhooks
from accounts.clerk_events import KEPT_FOR, forget_old_messages
from accounts.models import Erasure, Tombstone, User, WebhookEvent
from accounts.provisioning import NoAccount, account_of
from accounts.tests.factories import make_token, make_user
from accounts.tests.tokens import session_token
from accounts.webhooks import BadMessage, read_secret, verify
from ingest.jobs.worker import Worker

pytestmark = pytest.mark.django_db

PLACE = "/api/v1/webhooks/clerk/"
SECRET = "whsec_" + base64.b64encode(b"a secret of twenty-four bytes or more").decode()
OTHER = "whsec_" + base64.b64encode(b"another secret of a staging instance").decode()
INSTANCE = "ins_2abcDEF"


@pytest.fixture(autouse=True)
def endpoint(settings):
    settings.CLERK_WEBHOOK_SECRETS = (SECRET,)
    settings.CLERK_INSTANCE_ID = INSTANCE


def event(type="user.updated", *, at=None, instance=INSTANCE, **data):
    milliseconds = int((at or timezone.now()).timestamp() * 1000)
    return json.dumps(
        {"data": data, "object": "event", "type": type, "timestamp": milliseconds, "instance_id": instance}
    )


def headers_for(body, *, id="msg_1", at=None, secret=SECRET, name="svix"):
    at = at or datetime.now(UTC)
    signature = standardwebhooks.Webhook(secret).sign(id, at, body)
    return {f"{name}-id": id, f"{name}-timestamp": str(int(at.timestamp())), f"{name}-signature": signature}


def send(body, headers=None, **how):
    return Client().post(
        PLACE, body, content_type="application/json", headers=headers_for(body, **how) if headers is None else headers
    )


def outcome(response):
    assert response.status_code == 200, response.content
    return response.json()["outcome"]


def refused(response, status=400):
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    assert not WebhookEvent.objects.exists()
    return response.json()["detail"]


class TestSignature:
    def test_a_message_signed_by_the_library_is_taken(self):
        make_user(clerk_id="user_2ana")

        assert outcome(send(event(id="user_2ana"))) == "updated"

    def test_it_agrees_with_the_library_on_a_thousand_messages(self):
        draw = random.Random(5)
        ours, theirs = read_secret(SECRET), standardwebhooks.Webhook(SECRET)
        for number in range(1000):
            body = "".join(chr(draw.choice([32, 65, 233, 0x1F600])) for _ in range(draw.randrange(200)))
            headers = headers_for(body, id=f"message_{number}", name="webhook")
            if draw.random() < 0.5:
                name = draw.choice(["webhook-id", "webhook-signature"])
                place = draw.randrange(4, len(headers[name]) - 3)
                headers[name] = headers[name][:place] + draw.choice("Aa0") + headers[name][place + 1 :]
            try:
                theirs.verify(body, headers, json_parse=False)
                good = True
            except (standardwebhooks.WebhookVerificationError, ValueError):
                good = False
            try:
                verify(headers, body.encode(), [ours], datetime.now(UTC).timestamp())
                assert good
            except BadMessage:
                assert not good

    def test_the_names_of_the_standard_are_taken_as_well(self):
        assert outcome(send(event(id="user_2ana"), name="webhook")) == "unknown_user"

    @pytest.mark.parametrize("missing", ["svix-id", "svix-timestamp", "svix-signature"])
    @pytest.mark.parametrize("value", [None, ""])
    def test_a_missing_header(self, missing, value):
        body = event(id="user_2ana")
        headers = headers_for(body) | {missing: value}

        refused(send(body, {name: text for name, text in headers.items() if text is not None}))

    @pytest.mark.parametrize("twice", ["svix-id", "svix-timestamp", "svix-signature"])
    def test_a_header_given_twice(self, twice):
        body = event(id="user_2ana")
        headers = headers_for(body)

        refused(send(body, headers | {twice: f"{headers[twice]},{headers[twice]}"}))

    def test_the_wrong_secret(self):
        refused(send(event(id="user_2ana"), secret=OTHER))

    def test_during_rotation_both_secrets_count(self, settings):
        settings.CLERK_WEBHOOK_SECRETS = (OTHER, SECRET)

        assert outcome(send(event(id="user_2ana"), id="msg_1")) == "unknown_user"
        assert outcome(send(event(id="user_2ana"), id="msg_2", secret=OTHER)) == "unknown_user"

    def test_one_good_signature_among_others_is_enough(self):
        body = event(id="user_2ana")
        headers = headers_for(body)
        other = headers_for(body, secret=OTHER)["svix-signature"]
        headers["svix-signature"] = f"v1a,{'A' * 88} {other} {headers['svix-signature']}"

        assert outcome(send(body, headers)) == "unknown_user"

    @pytest.mark.parametrize("change", [lambda body: body + " ", lambda body: json.dumps(json.loads(body), indent=1)])
    def test_the_body_counts_to_the_byte(self, change):
        body = event(id="user_2ana")

        refused(send(change(body), headers_for(body)))

    @pytest.mark.parametrize("id", ["msg_2", "", "msg 1", "msg_1\n", "m" * 129])
    def test_another_id(self, id):
        body = event(id="user_2ana")

        refused(send(body, headers_for(body) | {"svix-id": id}))

    @pytest.mark.parametrize("seconds", [-302, 302])
    def test_too_old_and_too_new(self, seconds):
        refused(send(event(id="user_2ana"), at=datetime.now(UTC) + timedelta(seconds=seconds)))

    @pytest.mark.parametrize("seconds", [-298, 298])
    def test_clocks_may_differ_by_five_minutes(self, seconds):
        outcome(send(event(id="user_2ana"), at=datetime.now(UTC) + timedelta(seconds=seconds)))

    @pytest.mark.parametrize("text", [" {}", "{}.0", "+{}", "{}_", "1_7", "1e9", "{}0", "-{}", "٣٣٣٣٣٣٣٣٣٣"])
    def test_times_are_ten_digits(self, text):
        body = event(id="user_2ana")
        headers = headers_for(body)
        timestamp = text.format(headers["svix-timestamp"])

        with pytest.raises(BadMessage):
            verify(headers | {"svix-timestamp": timestamp}, body.encode(), [read_secret(SECRET)], 3333333333)

    @pytest.mark.parametrize(
        "signature",
        ["v1", "v1,", "v1,a,b", "v1,%%%", "v1,é", ",", " ", "v2,{}", "{}\t", "v1 {}", "  {}", "V1,{}", "v1,\u0000"],
    )
    def test_a_malformed_signature(self, signature):
        body = event(id="user_2ana")
        headers = headers_for(body)
        header = signature.format(headers["svix-signature"].removeprefix("v1,"))

        with pytest.raises(BadMessage):
            verify(headers | {"svix-signature": header}, body.encode(), [read_secret(SECRET)], time.time())

    def test_a_thousand_signatures(self):
        body = event(id="user_2ana")
        headers = headers_for(body)

        refused(send(body, headers | {"svix-signature": " ".join([headers["svix-signature"]] * 1000)}))

    def test_the_answer_and_the_log_say_nothing_of_the_message(self, caplog):
        caplog.set_level(logging.DEBUG)
        body = event(id="user_2ana", email_addresses=["ana@example.com"])

        answer = send(body, secret=OTHER)

        assert refused(answer) == "This message was refused."
        assert "ana@example.com" not in caplog.text
        assert "user_2ana" not in caplog.text
        assert "signed by nobody we know" in caplog.text


class TestSetup:
    def test_without_a_secret_nothing_is_believed(self, settings):
        settings.CLERK_WEBHOOK_SECRETS = ()

        assert "no CLERK_WEBHOOK_SECRETS" in refused(send(event(id="user_2ana")), 503)

    @pytest.mark.parametrize("secret", ["whsec_your_secret_here", "whsec_", "whsec_AAAA", "", OTHER[6:]])
    def test_a_placeholder_is_no_secret(self, settings, secret):
        settings.CLERK_WEBHOOK_SECRETS = (secret,)

        refused(send(event(id="user_2ana")), 503)

    def test_the_system_check_says_so_before_the_first_message(self, clerk):
        assert [message.id for message in check_webhooks(None)] == []
        clerk.CLERK_WEBHOOK_SECRETS = ()
        assert [message.id for message in check_webhooks(None)] == ["accounts.W003"]
        clerk.CLERK_WEBHOOK_SECRETS = (SECRET, "whsec_your_secret_here")
        [message] = check_webhooks(None)
        assert (message.id, "secret 2" in message.msg, "whsec_your" in message.msg) == ("accounts.E009", True, False)

    @pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "head"])
    def test_only_post(self, method):
        assert getattr(Client(), method)(PLACE).status_code == 405

    def test_it_needs_no_csrf_token_and_minds_no_login(self, admin_user):
        client = Client(enforce_csrf_checks=True)
        client.force_login(admin_user)
        body = event(id="user_2ana")

        assert client.post(PLACE, body, content_type="application/json", headers=headers_for(body)).status_code == 200

    def test_another_instance_of_clerk_is_not_ours(self, settings):
        make_user(clerk_id="user_2ana")
        refused(send(event("user.deleted", id="user_2ana", instance="ins_staging")))
        assert User.objects.get().is_active

        settings.CLERK_INSTANCE_ID = ""
        outcome(send(event("user.created", id="user_2ana", instance="ins_staging")))


class TestBody:
    @pytest.mark.parametrize(
        "body",
        [
            "",
            "[]",
            "null",
            "{",
            "{}",
            '{"type": "user.updated", "timestamp": 1700000000000}',
            '{"type": "user.updated", "timestamp": 1700000000000, "data": []}',
            '{"type": "user.updated", "timestamp": "1700000000000", "data": {}}',
            '{"type": "user.updated", "timestamp": true, "data": {}}',
            '{"type": "user.updated", "timestamp": 1, "data": {}}',
            '{"type": "user.updated", "timestamp": 1e99, "data": {}}',
            '{"type": "user.updated", "timestamp": NaN, "data": {}}',
            '{"type": 7, "timestamp": 1700000000000, "data": {}}',
            '{"type": "", "timestamp": 1700000000000, "data": {}}',
            '{"type": "user.\\u0000", "timestamp": 1700000000000, "data": {}}',
            '{"type": "a", "type": "b", "timestamp": 1700000000000, "data": {}}',
            "[" * 100_000,
        ],
    )
    def test_what_is_no_event_is_refused(self, body):
        refused(send(body))

    def test_what_is_no_utf_8_is_refused(self):
        body = b"\xff\xfe{}"
        at = datetime.now(UTC)
        signature = webhooks._sign(read_secret(SECRET), f"msg_1.{int(at.timestamp())}.".encode() + body).decode()
        headers = {"svix-id": "msg_1", "svix-timestamp": str(int(at.timestamp())), "svix-signature": f"v1,{signature}"}

        refused(send(body, headers))

    @pytest.mark.parametrize("size", [webhooks.LARGEST_BODY + 1, 10_000_000])
    def test_a_large_body_is_refused(self, size):
        refused(send("x" * size), 413)

    @pytest.mark.parametrize(
        "data",
        [
            {},
            {"id": None},
            {"id": 7},
            {"id": ""},
            {"id": "org_2"},
            {"id": "user_\u0000"},
            {"id": "user_2ana", "first_name": []},
        ],
    )
    @pytest.mark.parametrize("type", ["user.deleted", "user.created", "user.updated"])
    def test_about_nobody_it_changes_nothing(self, type, data):
        ana = make_user(clerk_id="user_2ana")

        assert outcome(send(event(type, **data))) == "not_needed"
        ana.refresh_from_db()
        assert ana.is_active

    @pytest.mark.parametrize("type", ["session.ended", "organization.created", "something.new"])
    def test_other_types_are_taken_and_change_nothing(self, type):
        assert outcome(send(event(type, id="user_2ana"))) == "not_needed"
        assert WebhookEvent.objects.get().type == type


class TestEffects:
    @pytest.mark.parametrize("type", ["user.created", "user.updated"])
    def test_names_are_taken_and_nothing_else(self, type):
        ana = make_user("ana", clerk_id="user_2ana", display_name="Annie")
        before = User.objects.values().get(pk=ana.pk)
        data = {
            "first_name": "Ana\n",
            "last_name": "L" * 200,
            "username": "root",
            "is_staff": True,
            "is_superuser": True,
            "is_active": False,
            "public_metadata": {"role": "admin"},
            "email_addresses": [{"email_address": "op@example.com"}],
        }

        assert outcome(send(event(type, id="user_2ana", **data))) == "updated"

        after = User.objects.values().get(pk=ana.pk)
        changed = {name for name in after if after[name] != before[name]}
        assert changed == {"first_name", "last_name", "clerk_event_at"}
        assert (after["first_name"], after["last_name"]) == ("Ana", "L" * 150)

    def test_accounts_open_at_their_first_request_and_not_by_message(self):
        assert outcome(send(event("user.created", id="user_2ana"))) == "unknown_user"
        assert not User.objects.exists()

    def test_a_deleted_user_is_out_at_once(self, clerk):
        ana = make_user(clerk_id="user_2ana")
        _, text = make_token(ana)

        assert outcome(send(event("user.deleted", id="user_2ana", deleted=True))) == "closed"

        for token in (text, session_token("user_2ana")):
            answer = Client().get("/api/v1/me/", headers={"authorization": f"Bearer {token}"})
            assert answer.status_code == 401
        assert Erasure.objects.get().user_pk == ana.pk

    def test_deleted_before_it_was_ever_heard_of(self):
        assert outcome(send(event("user.deleted", id="user_2ana"), id="msg_1")) == "closed"
        created = event("user.created", id="user_2ana", at=timezone.now() - timedelta(minutes=1))
        assert outcome(send(created, id="msg_2")) == "outdated"
        with pytest.raises(NoAccount):
            account_of("user_2ana")

    def test_deleted_twice(self):
        make_user(clerk_id="user_2ana")

        assert outcome(send(event("user.deleted", id="user_2ana"), id="msg_1")) == "closed"
        assert outcome(send(event("user.deleted", id="user_2ana"), id="msg_2")) == "closed"
        assert Erasure.objects.count() == 1

    def test_a_reopened_account_may_come_in(self):
        Tombstone.objects.bury("user_2ana", timezone.now() - timedelta(days=1))

        assert outcome(send(event("user.created", id="user_2ana"))) == "reopened"
        assert account_of("user_2ana")

    def test_an_older_message_changes_nothing(self):
        ana = make_user(clerk_id="user_2ana")
        now = timezone.now()
        for number, (age, name) in enumerate([(0, "new"), (60, "old"), (0.001, "nearly as new")]):
            body = event(id="user_2ana", first_name=name, at=now - timedelta(seconds=age))
            assert outcome(send(body, id=f"msg_{number}")) == ("outdated" if age else "updated")
        deleted = event("user.deleted", id="user_2ana", at=now - timedelta(seconds=9))
        assert outcome(send(deleted, id="msg_9")) == "outdated"

        ana.refresh_from_db()
        assert (ana.first_name, ana.is_active) == ("new", True)


class TestOnce:
    def test_the_same_message_again_changes_nothing(self):
        ana = make_user(clerk_id="user_2ana")
        body = event(id="user_2ana", first_name="Ana")
        headers = headers_for(body)
        assert outcome(send(body, headers)) == "updated"
        User.objects.update(first_name="Changed")

        assert outcome(send(body, headers)) == "duplicate"
        assert outcome(send(body, at=datetime.now(UTC) + timedelta(seconds=9))) == "duplicate"

        ana.refresh_from_db()
        assert ana.first_name == "Changed"
        assert WebhookEvent.objects.count() == 1

    def test_a_failure_undoes_both_so_the_next_attempt_counts(self, monkeypatch):
        ana = make_user(clerk_id="user_2ana")
        body = event("user.deleted", id="user_2ana")

        def fail(*args, **kwargs):
            close(*args, **kwargs)
            raise OperationalError("the database went away")

        close = clerk_events.close_account
        monkeypatch.setattr(clerk_events, "close_account", fail)
        client = Client(raise_request_exception=False)
        answer = client.post(PLACE, body, content_type="application/json", headers=headers_for(body))
        refused(answer, 503)
        ana.refresh_from_db()
        assert ana.is_active

        monkeypatch.setattr(clerk_events, "close_account", close)
        assert outcome(send(body)) == "closed"

    @pytest.mark.django_db(transaction=True)
    def test_two_workers_on_the_same_message_at_once(self):
        make_user(clerk_id="user_2ana")
        body = event("user.deleted", id="user_2ana")
        at_once, outcomes = threading.Barrier(4), []

        def run():
            at_once.wait()
            try:
                outcomes.append(outcome(send(body)))
            finally:
                connection.close()

        threads = [threading.Thread(target=run) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(outcomes) == ["closed", "duplicate", "duplicate", "duplicate"]
        assert Erasure.objects.count() == 1


class TestForgetting:
    def test_what_is_older_than_any_repetition_is_forgotten_and_the_rest_is_not(self):
        now = timezone.now()
        for name, age in (("old", KEPT_FOR + timedelta(seconds=1)), ("young", KEPT_FOR - timedelta(minutes=1))):
            WebhookEvent.objects.create(message_id=name, type="user.updated", event_at=now, received_at=now - age)

        assert forget_old_messages(now) == 1
        assert [event.message_id for event in WebhookEvent.objects.all()] == ["young"]

    def test_workers_do_it_every_hour(self):
        old = timezone.now() - KEPT_FOR - timedelta(days=1)
        WebhookEvent.objects.create(message_id="old", type="user.updated", event_at=old, received_at=old)
        worker = Worker()

        worker._look_around()
        worker.work_off()

        assert not WebhookEvent.objects.exists()
