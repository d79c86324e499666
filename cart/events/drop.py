"""What happens to a drop, as facts. Owns their words; refuses to know who decides them."""

from __future__ import annotations

from typing import Literal

from msgspec import field

from cart.drop import DropTerms
from cart.fact import Fact


class DropDrafted(Fact, frozen=True, tag="drop.drafted"):
    """The host prepares a drop, or changes one that is prepared. No supply is on the books."""

    terms: DropTerms


class DraftDiscarded(Fact, frozen=True, gc=False, tag="draft.discarded"):
    """The host threw a draft away."""

    drop_id: str


class DropScheduled(Fact, frozen=True, tag="drop.scheduled"):
    """The host declared a drop; its supply is on the books from here on, and its draft, if there
    was one, is no more. `seed` is that of its lottery, and nobody's business before the draw.
    """

    terms: DropTerms
    seed: str = ""

    def __repr__(self) -> str:
        return f"DropScheduled({self.terms})"


class DropOpened(Fact, frozen=True, gc=False, tag="drop.opened"):
    """Units may be taken from now on. `released`: all were held, and some came back by
    themselves. `rest`: what a presale or a lottery left is sold as by any other drop.
    """

    drop_id: str
    reason: Literal["clock", "host", "resumed", "restock", "refund", "released", "draw", "rest"]


class DropAllHeld(Fact, frozen=True, gc=False, tag="drop.all_held"):
    """The last free unit is held; some may come back."""

    drop_id: str


class DropPaused(Fact, frozen=True, gc=False, tag="drop.paused"):
    """No new holds; what is held may still be paid. It is paused again by `restock` and `refund`
    when it sold out while it was paused.
    """

    drop_id: str
    reason: Literal["host", "restock", "refund"] = "host"


class DropRestocked(Fact, frozen=True, gc=False, tag="drop.restocked"):
    """New units arrived, on the shelf of a channel or (empty) on the one of all."""

    drop_id: str
    quantity: int
    shelf: str = ""


class AllocationsMerged(Fact, frozen=True, gc=False, tag="allocations.merged"):
    """What was free on the shelves of channels went to the one of all: `moved` units by channel."""

    drop_id: str
    moved: dict[str, int]


class DropSoldOut(Fact, frozen=True, gc=False, tag="drop.sold_out"):
    """The last unit was paid for; nobody waits in line any more, save those whom a lottery drew: a
    unit that comes back is theirs.
    """

    drop_id: str


class DropClosed(Fact, frozen=True, gc=False, tag="drop.closed"):
    """The drop ended; `withdrawn` units that were free left the shelf. Nobody waits in line any
    more.
    """

    drop_id: str
    withdrawn: int


class StockShown(Fact, frozen=True, gc=False, tag="stock.changed"):
    """Viewers were told these levels. They are those of the books at this very point of the log:
    `waiting` viewers in line, of whom the one with the number `next` is served next (0: nobody).
    """

    drop_id: str
    sku: str
    available: int
    held: int
    sold: int
    waiting: int = 0
    next: int = 0
    #: shelf -> units free on it, while channels have shelves of their own.
    shelves: dict[str, int] = field(default_factory=dict)
