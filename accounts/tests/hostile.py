"""Tokens that nobody may come in with: more than a hundred, in groups, each with what our log says about it.

Everything that can be rightly signed is: the point is that a good signature is not enough. The list is used against
the verifier and against the API.
"""

import hashlib
import hmac
import json
import time
from typing import NamedTuple

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding

from accounts.tests.tokens import (
    ABSENT,
    CLERK_ID,
    ISSUER,
    PARTY,
    b64,
    claims,
    header,
    jws,
    pem,
    rsa_key,
    segment,
    signature,
)

NOW = int(time.time())


class Hostile(NamedTuple):
    name: str
    token: str
    reason: str


def hostile_tokens() -> list[Hostile]:
    groups = (
        algorithms,
        signatures,
        key_headers,
        extensions,
        classes,
        subjects,
        issuers,
        parties,
        audiences,
        times,
        statuses,
        shapes,
        spellings,
    )
    return [Hostile(f"{group.__name__}: {name}", token, reason) for group in groups for name, token, reason in group()]


def with_header(**changes):
    return jws(header(**changes), claims(NOW))


def with_claims(**changes):
    return jws(header(), claims(NOW, **changes))


def algorithms():
    """The header says how to verify; it is not asked."""
    good = f"{segment(header())}.{segment(claims(NOW))}"
    for alg in ("none", "None", "NONE", "nOnE", ""):
        unsigned = f"{segment(header(alg=alg))}.{segment(claims(NOW))}"
        yield f"alg {alg!r}, rightly signed", f"{unsigned}.{signature(unsigned)}", "alg is not RS256"
    for alg in ("none", "RS256"):
        unsigned = f"{segment(header(alg=alg))}.{segment(claims(NOW))}"
        yield f"alg {alg}, empty signature", f"{unsigned}.", "not the shape"
    keyed = f"{segment(header(alg='HS256'))}.{segment(claims(NOW))}"
    mac = hmac.new(pem().encode(), keyed.encode(), hashlib.sha256).digest()
    yield "HMAC keyed with our public key", f"{keyed}.{b64(mac)}", "not the shape"
    yield "HMAC keyed with our public key, filled up to length", f"{keyed}.{b64(mac * 8)}", "alg is not RS256"
    yield (
        "HMAC under the name RS256",
        f"{good}.{b64(hmac.new(pem().encode(), good.encode(), 'sha256').digest() * 8)}",
        ("signature does not fit"),
    )
    curve = ec.generate_private_key(ec.SECP256R1()).sign(good.encode(), ec.ECDSA(hashes.SHA256()))
    yield "an elliptic-curve signature", f"{good}.{b64(curve)}", "not the shape"
    for alg in ("PS256", "RS384", "RS512", "rs256", "RS256 ", "EdDSA"):
        yield f"alg {alg!r}", with_header(alg=alg), "alg is not RS256"
    for alg in (None, 256, ["RS256"], {"alg": "RS256"}):
        yield f"alg {alg!r}", with_header(alg=alg), "alg is not RS256"
    yield "no alg", with_header(alg=ABSENT), "alg is not RS256"
    pss = rsa_key().sign(
        good.encode(), padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.MAX_LENGTH), hashes.SHA256()
    )
    yield "PSS under the name RS256", f"{good}.{b64(pss)}", "signature does not fit"
    sha512 = rsa_key().sign(good.encode(), padding.PKCS1v15(), hashes.SHA512())
    yield "SHA-512 under the name RS256", f"{good}.{b64(sha512)}", "signature does not fit"


def signatures():
    good = with_claims()
    head, payload, sign = good.split(".")
    other = jws(header(), claims(NOW, sub="user_2other"))
    yield "a stranger's key", jws(header(), claims(NOW), rsa_key("stranger")), "signature does not fit"
    yield "another token's signature", f"{head}.{payload}.{other.split('.')[2]}", "signature does not fit"
    yield "another token's payload", f"{head}.{other.split('.')[1]}.{sign}", "signature does not fit"
    yield "another header", f"{segment(header(extra=1))}.{payload}.{sign}", "signature does not fit"
    yield "zeros", f"{head}.{payload}.{b64(bytes(256))}", "signature does not fit"
    yield "ones", f"{head}.{payload}.{b64(bytes([255]) * 256)}", "signature does not fit"
    yield "one bit off", f"{head}.{payload}.{'B' if sign[0] == 'A' else 'A'}{sign[1:]}", "signature does not fit"
    yield "too short", f"{head}.{payload}.{sign[:-1]}", "not the shape"
    yield "longer than the key", f"{head}.{payload}.{b64(bytes(512))}", "signature does not fit"
    yield "signed without the dot", f"{head}.{payload}.{signature(head + payload)}", "signature does not fit"
    yield "a 1024-bit key", jws(header(), claims(NOW), rsa_key("small", 1024)), "not the shape"


