"""Signed messages: what is believed, for how long, and that nothing malformed is let through."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livestream.clock import now_ms
from livestream.webhooks import ID, ID_MAX, SIGNATURE, TIMESTAMP, Signer, Unsigned
from tests.properties import PROPERTY

BODY = '{"type":"payment.approved","data":{"name":"小王"}}'.encode()


def secret(byte: int) -> str:
    return "whsec_" + base64.b64encode(bytes([byte]) * 32).decode()


ONE, OTHER = secret(1), secret(2)


def test_what_was_signed_is_believed_by_its_id() -> None:
    headers = Signer(ONE).headers("evt_1", now_ms(), BODY)
    assert Signer(ONE).check(headers, BODY) == "evt_1"


def test_a_known_message_has_the_signature_that_anybody_computes() -> None:
    """The scheme's own words: base64 of HMAC-SHA-256 over id, timestamp and body."""
    import hashlib
    import hmac

    at_ms = 1_700_000_000_999
    headers = Signer(ONE).headers("evt_1", at_ms, BODY)
    mac = hmac.new(bytes([1]) * 32, b"evt_1.1700000000." + BODY, hashlib.sha256).digest()
    assert headers[SIGNATURE] == "v1," + base64.b64encode(mac).decode()


@pytest.mark.parametrize("change", ["body", "id", "timestamp", "secret"])
def test_what_was_changed_is_not(change: str) -> None:
    at_ms, body = now_ms(), BODY
    headers = Signer(OTHER if change == "secret" else ONE).headers("evt_1", at_ms, BODY)
    match change:
        case "body":
            body = BODY.replace(b"approved", b"declined")
        case "id":
            headers[ID] = "evt_2"
        case "timestamp":
            headers[TIMESTAMP] = str(at_ms // 1_000 - 1)
    assert isinstance(Signer(ONE).check(headers, body), Unsigned)


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_message_of_another_time_is_not_even_with_its_signature(minutes: int) -> None:
    headers = Signer(ONE).headers("evt_1", now_ms() + minutes * 60_000, BODY)
    assert isinstance(Signer(ONE).check(headers, BODY), Unsigned)


def test_while_a_secret_is_replaced_both_are_good() -> None:
    both = Signer(f"{ONE} {OTHER}")
    for signer in (Signer(ONE), Signer(OTHER), both):
        assert both.check(signer.headers("evt_1", now_ms(), BODY), BODY) == "evt_1"
    assert Signer(OTHER).check(both.headers("evt_1", now_ms(), BODY), BODY) == "evt_1"


@pytest.mark.parametrize("missing", [ID, TIMESTAMP, SIGNATURE])
def test_a_header_that_is_missing_is_named(missing: str) -> None:
    headers = Signer(ONE).headers("evt_1", now_ms(), BODY)
    del headers[missing]
    unsigned = Signer(ONE).check(headers, BODY)
    assert isinstance(unsigned, Unsigned)
    assert missing in unsigned.message


def test_an_id_that_is_too_long_is_not_read() -> None:
    headers = Signer(ONE).headers("e" * (ID_MAX + 1), now_ms(), BODY)
    assert isinstance(Signer(ONE).check(headers, BODY), Unsigned)


@PROPERTY
@given(
    st.fixed_dictionaries({ID: st.text(), TIMESTAMP: st.text(), SIGNATURE: st.text()}),
    st.binary(),
)
def test_nothing_malformed_is_believed_and_nothing_raises(
    headers: dict[str, str], body: bytes
) -> None:
    headers[TIMESTAMP] = headers[TIMESTAMP] or str(now_ms() // 1_000)
    assert isinstance(Signer(ONE).check(headers, body), Unsigned)


@pytest.mark.parametrize("signature", ["v1", "v1,", "v1,%%%", ",,,", "v2,AAAA", "v1,AA v1"])
def test_a_malformed_signature_is_told_as_such(signature: str) -> None:
    headers = {ID: "e", TIMESTAMP: str(now_ms() // 1_000), SIGNATURE: signature}
    assert isinstance(Signer(ONE).check(headers, BODY), Unsigned)
    assert isinstance(Signer(ONE).check(headers, b"\xff"), Unsigned)
