"""Whatever is asked, in whatever order: no exception, no refusal with facts, and books that add up.

Commands are drawn from the types of the protocol itself, for every viewer, the desk and the
provider, with names that mostly exist; they go over the wire and through a whole turn, as at an
engine. A new command is in here by being in the union.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cart.outcome import Refusal
from livestream import wire
from livestream.audit import Auditor
from livestream.commands import Envelope, HostCommand, ProviderCommand
from livestream.engine.turn import Entries, Turn, take_turn
from livestream.messages import CartAdd, CartRemove, ShoppingMessage
from livestream.room import RoomState, decide, next_due_ms
from livestream.storefront import Storefront
from tests.livestream.stage import Stage
from tests.livestream.values import instances
from tests.simulation.planted import nobody_has_a_limit

VIEWERS = ("wang", "li", "zhao")
#: Names that exist, or soon will; each field of this name has one of them as a rule.
KNOWN: dict[str, st.SearchStrategy[Any]] = {
    "id": st.sampled_from([f"c{n}" for n in range(40)]),
    "sku": st.sampled_from(["santos", "ring", "tank"]),
    "drop_id": st.sampled_from(["santos", "ring", "tank"]),
    "order_id": st.sampled_from([f"o{n}" for n in range(1, 6)]),
    "payment_id": st.sampled_from([f"o{n}-p{p}" for n in range(1, 6) for p in (1, 2)]),
    "refund_id": st.sampled_from(["", *(f"o{n}-p1-r{r}" for n in range(1, 4) for r in (1, 2))]),
    "checkout_id": st.sampled_from(["co-1", "co-2", "co-3", "co-4"]),
    "request_id": st.sampled_from(["", "r1", "r2"]),
    "card_id": st.sampled_from(["c1", "c2"]),
    "viewer": st.sampled_from(VIEWERS),
    "code": st.sampled_from(["spring", "maison"]),
    "coupon": st.sampled_from([None, "spring", "maison"]),
    "slot_id": st.sampled_from([None, "slot-1", "slot-2"]),
    "perk_id": st.sampled_from(["bellboy", "box"]),
    "quantity": st.integers(1, 3),
    "supply": st.integers(1, 6),
    "currency": st.sampled_from(["CNY", "CNY", "EUR"]),
    "tier": st.sampled_from(["", "gold"]),
}


def commands_of(union: Any) -> st.SearchStrategy[Any]:
    return instances(union, KNOWN)


ASKED = st.one_of(
    st.tuples(st.sampled_from(VIEWERS), commands_of(ShoppingMessage)),
    st.tuples(st.sampled_from(VIEWERS), commands_of(ShoppingMessage)),
    st.tuples(st.just("desk:host"), commands_of(HostCommand)),
    st.tuples(st.just("provider:x"), commands_of(ProviderCommand)),
)
WAITS_MS = st.sampled_from([0, 0, 0, 1, 250, 10_000, 120_000, 300_000])

Asked = list[tuple[tuple[str, Any], int]]
STORIES: st.SearchStrategy[Asked] = st.lists(st.tuples(ASKED, WAITS_MS), min_size=15, max_size=30)

PLAY = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=120,
    suppress_health_check=list(HealthCheck),
)


class Counterpart:
    """A room in the middle of an evening, an engine's turns, and an auditor who reads along."""

    def __init__(self) -> None:
        stage = Stage("asked")
        stage.begin()
        stage.sell("santos", supply=3, limit=2)
        stage.sell("ring", supply=5, limit=3, currency="EUR")
        stage.buy("wang")
        stage.pay("li", stage.place("li"))
        stage.add("zhao", "ring", 2)
        self.room = stage.room
        self.now_ms = stage.now_ms
        self.auditor = Auditor("asked")
        for seq, record in stage.log:
            self.auditor.feed(seq, record)
        self._entries = 10**6

    def wait(self, ms: int) -> None:
        """An engine that is awake does each thing when it is due."""
        until_ms = self.now_ms + ms
        while (due_ms := next_due_ms(self.room)) is not None and due_ms <= until_ms:
            self.now_ms = max(self.now_ms, due_ms)
            self._turn([])
        self.now_ms = until_ms

    def hear(self, actor: str, command: Any) -> None:
        """One command, over the wire, in a turn of its own."""
        self._entries += 1
        asked = Envelope(1, actor, "tmall", command)
        decision = decide(self.room, asked, self.now_ms)
        assert not (isinstance(decision.answer, Refusal) and decision.facts)
        batch = wire.encode_batch([asked])
        taken = self._turn([(f"{self._entries}-0", "g-1", batch)])
        for reply in taken.replies.get("g-1", ()):  # none if no gateway would have let it pass
            assert wire.encode(reply)

    def _turn(self, entries: Entries) -> Turn:
        taken = take_turn(self.room, entries, self.now_ms)
        record = taken.record(self.room.state.epoch, f"{self._entries}-0")
        if record:
            self.auditor.feed(taken.last_seq, wire.decode_record(record))
        assert self.auditor.findings == []
        return taken


@PLAY
@given(asked=STORIES)
def test_no_command_breaks_the_room(asked: Asked) -> None:
    play(asked)


def play(asked: Asked) -> None:
    """Say all of it, with time between, and look at everything in the end."""
    room = Counterpart()
    for (actor, command), wait_ms in asked:
        room.hear(actor, command)
        room.wait(wait_ms)
    state = room.room.state
    assert wire.decode_state(wire.encode_state(state), RoomState) == state
    assert all(drop.stock.balanced for drop in state.books.drops.values())
    assert wire.encode_state(Storefront.of(room.room))
    verdict = room.auditor.verdict()
    assert verdict.clean, verdict.findings


def test_a_planted_bug_does_break_it(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody_has_a_limit(monkeypatch)
    first_find = settings(PLAY, phases=[Phase.generate], report_multiple_bugs=False)
    # Of carts alone: among all commands that there are, the more of them, the fewer are these.
    carts = st.tuples(st.sampled_from(VIEWERS), commands_of(CartAdd | CartRemove))
    stories = st.lists(st.tuples(carts, WAITS_MS), min_size=15, max_size=30)
    with pytest.raises(AssertionError, match="whose limit is"):
        first_find(given(asked=stories)(play))()