def key_headers():
    """Keys and where to find them come from the configuration."""
    stranger = rsa_key("stranger")
    numbers = stranger.public_key().public_numbers()
    jwk = {"kty": "RSA", "kid": "x", "n": b64(numbers.n.to_bytes(256, "big")), "e": "AQAB"}
    for name, value in (
        ("jku", "https://evil.example/jwks.json"),
        ("x5u", "https://evil.example/cert.pem"),
        ("jwk", jwk),
        ("x5c", ["MIIB"]),
        ("x5t", "abc"),
    ):
        yield f"{name} with its key", jws(header(**{name: value}), claims(NOW), stranger), "signature does not fit"
    for kid in (
        "../../etc/passwd",
        "' OR 1=1 --",
        "",
        "a" * 65,
        "https://evil.example/",
        "ins_\x00",
        "ins_1\n",
        "ключ",
        None,
        1,
        True,
        ["ins_1"],
        {"kid": "ins_1"},
    ):
        yield f"kid {str(kid)[:30]!r} ({type(kid).__name__})", with_header(kid=kid), "kid is missing or malformed"
    yield "no kid", with_header(kid=ABSENT), "kid is missing or malformed"


def extensions():
    reason = "changes the meaning"
    yield "crit", with_header(crit=["exp"]), reason
    yield "crit, empty", with_header(crit=[]), reason
    yield "crit, null", with_header(crit=None), reason
    yield "crit of a known extension", with_header(crit=["b64"], b64=True), reason
    yield "b64 false", with_header(b64=False), reason
    yield "compressed", with_header(zip="DEF"), reason
    yield "encrypted", with_header(enc="A256GCM"), reason


def classes():
    """One key signs sessions, templates, machine tokens and OAuth tokens."""
    for name, cat in (
        ("a template's", "cl_B7d4PD222AAA"),
        ("a machine's", "cl_B7d4PD333AAA"),
        ("an unknown", "cl_B7d4PD999AAA"),
        ("another case", "CL_B7D4PD111AAA"),
        ("a null", None),
        ("an empty", ""),
        ("a list of the right", ["cl_B7d4PD111AAA"]),
        ("a boolean", True),
    ):
        yield f"{name} cat", with_header(cat=cat), "cat is not a session's"
    for typ in ("at+jwt", "application/at+jwt", "JOSE", "jwt+session", "", None, 1):
        yield f"typ {typ!r}", with_header(typ=typ), "typ is not JWT"
    template = claims(NOW, sid=ABSENT, v=ABSENT, sts=ABSENT, fva=ABSENT, azp=PARTY)
    yield "a template token from before cat", jws(header(cat=ABSENT), template), "sid is missing"
    yield "a template token, cat says nothing", jws(header(cat="cl_I7d4PD111III"), template), "sid is missing"
    machine = claims(NOW, sub="mch_2machine")
    yield "a machine token, cat says nothing", jws(header(cat="cl_I7d4PD111III"), machine), "sub is missing"
    oauth = claims(NOW, client_id="c", scope="email", sid=ABSENT)
    yield "an OAuth token called JWT", jws(header(cat=ABSENT), oauth), "sid is missing"
    for opaque in ("oat_2abcdef", "mt_2abcdef", "m2m_2abcdef", "ak_2abcdef", "sk_live_abc", "pk_live_abc", "__session"):
        yield f"opaque {opaque}", opaque, "not the shape"


