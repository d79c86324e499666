"""The run of the show: what was paid when, who watched, and what the room did meanwhile.

Owns steps and marks. Pure. Refuses to know how they are drawn.

Takings are kept in slots of 5 s while the log is folded, since nobody knows yet how long the show
will be; a long one gets longer steps in the end. Slots exist only where something was paid, so they
are bounded by the orders.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import ClassVar

from cart import events
from cart.fact import Fact, tag_of
from cart.money import Currency
from livestream import facts
from livestream.attendance import MOMENT_EVERY_MS, Moment
from livestream.report.figures import Mark, Timeline
from livestream.room import RoomState

SLOT_MS = 5_000
MINUTE_MS = 60_000
#: Up to here a show has steps of 5 s: 120 of them. Beyond, of a minute...
SHORT_SHOW_MS = 600_000
#: ...and of whole minutes so that there are no more than this: as many as a plot has room for.
STEPS_MAX = 720
#: A room that is started and forgotten has marks without end: 1,000 x about 200 bytes.
MARKS_MAX = 1_000


class Run:
    """What happened when, noted while a log is folded. `from_ms` is when the show began."""

    #: Facts that get a mark.
    MARKED: ClassVar[frozenset[type[Fact]]] = frozenset(
        {
            facts.EpochStarted,
            facts.RoomStarted,
            facts.RoomEnded,
            facts.CardPushed,
            facts.CardPinned,
            events.DropOpened,
            events.DropPaused,
            events.DropRestocked,
            events.DropSoldOut,
            events.DropClosed,
        }
    )

    def __init__(self) -> None:
        self.from_ms: int | None = None
        #: currency -> slot since the start -> minor units.
        self.gross: defaultdict[Currency, Tally[int]] = defaultdict(Tally)
        self.orders_paid: Tally[int] = Tally()
        self.marks: list[Mark] = []
        self.marks_left_out = 0

    def begin(self, at_ms: int) -> None:
        """The show began; nothing is sold before."""
        self.from_ms = at_ms

    def pay(self, currency: Currency, amount_minor: int, at_ms: int) -> None:
        """An order was paid."""
        slot = (at_ms - (self.from_ms or 0)) // SLOT_MS
        self.gross[currency][slot] += amount_minor
        self.orders_paid[slot] += 1

    def mark(self, state: RoomState, fact: Fact, at_ms: int) -> None:
        """A fact of MARKED is about to be folded into `state`."""
        title = _title(state, fact)
        if title is None:
            return
        if len(self.marks) >= MARKS_MAX:
            self.marks_left_out += 1
            return
        self.marks.append(Mark(at_ms, tag_of(type(fact)), title))


def _title(state: RoomState, fact: Fact) -> str | None:
    """What the mark is about; None for a fact that changes nothing for anybody."""
    match fact:
        case facts.EpochStarted():
            return fact.owner if fact.epoch > 1 else None
        case facts.CardPushed():
            return fact.card.title
        case facts.CardPinned(card_id=str(card_id)):
            card = state.cards.get(card_id)
            return card.title if card is not None else card_id
        case facts.CardPinned():
            return None
        case events.DropOpened(reason="released"):
            return None
        case facts.RoomStarted() | facts.RoomEnded():
            return state.title
        case _:
            drop_id: str = fact.drop_id  # type: ignore[attr-defined]  # all others have one
            drop = state.books.drops.get(drop_id)
            return drop.terms.title if drop is not None else drop_id


def timeline_of(run: Run, until_ms: int, moments: Sequence[Moment]) -> Timeline | None:
    """The show from its start to `until_ms`; None for one that has not begun."""
    from_ms = run.from_ms
    if from_ms is None:
        return None
    step_ms = step_of(until_ms - from_ms)
    steps = max(0, until_ms - from_ms) // step_ms + 1

    def paid(slots: Tally[int]) -> list[int]:
        return _by_step(slots, step_ms // SLOT_MS, steps)

    def grown(count: Callable[[Moment], int]) -> list[int]:
        if not moments:
            return []
        return _increments([(m.at_ms, count(m)) for m in moments], from_ms, step_ms, steps)

    return Timeline(
        from_ms=from_ms,
        step_ms=step_ms,
        steps=steps,
        gross_minor={currency: paid(run.gross[currency]) for currency in sorted(run.gross)},
        orders_paid=paid(run.orders_paid),
        viewers=_viewers(moments, from_ms, step_ms, steps) if moments else [],
        joined=grown(lambda moment: moment.joined),
        attempts=grown(lambda moment: moment.attempts),
        chat=grown(lambda moment: moment.chat_accepted),
        likes=grown(lambda moment: moment.likes),
    )


def step_of(span_ms: int) -> int:
    """How long a step is when the whole show is `span_ms`."""
    if span_ms <= SHORT_SHOW_MS:
        return SLOT_MS
    return MINUTE_MS * -(-span_ms // (MINUTE_MS * STEPS_MAX))


def _by_step(slots: Tally[int], slots_per_step: int, steps: int) -> list[int]:
    values = [0] * steps
    for slot, value in slots.items():
        values[slot // slots_per_step] += value
    return values


def _viewers(moments: Sequence[Moment], from_ms: int, step_ms: int, steps: int) -> list[int | None]:
    """The most viewers in each step. A step in which no moment was kept has those of the moment
    before, unless that is too long ago.
    """
    most: list[int | None] = [None] * steps
    last: dict[int, Moment] = {}
    for moment in moments:
        step = (moment.at_ms - from_ms) // step_ms
        last[step] = moment
        if 0 <= step < steps:
            most[step] = max(most[step] or 0, moment.viewers)
    for step, viewers in enumerate(most):
        before = last.get(step - 1)
        if viewers is None and before is not None:
            begins_ms = from_ms + step * step_ms
            if begins_ms - before.at_ms <= 2 * MOMENT_EVERY_MS:
                most[step] = before.viewers
    return most


def _increments(
    points: Sequence[tuple[int, int]], from_ms: int, step_ms: int, steps: int
) -> list[int]:
    """What a count that only grows gained in each step, between two moments evenly."""
    # The first moment is written within five seconds of the first join.
    curve = [(points[0][0] - MOMENT_EVERY_MS, 0)]
    for at_ms, count in points:
        # A late word of an owner that had lost the room may say less than what is known.
        curve.append((max(at_ms, curve[-1][0]), max(count, curve[-1][1])))
    edges = [_at(curve, from_ms + step * step_ms) for step in range(steps + 1)]
    return [after - before for before, after in pairwise(edges)]


def _at(curve: Sequence[tuple[int, int]], at_ms: int) -> int:
    """The curve's value at a time, between two points in proportion."""
    index = bisect_right(curve, at_ms, key=lambda point: point[0])
    if index == 0:
        return curve[0][1]
    if index == len(curve):
        return curve[-1][1]
    (x0, y0), (x1, y1) = curve[index - 1], curve[index]
    return y0 + (y1 - y0) * (at_ms - x0) // (x1 - x0)
