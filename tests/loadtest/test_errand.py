"""An attempt at a drop, step by step, with what goes wrong on the way."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from loadtest.errand import LOOK_AGAIN_S, LOOKS_MAX, REPLY_S, Errand
from loadtest.figures import Figures


@pytest.fixture
def figures() -> Figures:
    unheard: Any = SimpleNamespace(events=SimpleNamespace(request=SimpleNamespace(fire=None)))
    return Figures(unheard)  # Locust's own would change sockets for the whole test process


def said(words: bytes | None) -> dict[str, Any]:
    assert words is not None, "there is something to say"
    message: dict[str, Any] = json.loads(words)
    return message


def ok(to: str, **result: Any) -> dict[str, Any]:
    return {"type": "reply", "to": to, "ok": True, "result": result}


def refused(to: str, code: str, **more: Any) -> dict[str, Any]:
    return {"type": "reply", "to": to, "ok": False, "error": {"code": code, **more}}


def test_it_adds_checks_out_and_pays(figures: Figures) -> None:
    errand = Errand("drop-1", "watch", 0.0)
    add = said(errand.words())
    assert (add["type"], add["sku"]) == ("cart.add", "watch")
    checkout = said(errand.reply(ok(add["id"]), figures, 0.1))
    pay = said(errand.reply(ok(checkout["id"], order_id="o1"), figures, 0.2))
    assert (pay["type"], pay["order_id"]) == ("order.pay", "o1")
    assert errand.reply(ok(pay["id"]), figures, 0.3) is None
    assert errand.due_s < float("inf"), "it waits to hear that it was paid"
    errand.order("order.paid", "o1", figures, 0.4)
    assert errand.over
    told = figures.told()
    assert told["ASK cart.add to paid"] == {"400": 1}
    assert told["ASK checkout"] == {"100": 1}


def test_what_is_not_answered_is_said_again_unchanged(figures: Figures) -> None:
    errand = Errand("drop-1", "watch", 0.0)
    assert errand.due_s == REPLY_S
    assert errand.again(REPLY_S) == errand.words()
    add = said(errand.words())
    assert errand.reply(refused(add["id"], "busy", retry_after_ms=500), figures, 9.0) is None
    assert errand.due_s == pytest.approx(9.5)
    assert said(errand.again(9.5)) == add


def test_it_asks_the_cart_when_nobody_says_whether_it_was_paid(figures: Figures) -> None:
    errand = Errand("drop-1", "watch", 0.0)
    checkout = said(errand.reply(ok(said(errand.words())["id"]), figures, 0.1))
    said(errand.reply(ok(checkout["id"], order_id="o1"), figures, 0.2))
    show = said(errand.again(10.0))
    assert show["type"] == "cart.show"
    orders = [{"order_id": "o1", "status": "paid"}]
    errand.reply(ok(show["id"], orders=orders), figures, 10.1)
    assert errand.over


def test_it_looks_again_while_everything_is_held_and_not_for_ever(figures: Figures) -> None:
    errand = Errand("drop-1", "watch", 0.0)
    for look in range(LOOKS_MAX):
        errand.reply(refused(said(errand.words())["id"], "all_held"), figures, float(look))
        assert errand.due_s == look + LOOK_AGAIN_S
    errand.reply(refused(said(errand.words())["id"], "all_held"), figures, 9.0)
    assert errand.over


def test_sold_out_ends_it(figures: Figures) -> None:
    errand = Errand("drop-1", "watch", 0.0)
    errand.reply(refused(said(errand.words())["id"], "sold_out"), figures, 0.1)
    assert errand.over
    assert figures.told() == {"ASK cart.add: sold_out": {"100": 1}}


def test_the_next_drop_is_run_for_under_other_ids(figures: Figures) -> None:
    first, second = Errand("drop-1", "watch", 0.0), Errand("drop-2", "box", 9.0)
    assert said(first.words())["id"] != said(second.words())["id"]