def subjects():
    for sub in (
        "",
        "user_",
        "ana@example.com",
        "1",
        "USER_2ana",
        " user_2ana",
        "user_2ana ",
        "user_2ana\n",
        "user_2ana\x00",
        "user_2ana'--",
        "user_" + "a" * 65,
        "user_" + "b" * 5000,
        "user_٢ana",
        "user_2ana\ud800",
        "org_2ana",
        None,
        1,
        True,
        ["user_2ana"],
        {"id": "user_2ana"},
    ):
        yield f"sub {str(sub)[:20]!r} ({type(sub).__name__})", with_claims(sub=sub), "sub is missing or malformed"
    yield "no sub", with_claims(sub=ABSENT), "sub is missing or malformed"
    for sid in ("", "sess_", "sess_\x00", "user_2ana", None, 1, ["sess_1"]):
        yield f"sid {sid!r}", with_claims(sid=sid), "sid is missing or malformed"
    for act in (None, "user_2admin", [], {}, {"sub": None}, {"sub": ""}, {"sub": "a b"}, True):
        yield f"act {act!r}", with_claims(act=act), "missing or malformed" if isinstance(act, dict) else "act is not"


def issuers():
    for iss in (
        "https://clerk.evil.example",
        ISSUER + "/",
        ISSUER + ".evil.example",
        ISSUER[:-1],
        ISSUER.upper(),
        ISSUER.replace("https", "http"),
        "",
        None,
        [ISSUER],
        {"iss": ISSUER},
        1,
    ):
        yield f"iss {iss!r}", with_claims(iss=iss), "iss is "
    yield "no iss", with_claims(iss=ABSENT), "iss is "


def parties():
    for azp in (
        "https://evil.example",
        PARTY + ".evil.example",
        PARTY + "/",
        PARTY.replace("https", "http"),
        PARTY + ":444",
        "https://evil.app.example.com",
        PARTY.upper(),
        "null",
        "",
        "*",
        None,
        [PARTY],
        {"azp": PARTY},
    ):
        yield f"azp {azp!r}", with_claims(azp=azp), "is not an authorized party"
    yield "no azp", with_claims(azp=ABSENT), "azp is missing"


def audiences():
    for aud in ("convex", "", ["convex"], [], [""]):
        yield f"aud {aud!r} where none is configured", with_claims(aud=aud), "is not ours"
    for aud in (None, 0, True, ["convex", 1], {"aud": "convex"}):
        yield f"aud {aud!r}", with_claims(aud=aud), "aud is not a text"


def times():
    yield "expired", with_claims(iat=NOW - 70, exp=NOW - 10, nbf=NOW - 80), "expired"
    yield "expired long ago", with_claims(iat=1, exp=60), "expired"
    tomorrow = NOW + 86400
    yield "issued tomorrow", with_claims(iat=tomorrow, exp=tomorrow + 60), "future: this machine's clock may be slow"
    yield "not valid yet", with_claims(nbf=NOW + 200), "not valid yet"
    yield "lives for years", with_claims(exp=NOW + 10**8), "lives longer"
    yield "lives a second too long", with_claims(exp=NOW + 601), "lives longer"
    yield "issued in 1970 and good today", with_claims(iat=0), "lives longer"
    yield "expires as it is issued", with_claims(iat=NOW + 4, exp=NOW + 4), "lives longer"
    yield "expires before it is issued", with_claims(iat=NOW + 4, exp=NOW + 2), "lives longer"
    for name in ("exp", "iat"):
        yield f"no {name}", with_claims(**{name: ABSENT}), f"{name} is missing"
    for name in ("exp", "iat", "nbf"):
        for value in (
            str(NOW + 60),
            "9_999_999_999",
            "٩٩٩٩٩٩٩٩٩٩",
            float(NOW + 60),
            1e300,
            True,
            None,
            [NOW],
            -1,
            2**60,
            10**400,
        ):
            yield (
                f"{name} {str(value)[:15]} ({type(value).__name__})",
                with_claims(**{name: value}),
                (f"{name} is missing or not a whole number"),
            )
    for fva in (None, 3, [], [3], [3, -1, 0], ["3", -1], [3.0, -1], [True, -1], [-2, -1], [10**400, -1], {"0": 3}):
        yield f"fva {str(fva)[:20]}", with_claims(fva=fva), "fva is not two numbers"
    for version in (None, "2", 2.0, True, [2]):
        yield f"v {version!r}", with_claims(v=version), "v is missing or not a whole number"


def statuses():
    for sts in ("pending", "ended", "", None, True, ["active"]):
        yield f"sts {sts!r}", with_claims(sts=sts), "the session is not active"


