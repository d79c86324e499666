"""Tickets and host tokens: what is signed comes back, and nothing else opens a door."""

import jwt
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livestream.tickets import (
    ANY_ROOM,
    TOKEN_CHARACTERS_MAX,
    BadTicket,
    HostToken,
    Ticket,
    issue_host_token,
    issue_ticket,
    read_host_token,
    read_ticket,
)

SECRET = "a secret of more than thirty-two characters"
OTHER_SECRET = "another secret of more than 32 characters"
NOW_MS = 1_700_000_000_123
TICKET = Ticket("v-1", "santos", "tmall", "Mei", NOW_MS + 1)
TOKEN = HostToken("lin", "host", NOW_MS + 1)


def reason(answer: object) -> str:
    assert isinstance(answer, BadTicket)
    return answer.reason


def test_a_ticket_comes_back_as_it_was_issued() -> None:
    assert read_ticket(SECRET, issue_ticket(SECRET, TICKET), "santos", NOW_MS) == TICKET


def test_tier_and_invitation_come_back_and_plain_tickets_carry_neither() -> None:
    ticket = msgspec.structs.replace(TICKET, tier="gold", invited=True)
    token = issue_ticket(SECRET, ticket)
    assert read_ticket(SECRET, token, "santos", NOW_MS) == ticket
    plain = jwt.decode(issue_ticket(SECRET, TICKET), options={"verify_signature": False})
    assert {"tier", "invited"}.isdisjoint(plain)


def test_a_host_token_comes_back_as_it_was_issued() -> None:
    assert read_host_token(SECRET, issue_host_token(SECRET, TOKEN), NOW_MS) == TOKEN


def test_a_ticket_is_good_until_the_millisecond_it_expires() -> None:
    token = issue_ticket(SECRET, TICKET)
    assert isinstance(read_ticket(SECRET, token, "santos", NOW_MS), Ticket)
    assert reason(read_ticket(SECRET, token, "santos", NOW_MS + 1)) == "expired"


def test_a_host_token_expires() -> None:
    token = issue_host_token(SECRET, TOKEN)
    assert reason(read_host_token(SECRET, token, NOW_MS + 1)) == "expired"


def test_a_ticket_opens_its_own_room_only() -> None:
    token = issue_ticket(SECRET, TICKET)
    assert reason(read_ticket(SECRET, token, "tank", NOW_MS)) == "wrong_room"


def test_a_ticket_for_any_room_opens_any_room() -> None:
    token = issue_ticket(SECRET, msgspec.structs.replace(TICKET, room=ANY_ROOM))
    assert isinstance(read_ticket(SECRET, token, "tank", NOW_MS), Ticket)


def test_one_kind_of_token_never_stands_for_the_other() -> None:
    ticket, token = issue_ticket(SECRET, TICKET), issue_host_token(SECRET, TOKEN)
    assert reason(read_host_token(SECRET, ticket, NOW_MS)) == "invalid"
    assert reason(read_ticket(SECRET, token, "santos", NOW_MS)) == "invalid"


def test_a_token_of_another_secret_is_refused() -> None:
    token = issue_ticket(OTHER_SECRET, TICKET)
    assert reason(read_ticket(SECRET, token, "santos", NOW_MS)) == "invalid"


def test_an_unsigned_token_is_refused() -> None:
    claims = jwt.decode(issue_ticket(SECRET, TICKET), options={"verify_signature": False})
    unsigned = jwt.encode(claims, "", algorithm="none")
    assert reason(read_ticket(SECRET, unsigned, "santos", NOW_MS)) == "invalid"


@pytest.mark.parametrize("claim", ["sub", "room", "channel", "name", "exp", "aud"])
def test_a_ticket_without_one_of_its_claims_is_refused(claim: str) -> None:
    claims = jwt.decode(issue_ticket(SECRET, TICKET), options={"verify_signature": False})
    del claims[claim]
    token = jwt.encode(claims, SECRET, "HS256")
    assert reason(read_ticket(SECRET, token, "santos", NOW_MS)) == "invalid"


@pytest.mark.parametrize(
    "fields",
    [
        {"viewer": ""},
        {"viewer": "v" * 65},
        {"viewer": "a}b"},
        {"viewer": "newline\n"},
        {"room": "{x}"},
        {"channel": "TMALL"},
        {"channel": "tmall\n"},
        {"name": ""},
        {"name": "n" * 41},
        {"expires_at_ms": -1},
        {"tier": "GOLD"},
        {"tier": "t" * 33},
        {"tier": "gold\n"},
    ],
)
def test_nothing_out_of_bounds_is_signed(fields: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        issue_ticket(SECRET, msgspec.structs.replace(TICKET, **fields))


def test_an_unknown_role_is_not_signed() -> None:
    with pytest.raises(msgspec.ValidationError):
        issue_host_token(SECRET, msgspec.structs.replace(TOKEN, role="owner"))


def test_the_longest_ticket_fits_the_bound() -> None:
    longest = Ticket(
        "v" * 64,
        "r" * 64,
        "c" * 32,
        "\N{PINCHED FINGERS}" * 40,
        4_102_444_799_999,
        "t" * 32,
        invited=True,
    )
    token = issue_ticket(SECRET, longest)
    assert len(token) <= TOKEN_CHARACTERS_MAX
    assert read_ticket(SECRET, token, "r" * 64, NOW_MS) == longest


@given(st.text(max_size=2_000))
def test_any_text_is_answered_and_opens_nothing(text: str) -> None:
    assert reason(read_ticket(SECRET, text, "santos", NOW_MS)) == "invalid"
    assert reason(read_host_token(SECRET, text, NOW_MS)) == "invalid"


@given(st.data())
def test_a_token_with_one_character_changed_is_refused(data: st.DataObject) -> None:
    token = issue_ticket(SECRET, TICKET)
    # The last character carries two bits of padding that no decoder looks at.
    at = data.draw(st.integers(0, len(token) - 2))
    other = data.draw(st.characters(codec="ascii").filter(lambda c: c != token[at]))
    assert reason(read_ticket(SECRET, token[:at] + other + token[at + 1 :], "santos", NOW_MS)) == (
        "invalid"
    )


@given(st.integers(0, 4_102_444_800_000))
def test_milliseconds_survive_the_claim(expires_at_ms: int) -> None:
    ticket = msgspec.structs.replace(TICKET, expires_at_ms=expires_at_ms)
    answer = read_ticket(SECRET, issue_ticket(SECRET, ticket), "santos", 0)
    assert answer == ticket or expires_at_ms == 0
