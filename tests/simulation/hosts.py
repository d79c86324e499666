"""Hosts, and what they do to a show: most of it once, some of it and the contrary a moment later.

A new feature of the counter comes here as something that a drop may be declared with
(`draw_terms`), or as a move of its own (`MOVES`).

Owns what is declared and pressed. Refuses to know what comes of it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any, Literal

from msgspec import structs

from cart.access import AccessTerms
from cart.bounds import DROPS_MAX
from cart.coupon import CouponTerms
from cart.drop import DropTerms
from cart.lottery import LotteryTerms, commitment_to
from cart.perk import PerkTerms
from cart.personalisation import OptionTerms
from cart.presale import PresaleTerms
from cart.price import FlashPrice
from cart.refund import Units
from cart.rules import RoomRules
from cart.slot import SlotTerms
from livestream import commands
from livestream.commands import Command, Envelope
from livestream.messages import Card, PinnedMessage, Stream
from tests.simulation.clockwork import Script
from tests.simulation.habits import COUPONS, SLOTS
from tests.simulation.people import Person, Told

OPTIONS = [
    OptionTerms("engraving", "engraving", 3, "cjk", price_minor=333),
    OptionTerms("wrap", "gift_wrap"),
]
SKUS = ("santos", "ring", "tank", "clash")

#: A time that no world lives to see.
FAR_AHEAD_MS = 4_000_000_000_000


class Host(Person):
    """Somebody at the desk, where commands have no id: each is a request of its own."""

    calm = False

    def press(self, command: commands.HostCommand) -> Script[Told | None]:
        self.conn = self.gateway.seat(self)
        return (yield from self.ask(command, tries=12))

    def say(self, command: Command) -> None:
        """Every other request under a key, by which a repeat of it is known."""
        once = commands.Once(f"key-{self.conn}", str(self.conn)) if self.conn % 2 else None
        self.gateway.say(Envelope(self.conn, self.actor, self.channel, command, once=once))

    def drop_ids(self) -> list[str]:
        """All drops on screen."""
        return sorted(self.gateway.view.drops)

    def some_order(self) -> str:
        """An order that somebody was told of, or none that there is."""
        known = list(self.gateway.witness.orders)
        return self.rng.choice(known) if known else "o1"


def draw_terms(
    rng: random.Random, drop_id: str, sku: str, now_ms: int, supply: int, calm: bool
) -> DropTerms:
    """What a drop may be declared with."""
    perks = [
        PerkTerms(
            f"perk-{n}", "bellboy", rng.randint(1, max(1, supply)), _policy(rng), slots=n == 0
        )
        for n in range(rng.choice((0, 0, 1, 2)))
    ]
    price_minor = rng.choice((0, 1, 99, 2_880_000, 100_000_000_000))
    presale = None if calm else draw_presale(rng, now_ms, price_minor)
    return DropTerms(
        drop_id,
        sku,
        sku.title(),
        supply,
        price_minor,
        rng.choice(("CNY", "CNY", "CNY", "EUR", "JPY")),
        opens_at_ms=rng.choice((None, now_ms, now_ms + rng.randint(0, 20_000))),
        limit_per_viewer=rng.choice((1, 1, 2, 3, 5)),
        hold_ttl_ms=rng.choice((1_000, 5_000, 10_000, 60_000)),
        pay_ttl_ms=rng.choice((1_000, 10_000, 30_000, 300_000)),
        perks=perks,
        flash=[] if presale else list(draw_flash(rng, now_ms)),
        presale=presale,
        access=None if calm else draw_access(rng, now_ms),
        numbered=rng.random() < 0.4,
        options=rng.choice(([], [], OPTIONS)),
        reserve_on=_reserve_on(rng),
        **({} if calm else draw_allocations(rng, supply, now_ms)),
    )


def _reserve_on(rng: random.Random) -> Literal["cart", "checkout", "payment"]:
    return rng.choice(("cart", "cart", "cart", "checkout", "payment"))


def draw_allocations(rng: random.Random, supply: int, now_ms: int) -> dict[str, Any]:
    """Shelves for some channels, and a time at which they merge, or none."""
    if supply < 2 or rng.random() < 0.6:
        return {}
    tmall = rng.randint(1, supply - 1)
    return {
        "allocations": {"tmall": tmall, "wechat": 1},
        "merge_at_ms": rng.choice((None, now_ms, now_ms + rng.randint(0, 60_000))),
    }


def draw_flash(rng: random.Random, now_ms: int) -> Iterator[FlashPrice]:
    """Windows one after another, with and without time between them."""
    from_ms = now_ms
    for _ in range(rng.choice((0, 0, 0, 1, 3))):
        from_ms += rng.choice((0, 1, 5_000))
        until_ms = from_ms + rng.randint(1, 20_000)
        yield FlashPrice(from_ms, until_ms, rng.choice((0, 1, 77, 1_440_000)))
        from_ms = until_ms


def draw_presale(rng: random.Random, now_ms: int, price_minor: int) -> PresaleTerms | None:
    """One drop in five is sold by a deposit and a balance, in windows that are short."""
    if rng.random() < 0.8 or price_minor < 2:
        return None
    deposit_until_ms = now_ms + rng.randint(5_000, 60_000)
    balance_from_ms = deposit_until_ms + rng.choice((0, 1, 20_000))
    return PresaleTerms(
        rng.choice((1, price_minor // 2, price_minor - 1)),
        deposit_until_ms,
        balance_from_ms,
        balance_from_ms + rng.choice((1_000, 20_000, 90_000)),
        rng.choice(("forfeit", "refund")),
    )


def draw_lottery(rng: random.Random, now_ms: int, seed: str) -> LotteryTerms:
    """A window for entries, and the promise of this seed."""
    from_ms = now_ms + rng.choice((-1_000, 0, 5_000))
    until_ms = max(now_ms, from_ms) + rng.randint(1_000, 30_000)
    return LotteryTerms(from_ms, until_ms, commitment_to(seed))


def draw_access(rng: random.Random, now_ms: int) -> AccessTerms | None:
    """As a rule everybody; now and then tiers that come first, or only those who are invited."""
    if rng.random() < 0.8:
        return None
    tiers = {tier: now_ms - 60_000 + rng.randint(0, 70_000) for tier in ("gold", "maison")}
    return AccessTerms(tiers=rng.choice(({}, tiers)), invited_only=rng.random() < 0.5)


def _policy(rng: random.Random) -> Literal["stay", "pass"]:
    return rng.choice(("stay", "pass"))


def schedules(me: Host, supply: int) -> Script[None]:
    """One more drop, of a product that is free, or of one that is not."""
    number = len(me.drop_ids()) + 1
    if number > DROPS_MAX:
        return
    sku = me.rng.choice(SKUS)
    terms = draw_terms(me.rng, f"d{number}", sku, me.clock.now_ms, supply, me.calm)
    seed = "" if me.calm or me.rng.random() < 0.8 else me.rng.randbytes(32).hex()
    if seed:
        lottery = draw_lottery(me.rng, me.clock.now_ms, seed)
        terms = structs.replace(terms, opens_at_ms=None, access=None, lottery=lottery)
    if me.rng.random() < 0.8:
        yield from me.press(commands.DropSchedule(terms, seed))
    else:
        yield from _by_a_draft(me, terms, seed)
    if terms.opens_at_ms is None or me.rng.random() < 0.5:
        yield from me.press(commands.DropOpen(terms.drop_id))


def _by_a_draft(me: Host, terms: DropTerms, seed: str) -> Script[None]:
    """Prepared, thrown away, prepared again and then scheduled."""
    other = structs.replace(terms, title="Not this one")
    yield from me.press(commands.DropDraft(other))
    if me.rng.random() < 0.5:
        yield from me.press(commands.DraftDiscard(terms.drop_id))
    yield from me.press(commands.DropDraft(terms))
    yield from me.press(commands.DraftSchedule(terms.drop_id, seed))


# -- moves -------------------------------------------------------------------------------------


def pauses(me: Host, drop_id: str) -> Iterator[commands.HostCommand]:
    yield commands.DropPause(drop_id)


def opens(me: Host, drop_id: str) -> Iterator[commands.HostCommand]:
    yield commands.DropOpen(drop_id)


def opens_the_rest(me: Host, drop_id: str) -> Iterator[commands.HostCommand]:
    yield commands.DropOpenRest(drop_id)


def pauses_and_opens(me: Host, drop_id: str) -> Iterator[commands.HostCommand]:
    yield commands.DropPause(drop_id)
    yield commands.DropOpen(drop_id)


def restocks(me: Host, drop_id: str) -> Iterator[commands.HostCommand]:
    yield commands.DropRestock(drop_id, me.rng.randint(1, 4))


def closes(me: Host, drop_id: str) -> Iterator[commands.HostCommand]:
    yield commands.DropClose(drop_id)


def refunds(me: Host, drop_id: str) -> Iterator[commands.HostCommand]:
    yield commands.OrderRefund(me.some_order(), me.rng.random() < 0.7)


def refunds_in_part(me: Host, drop_id: str) -> Iterator[commands.HostCommand]:
    """Some of the money, or some of the units, under a name that is used more than once."""
    order_id, rng = me.some_order(), me.rng
    for _ in range(rng.choice((1, 2))):
        request_id, restock = rng.choice(("r1", "r2", "r3")), rng.random() < 0.7
        if rng.random() < 0.5:
            parts = [Units(rng.choice(SKUS), rng.choice((1, 1, 2)))]
            asked = commands.OrderRefund(order_id, restock, parts, None, request_id)
        else:
            amount_minor = rng.choice((1, 50, 1_000_000))
            asked = commands.OrderRefund(order_id, restock, [], amount_minor, request_id)
        yield asked
        if rng.random() < 0.3:
            yield asked


def puts_a_coupon(me: Host, drop_id: str) -> Iterator[commands.HostCommand]:
    rng, now_ms = me.rng, me.clock.now_ms
    amount_minor = rng.choice((None, 1, 40, 5_000_000))
    yield commands.CouponPut(
        CouponTerms(
            rng.choice(COUPONS),
            rng.randint(1, 4),
            rng.choice((1, 1, 2)),
            amount_minor,
            rng.choice((1, 1_500, 3_333, 10_000)) if amount_minor is None else None,
            None if amount_minor is None else rng.choice(("CNY", "CNY", "EUR")),
            rng.choice(([], [], ["santos"], ["ring", "tank"])),
            rng.choice((None, now_ms, now_ms + 5_000)),
            rng.choice((None, now_ms + 30_000)),
        )
    )


def puts_slots(me: Host, drop_id: str) -> Iterator[commands.HostCommand]:
    """A place or two for each perk, and as many as come to mind another time."""
    rng, now_ms = me.rng, me.clock.now_ms
    for slot_id in SLOTS:
        perk_id = "welcome" if slot_id == SLOTS[-1] else "perk-0"
        from_ms = rng.choice((FAR_AHEAD_MS, now_ms + 20_000))
        places = rng.choice((0, 0, 1, 2))
        terms = SlotTerms(slot_id, perk_id, "Shanghai", from_ms, from_ms + 1, places)
        yield commands.SlotPut(terms)


def invites(me: Host, drop_id: str) -> Iterator[commands.HostCommand]:
    """Some to the room or to a drop, and some of them out again."""
    guests = [f"v{me.rng.randint(0, 30)}" for _ in range(6)]
    where = me.rng.choice((None, drop_id))
    yield commands.InvitationPut(guests, where, me.rng.choice(("", "gold")))
    if me.rng.random() < 0.4:
        yield commands.InvitationWithdraw(guests[:2], where)


def changes_the_rules(me: Host, drop_id: str) -> Iterator[commands.HostCommand]:
    rng = me.rng
    perks = [PerkTerms("welcome", "a gift", 5, "pass", slots=True)] if rng.random() < 0.8 else []
    rules = RoomRules(rng.random() < 0.2, rng.choice((None, 1, 3, 8)), rng.random() < 0.3, perks)
    yield commands.RulesSet(rules)


def acts(me: Host, drop_id: str) -> Iterator[commands.HostCommand]:
    """Everything that sells nothing."""
    card_id, viewer, on = me.rng.choice(("c1", "c2")), "v1", me.rng.random() < 0.5
    yield commands.CardPut(Card(card_id, me.rng.choice(("A", "B")), "santos"))
    yield commands.CardPin(card_id if on else None)
    yield commands.ViewerMute(viewer, on)
    yield commands.ViewerBan(viewer, not on)
    yield commands.ChatSlowMode(500 * on)
    yield commands.StreamSet(Stream(f"https://video/{card_id}.m3u8" if on else None))
    yield commands.Announce("Welcome")
    yield commands.ChatPin(PinnedMessage("Doors at eight", "Mei", "m-1" if on else ""))
    yield commands.ChatDelete("m-1")
    yield commands.ChatRestore("m-1")
    if not on:
        yield commands.ChatUnpin()
    yield commands.ChatWords(["rude", "坏蛋"][on:])
    if me.rng.random() < 0.3:
        yield commands.CardWithdraw(card_id)


Move = Callable[[Host, str], Iterator[commands.HostCommand]]

#: How often each is made. A calm host makes only those of CALM_MOVES.
MOVES: dict[Move, int] = {
    pauses: 4,
    opens: 8,
    opens_the_rest: 4,
    pauses_and_opens: 3,
    restocks: 6,
    closes: 1,
    refunds: 6,
    refunds_in_part: 6,
    puts_a_coupon: 6,
    puts_slots: 6,
    invites: 2,
    changes_the_rules: 1,
    acts: 2,
}
CALM_MOVES: dict[Move, int] = {
    opens: 3,
    puts_a_coupon: 3,
    puts_slots: 3,
    acts: 2,
    pauses_and_opens: 1,
}


def one_evening(me: Host, drops: int, supply_max: int, show_ms: int) -> Script[None]:
    """A host's whole evening: from the first word to the last."""
    rng, ends_at_ms = me.rng, me.clock.now_ms + show_ms
    yield from me.press(commands.RoomCreate("An evening in Paris"))
    yield from me.press(commands.RoomStart())
    for _ in range(drops):
        yield from schedules(me, rng.randint(1, supply_max))
    moves = CALM_MOVES if me.calm else MOVES
    while me.clock.now_ms < ends_at_ms:
        yield rng.randint(200, max(1_000, show_ms // 8))
        if not me.calm and rng.random() < 0.15:
            yield from schedules(me, rng.randint(1, supply_max))
        drop_id = rng.choice(me.drop_ids() or ["d1"])
        for command in rng.choices(list(moves), list(moves.values()))[0](me, drop_id):
            yield from me.press(command)