def shapes():
    """What JSON leaves open, each of them rightly signed."""
    good = json.dumps(claims(NOW))
    not_json = "the payload is not JSON"
    for name, payload in (
        ("an expiry that is NaN", good.replace(f'"exp": {NOW + 500}', '"exp": NaN').encode()),
        ("an expiry that is Infinity", good.replace(f'"exp": {NOW + 500}', '"exp": Infinity').encode()),
        ("two subjects", (good[:-1] + ', "sub": "user_2other"}').encode()),
        ("two subjects, deep inside", (good[:-1] + ', "act": {"sub": "user_a", "sub": "user_b"}}').encode()),
        ("UTF-16", good.encode("utf-16")),
        ("UTF-32", good.encode("utf-32-be")),
        ("a byte-order mark", b"\xef\xbb\xbf" + good.encode()),
        ("bytes that are no UTF-8", good.encode().replace(b"active", b"act\xff\xfee")),
        ("nesting", b'{"a":' + b"[" * 5000),
        ("nesting, closed", b'{"a":' + b"[" * 2500 + b"]" * 2500 + b"}"),
        ("something after it", good.encode() + b"{}"),
        ("an open end", good.encode()[:-1]),
        ("single quotes", good.replace('"', "'").encode()),
        ("a comment", b"/**/" + good.encode()),
        ("a number of 5,000 digits", (good[:-1] + ', "n": ' + "9" * 5000 + "}").encode()),
        ("nothing but blanks", b"   "),
    ):
        yield name, jws(header(), payload), not_json
    for payload in ([claims(NOW)], "text", 1, None, True):
        yield f"a payload of type {type(payload).__name__}", jws(header(), payload), "payload is not a JSON object"
    yield "an empty payload", jws(header(), {}), "iat is missing"
    yield "a list as header", jws([header()], claims(NOW)), "header is not a JSON object"
    yield (
        "two algs in the header",
        jws(b'{"alg":"none",' + json.dumps(header()).encode()[1:], claims(NOW)),
        "header is not",
    )
    yield "NaN in the header", jws(b'{"x":NaN,' + json.dumps(header()).encode()[1:], claims(NOW)), "header is not JSON"
    yield "a header in UTF-16", jws(json.dumps(header()).encode("utf-16"), claims(NOW)), "header is not JSON"
    yield (
        "a header with a byte-order mark",
        jws(b"\xef\xbb\xbf" + json.dumps(header()).encode(), claims(NOW)),
        "header is",
    )
    yield "a deep issuer", with_claims(iss=json.loads("[" * 90 + "]" * 90)), "iss is of type list"


def spellings():
    """A token has one spelling."""
    good = with_claims()
    head, payload, sign = good.split(".")
    shape = "not the shape"
    yield "padding after it", good + "==", shape
    yield "padding inside", f"{head}==.{payload}.{sign}", shape
    yield "a line break after it", good + "\n", shape
    yield "a carriage return after it", good + "\r", shape
    yield "a NUL after it", good + "\x00", shape
    yield "a dot after it", good + ".", shape
    yield "four parts", f"{good}.{sign}", shape
    yield "five parts, as encrypted tokens have", f"{head}.{payload}.{head}.{payload}.{sign}", shape
    yield "two parts", f"{head}.{payload}", shape
    yield "one part", head, shape
    yield "only dots", "..", shape
    yield "standard base64", good.replace("_", "/").replace("-", "+") + "+", shape
    yield "percent-encoded", good.replace(".", "%2E"), shape
    yield "in quotes", f'"{good}"', shape
    yield "JSON serialisation", json.dumps({"payload": payload, "protected": head, "signature": sign}), shape
    yield "a lone surrogate", f"{head}.{payload}\ud800.{sign}", shape
    yield "full-width letters", good.replace("A", "Ａ"), shape
    yield "a comma and a second token", f"{good},{good}", shape
    yield "nine kilobytes", with_claims(padding="x" * 9000), shape
    yield "two megabytes", "a" * 2_000_000, shape
    last = sign[-1]
    sibling = next(c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" if _same_bits(c, last))
    yield "unused bits of the last character set", f"{head}.{payload}.{sign[:-1]}{sibling}", "not canonical"
    yield "a header of an impossible length", f"{head[: len(head) // 4 * 4 - 3]}.{payload}.{sign}", "not base64url"
    yield "the subject as a bare text", CLERK_ID, shape


def _same_bits(candidate: str, last: str) -> bool:
    """Whether base64 reads the same 2 bits out of both, as the last of 342 characters carries no more."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return candidate != last and alphabet.index(candidate) >> 4 == alphabet.index(last) >> 4
