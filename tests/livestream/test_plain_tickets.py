"""The quick path of tickets says yes only where PyJWT does, and to the same claims."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64encode
from typing import Any
from unittest import mock

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from livestream import tickets
from livestream.tickets import BadTicket, Ticket, issue_ticket, read_ticket

SECRET = "a secret of more than thirty-two characters"
NOW_MS = 1_700_000_000_123
NOW_S = NOW_MS // 1000
TICKET = Ticket("v-1", "santos", "tmall", "Mei", NOW_MS + 60_000)
HEADERS = [
    b'{"alg":"HS256","typ":"JWT"}',
    b'{"typ":"JWT","alg":"HS256"}',
    b'{"alg":"HS256"}',
    b'{"alg":"none"}',
    b'{"alg":"HS512","typ":"JWT"}',
    b'{"alg":"HS256","typ":"JWT","b64":false,"crit":["b64"]}',
    b'{"alg":"HS256","kid":"1"}',
    b'{"alg":"hs256"}',
    b'{"alg":["HS256"]}',
    b"{}",
    b"[]",
    b"",
]
GOOD = {
    "aud": "livestream.viewer",
    "sub": "v-1",
    "room": "santos",
    "channel": "tmall",
    "name": "Mei",
    "exp": NOW_S + 60,
}
#: For each claim something right, something out of bounds, something of another kind.
VALUES: dict[str, list[Any]] = {
    "aud": [
        "livestream.viewer",
        ["livestream.viewer"],
        ["else", "livestream.viewer"],
        "livestream.desk",
        "",
        [],
        7,
        None,
    ],
    "sub": ["v-1", "", "a}b", "v" * 65, 7, None, "a\n"],
    "room": ["santos", "*", "tank", "**", "{x}", None, ["santos"]],
    "channel": ["tmall", "TMALL", "", 1.5],
    "name": ["Mei", "M\u00e9i \N{PINCHED FINGERS}", "", "n" * 41, "\ud800", True],
    "exp": [NOW_S + 60, NOW_S + 0.5, NOW_S, -1, "1800000000", 1e300, None, NOW_S - 1],
    "nbf": [0, NOW_S, NOW_S + 29.5, NOW_S + 3_600, "0", None],
    "iat": [NOW_S, NOW_S + 3_600, "soon", -1],
    "iss": ["merchant", 7],
    "jti": ["one", 7, None],
    "role": ["host"],
    "tier": ["gold", "", "GOLD", "t" * 33, 7, None],
    "invited": [True, False, 1, "true", None],
}


def signed(header: bytes, payload: bytes, secret: str = SECRET) -> str:
    """A token with a right signature over whatever it holds."""
    text = b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in (header, payload))
    signature = urlsafe_b64encode(hmac.digest(secret.encode(), text, "sha256")).rstrip(b"=")
    return (text + b"." + signature).decode()


def assert_pyjwt_agrees(token: str) -> Ticket | BadTicket:
    """The answer, which is the same as without the quick path, and not yes if PyJWT says no."""
    answer = read_ticket(SECRET, token, "santos", NOW_MS)
    with mock.patch.object(tickets, "_read_plain", return_value=None):
        assert answer == read_ticket(SECRET, token, "santos", NOW_MS)
    try:
        claims = jwt.decode(
            token,
            SECRET,
            algorithms=["HS256"],
            audience="livestream.viewer",
            options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
        )
    except jwt.InvalidTokenError:
        assert isinstance(answer, BadTicket)
        assert answer.reason == "invalid"
    else:
        if isinstance(answer, Ticket):
            assert answer.viewer == claims["sub"]
            assert answer.name == claims["name"]
            assert (answer.tier, answer.invited) == (
                claims.get("tier", ""),
                claims.get("invited", False),
            )
            assert answer.expires_at_ms == round(claims["exp"] * 1000)
    return answer


@st.composite
def claims(draw: st.DrawFn) -> dict[str, Any]:
    """A good ticket's claims, some of them changed, taken away or added."""
    changed = draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=3, unique=True))
    result = dict(GOOD)
    for name in changed:
        if name in result and draw(st.booleans()):
            del result[name]
        else:
            result[name] = draw(st.sampled_from(VALUES[name]))
    return result


