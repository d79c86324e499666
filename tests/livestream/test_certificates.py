"""Certificates: what they say, that a stranger can check them offline, that nothing else passes."""

import base64
import json
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import KeySet, OKPKey

from livestream.certificates import (
    ALGORITHM,
    CERTIFICATE_CHARACTERS_MAX,
    TYPE,
    BadKeysError,
    Certificate,
    CertificateKeys,
    NotGenuine,
    new_keys,
)
from tests.livestream.values import fields_of
from tests.properties import PROPERTY

KEYS = CertificateKeys.parse(new_keys())
CERTIFICATE = Certificate(
    "evening", "santos", "WSSA0063", "Santos-Dumont 山度士", 37, 200, "o12", 1_700_000_000
)


def bytes_of(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def part_of(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


# -- what a stranger can do with the published keys and nothing of ours ---------------------------


def checked_by_a_stranger(certificate: str, published: dict[str, Any]) -> dict[str, Any]:
    """Ed25519 and base64, from RFC 8032 and RFC 7515 alone: no JOSE library, no call to us."""
    header, payload, signature = certificate.split(".")
    said = json.loads(bytes_of(header))
    (key,) = (key for key in published["keys"] if key["kid"] == said["kid"])
    public = Ed25519PublicKey.from_public_bytes(bytes_of(key["x"]))
    public.verify(bytes_of(signature), f"{header}.{payload}".encode())
    return dict(json.loads(bytes_of(payload)))


def test_anybody_can_check_one_offline_with_the_published_keys() -> None:
    published = json.loads(json.dumps(KEYS.public()))
    assert checked_by_a_stranger(KEYS.sign(CERTIFICATE), published) == {
        "room": "evening",
        "drop": "santos",
        "sku": "WSSA0063",
        "title": "Santos-Dumont 山度士",
        "number": 37,
        "of": 200,
        "order": "o12",
        "iat": 1_700_000_000,
    }


def test_a_stranger_sees_that_another_number_was_written_over_it() -> None:
    header, _, signature = KEYS.sign(CERTIFICATE).split(".")
    forged = f"{header}.{part_of({'number': 1})}.{signature}"
    with pytest.raises(InvalidSignature):
        checked_by_a_stranger(forged, KEYS.public())


def test_the_way_of_the_documents_works() -> None:
    """As in docs/counter.md, with the library named there."""
    published, certificate = KEYS.public(), KEYS.sign(CERTIFICATE)
    keys = KeySet.import_key_set(published)  # type: ignore[arg-type]  # it takes any JWK Set
    signed = jws.deserialize_compact(certificate, keys, algorithms=["Ed25519"])
    assert json.loads(signed.payload)["number"] == 37


def test_the_published_keys_have_no_private_part() -> None:
    (key,) = KEYS.public()["keys"]
    assert set(key) == {"kty", "crv", "x", "kid", "alg", "use"}
    assert (key["kty"], key["crv"], key["alg"], key["use"]) == (
        "OKP",
        "Ed25519",
        "Ed25519",
        "sig",
    )


# -- signing and reading --------------------------------------------------------------------------


def test_the_same_number_gives_the_same_certificate() -> None:
    assert KEYS.sign(CERTIFICATE) == KEYS.sign(CERTIFICATE)


@given(certificate=st.builds(Certificate, **fields_of(Certificate)))
@PROPERTY
def test_every_certificate_is_read_as_it_was_signed(certificate: Certificate) -> None:
    signed = KEYS.sign(certificate)
    assert KEYS.read(signed) == certificate
    assert len(signed) <= CERTIFICATE_CHARACTERS_MAX


def test_the_longest_certificate_can_be_read() -> None:
    word = "w" * 64
    longest = Certificate(
        word, word, word, "\x01" * 120, 1_000_000, 1_000_000, "o" * 96, 4_102_444_800
    )
    assert KEYS.read(KEYS.sign(longest)) == longest


def test_one_that_a_person_copied_with_a_line_break_is_read() -> None:
    assert KEYS.read(f" {KEYS.sign(CERTIFICATE)}\n") == CERTIFICATE


def test_what_another_key_signed_is_not_ours() -> None:
    assert isinstance(CertificateKeys.parse(new_keys()).read(KEYS.sign(CERTIFICATE)), NotGenuine)


def test_one_changed_letter_is_seen() -> None:
    signed = KEYS.sign(CERTIFICATE)
    for place in range(0, len(signed) - 1, 7):
        other = "A" if signed[place] != "A" else "B"
        assert isinstance(KEYS.read(signed[:place] + other + signed[place + 1 :]), NotGenuine)


def signed_as(header: dict[str, Any], payload: bytes) -> str:
    """Our own key under another header or over something else."""
    key = OKPKey.import_key(json.loads(SECRET)["keys"][0])
    return jws.serialize_compact(
        {"alg": ALGORITHM, "kid": key.kid, **header}, payload, key, algorithms=[ALGORITHM]
    )


SECRET = new_keys()
OWN = CertificateKeys.parse(SECRET)


def test_what_our_key_signed_for_another_purpose_is_no_certificate() -> None:
    payload = bytes_of(OWN.sign(CERTIFICATE).split(".")[1])
    assert OWN.read(signed_as({"typ": TYPE}, payload)) == CERTIFICATE
    assert isinstance(OWN.read(signed_as({"typ": "JWT"}, payload)), NotGenuine)
    assert isinstance(OWN.read(signed_as({}, payload)), NotGenuine)


@pytest.mark.parametrize("payload", [b"", b"{}", b"[1]", b"\xff", b'{"number": 0}'])
def test_what_our_key_signed_and_has_no_claims_is_no_certificate(payload: bytes) -> None:
    assert isinstance(OWN.read(signed_as({"typ": TYPE}, payload)), NotGenuine)


def test_one_without_a_signature_is_refused() -> None:
    _, payload, _ = KEYS.sign(CERTIFICATE).split(".")
    for header in ({"alg": "none", "typ": TYPE}, {"alg": "HS256", "typ": TYPE}):
        assert isinstance(KEYS.read(f"{part_of(header)}.{payload}."), NotGenuine)


@given(text=st.text() | st.from_regex(r"[A-Za-z0-9_-]{0,40}(\.[A-Za-z0-9_-]{0,40}){1,5}"))
@PROPERTY
def test_whatever_is_given_is_answered(text: str) -> None:
    assert isinstance(KEYS.read(text), NotGenuine)


def test_what_is_too_long_is_not_even_read() -> None:
    assert KEYS.read("e" * 5_000) == NotGenuine("it is longer than any certificate")


# -- keys -----------------------------------------------------------------------------------------


def test_a_new_key_signs_and_the_one_before_it_is_still_believed() -> None:
    old, new = json.loads(new_keys())["keys"][0], json.loads(new_keys())["keys"][0]
    signed = CertificateKeys.parse(json.dumps({"keys": [old]})).sign(CERTIFICATE)
    retired = {name: value for name, value in old.items() if name != "d"}
    both = CertificateKeys.parse(json.dumps({"keys": [new, retired]}))
    assert both.read(signed) == CERTIFICATE
    assert both.read(both.sign(CERTIFICATE)) == CERTIFICATE
    assert [key["kid"] for key in both.public()["keys"]] == [new["kid"], old["kid"]]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "not a JWK Set"),
        ("[]", "not a JWK Set"),
        ('{"keys": 5}', "not a JWK Set"),
        ('{"keys": [{"kty": "OKP"}]}', "not a JWK Set"),
        ('{"keys": []}', "0 keys"),
        (json.dumps({"keys": json.loads(new_keys())["keys"] * 17}), "17 keys"),
        (json.dumps(KEYS.public()), "not a private one"),
        (
            json.dumps({"keys": [OKPKey.generate_key("X25519").as_dict(private=True)]}),
            "not an Ed25519 key",
        ),
    ],
)
def test_keys_that_cannot_sign_are_refused(text: str, told: str) -> None:
    with pytest.raises(BadKeysError, match=told):
        CertificateKeys.parse(text)
