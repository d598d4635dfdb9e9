"""Keys from PEM and from a JWKS address, and what becomes of them when that address misbehaves."""

import json
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID
from jwt.algorithms import RSAAlgorithm

from accounts import jwks
from accounts.clerk import BadToken, verify
from accounts.jwks import COOLDOWN, FRESH, STALE, JwksKeys, KeysUnavailable, PemKeys, key_source, read_jwks, read_pem
from accounts.tests.tokens import CONFIG, KID, claims, header, jws, pem, rsa_key, session_token

TIMEOUT = 0.4


def jwk(name="clerk", kid=KID, bits=2048, **changes):
    return {**RSAAlgorithm.to_jwk(rsa_key(name, bits).public_key(), as_dict=True), "kid": kid, **changes}


def wait_until(happened):
    """For what another thread is about to do."""
    deadline = time.monotonic() + 10
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def key_set(*entries):
    return json.dumps({"keys": entries}).encode()


class JwksServer(ThreadingHTTPServer):
    """Stands in for Clerk. `body`, `status`, `location` and `behaviour` say what it answers; `requests` counts."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), JwksHandler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/jwks.json"
        self.requests = 0
        self.released = threading.Event()
        self.answer(key_set(jwk()))

    def answer(self, body=b"", status=200, location="", behaviour=""):
        self.body, self.status, self.location, self.behaviour = body, status, location, behaviour

    def handle_error(self, request, client_address):
        """Clients that hang up are what this is about; nothing is printed."""


class JwksHandler(BaseHTTPRequestHandler):
    server: JwksServer

    def do_GET(self):
        self.server.requests += 1
        match self.server.behaviour:
            case "hang":
                self.server.released.wait(10)
            case "drip":
                self.drip()
            case "hang up":
                self.connection.close()
            case _:
                self.respond()

    def respond(self):
        self.send_response(self.server.status)
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.write(self.server.body)

    def drip(self):
        """One byte of an endless header, well within the time-out of a single read, and again."""
        while not self.server.released.wait(TIMEOUT / 10) and self.write(b"H"):
            pass

    def write(self, body) -> bool:
        try:
            self.wfile.write(body)
        except OSError:
            return False
        return True

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server() -> Iterator[JwksServer]:
    with JwksServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server
        server.released.set()
        server.shutdown()


class Clock:
    """A clock that the test moves."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def source(server, clock):
    return JwksKeys(server.url, timeout=TIMEOUT, allow_http=True, clock=clock)


def settled(source):
    """After the fetch that runs beside us."""
    if source._fetch is not None:
        source._fetch.join()
    return source


def numbers(found):
    return [key.public_numbers() for key in found]


def numbers_of(*names):
    return [rsa_key(name).public_key().public_numbers() for name in names]


