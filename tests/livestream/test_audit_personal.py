"""The auditor on personalisation: every text and every charge is held against what was offered."""

import pytest
from msgspec import structs

from cart import events
from cart.personalisation import OptionTerms
from livestream.audit import Evidence, audit_log
from tests.livestream.stage import SANTOS, Stage
from tests.livestream.test_audit import Forge, change

OPTIONS = [
    OptionTerms("engraving", "engraving", 3, "cjk", price_minor=500, required=True),
    OptionTerms("wrap", "gift_wrap"),
]
WISHES = {SANTOS: {"engraving": "小王", "wrap": ""}}


def evening() -> Stage:
    stage = Stage()
    stage.begin()
    stage.sell(SANTOS, supply=9, limit=9, options=OPTIONS)
    stage.buy("wang", quantity=2, personalisation=WISHES)
    return stage


EVENING = evening()


def test_an_honest_order_is_clean_and_so_is_its_snapshot() -> None:
    verdict = audit_log(EVENING.log, "evening", Evidence(snapshot=EVENING.room.state))
    assert verdict.findings == []
    assert EVENING.replayed() == EVENING.room.state


def charged(extras_minor: int) -> Forge:
    line = EVENING.room.state.books.orders["o1"].lines[0]
    lines = [structs.replace(line, extras_minor=extras_minor)]
    return change(events.OrderPlaced, 0, lines=lines, total_minor=lines[0].total_minor)


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(charged(999), id="a fen less"),
        pytest.param(charged(0), id="for nothing"),
        pytest.param(
            change(events.OrderPlaced, 0, personalisation={}), id="charged and not written"
        ),
        pytest.param(
            change(events.OrderPlaced, 0, personalisation={**WISHES, "ring": {"a": "b"}}),
            id="on what is not there",
        ),
        pytest.param(
            change(
                events.OrderPlaced, 0, personalisation={SANTOS: {"engraving": "W", "polish": ""}}
            ),
            id="what nobody offered",
        ),
        pytest.param(
            change(events.OrderPlaced, 0, personalisation={SANTOS: {"engraving": "小王小王"}}),
            id="too long",
        ),
        pytest.param(
            change(
                events.OrderPlaced, 0, personalisation={SANTOS: {"engraving": "W", "wrap": "W"}}
            ),
            id="a text on the wrap",
        ),
    ],
)
def test_a_planted_lie_is_found_and_named(forge: Forge) -> None:
    verdict = audit_log(forge(EVENING.log))
    assert 19 in verdict.broken(), verdict.findings
