"""Who comes to the demo and what each of them is like: drawn from one seed, before it starts. Pure.

Owns the mix of people: buyers and onlookers, the hasty and the hesitant, cards that are declined,
connections that break. Refuses to know sockets and time; all times here count from the start of
the show. The same seed brings the same crowd (what it meets on the way depends on the race).
"""

from __future__ import annotations

import random
from collections.abc import Container, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from cart.drop import DropTerms
from livestream import commands
from livestream.show import Show

CHANNELS = ("tmall", "wechat", "xiaohongshu")
NAMES = (
    *("Mei", "Lin", "Yan", "Jun", "Hao", "Xin", "Ting", "Bo", "Lan", "Wei", "Rui", "Fang"),
    *("Louise", "Anna", "Marco", "Sofia", "Noor", "Hana", "Ji-woo", "Omar", "Elena", "Paul"),
)

#: Of a hundred viewers so many mean to buy, so many are in the room before the show begins.
BUYERS = 0.85
EARLY = 0.7
#: Wishes in units for each unit there is: enough that a drop sells out however many change their
#: mind, lose their hold, or let a payment come too late.
DEMAND = 1.25

#: What the gateways let one viewer do for long (`config.Limits`), and a little less.
CHAT_EVERY_S_MIN = 1.5
LIKE_EVERY_S_MIN = 0.5

#: A demo lasts a minute: holds and orders are only left to expire where that takes seconds.
EXPIRY_MS_MAX = 10_000

Loss = Literal["nothing", "cart.add", "checkout", "order.pay"]


class Errand(Struct, frozen=True):
    """One drop that somebody came for.

    `hesitates`: the first hold is left to expire. `token` is for the first payment, later ones are
    made with a good card. `loses` names the command whose reply is lost with the connection.
    """

    drop_id: str
    units: int
    reaction_s: float
    hesitates: bool
    token: str
    loses: Loss
    engraving: str


class Temper(Struct, frozen=True):
    """One viewer. `joins_s` below zero is before the show. `cuts` are pairs: when the connection
    breaks, and for how long it is away. `leaves_s` None stays to the end.
    """

    viewer: str
    name: str
    channel: str
    seed: int
    joins_s: float
    leaves_s: float | None
    chat_every_s: float | None
    like_every_s: float | None
    quiet_s: float | None
    cuts: Sequence[tuple[float, float]]
    errands: Sequence[Errand]
    #: How many times as quick as people are.
    pace: float = 1.0


def supply_of(show: Show) -> dict[str, int]:
    """Units of each drop over the whole show, restocks included."""
    supply = {terms.drop_id: terms.supply for terms in show.drops}
    for cue in show.cues:
        if isinstance(cue.command, commands.DropRestock):
            supply[cue.command.drop_id] += cue.command.quantity
    return supply


def wanted_of(crowd: Sequence[Temper]) -> dict[str, int]:
    """Units of each drop that the crowd means to buy."""
    wanted: dict[str, int] = {}
    for temper in crowd:
        for errand in temper.errands:
            wanted[errand.drop_id] = wanted.get(errand.drop_id, 0) + errand.units
    return wanted


def lead_s(viewers: int) -> float:
    """How long before the show the doors open: a hundred a second is a calm entrance."""
    return max(2.0, viewers / 100)


def gather(
    show: Show, viewers: int, seed: int, buyers: int | None = None, pace: float = 1.0
) -> list[Temper]:
    """A crowd of `viewers` for `show`, the same for the same seed: so many who mean to buy that
    everything is sold, or just `buyers` of them. At a `pace` above 1 they are that much quicker in
    everything but in what the gateways bound.
    """
    rng = random.Random(seed)
    chosen = None if buyers is None else set(rng.sample(range(viewers), min(buyers, viewers)))
    wishes = {
        terms.drop_id: _wishes(rng, terms, viewers, supply_of(show))
        if chosen is None
        else _wishes_of(rng, terms, viewers, chosen)
        for terms in show.drops
    }
    drops = {terms.drop_id: terms for terms in show.drops}
    crowd = []
    for index in range(viewers):
        errands = tuple(
            _errand(rng, drops[drop_id], units[index])
            for drop_id, units in wishes.items()
            if units[index]
        )
        temper = _temper(rng, index, lead_s(viewers), show.duration_ms / 1_000, errands)
        crowd.append(temper if pace == 1 else _quicker(temper, pace))
    return crowd


