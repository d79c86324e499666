"""The format of a show file: what may be written, and within which bounds.

Owns the entries and how a time is spelled. Refuses to know what follows from them.

An entry says what the API's own terms say, less what the show adds by itself (its currency, when a
drop opens), and with every moment counted from the start of the show: `balance_from_ms` there is
`balance_from` here. So a show can be played on any evening, and rehearsed on any morning. Terms
without a moment in them are the API's own types. `tests/livestream/test_show.py` holds the two
vocabularies together.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta, Struct, field

from cart.access import TIERS_MAX, Tier, TierOrNone
from cart.bounds import (
    DRAFTS_MAX,
    DROPS_MAX,
    GUARANTEE_DAYS_MAX,
    OPTIONS_MAX,
    PERKS_MAX,
    QUANTITY_MAX,
    SLOT_CAPACITY_MAX,
    SUPPLY_MAX,
    CardId,
    Channel,
    DropId,
    PerkId,
    Sku,
    SlotId,
    Supply,
    Text,
    Title,
)
from cart.coupon import WHOLE_BP, CouponCode
from cart.money import PRICE_MINOR_MAX, Currency, PriceMinor
from cart.perk import PerkTerms, flaw_in
from cart.personalisation import OptionTerms, flaw_in_options
from cart.price import FLASH_PRICES_MAX
from cart.rules import RoomRules
from cart.shelf import SHELVES_MAX
from livestream.commands import Invited
from livestream.messages import Card, Stream
from livestream.room import CARDS_MAX

#: A show of a day; a cue a second for a quarter of an hour, which a person can still read.
SHOW_MS_MAX = 86_400_000
CUES_MAX = 1_000
#: What a show promises for later (a balance, a delivery, the end of a coupon) is due within a year
#: and a month.
LATER_MS_MAX = 400 * 86_400_000
#: Put one by one before the show starts: 100 x some 10 ms is a second.
COUPONS_IN_A_SHOW_MAX = 100
SLOTS_IN_A_SHOW_MAX = 100

_TIME = r"(?:(\d{1,3})d)?(?:(\d{1,4})h)?(?:(\d{1,4})m)?(?:(\d{1,5}(?:\.\d{1,3})?)s)?"


class Duration(int):
    """Milliseconds within a show, written as `12s`, `1.5s`, `2m`, `1m30s` or `1h`."""

    longest_ms: ClassVar[int] = SHOW_MS_MAX
    longest: ClassVar[str] = "a day"
    #: The same as JSON Schema has it.
    pattern: ClassVar[str] = rf"^(?=.){_TIME}$"

    @classmethod
    def parse(cls, text: object) -> Duration:
        """Raises ValueError."""
        match = re.fullmatch(_TIME, text, re.ASCII) if isinstance(text, str) else None
        if match is None or not text:
            raise ValueError(f"{text!r} is not a duration such as 12s, 1.5s, 2m or 1h30m")
        days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
        duration = cls(round(1_000 * (86_400 * days + 3_600 * hours + 60 * minutes + seconds)))
        if duration > cls.longest_ms:
            raise ValueError(f"{text} is longer than {cls.longest}")
        return duration

    def __str__(self) -> str:
        whole_s, ms = divmod(int(self), 1_000)
        if whole_s < 3_600:
            return f"{int(self) / 1_000:g}s"
        text = ""
        for unit, length_s in (("d", 86_400), ("h", 3_600), ("m", 60)):
            count, whole_s = divmod(whole_s, length_s)
            text += f"{count}{unit}" if count else ""
        return text + (f"{whole_s + ms / 1_000:g}s" if whole_s or ms else "")


class Moment(Duration):
    """A moment counted from the start of the show, which may be over by then: `20s`, `2h`, `3d`."""

    longest_ms = LATER_MS_MAX
    longest = "400 days"


#: A field that Python has a word of its own for.
_FROM = {"from_": "from"}


class FlashEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename=_FROM):
    """Another price for a while. No two may overlap."""

    from_: Annotated[Moment, Meta(description="from when on it holds")]
    until: Annotated[Moment, Meta(description="the first moment at which it holds no longer")]
    price_minor: PriceMinor


class AccessEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may buy a drop, and whose time is earlier than everybody's."""

    tiers: Annotated[
        dict[Tier, Moment],
        Meta(max_length=TIERS_MAX, description="tier of clients: from when on they may buy"),
    ] = {}
    invited_only: Annotated[bool, Meta(description="only who is invited may buy")] = False


class PresaleEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A deposit in a first window, the balance in a second one."""

    deposit_minor: Annotated[
        int, Meta(ge=1, le=PRICE_MINOR_MAX, description="for each unit, in minor units (fen)")
    ]
    deposit_until: Annotated[Moment, Meta(description="the first moment too late for a deposit")]
    balance_from: Annotated[Moment, Meta(description="from when on balances are taken")]
    balance_until: Annotated[Moment, Meta(description="the first moment too late for a balance")]
    on_default: Annotated[
        Literal["forfeit", "refund"],
        Meta(description="what becomes of a deposit whose balance is not paid in time"),
    ] = "forfeit"


class LotteryEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may buy is drawn of those who entered. The house draws the seed and publishes its
    SHA-256: a seed in a file would be nobody's secret.
    """

    entries_from: Annotated[Moment, Meta(description="from when on one may enter")]
    entries_until: Annotated[Moment, Meta(description="when it is drawn, and opens")]


class DropEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A limited release of one product. When it opens is for the cue that schedules it."""

    drop_id: Annotated[DropId, Meta(description="its name in cues")]
    sku: Annotated[Sku, Meta(description="the product; its card says the same")]
    title: Annotated[Title, Meta(description="as viewers read it")]
    supply: Annotated[Supply, Meta(description="how many there are")]
    price_minor: PriceMinor
    limit_per_viewer: Annotated[
        int, Meta(ge=1, le=QUANTITY_MAX, description="units for one viewer, held and ordered")
    ] = 1
    hold: Annotated[Duration, Meta(description="how long a unit stays in a cart (2m)")] = field(
        default_factory=lambda: Duration(120_000)
    )
    pay_within: Annotated[
        Duration, Meta(description="how long an order waits for its payment (5m)")
    ] = field(default_factory=lambda: Duration(300_000))
    perks: Annotated[
        list[PerkTerms],
        Meta(max_length=PERKS_MAX, description="what the first N paid orders of it get"),
    ] = []
    flash: Annotated[
        list[FlashEntry],
        Meta(max_length=FLASH_PRICES_MAX, description="other prices by time"),
    ] = []
    access: Annotated[
        AccessEntry | None, Meta(description="who may buy, and who may earlier; none: everybody")
    ] = None
    reserve_on: Annotated[
        Literal["cart", "checkout", "payment"], Meta(description="what reserves a unit")
    ] = "cart"
    numbered: Annotated[
        bool, Meta(description="each paid unit gets its number, and a certificate of it")
    ] = False
    guarantee_days: Annotated[
        int,
        Meta(ge=0, le=GUARANTEE_DAYS_MAX, description="of a numbered unit, from its payment on"),
    ] = 0
    options: Annotated[
        list[OptionTerms],
        Meta(max_length=OPTIONS_MAX, description="how buyers may make a piece their own"),
    ] = []
    presale: Annotated[PresaleEntry | None, Meta(description="sold by a deposit and a balance")] = (
        None
    )
    lottery: Annotated[LotteryEntry | None, Meta(description="drawn of those who enter")] = None
    allocations: Annotated[
        dict[Channel, Supply],
        Meta(max_length=SHELVES_MAX, description="channel: units for its viewers alone"),
    ] = {}
    merge: Annotated[
        Moment | None, Meta(description="when what is left of the allocations flows together")
    ] = None

    def __post_init__(self) -> None:
        flaw = flaw_in(self.perks) or flaw_in_options(self.options)
        if flaw is not None:
            raise ValueError(flaw)
        if self.guarantee_days and not self.numbered:
            raise ValueError("a guarantee needs numbered: true")
        for perk in self.perks:
            if perk.first_n > self.supply:
                raise ValueError(
                    f"perk for the first {perk.first_n}, but the supply is {self.supply}"
                )
        for name, duration in (("hold", self.hold), ("pay_within", self.pay_within)):
            if duration < 1_000:
                raise ValueError(f"{name}: {duration} is shorter than 1s")


class CouponEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename=_FROM):
    """A code that takes something off an order: either an amount, or a part of the price."""

    code: Annotated[CouponCode, Meta(description="what buyers type")]
    supply: Annotated[Supply, Meta(description="how many orders may redeem it")]
    per_viewer: Annotated[
        int, Meta(ge=1, le=QUANTITY_MAX, description="orders of one viewer that may")
    ] = 1
    amount_minor: Annotated[
        PriceMinor | None, Meta(description="taken off, in minor units of the show's currency")
    ] = None
    percent_bp: Annotated[
        Annotated[int, Meta(ge=1, le=WHOLE_BP)] | None,
        Meta(description="ten thousandths of the price taken off: 1500 is 15 %"),
    ] = None
    skus: Annotated[
        list[Sku], Meta(max_length=DROPS_MAX, description="products it holds for; none: all")
    ] = []
    from_: Annotated[Moment | None, Meta(description="from when on it holds")] = None
    until: Annotated[Moment | None, Meta(description="when it holds no longer")] = None


class SlotEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename=_FROM):
    """So many deliveries of a perk in a city between two times."""

    slot_id: SlotId
    perk_id: Annotated[PerkId, Meta(description="a perk with slots: true")]
    city: Title
    from_: Annotated[Moment, Meta(description="when deliveries begin")]
    until: Annotated[Moment, Meta(description="when they end")]
    capacity: Annotated[int, Meta(ge=0, le=SLOT_CAPACITY_MAX, description="how many there are")]


class ScheduleEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """Announce a drop ahead of time."""

    drop: DropId
    opens: Annotated[
        Duration | None, Meta(description="when it opens by itself; none: when a cue opens it")
    ] = None


class RestockEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """More units."""

    drop: DropId
    quantity: Annotated[int, Meta(ge=1, le=SUPPLY_MAX)]
    channel: Annotated[
        Channel | None, Meta(description="on the shelf of this channel; none: for everybody")
    ] = None


class InviteEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """Put viewers on the list of the room, or of one drop."""

    viewers: Annotated[Invited, Meta(description="the merchant's ids of viewers")]
    drop: Annotated[DropId | None, Meta(description="to this drop; none: to the room")] = None
    tier: Annotated[TierOrNone, Meta(description="and as clients of this tier")] = ""


class CueEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One moment: `at` and exactly one of the actions."""

    at: Annotated[Duration, Meta(description="from the start of the show")]
    announce: Annotated[
        Annotated[Text, Meta(min_length=1)] | None, Meta(description="say this to everybody")
    ] = None
    push: Annotated[CardId | None, Meta(description="show this card")] = None
    pin: Annotated[CardId | None, Meta(description="show this card first")] = None
    withdraw: Annotated[CardId | None, Meta(description="take this card off the screen")] = None
    invite: Annotated[InviteEntry | None, Meta(description="invite viewers")] = None
    draft: Annotated[
        DropId | None, Meta(description="prepare this drop, of which nobody knows yet")
    ] = None
    discard: Annotated[DropId | None, Meta(description="throw this draft away")] = None
    schedule: Annotated[ScheduleEntry | None, Meta(description="announce a drop")] = None
    open: Annotated[DropId | None, Meta(description="open this drop now")] = None
    pause: Annotated[DropId | None, Meta(description="no new holds of this drop")] = None
    resume: Annotated[DropId | None, Meta(description="go on with this drop")] = None
    restock: Annotated[RestockEntry | None, Meta(description="add units")] = None
    close: Annotated[DropId | None, Meta(description="end this drop")] = None
    end: Annotated[Literal["show"] | None, Meta(description="end the show")] = None

    def __post_init__(self) -> None:
        given = [verb for verb in VERBS if getattr(self, verb) is not None]
        if len(given) != 1:
            what = "has none" if not given else f"has {' and '.join(given)}"
            raise ValueError(f"a cue has one action ({', '.join(VERBS)}); this one {what}")

    @property
    def action(self) -> tuple[str, Any]:
        """The verb and what it is about."""
        verb = next(verb for verb in VERBS if getattr(self, verb) is not None)
        return verb, getattr(self, verb)


