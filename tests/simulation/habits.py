"""How people shop. Each habit is a script; a world draws one for each of its shoppers.

A new feature of the counter comes here as a habit: a script that says what its commands are, one
line in `HABITS`. What must hold is not said here: that is for the auditor, who reads the log.

Owns what people do. Refuses to know what they ought to get.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from livestream import messages
from tests.simulation.clockwork import Script
from tests.simulation.people import Person, Told

#: Codes that go round; the host may have put them.
COUPONS = ("spring", "maison", "first-ten")
#: Delivery slots that are spoken of; the host may have put them.
SLOTS = ("slot-1", "slot-2", "slot-3")

#: Between two things that a person does.
A_MOMENT_MS = (50, 300, 1_200, 4_000)


class Shopper(Person):
    """A viewer with a cart. Every way to do something comes back with what was told, or None."""

    def moment(self) -> Script[None]:
        """Look, read, think."""
        yield self.rng.choice(A_MOMENT_MS)

    def hesitation(self) -> Script[None]:
        """Put the phone away for a while: about as long as things are held."""
        yield self.rng.choice((2_000, 4_990, 5_000, 9_990, 10_000, 15_000, 60_000))

    def drops(self) -> list[dict[str, Any]]:
        """What is on screen."""
        return list(self.gateway.view.drops.values())  # type: ignore[arg-type]  # a TypedDict

    def any_sku(self) -> str:
        """Something to buy; as a rule it is there."""
        skus = [drop["sku"] for drop in self.drops() if drop["status"] != "closed"]
        return self.rng.choice(skus) if skus else "sold-nowhere"

    def wait_for_the_show(self) -> Script[None]:
        """Until something is on sale, or for a minute."""
        for _ in range(60):
            if self.drops():
                return
            yield 1_000

    # -- what one can do -----------------------------------------------------------------------

    def add(
        self, sku: str | None = None, quantity: int = 1, command_id: str | None = None
    ) -> Script[Told | None]:
        command = messages.CartAdd(command_id or self.next_id(), sku or self.any_sku(), quantity)
        return (yield from self.ask(command))

    def remove(self, sku: str, quantity: int | None = None) -> Script[Told | None]:
        return (yield from self.ask(messages.CartRemove(self.next_id(), sku, quantity)))

    def look(self) -> Script[Told | None]:
        return (yield from self.ask(messages.CartShow(self.next_id())))

    def check_out(
        self,
        checkout_id: str | None = None,
        personalisation: Mapping[str, dict[str, str]] | None = None,
        coupon: str | None = None,
        slot_id: str | None = None,
    ) -> Script[Told | None]:
        command = messages.Checkout(
            self.next_id(),
            checkout_id or f"co-{self.next_id()}",
            dict(personalisation or {}),
            coupon,
            slot_id,
        )
        return (yield from self.ask(command))

    def pay(self, order: Told | None) -> Script[Told | None]:
        if order is None or not order.ok:
            return None
        command = messages.OrderPay(self.next_id(), str(order.result["order_id"]), "tok")
        return (yield from self.ask(command))


Habit = Callable[[Shopper], Script[None]]


def got(told: Told | None) -> bool:
    """Whether it was told that it worked."""
    return told is not None and told.ok


def buys_at_once(me: Shopper) -> Script[None]:
    yield from me.add(quantity=me.rng.choice((1, 1, 1, 2)))
    yield from me.pay((yield from me.check_out()))


def hesitates(me: Shopper) -> Script[None]:
    """Takes as long as holds last, at each step."""
    yield from me.add()
    yield from me.hesitation()
    order = yield from me.check_out()
    yield from me.hesitation()
    yield from me.pay(order)


def double_taps(me: Shopper) -> Script[None]:
    """Every button twice, as one command and its copy, and once more later."""
    add = messages.CartAdd(me.next_id(), me.any_sku())
    me.say(add)
    yield from me.ask(add)
    check_out = messages.Checkout(me.next_id(), f"co-{me.next_id()}")
    me.say(check_out)
    order = yield from me.ask(check_out)
    yield from me.moment()
    me.say(check_out)
    yield from me.ask(add)
    if order is not None and order.ok:
        pay = messages.OrderPay(me.next_id(), str(order.result["order_id"]), "tok")
        me.say(pay)
        yield from me.ask(pay)
        yield from me.ask(check_out)


def says_it_all_over_again(me: Shopper) -> Script[None]:
    """A client that lost its answers: the same checkout over and over, whatever was added since."""
    checkout_id = f"co-{me.next_id()}"
    for _ in range(3):
        yield from me.add()
        yield from me.moment()
        order = yield from me.check_out(checkout_id)
    yield from me.check_out(checkout_id, {me.any_sku(): {"engraving": "another"}})
    yield from me.pay(order)


def uses_an_id_twice(me: Shopper) -> Script[None]:
    """Another thing under an id that was used."""
    command_id, skus = me.next_id(), sorted({me.any_sku(), me.any_sku(), me.any_sku()})
    for sku in skus:
        yield from me.add(sku, 1, command_id)
    yield from me.ask(messages.CartRemove(command_id, skus[0], 1))


def vanishes(me: Shopper) -> Script[None]:
    """Leaves at some point of it, for good."""
    steps = me.rng.randint(1, 3)
    yield from me.add(quantity=me.rng.choice((1, 2)))
    if steps > 1:
        order = yield from me.check_out()
        if steps > 2 and order is not None and order.ok:
            me.say(messages.OrderPay(me.next_id(), str(order.result["order_id"]), "tok"))


def pays_in_the_last_moment(me: Shopper) -> Script[None]:
    """When the order is about to expire, or has just done so."""
    yield from me.add()
    order = yield from me.check_out()
    if order is None or not order.ok:
        return
    left_ms = int(order.result["expires_at_ms"]) - me.clock.now_ms
    yield max(0, left_ms + me.rng.choice((-1_500, -20, -7, 0, 1, 40, 3_000)))
    yield from me.pay(order)


def pays_twice(me: Shopper) -> Script[None]:
    """Again and again, with another card each time, and from two windows."""
    yield from me.add()
    order = yield from me.check_out()
    for _ in range(4):
        paid = yield from me.pay(order)
        if paid is None or not paid.ok or paid.result["status"] == "paid":
            return
        yield me.rng.choice((100, 2_000, 5_000))


def changes_their_mind(me: Shopper) -> Script[None]:
    """In, out, and something else."""
    sku = me.any_sku()
    for _ in range(me.rng.randint(1, 3)):
        yield from me.add(sku, me.rng.choice((1, 2, 3)))
        yield from me.moment()
        yield from me.remove(sku, me.rng.choice((None, 1, 2)))
    yield from me.add(me.any_sku())
    yield from me.pay((yield from me.check_out()))


TEXTS = ("小王", "W", "W", "far too long")


def fills_the_cart(me: Shopper) -> Script[None]:
    """Some of everything, up to every limit."""
    for _ in range(me.rng.randint(2, 6)):
        yield from me.add(quantity=me.rng.choice((1, 2, 5)))
    cart = yield from me.look()
    yield from me.pay((yield from me.check_out(None, wishes_for(me, cart))))


def wishes_for(me: Shopper, cart: Told | None) -> dict[str, dict[str, str]]:
    """Something of what is offered for the pieces in the cart; some texts do not fit."""
    held = cart.result["holds"] if cart is not None and cart.ok else []
    drops = me.gateway.view.drops
    return {
        hold["sku"]: {
            option["option_id"]: "" if option["kind"] == "gift_wrap" else me.rng.choice(TEXTS)
            for option in drops[hold["drop_id"]].get("options", ())
        }
        for hold in held
    }


def comes_back_for_more(me: Shopper) -> Script[None]:
    """One purchase after another, past the limit."""
    for _ in range(4):
        yield from me.add()
        yield from me.pay((yield from me.check_out()))
        yield from me.moment()


def does_not_give_up(me: Shopper) -> Script[None]:
    """Comes back as long as a unit might still fall free, and pays at once."""
    for _ in range(200):
        held = yield from me.add()
        if got(held):
            yield from me.pay((yield from me.check_out()))
            return
        if held is not None and held.code in ("sold_out", "closed", "limit_reached"):
            return
        yield me.rng.randint(1_000, 4_000)


def waits_in_line(me: Shopper) -> Script[None]:
    """Joins, and looks now and then what came of it; some lose patience, some want two."""
    sku, patience = me.any_sku(), me.rng.randint(2, 60)
    join = messages.LineJoin(me.next_id(), sku, me.rng.choice((1, 1, 2)))
    told = yield from me.ask(join)
    for _ in range(patience):
        if told is not None and told.code in ("sold_out", "closed", "limit_reached"):
            return
        cart = yield from me.look()
        if cart is not None and cart.ok and cart.result["holds"]:
            yield from me.pay((yield from me.check_out()))
            return
        if cart is not None and cart.ok and not cart.result["waiting"]:
            told = yield from me.ask(messages.LineJoin(me.next_id(), sku))
        yield me.rng.randint(500, 4_000)
    yield from me.ask(messages.LineLeave(me.next_id(), sku))


def has_heard_of_a_coupon(me: Shopper) -> Script[None]:
    """Tries every code until one is taken, and again with the next order."""
    for _ in range(2):
        yield from me.add(quantity=me.rng.choice((1, 2)))
        yield from me.add()
        for code in me.rng.sample(COUPONS, 3):
            order = yield from me.check_out(coupon=code)
            if got(order):
                break
        else:
            order = yield from me.check_out()
        yield from me.pay(order)


def pays_in_two_parts(me: Shopper) -> Script[None]:
    """A presale: the deposit, then the balance in its window, at its edges, or never."""
    presales = [drop["sku"] for drop in me.drops() if drop.get("presale")]
    yield from me.add(me.rng.choice(presales) if presales else None, me.rng.choice((1, 1, 2)))
    order = yield from me.check_out()
    yield from me.pay(order)
    if order is None or not order.ok or "presale" not in order.result:
        return
    windows = order.result["presale"]
    begins_ms, ends_ms = windows["balance_from_ms"], windows["balance_until_ms"]
    edges = sorted(me.rng.sample((begins_ms - 1_000, begins_ms, begins_ms + 500), 2))
    for at_ms in (*edges, ends_ms - 30):
        yield max(0, at_ms - me.clock.now_ms)
        if me.rng.random() < 0.8:
            yield from me.pay(order)


def enters_a_lottery(me: Shopper) -> Script[None]:
    """Once and once more, early and late; then looks until there is an offer, and buys."""
    for _ in range(8):
        drawn = [drop["sku"] for drop in me.drops() if drop.get("lottery")]
        if drawn:
            break
        yield 3_000
    sku = me.rng.choice(drawn) if drawn else me.any_sku()
    for _ in range(me.rng.randint(1, 4)):
        yield from me.ask(messages.LotteryEnter(me.next_id(), sku))
        yield me.rng.choice((100, 3_000, 15_000))
    for _ in range(6):
        cart = yield from me.look()
        if cart is not None and cart.ok and cart.result["holds"]:
            yield from me.pay((yield from me.check_out()))
            return
        yield 4_000


def meddles(me: Shopper) -> Script[None]:
    """Other people's orders, things that do not exist."""
    number = me.rng.randint(1, 40)
    yield from me.ask(messages.OrderPay(me.next_id(), f"o{number}", "tok"))
    yield from me.ask(messages.CartAdd(me.next_id(), "nothing", 100))
    yield from me.ask(messages.CartRemove(me.next_id(), me.any_sku()))
    yield from me.ask(messages.Checkout(me.next_id(), "co-empty"))
    yield from me.look()