def _wishes_of(
    rng: random.Random, terms: DropTerms, viewers: int, buyers: Container[int]
) -> list[int]:
    """How many units each viewer wants where just these mean to buy."""
    most = min(terms.limit_per_viewer, 3)
    return [rng.randint(1, most) if index in buyers else 0 for index in range(viewers)]


def _quicker(temper: Temper, pace: float) -> Temper:
    """The same person in a show that goes `pace` times as fast. Its own times are set by the
    length of the show already; gateways let nobody chat more than once a second.
    """
    return replace(
        temper,
        chat_every_s=_at_least(CHAT_EVERY_S_MIN, temper.chat_every_s, pace),
        like_every_s=_at_least(LIKE_EVERY_S_MIN, temper.like_every_s, pace),
        cuts=[(at_s, away_s / pace) for at_s, away_s in temper.cuts],
        errands=[replace(errand, reaction_s=errand.reaction_s / pace) for errand in temper.errands],
        pace=pace,
    )


def _at_least(shortest_s: float, every_s: float | None, pace: float) -> float | None:
    return None if every_s is None else max(shortest_s, every_s / pace)


def _wishes(
    rng: random.Random, terms: DropTerms, viewers: int, supply: dict[str, int]
) -> list[int]:
    """How many units each viewer wants. If that is too little for the supply, people want more, and
    then more people do, as far as the limit allows.
    """
    limit, enough = terms.limit_per_viewer, DEMAND * supply[terms.drop_id]
    most = min(limit, 3)
    wishes = [rng.randint(1, most) if rng.random() < BUYERS else 0 for _ in range(viewers)]
    order = rng.sample(range(viewers), viewers)
    missing = enough - sum(wishes)
    for index in sorted(order, key=lambda i: wishes[i] == 0):
        if missing <= 0:
            break
        missing -= limit - wishes[index]
        wishes[index] = limit
    return wishes


def _errand(rng: random.Random, terms: DropTerms, units: int) -> Errand:
    late_ms = terms.pay_ttl_ms + rng.randint(300, 1_200)
    late = f"tok_late_{late_ms}" if terms.pay_ttl_ms <= EXPIRY_MS_MAX else "tok_delay_2000"
    tokens = ("tok_approve", "tok_decline", "tok_delay_800", "tok_twice", late)
    losses: tuple[Loss, ...] = ("nothing", "cart.add", "checkout", "order.pay")
    return Errand(
        drop_id=terms.drop_id,
        units=units,
        reaction_s=min(rng.lognormvariate(-0.8, 0.7), 4.0),
        hesitates=rng.random() < 0.1 and terms.hold_ttl_ms <= EXPIRY_MS_MAX,
        token=rng.choices(tokens, (74, 8, 8, 7, 3))[0],
        loses=rng.choices(losses, (91, 3, 3, 3))[0],
        engraving=rng.choice(("", "", "小王", "Pour toujours", "L & M", "1904")),
    )


def _temper(
    rng: random.Random, index: int, before_s: float, duration_s: float, errands: Sequence[Errand]
) -> Temper:
    cuts = []
    if rng.random() < 0.2:
        moments = sorted(rng.uniform(0.05, 0.95) * duration_s for _ in range(rng.randint(1, 3)))
        cuts = [(at_s, rng.uniform(0.05, 2.0)) for at_s in moments]
    channel = rng.choices(CHANNELS, (5, 3, 2))[0]
    return Temper(
        viewer=f"{channel}-{index:05d}",
        name=f"{rng.choice(NAMES)} {index}",
        channel=channel,
        seed=rng.getrandbits(32),
        joins_s=-rng.uniform(0.1, 1) * before_s
        if rng.random() < EARLY
        else rng.uniform(0, 0.25) * duration_s,
        leaves_s=rng.uniform(0.5, 0.95) * duration_s
        if not errands and rng.random() < 0.5
        else None,
        chat_every_s=rng.uniform(5, 20) if rng.random() < 0.5 else None,
        like_every_s=rng.uniform(2, 10) if rng.random() < 0.6 else None,
        quiet_s=rng.uniform(0.2, 0.8) * duration_s if rng.random() < 0.04 else None,
        cuts=tuple(cuts),
        errands=errands,
    )