@given(claims(), st.sampled_from(HEADERS), st.booleans(), st.booleans())
def test_whatever_is_claimed_the_answer_is_pyjwt_s(
    claimed: dict[str, Any], header: bytes, ascii_only: bool, ours: bool
) -> None:
    payload = json.dumps(claimed, ensure_ascii=ascii_only).encode(errors="surrogatepass")
    assert_pyjwt_agrees(signed(header, payload, SECRET if ours else "x" * 40))


@given(claims())
def test_what_pyjwt_issues_pyjwt_judges_alike(claimed: dict[str, Any]) -> None:
    try:
        token = jwt.encode(claimed, SECRET, "HS256")
    except TypeError:
        return  # PyJWT does not sign an `iss` that is no text
    assert_pyjwt_agrees(token)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"\xff\xfe",
        json.dumps(GOOD).encode("utf-16"),
        b"\xef\xbb\xbf" + json.dumps(GOOD).encode(),
        json.dumps(GOOD).encode() + b" ",
        json.dumps(GOOD).encode() + b"}",
        json.dumps(GOOD).encode()[:-1] + b',"exp":NaN}',
        json.dumps(GOOD).encode()[:-1] + b',"name":"Lin"}',
        json.dumps(GOOD).encode()[:-1] + b',"sub":"other","sub":7}',
        json.dumps(GOOD).encode().replace(b"Mei", b"M\xffi"),
        json.dumps(GOOD).encode().replace(b"Mei", b"M\\ud800i"),
        json.dumps(GOOD).encode()[:-1] + b',"x":"\xff"}',
    ],
)
def test_odd_json_is_judged_by_pyjwt(payload: bytes) -> None:
    assert_pyjwt_agrees(signed(HEADERS[0], payload))


@given(st.data())
def test_no_alteration_opens_what_pyjwt_keeps_shut(data: st.DataObject) -> None:
    token = issue_ticket(SECRET, TICKET)
    at = data.draw(st.integers(0, len(token)))
    upto = data.draw(st.integers(at, min(len(token), at + 3)))
    put = data.draw(st.text(alphabet="Ab9-_+/=. \n\u00e9", max_size=3))
    assert_pyjwt_agrees(token[:at] + put + token[upto:])


@given(st.integers(0, 400))
def test_a_ticket_cut_short_opens_nothing(kept: int) -> None:
    token = issue_ticket(SECRET, TICKET)
    if kept < len(token):
        assert isinstance(assert_pyjwt_agrees(token[:kept]), BadTicket)


def test_bits_of_the_last_character_that_mean_nothing_are_looked_at() -> None:
    payload = json.dumps(GOOD).encode()
    payload += b" " * ((1 - len(payload)) % 3)  # a remainder of one byte: four bits are left over
    header, encoded, _ = signed(HEADERS[0], payload).split(".")
    text = f"{header}.{encoded[:-1]}{chr(ord(encoded[-1]) + 1)}".encode()
    signature = urlsafe_b64encode(hmac.digest(SECRET.encode(), text, "sha256")).rstrip(b"=")
    assert isinstance(assert_pyjwt_agrees((text + b"." + signature).decode()), BadTicket)


@pytest.mark.parametrize(("tier", "invited"), [("", False), ("gold", False), ("gold", True)])
def test_the_tickets_that_are_issued_take_the_quick_path(tier: str, invited: bool) -> None:
    ticket = structs.replace(TICKET, tier=tier, invited=invited)
    with mock.patch.object(jwt, "decode", side_effect=AssertionError("asked the judge")):
        assert read_ticket(SECRET, issue_ticket(SECRET, ticket), "santos", NOW_MS) == ticket


def test_a_ticket_issued_ahead_of_the_show_opens_when_it_says() -> None:
    token = jwt.encode({**GOOD, "nbf": NOW_S + 45}, SECRET, "HS256")
    early = read_ticket(SECRET, token, "santos", NOW_MS)
    assert isinstance(early, BadTicket)
    assert early.reason == "not_yet"
    assert isinstance(read_ticket(SECRET, token, "santos", NOW_MS + 45_000), Ticket)


def test_a_name_that_is_no_text_is_refused() -> None:
    token = jwt.encode({**GOOD, "name": "half a pair \ud83e"}, SECRET, "HS256")
    answer = read_ticket(SECRET, token, "santos", NOW_MS)
    assert isinstance(answer, BadTicket)
    assert answer.reason == "invalid"