def wants_it_delivered_at(me: Shopper) -> Script[None]:
    """At a time of one's own choosing, and then at another."""
    yield from me.add()
    yield from me.ask(messages.SlotsShow(me.next_id(), me.rng.choice(("perk-0", "welcome"))))
    slots = me.rng.sample(SLOTS, len(SLOTS))
    order: Told | None = None
    for slot_id in (*slots, None):
        order = yield from me.check_out(slot_id=slot_id)
        if got(order):
            break
    if order is None or not order.ok:
        return
    order_id = str(order.result["order_id"])
    if me.rng.random() < 0.5:
        yield from me.ask(messages.SlotChoose(me.next_id(), order_id, slots[0]))
    yield from me.hesitation()
    yield from me.pay(order)
    yield from me.hesitation()
    yield from me.ask(messages.SlotChoose(me.next_id(), order_id, slots[1]))


def takes_what_is_left(me: Shopper, sku: str) -> Script[None]:
    """One unit after another of this one, up to the limit, each paid at once."""
    for _ in range(20):
        held = yield from me.add(sku)
        if held is not None and held.code in ("sold_out", "closed", "limit_reached"):
            return
        if got(held):
            yield from me.pay((yield from me.check_out()))
        yield 4_000


#: How often each is met with.
HABITS: dict[Habit, int] = {
    buys_at_once: 12,
    hesitates: 12,
    double_taps: 8,
    says_it_all_over_again: 5,
    uses_an_id_twice: 2,
    vanishes: 8,
    pays_in_the_last_moment: 8,
    pays_twice: 8,
    changes_their_mind: 8,
    fills_the_cart: 6,
    comes_back_for_more: 6,
    does_not_give_up: 12,
    waits_in_line: 12,
    has_heard_of_a_coupon: 10,
    pays_in_two_parts: 10,
    enters_a_lottery: 10,
    wants_it_delivered_at: 8,
    meddles: 2,
}


def one_evening(me: Shopper, habit: Habit, comes_after_ms: int) -> Script[None]:
    """A shopper's whole evening."""
    yield comes_after_ms
    yield from me.wait_for_the_show()
    for drop in me.drops():
        if drop.get("lottery") and me.rng.random() < 0.5:
            yield from me.ask(messages.LotteryEnter(me.next_id(), drop["sku"]))
    yield from habit(me)