VERBS = tuple(name for name in CueEntry.__struct_fields__ if name != "at")


class ShowFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The run of a show: what is shown and sold, and what the host does when."""

    version: Annotated[Literal[1], Meta(description="of this format")]
    title: Annotated[Title, Meta(description="of the room")]
    currency: Annotated[Currency, Meta(description="of every price in the show")]
    rules: Annotated[
        RoomRules | None, Meta(description="what holds for all drops together, from before it")
    ] = None
    stream: Annotated[
        Stream | None, Meta(description="where the picture comes from, from before it")
    ] = None
    cards: Annotated[
        list[Card], Meta(max_length=CARDS_MAX, description="product cards, shown by cues")
    ] = []
    drops: Annotated[
        list[DropEntry],
        Meta(max_length=DROPS_MAX + DRAFTS_MAX, description="what is sold, by cues"),
    ] = []
    coupons: Annotated[
        list[CouponEntry],
        Meta(max_length=COUPONS_IN_A_SHOW_MAX, description="codes, declared before the start"),
    ] = []
    slots: Annotated[
        list[SlotEntry],
        Meta(
            max_length=SLOTS_IN_A_SHOW_MAX,
            description="deliveries of perks, declared as soon as their perk is",
        ),
    ] = []
    cues: Annotated[
        list[CueEntry],
        Meta(min_length=1, max_length=CUES_MAX, description="what the host does, by time"),
    ]
