"""The auditor on perks of the room beside those of a drop: honest is clean, lies are found."""

import pytest

from cart import events
from cart.perk import PerkTerms
from cart.rules import RoomRules
from livestream import commands
from livestream.audit import audit_log
from tests.livestream.stage import SANTOS, Stage, ok
from tests.livestream.test_audit import Forge, change, put_in, repeat, take_out

BELLBOY = PerkTerms("bellboy", "Bellboy", 2, "pass")


def evening() -> Stage:
    """o1 has rank 1 of the room and of the box; refunded, the room's goes to o3."""
    stage = Stage()
    stage.begin()
    ok(stage.desk(commands.RulesSet(RoomRules(perks=[BELLBOY]))))
    stage.sell(SANTOS, supply=9, perks=[PerkTerms("box", "Box", 1)])
    stage.sell("ring", supply=9)
    stage.buy("wang")
    stage.buy("li", "ring")
    stage.restart()
    stage.buy("zhao", "ring")
    ok(stage.desk(commands.OrderRefund("o1")))
    stage.desk(commands.RoomEnd())
    return stage


HONEST = evening().log


def test_an_evening_with_a_perk_of_the_room_is_clean() -> None:
    verdict = audit_log(HONEST, "evening")
    assert verdict.findings == []
    assert verdict.books.perks == {"": 2, SANTOS: 1}


@pytest.mark.parametrize(
    ("lie", "forge"),
    [
        ("one gets nothing", take_out(events.PerkAwarded, 2)),
        ("a rank is given twice", repeat(events.PerkAwarded, 2)),
        ("it is of a drop", change(events.PerkAwarded, 2, drop_id="ring")),
        ("a drop's is of the room", change(events.PerkAwarded, 0, drop_id=None)),
        ("another heir", change(events.PerkAwarded, 3, order_id="o2", viewer="li")),
        ("nobody loses it", take_out(events.PerkRevoked)),
        (
            "the number of winners grows in the middle",
            put_in(
                events.RulesSet(RoomRules(perks=[PerkTerms("bellboy", "Bellboy", 9, "pass")])),
                after=events.OrderPaid,
            ),
        ),
        (
            "a name is declared twice",
            change(events.RulesSet, 0, rules=RoomRules(perks=[BELLBOY, BELLBOY])),
        ),
    ],
)
def test_a_lie_about_it_is_found(lie: str, forge: Forge) -> None:
    assert 8 in audit_log(forge(HONEST)).broken(), lie
