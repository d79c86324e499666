"""A drop: a limited release of one SKU.

    DRAFT --host--> SCHEDULED        (`cart.drafts`: terms only, there is no drop yet)
    SCHEDULED --clock or host--> OPEN <--> PAUSED
                                 |  ^
        the last free unit held  v  | released, restock, refund (a logged `drop.opened`
                              ALL_HELD                           with its reason)
          the last one paid for  |  ^
                                 v  | restock, refund
                              SOLD_OUT
    OPEN, ALL_HELD, PAUSED --host--> OPEN   (`cart.rest`: what a presale or a lottery left)
    any of them --host--> CLOSED   (what is free is withdrawn; what is held may still be paid)

ALL_HELD is open for business: what is held may be paid or come back at any moment. A PAUSED drop
sells out too, when the last unit that was held is paid. It stays the host's to resume: restock and
refund bring it back to PAUSED, by a logged `drop.paused` with its reason.

Owns terms (what the host declares) and the state of one drop. Refuses to know viewers beyond a
tally for the limit, and every clock.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from cart.access import AccessTerms
from cart.bounds import (
    GUARANTEE_DAYS_MAX,
    OPTIONS_MAX,
    PERKS_MAX,
    QUANTITY_MAX,
    Channel,
    DropId,
    Sku,
    Supply,
    TimeMs,
    Title,
    TtlMs,
)
from cart.edition import EditionBook
from cart.line import Line
from cart.lottery import LotteryBook, LotteryTerms
from cart.money import Currency, PriceMinor
from cart.perk import PerkBook, PerkTerms
from cart.personalisation import OptionTerms
from cart.presale import PresaleTerms
from cart.price import FLASH_PRICES_MAX, FlashPrice
from cart.shelf import SHELVES_MAX, Shelves
from cart.stock import Stock


class DropStatus(StrEnum):
    """Where a drop is in its life (see the diagram above)."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    OPEN = "open"
    ALL_HELD = "all_held"
    PAUSED = "paused"
    SOLD_OUT = "sold_out"
    CLOSED = "closed"

    @property
    def sells(self) -> bool:
        """Whether units may still leave the shelf, now or later."""
        return self not in (DropStatus.SOLD_OUT, DropStatus.CLOSED)

    @property
    def is_open(self) -> bool:
        """Whether a unit that is free now may be taken now."""
        return self is DropStatus.OPEN or self is DropStatus.ALL_HELD


class DropTerms(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """What the host declares, and what does not change while the drop lives.

    `opens_at_ms` None means: when the host says so. `hold_ttl_ms` is how long a unit stays in a
    cart, `pay_ttl_ms` how long an order waits for its payment.
    """

    drop_id: DropId
    sku: Sku
    title: Title
    supply: Supply
    price_minor: PriceMinor
    currency: Currency
    opens_at_ms: TimeMs | None = None
    limit_per_viewer: Annotated[int, Meta(ge=1, le=QUANTITY_MAX)] = 1
    hold_ttl_ms: TtlMs = 120_000
    pay_ttl_ms: TtlMs = 300_000
    #: What the first N paid orders of this drop get, each by ranks of its own.
    perks: Annotated[list[PerkTerms], Meta(max_length=PERKS_MAX)] = []
    #: Other prices by time; `price_minor` holds outside of them.
    flash: Annotated[list[FlashPrice], Meta(max_length=FLASH_PRICES_MAX)] = []
    access: AccessTerms | None = None
    #: What reserves a unit (`cart.reserving`).
    reserve_on: Literal["cart", "checkout", "payment"] = "cart"
    #: Each paid unit gets its number, and a certificate of it.
    numbered: bool = False
    #: How long a numbered unit is under guarantee from the day on which it was paid; 0: not said.
    guarantee_days: Annotated[int, Meta(ge=0, le=GUARANTEE_DAYS_MAX)] = 0
    #: How a buyer may make a piece of it one's own.
    options: Annotated[list[OptionTerms], Meta(max_length=OPTIONS_MAX)] = []
    presale: PresaleTerms | None = None
    lottery: LotteryTerms | None = None
    #: channel -> units that only its viewers may buy, until what is left flows together.
    allocations: Annotated[dict[Channel, Supply], Meta(max_length=SHELVES_MAX)] = {}
    merge_at_ms: TimeMs | None = None

    @property
    def first_opens_at_ms(self) -> int | None:
        """When the clock opens the drop: at the earliest time of its access."""
        if self.access is None:
            return self.opens_at_ms
        return self.access.first_ms(self.opens_at_ms)


def flaw_in_edition(terms: DropTerms) -> str | None:
    """What is wrong with the terms of an edition, as a sentence, or None."""
    if terms.guarantee_days and not terms.numbered:
        return "a guarantee is of the certificate of a numbered unit, and this drop is not numbered"
    return None


class StockLevels(Struct, frozen=True, gc=False):
    """The public part of a drop's stock and of its line, as last told to viewers."""

    available: int
    held: int
    sold: int
    waiting: int = 0
    next: int = 0
    #: shelf -> units free on it, while channels have shelves of their own.
    shelves: dict[str, int] = {}


class Drop(Struct):
    """One drop as it stands. `taken` counts units per viewer in holds and live orders together."""

    terms: DropTerms
    stock: Stock
    status: DropStatus
    shown: StockLevels
    shown_at_ms: int = 0
    #: When it opened for the first time; 0: not yet.
    opened_at_ms: int = 0
    #: The host paused it and has not resumed it; selling out does not undo that.
    paused: bool = False
    taken: dict[str, int] = {}
    #: perk_id -> its ranks.
    perks: dict[str, PerkBook] = {}
    editions: EditionBook = field(default_factory=EditionBook)
    #: Paid orders in the order of payment; refunded ones are skipped when a perk passes on.
    paid_orders: list[str] = []
    #: Who waits for a unit to fall free.
    line: Line = field(default_factory=Line)
    lottery: LotteryBook | None = None
    #: None: one supply for all channels.
    shelves: Shelves | None = None
    #: Its presale or lottery is over, and it sells as any other drop (`cart.rest`).
    sells_rest: bool = False

    @property
    def levels(self) -> StockLevels:
        """What viewers may know now."""
        stock, line = self.stock, self.line
        shelves = {} if self.shelves is None else self.shelves.levels()
        return StockLevels(
            stock.available, stock.held, stock.sold, len(line.places), line.next, shelves
        )

    @property
    def is_presale(self) -> bool:
        """Whether a unit of it takes two payments now."""
        return self.terms.presale is not None and not self.sells_rest

    @property
    def is_apart(self) -> bool:
        """Whether channels still have shelves of their own."""
        return self.shelves is not None and not self.shelves.merged

    def awaited(self, shelf: str) -> int:
        """How many wait for units of this shelf: of the drop, where there is one line for all."""
        if self.is_apart:
            return len(self.line.queues.get(shelf, ()))
        return len(self.line.places)

    def merges_at(self, now_ms: int) -> bool:
        """Whether it is time for its allocations to flow together, and they have not."""
        due_ms = self.terms.merge_at_ms
        return (
            due_ms is not None
            and due_ms <= now_ms
            and self.is_apart
            and self.status is not DropStatus.CLOSED
        )