class TestFetching:
    def test_a_known_key_is_fetched_once_and_then_at_hand(self, source, server):
        for _ in range(100):
            assert numbers(source.find(KID)) == numbers_of("clerk")

        assert server.requests == 1

    def test_a_hundred_first_requests_at_once_make_one_fetch(self, source, server):
        found = []
        threads = [threading.Thread(target=lambda: found.append(source.find(KID))) for _ in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert all(numbers(keys) == numbers_of("clerk") for keys in found)
        assert len(found) == 100
        assert server.requests == 1

    def test_keys_are_used_on_while_fresh_ones_are_on_their_way(self, source, server, clock):
        source.find(KID)
        server.answer(behaviour="hang")
        clock.now += FRESH + 1

        for _ in range(50):
            assert source.find(KID)

        assert source._fetch.is_alive()
        server.released.set()
        settled(source)
        assert server.requests == 2

    def test_fresh_keys_are_not_fetched_again(self, source, server, clock):
        source.find(KID)
        clock.now += FRESH - 1
        settled(source).find(KID)

        assert server.requests == 1
        assert source.age() == FRESH - 1

    def test_only_https(self, server):
        for url in (server.url, "file:///etc/passwd", "ftp://127.0.0.1/", "", "https://", "jwks.json"):
            with pytest.raises(ValueError, match="https"):
                JwksKeys(url)


class TestRotation:
    def test_a_key_under_a_new_name_is_found(self, source, server, clock):
        source.find(KID)
        server.answer(key_set(jwk("next", kid="ins_next")))
        clock.now += COOLDOWN

        assert numbers(source.find("ins_next")) == numbers_of("next")

    def test_a_key_that_is_no_longer_published_is_forgotten(self, source, server, clock):
        source.find(KID)
        server.answer(key_set(jwk("next", kid="ins_next")))
        clock.now += COOLDOWN
        source.find("ins_next")

        assert source.find(KID) == ()

    def test_a_key_under_its_old_name_is_found_after_a_bad_signature(self, source, server, clock):
        old, new = session_token(), jws(header(), claims(), rsa_key("next"))
        assert verify(old, CONFIG, source, time.time())
        server.answer(key_set(jwk("next")))
        clock.now += COOLDOWN

        assert verify(new, CONFIG, source, time.time())
        with pytest.raises(BadToken, match="signature"):
            verify(old, CONFIG, source, time.time())

    def test_two_keys_under_one_name_are_both_good(self, source, server):
        server.answer(key_set(jwk("clerk"), jwk("next")))

        for signer in ("clerk", "next"):
            assert verify(jws(header(), claims(), rsa_key(signer)), CONFIG, source, time.time())

    def test_eight_threads_with_the_new_key_all_get_in(self, source, server, clock):
        source.find(KID)
        server.answer(key_set(jwk("next", kid="ins_next")))
        clock.now += COOLDOWN
        token = jws(header(kid="ins_next"), claims(), rsa_key("next"))
        sessions = []
        threads = [
            threading.Thread(target=lambda: sessions.append(verify(token, CONFIG, source, time.time())))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(sessions) == 8
        assert server.requests == 2


class TestFloods:
    """Anybody can make up key names and signatures; Clerk must not hear of it more than twice a minute."""

    def test_500_unknown_names_make_one_fetch(self, source, server, clock):
        source.find(KID)
        clock.now += COOLDOWN
        server.requests = 0

        for number in range(500):
            assert source.find(f"ins_{number}") == ()

        assert server.requests == 1

    def test_500_bad_signatures_under_a_known_name_make_one_fetch(self, source, server, clock):
        source.find(KID)
        clock.now += COOLDOWN
        server.requests = 0
        forged = jws(header(), claims(), rsa_key("stranger"))

        for _ in range(500):
            with pytest.raises(BadToken, match="signature"):
                verify(forged, CONFIG, source, time.time())

        assert server.requests == 1

    def test_right_after_a_fetch_they_make_none(self, source, server):
        source.find(KID)

        source.find("ins_unknown")
        source.find_again(KID)

        assert server.requests == 1

    def test_a_good_token_is_taken_in_the_middle_of_a_flood(self, source, server, clock):
        source.find(KID)
        clock.now += COOLDOWN
        server.answer(behaviour="hang")
        token = session_token()
        flood = threading.Thread(target=source.find, args=["ins_unknown"])
        flood.start()
        wait_until(lambda: server.requests == 2)

        assert verify(token, CONFIG, source, time.time())

        assert source._fetch.is_alive()
        server.released.set()
        flood.join()


OUTAGES = {
    "an error page": {"body": b"<html>Service unavailable</html>", "status": 503},
    "an error page with status 200": {"body": b"<html>hello</html>"},
    "a redirect": {"status": 302, "location": "http://127.0.0.1:1/"},
    "a redirect with keys": {"body": key_set(jwk()), "status": 301, "location": "http://127.0.0.1:1/"},
    "ten megabytes": {"body": b" " * 10_000_000},
    "nothing": {"body": b""},
    "no keys": {"body": key_set()},
    "a list": {"body": b"[]"},
    "null keys": {"body": b'{"keys": null}'},
    "nesting": {"body": b"[" * 60_000},
    "bytes that are no UTF-8": {"body": b"\xff\xfe" * 100},
    "keys for other purposes": {
        "body": key_set(jwk(use="enc"), jwk(alg="RS512"), {"kty": "oct", "k": "AAAA", "kid": KID})
    },
    "a hang-up": {"behaviour": "hang up"},
    "silence": {"behaviour": "hang"},
    "an endless header, byte by byte": {"behaviour": "drip"},
}


@pytest.mark.parametrize("outage", OUTAGES.values(), ids=OUTAGES)
class TestOutages:
    def test_cold_it_is_unavailable_quickly_and_asked_once(self, source, server, outage):
        server.answer(**outage)

        began = time.perf_counter()
        for _ in range(50):
            with pytest.raises(KeysUnavailable) as unavailable:
                settled(source).find(KID)

        assert time.perf_counter() - began < 10 * TIMEOUT  # one wait, and room for a busy machine
        assert 1 <= unavailable.value.retry_after <= COOLDOWN
        assert server.requests == 1
        assert source.age() is None

    def test_warm_the_known_keys_stay_good_for_a_day(self, source, server, clock, outage):
        source.find(KID)
        server.answer(**outage)
        clock.now += FRESH + 1

        assert source.find(KID)
        clock.now += STALE - FRESH - 2
        settled(source)
        assert source.find(KID)
        settled(source)
        clock.now += 2
        with pytest.raises(KeysUnavailable):
            source.find(KID)

    def test_it_recovers_after_the_pause(self, source, server, clock, outage):
        server.answer(**outage)
        with pytest.raises(KeysUnavailable):
            source.find(KID)
        server.released.set()
        settled(source)
        server.answer(key_set(jwk()))
        clock.now += COOLDOWN

        assert numbers(source.find(KID)) == numbers_of("clerk")


def test_a_refused_connection_is_an_outage(server, clock):
    server.server_close()
    source = JwksKeys(server.url, timeout=TIMEOUT, allow_http=True, clock=clock)

    with pytest.raises(KeysUnavailable):
        source.find(KID)


def test_nobody_waits_for_a_fetch_that_is_late(source, clock, monkeypatch):
    """The look-up of a host name knows no time-out: it may hold a fetch for half a minute."""
    released = threading.Event()
    monkeypatch.setattr(jwks, "_download", lambda url, timeout: released.wait(60) and key_set(jwk()))
    with pytest.raises(KeysUnavailable):
        source.find(KID)
    clock.now += TIMEOUT

    began = time.perf_counter()
    for _ in range(50):
        with pytest.raises(KeysUnavailable):
            source.find(KID)

    assert time.perf_counter() - began < 10 * TIMEOUT
    released.set()
    assert settled(source).find(KID)


def test_an_outage_is_told_to_the_log_once_in_a_pause(source, server, caplog):
    server.answer(status=500)
    for _ in range(10):
        with pytest.raises(KeysUnavailable):
            source.find(KID)

    assert [record.message for record in caplog.records if record.name == "watchtracker.auth"] == [
        f"Clerk's keys could not be fetched from {server.url}: ValueError('the answer has status 500')"
    ]


def certificate_of_localhost(folder):
    """A file with a certificate that signs itself, and its key."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, rsa_key().public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(rsa_key(), hashes.SHA256())
    )
    key = rsa_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = folder / "localhost.pem"
    file.write_bytes(key + certificate.public_bytes(Encoding.PEM))
    return file


@pytest.mark.parametrize("trusted", [True, False])
def test_over_https_the_certificate_counts(server, tmp_path, monkeypatch, trusted):
    file = certificate_of_localhost(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
    source = JwksKeys(f"https://localhost:{server.server_address[1]}/jwks.json")

    if trusted:
        assert numbers(source.find(KID)) == numbers_of("clerk")
    else:
        with pytest.raises(KeysUnavailable):
            source.find(KID)
        assert server.requests == 0


class TestReadJwks:
    @pytest.mark.parametrize(
        "broken",
        [
            "text",
            None,
            [],
            {},
            {"kty": "RSA"},
            jwk(kid=None),
            jwk(kid=""),
            jwk(kid="a" * 65),
            jwk(kid=["ins_1"]),
            jwk(kty="EC"),
            jwk(kty=["RSA"]),
            jwk(use="enc"),
            jwk(alg="RS384"),
            jwk(alg="HS256"),
            jwk(n="!!"),
            jwk(n=""),
            jwk(n=None),
            jwk(n=1),
            jwk(e=""),
            jwk(e="AA"),
            jwk(e="Ag"),
            jwk("small", bits=1024),
            jwk("stranger", d="AQAB"),
            {**RSAAlgorithm.to_jwk(rsa_key("stranger"), as_dict=True), "kid": KID},
        ],
        ids=lambda entry: str(entry)[:60],
    )
    def test_one_broken_key_does_not_cost_the_others(self, broken):
        found = read_jwks(key_set(broken, jwk()))

        assert {kid: numbers(keys) for kid, keys in found.items()} == {KID: numbers_of("clerk")}

    def test_use_and_alg_may_be_absent(self):
        entry = jwk()
        assert "use" not in entry
        assert "alg" not in entry
        assert read_jwks(key_set(entry))

    def test_a_member_given_twice_is_refused(self):
        with pytest.raises(ValueError, match="twice"):
            read_jwks(b'{"keys": [], ' + key_set(jwk())[1:])


class TestPem:
    def test_a_key_is_found_under_any_name(self):
        source = PemKeys((pem(), pem("next")))

        assert numbers(source.find("ins_whatever")) == numbers_of("clerk", "next")
        assert source.find_again("ins_whatever") == source.find("ins_whatever")

    def test_blanks_around_it_do_not_matter(self):
        assert read_pem(f"\n  {pem()}\n\n")

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("", "not a public key"),
            ("secret", "not a public key"),
            (pem()[:200], "not a public key"),
            ("-----BEGIN PUBLIC KEY-----\n\u0661\n-----END PUBLIC KEY-----", "not a public key"),
            (pem("small", 1024), "1024 bits; at least 2048"),
            (
                rsa_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
                "not a public key",
            ),
            (
                ec.generate_private_key(ec.SECP256R1())
                .public_key()
                .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
                .decode(),
                "not an RSA key",
            ),
        ],
        ids=["empty", "text", "cut", "foreign digits", "small", "private", "elliptic"],
    )
    def test_anything_else_is_refused_in_a_sentence(self, text, sentence):
        with pytest.raises(ValueError, match=sentence):
            read_pem(text)


class TestKeySource:
    def test_there_is_one_for_the_same_settings(self):
        url = "https://clerk.example.com/one"

        assert key_source((), url) is key_source((), url)
        assert key_source((), url) is not key_source((), "https://clerk.example.com/two")

    def test_threads_that_come_first_all_get_the_same_one(self):
        found = []
        url = "https://clerk.example.com/threads"
        threads = [threading.Thread(target=lambda: found.append(key_source((), url))) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(set(map(id, found))) == 1

    def test_pem_goes_before_an_address(self):
        assert isinstance(key_source((pem(),), "https://clerk.example.com/jwks"), PemKeys)

    def test_unusable_settings_are_refused(self):
        for pems, url in (((), ""), ((), "http://clerk.example.com/jwks"), (("nonsense",), "")):
            with pytest.raises(ValueError):
                key_source(pems, url)


def test_the_limits_are_what_the_design_says():
    assert (FRESH, STALE, COOLDOWN, jwks.TIMEOUT, jwks.LARGEST_BODY) == (300, 86400, 30, 2.0, 65536)
