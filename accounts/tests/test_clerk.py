"""What the verifier takes, and the edges of what it takes."""

from dataclasses import replace

import pytest

from accounts.clerk import LEEWAY, BadToken, Session, verify
from accounts.jwks import PemKeys
from accounts.tests.tokens import ABSENT, CLERK_ID, CONFIG, claims, header, jws, keys, pem, rsa_key, session_token

NOW = 1_800_000_000


def verified(token, config=CONFIG, source=None, now=NOW):
    return verify(token, config, source or keys(), now)


def refusal(token, config=CONFIG, now=NOW):
    with pytest.raises(BadToken) as refused:
        verified(token, config, now=now)
    return refused.value.reason


def test_a_session_token_says_whose_it_is():
    token = session_token(now=NOW)

    assert verified(token) == Session(
        clerk_id=CLERK_ID,
        session_id="sess_2xyz",
        issued_at=NOW,
        expires_at=NOW + 500,
        actor=None,
        first_factor_age=3,
        version=2,
    )


def test_a_token_of_version_1_is_taken():
    session = verified(session_token(now=NOW, v=ABSENT, fva=ABSENT, sts=ABSENT, org_id="org_1", org_role="admin"))

    assert (session.version, session.first_factor_age) == (1, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"cat": ABSENT},
        {"cat": "cl_I7d4PD111III"},
        {"typ": ABSENT},
        {"oiat": 1},
        {"jku": "https://clerk.example.com/.well-known/jwks.json"},
    ],
    ids=str,
)
def test_headers_that_say_nothing_bad_are_taken(changes):
    assert verified(jws(header(**changes), claims(NOW))).clerk_id == CLERK_ID


def test_unknown_claims_of_any_shape_are_left_alone():
    token = session_token(now=NOW, metadata={"role": "admin", "n": [1e308, None]}, email="ana@example.com", pla="u:pro")

    assert verified(token).clerk_id == CLERK_ID


def test_a_first_factor_that_was_never_shown_has_no_age():
    session = verified(session_token(now=NOW, fva=[-1, -1]))

    assert session.first_factor_age is None
    assert session.minutes_since_sign_in(NOW) is None


def test_a_sign_in_ages_with_its_token():
    session = verified(session_token(now=NOW, fva=[3, -1]))

    assert session.minutes_since_sign_in(NOW - 4) == 3
    assert session.minutes_since_sign_in(NOW + 120) == 5


def test_an_impersonated_session_names_the_actor():
    act = {"iss": "https://dashboard.clerk.com", "sid": "sess_2adm", "sub": "user_2admin"}

    assert verified(session_token(now=NOW, act=act)).actor == "user_2admin"


class TestLeeway:
    """5 seconds for clocks that differ, and not a tenth more."""

    @pytest.mark.parametrize(("late", "taken"), [(-0.1, True), (0, True), (4.9, True), (5, False), (5.1, False)])
    def test_after_the_expiry(self, late, taken):
        token = session_token(now=NOW)
        expiry = NOW + 500

        if taken:
            assert verified(token, now=expiry + late)
        else:
            assert refusal(token, now=expiry + late) == "expired"

    @pytest.mark.parametrize(("early", "taken"), [(0, True), (4.9, True), (5, True), (5.1, False)])
    def test_before_the_issue(self, early, taken):
        token = session_token(now=NOW, nbf=ABSENT)

        if taken:
            assert verified(token, now=NOW - early)
        else:
            assert refusal(token, now=NOW - early) == "issued in the future: this machine's clock may be slow"

    @pytest.mark.parametrize(("early", "taken"), [(0, True), (4.9, True), (5, True), (5.1, False)])
    def test_before_the_start(self, early, taken):
        token = session_token(now=NOW, nbf=NOW + 100)

        if taken:
            assert verified(token, now=NOW + 100 - early)
        else:
            assert refusal(token, now=NOW + 100 - early) == "not valid yet"

    def test_it_is_five_seconds(self):
        assert LEEWAY == 5


def test_the_longest_life_is_ten_minutes():
    assert verified(session_token(now=NOW, exp=NOW + 600))
    assert "lives longer" in refusal(session_token(now=NOW, exp=NOW + 601))


class TestParty:
    def test_a_native_app_sends_none_and_is_taken_where_that_is_allowed(self):
        token = session_token(now=NOW, azp=ABSENT)

        assert refusal(token) == "azp is missing"
        assert verified(token, replace(CONFIG, allow_missing_azp=True))

    @pytest.mark.parametrize("azp", ["https://evil.example", "", None])
    def test_allowing_it_to_be_absent_does_not_allow_a_wrong_one(self, azp):
        token = session_token(now=NOW, azp=azp)

        assert "not an authorized party" in refusal(token, replace(CONFIG, allow_missing_azp=True))

    def test_no_configured_party_is_nobody(self):
        assert "not an authorized party" in refusal(
            session_token(now=NOW), replace(CONFIG, authorized_parties=frozenset())
        )

    def test_any_party_is_taken_in_development(self):
        token = session_token(now=NOW, azp="http://localhost:3001")

        assert verified(token, replace(CONFIG, authorized_parties=frozenset(), allow_any_party=True))


class TestAudience:
    """Convex's integration puts aud into every session token of the instance."""

    convex = replace(CONFIG, audience=frozenset({"convex"}))

    @pytest.mark.parametrize("aud", ["convex", ["convex"], ["other", "convex"], ABSENT])
    def test_ours_or_none(self, aud):
        assert verified(session_token(now=NOW, aud=aud), self.convex)

    @pytest.mark.parametrize("aud", ["other", "convex2", "conve", "", [], ["other"], None, 0, {"convex": 1}])
    def test_somebody_elses(self, aud):
        assert refusal(session_token(now=NOW, aud=aud), self.convex).startswith("aud ")

    def test_none_where_one_is_required(self):
        strict = replace(self.convex, require_audience=True)

        assert refusal(session_token(now=NOW), strict) == "aud is missing"
        assert verified(session_token(now=NOW, aud="convex"), strict)


def test_an_unset_issuer_matches_no_token():
    nobody = replace(CONFIG, issuer="")

    assert "iss is" in refusal(session_token(now=NOW, iss=""), nobody)
    assert "iss is" in refusal(session_token(now=NOW, iss=ABSENT), nobody)


def test_of_two_configured_keys_either_may_sign():
    both = PemKeys((pem("old"), pem("clerk")))

    for signer in ("old", "clerk"):
        assert verified(jws(header(), claims(NOW), rsa_key(signer)), source=both)
    with pytest.raises(BadToken):
        verified(jws(header(), claims(NOW), rsa_key("stranger")), source=both)


def test_keys_of_4096_bits_are_taken():
    source = PemKeys((pem("large", 4096),))

    assert verified(jws(header(), claims(NOW), rsa_key("large", 4096)), source=source)


def test_the_reason_stays_on_one_line_and_short():
    reason = refusal(session_token(now=NOW, iss="https://x\n\x1b[31m2026-01-01 ERROR forged" + "é" * 1000))

    assert reason.isascii()
    assert reason.isprintable()
    assert len(reason) < 200
