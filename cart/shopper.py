"""What a viewer may do at the counter: add, remove, look, check out, ask to pay.

Each function reads the books, changes nothing, and returns a `Decision`. `now_ms` is the room's
time. Owns the rules of buying. Refuses to know time's own doing (`cart.clock`) and the provider
(`cart.settlement`).
"""

from __future__ import annotations

from cart import delivery, deposits, drawing, invitation, limits, reserving
from cart.awards import editions_of, perks_of
from cart.basket import Basket, PutBack
from cart.books import Books
from cart.bounds import (
    CHECKOUTS_PER_VIEWER_MAX,
    COMMANDS_KEPT_MAX,
    LINES_MAX,
    PAYMENT_ATTEMPTS_MAX,
    TTL_MAX_MS,
)
from cart.counter import Counter
from cart.drop import Drop, DropStatus
from cart.events import HoldPlaced, HoldReleased, OrderPlaced, PaymentStarted, SlotHeld
from cart.hold import Hold
from cart.order import Order, OrderLine, OrderStatus, Part, PaymentStatus
from cart.outcome import (
    CartResult,
    Decision,
    ErrorCode,
    HoldResult,
    LineResult,
    OrderResult,
    Refusal,
    refuse,
)
from cart.personalisation import Wishes, composed, personalised
from cart.places import places_of
from cart.price import price_at
from cart.redemption import discounted
from cart.repeat import is_same_checkout

_WHOLE: Part = "whole"


def add(
    counter: Counter,
    viewer: str,
    sku: str,
    quantity: int,
    command_id: str,
    now_ms: int,
    tier: str = "",
    invited: bool = False,
    channel: str = "",
) -> Decision:
    """Reserve `quantity` units of the drop that sells `sku`, at its price of now. `tier`, `invited`
    and `channel` are what the viewer's ticket claims.
    """
    books = counter.books
    basket = books.baskets.get(viewer)
    if basket is not None:
        done = basket.recent.get(command_id)
        if isinstance(done, HoldPlaced) and (done.sku, done.quantity) == (sku, quantity):
            return Decision((), hold_result(done))
        if done is not None:
            return id_used(command_id)
        if basket.is_full and (wait_ms := basket.is_full_for_ms(now_ms)):
            return too_many(wait_ms)
        if len(basket.hold_ids) >= LINES_MAX:
            return refuse(ErrorCode.LIMIT_REACHED, f"a cart has at most {LINES_MAX} lines")
    drop_id = books.drop_of_sku.get(sku)
    if drop_id is None:
        return refuse(ErrorCode.NOT_FOUND, f"no drop sells {sku}")
    drop = books.drops[drop_id]
    rules = books.rules
    if drop.terms.access is None and not rules.invited_only:
        tier, invited = "", False  # does not matter here, and is not kept
    else:
        refusal = invitation.refusal(books, drop, viewer, tier, invited, now_ms)
        if refusal is not None:
            return refusal
    refusal = _refusal_to_hold(books, drop, viewer, quantity, now_ms)
    if refusal is not None:
        return refusal
    if basket is not None:
        refusal = refusal_to_mix(books, basket, drop)
        if refusal is not None:
            return refusal
    shelf = ""
    if drop.shelves is None:
        channel = ""  # does not matter here, and is not kept
    else:
        shelf = drop.shelves.of_channel(channel)
        if drop.is_apart and (quantity > drop.shelves.free(shelf) or drop.awaited(shelf)):
            if drop.line.of(viewer) is not None:
                return _waits_already(drop)
            return reserving.nothing_on(drop, shelf, now_ms)
    if quantity > drop.stock.available or (drop.line.places and not drop.is_apart):
        return _nothing_free(drop, viewer)
    number = books.holds_placed + 1
    placed = hold_of(
        drop,
        number,
        viewer,
        quantity,
        command_id,
        now_ms,
        tier,
        invited,
        shelf=shelf,
        channel=channel,
    )
    return Decision((placed,), hold_result(placed))


def hold_of(
    drop: Drop,
    number: int,
    viewer: str,
    quantity: int,
    command_id: str,
    now_ms: int,
    tier: str,
    invited: bool,
    offered: bool = False,
    shelf: str = "",
    channel: str = "",
) -> HoldPlaced:
    """The hold that a viewer gets now: the `number`-th of the room."""
    terms = drop.terms
    expires_at_ms = now_ms + terms.hold_ttl_ms
    if terms.presale is not None and not drop.sells_rest:
        expires_at_ms = min(expires_at_ms, terms.presale.deposit_until_ms)
    return HoldPlaced(
        hold_id=f"h{number}",
        viewer=viewer,
        drop_id=terms.drop_id,
        sku=terms.sku,
        quantity=quantity,
        price_minor=price_at(terms.price_minor, terms.flash, now_ms)
        if terms.flash
        else terms.price_minor,
        currency=terms.currency,
        expires_at_ms=expires_at_ms,
        command_id=command_id,
        tier=tier,
        invited=invited,
        offered=offered,
        reserved=offered or terms.reserve_on == "cart",
        shelf=shelf,
        channel=channel,
    )


def id_used(command_id: str) -> Decision:
    """The viewer gave this id to something else before."""
    return refuse(ErrorCode.CONFLICT, f"the id {command_id} was used with other content")


def _refusal_to_hold(
    books: Books, drop: Drop, viewer: str, quantity: int, now_ms: int
) -> Decision | None:
    terms = drop.terms
    if terms.lottery is not None and not drop.sells_rest:
        return drawing.refusal_to_buy(drop, terms.lottery, now_ms)
    match drop.status:
        case DropStatus.OPEN | DropStatus.ALL_HELD:
            pass
        case DropStatus.SOLD_OUT:
            return refuse(ErrorCode.SOLD_OUT, f"{terms.title} is sold out")
        case DropStatus.CLOSED:
            return refuse(ErrorCode.CLOSED, f"the drop of {terms.title} has ended")
        case DropStatus.PAUSED:
            return refuse(ErrorCode.NOT_OPEN, f"the drop of {terms.title} is paused")
        case DropStatus.DRAFT | DropStatus.SCHEDULED:
            wait_ms = max(0, terms.opens_at_ms - now_ms) if terms.opens_at_ms is not None else 0
            return refuse(ErrorCode.NOT_OPEN, f"{terms.title} is not open yet", wait_ms)
    if terms.presale is not None and not drop.sells_rest:
        refusal = deposits.closed(terms.presale, terms.title, now_ms)
        if refusal is not None:
            return refusal
    has = drop.taken.get(viewer, 0)
    if has + quantity <= terms.limit_per_viewer and books.rules.limit_per_viewer is None:
        return None  # as nearly always
    return limits.refusal(books, drop, viewer, quantity)


def _nothing_free(drop: Drop, viewer: str) -> Decision:
    """Too few units are free; or some are, and belong to those who wait in line."""
    stock, waiting = drop.stock, len(drop.line.places)
    if drop.line.of(viewer) is not None:
        return _waits_already(drop)
    return refuse(
        ErrorCode.ALL_HELD,
        f"{stock.available} free now, {stock.held} held by others, {waiting} in line",
        reserving.ALL_HELD_RETRY_MS,
    )


def _waits_already(drop: Drop) -> Decision:
    return refuse(ErrorCode.IN_LINE, f"you wait in line for {drop.terms.title} already")


def refusal_to_mix(books: Books, basket: Basket, drop: Drop) -> Decision | None:
    """Why units of the drop cannot lie in this cart, if so it is."""
    terms = drop.terms
    if books.rules.one_product_per_order and limits.is_other_product(books, basket, terms.sku):
        return refuse(ErrorCode.CONFLICT, "one product for each order: check out first")
    for hold_id in basket.hold_ids:
        hold = books.holds[hold_id]
        if hold.currency != terms.currency:
            return refuse(ErrorCode.CONFLICT, "one cart has one currency: check out first")
        if hold.drop_id != terms.drop_id and (
            drop.is_presale or books.drops[hold.drop_id].is_presale
        ):
            return refuse(ErrorCode.CONFLICT, "a presale has a cart of its own: check out first")
    return None


def too_many(wait_ms: int) -> Decision:
    """The viewer's cart was changed so often that no more can be remembered."""
    return refuse(
        ErrorCode.RATE_LIMITED, f"at most {COMMANDS_KEPT_MAX} changes of a cart in a day", wait_ms
    )


def remove(
    counter: Counter,
    viewer: str,
    sku: str,
    quantity: int | None,
    command_id: str,
    now_ms: int,
) -> Decision:
    """Put `quantity` units of `sku` back, newest holds first; None means all of them."""
    basket = counter.books.baskets.get(viewer)
    if basket is None:
        return refuse(ErrorCode.EMPTY_CART, "nothing is held")
    done = basket.recent.get(command_id)
    if isinstance(done, PutBack) and _may_be(done, sku, quantity):
        return Decision((), {"sku": sku, "removed": done.quantity})
    if done is not None:
        return id_used(command_id)
    if basket.is_full and (wait_ms := basket.is_full_for_ms(now_ms)):
        return too_many(wait_ms)
    holds = [counter.books.holds[hold_id] for hold_id in reversed(basket.hold_ids)]
    mine = [hold for hold in holds if hold.sku == sku]
    held = sum(hold.quantity for hold in mine)
    if held == 0:
        return refuse(ErrorCode.NOT_FOUND, f"no {sku} in the cart")
    left = removed = held if quantity is None else min(quantity, held)
    facts: list[HoldReleased] = []
    for hold in mine:
        units = min(left, hold.quantity)
        if units:
            facts.append(HoldReleased(hold.hold_id, units, command_id))
            left -= units
    return Decision(facts, {"sku": sku, "removed": removed})


def _may_be(done: PutBack, sku: str, quantity: int | None) -> bool:
    """Whether this is what was asked for then. Facts tell what went back, not how much was asked
    for, so that only less is known to be other content.
    """
    return done.sku == sku and (quantity is None or done.quantity <= quantity)


def show(counter: Counter, viewer: str) -> Decision:
    """What the viewer holds, has ordered, and waits for."""
    books = counter.books
    basket = books.baskets.get(viewer)
    cart: CartResult = {
        "holds": [hold_result(books.holds[h]) for h in basket.hold_ids] if basket else [],
        "orders": [
            order_result(counter, books.orders[order_id])
            for order_id in books.checkouts.get(viewer, {}).values()
        ],
        "waiting": places_of(counter, viewer),
    }
    entries = drawing.entries_of(books, viewer)
    if entries:
        cart["entries"] = entries
    return Decision((), cart)


def check_out(
    counter: Counter,
    viewer: str,
    channel: str,
    checkout_id: str,
    personalisation: Wishes,
    now_ms: int,
    coupon: str = "",
    slot_id: str = "",
    command_id: str = "",
) -> Decision:
    """Turn everything held into one order, less what `coupon` takes off, with a place in a delivery
    slot. The same `checkout_id` answers with the same order (`cart.repeat`).
    """
    books = counter.books
    wishes = composed(personalisation) if personalisation else {}
    mine = books.checkouts.get(viewer)
    known = mine.get(checkout_id) if mine is not None else None
    if known is not None:
        order = books.orders[known]
        asked = (wishes, coupon, slot_id)
        if not is_same_checkout(books, order, asked, command_id):
            message = f"this checkout_id made order {known} of other content"
            return refuse(ErrorCode.CONFLICT, message)
        return Decision((), order_result(counter, order))
    if mine is not None and len(mine) >= CHECKOUTS_PER_VIEWER_MAX:
        return refuse(
            ErrorCode.LIMIT_REACHED, f"a viewer places at most {CHECKOUTS_PER_VIEWER_MAX} orders"
        )
    basket = books.baskets.get(viewer)
    if basket is None or not basket.hold_ids:
        if basket is not None and basket.expired:
            return refuse(ErrorCode.HOLD_EXPIRED, "the hold ran out before the checkout")
        return refuse(ErrorCode.EMPTY_CART, "nothing is held")
    if books.rules.one_product_per_order:
        first_sku = books.holds[basket.hold_ids[0]].sku
        if limits.is_other_product(books, basket, first_sku):
            return refuse(ErrorCode.CONFLICT, "one product for each order: put the others back")
    lines: list[OrderLine] = []
    total_minor, pay_ttl_ms, has_options, all_reserved = 0, TTL_MAX_MS, False, True
    for hold_id in basket.hold_ids:
        hold = books.holds[hold_id]
        drop = books.drops[hold.drop_id]
        if hold.reserved:
            line = OrderLine(
                hold_id,
                hold.drop_id,
                hold.sku,
                hold.quantity,
                hold.price_minor,
                shelf=hold.shelf,
            )
        else:
            all_reserved, line = False, reserving.line_of(drop, hold, now_ms)
        lines.append(line)
        total_minor += hold.quantity * line.price_minor
        terms = drop.terms
        if terms.pay_ttl_ms < pay_ttl_ms:
            pay_ttl_ms = terms.pay_ttl_ms
        if terms.options:
            has_options = True
    if not all_reserved:
        refusal = reserving.refusal_to_check_out(books, basket.hold_ids, now_ms)
        if refusal is not None:
            return refusal
    if wishes or has_options:
        options_of = {line.drop_id: books.drops[line.drop_id].terms.options for line in lines}
        charged = personalised(options_of, lines, wishes)
        if isinstance(charged, Refusal):
            return Decision((), charged)
        lines, total_minor = charged, sum(line.total_minor for line in charged)
    if coupon:
        cheaper = discounted(books, viewer, coupon, hold.currency, lines, now_ms)
        if isinstance(cheaper, Refusal):
            return Decision((), cheaper)
        lines, total_minor = cheaper, sum(line.total_minor for line in cheaper)
    if slot_id:
        drop_ids = (line.drop_id for line in lines)
        full = delivery.refusal_at_checkout(books, drop_ids, slot_id, now_ms)
        if full is not None:
            return Decision((), full)
    placed = OrderPlaced(
        order_id=f"o{books.orders_placed + 1}",
        checkout_id=checkout_id,
        viewer=viewer,
        channel=channel,
        lines=lines,
        total_minor=total_minor,
        currency=hold.currency,
        expires_at_ms=now_ms + pay_ttl_ms,
        personalisation=wishes,
        coupon=coupon,
        slot_id=slot_id,
        command_id=command_id,
    )
    # Alone in its cart: the last line speaks for all.
    presale = None if drop.sells_rest else terms.presale
    if presale is not None:
        refusal = deposits.closed(presale, terms.title, now_ms)
        if refusal is not None:
            return refusal
        if coupon:
            return refuse(ErrorCode.COUPON_REJECTED, "a presale takes no coupons")
        placed = deposits.with_deposit(placed, presale)
    answer: OrderResult = {
        "order_id": placed.order_id,
        "checkout_id": checkout_id,
        "status": OrderStatus.PLACED,
        "lines": [_line_result(line) for line in lines],
        "total_minor": placed.total_minor,
        "currency": placed.currency,
        "expires_at_ms": placed.expires_at_ms,
    }
    if wishes:
        answer["personalisation"] = wishes
    if coupon:
        answer["coupon"] = coupon
    if presale is not None:
        answer["presale"] = deposits.presale_result(
            presale, placed.deposit_minor, placed.total_minor
        )
    if slot_id:
        answer["slots"] = [delivery.slot_choice(books.slots[slot_id], placed.order_id)]
        return Decision((placed, SlotHeld(slot_id, placed.order_id)), answer)
    return Decision((placed,), answer)


def pay(
    counter: Counter, viewer: str, order_id: str, token: str, command_id: str, now_ms: int
) -> Decision:
    """Ask to pay an order. While an attempt is in flight, or when it is paid, another changes
    nothing; and the same command never starts a second one.
    """
    books = counter.books
    order = books.orders.get(order_id)
    if order is None or order.viewer != viewer:
        return refuse(ErrorCode.NOT_FOUND, "no such order of yours")
    for payment_id in order.payment_ids:
        known = books.payments[payment_id]
        if known.command_id == command_id:
            if known.token != token:
                return id_used(command_id)
            return Decision((), order_result(counter, order))
    match order.status:
        case OrderStatus.PLACED | OrderStatus.DEPOSITED:
            pass
        case OrderStatus.PAID:
            return Decision((), order_result(counter, order))
        case OrderStatus.EXPIRED:
            return refuse(ErrorCode.HOLD_EXPIRED, "the order expired before it was paid")
        case OrderStatus.REFUNDED:
            return refuse(ErrorCode.CONFLICT, "the order was refunded")
        case OrderStatus.CANCELLED:
            return refuse(ErrorCode.CONFLICT, "the order was cancelled, its deposit goes back")
        case OrderStatus.DEFAULTED:
            return refuse(ErrorCode.HOLD_EXPIRED, "the balance was not paid in time")
    part, amount_minor = _WHOLE, order.total_minor
    if order.deposit_minor:
        due = deposits.due(counter, order, now_ms)
        if isinstance(due, Decision):
            return due
        part, amount_minor = due
    if order.payment_ids:
        last = books.payments[order.payment_ids[-1]]
        if last.status is PaymentStatus.STARTED and last.part == part:
            return Decision((), order_result(counter, order))
    if not order.reserved:
        refusal = reserving.refusal_to_pay(books, order.lines, now_ms)
        if refusal is not None:
            return refusal
    attempt = len(order.payment_ids) + 1
    if attempt > PAYMENT_ATTEMPTS_MAX * (2 if part == "balance" else 1):
        return refuse(ErrorCode.LIMIT_REACHED, "too many payment attempts for this order")
    started = PaymentStarted(
        payment_id=f"{order_id}-p{attempt}",
        order_id=order_id,
        token=token,
        amount_minor=amount_minor,
        currency=order.currency,
        command_id=command_id,
        part=part,
    )
    answer = order_result(counter, order)
    answer["payment"] = PaymentStatus.STARTED
    return Decision((started,), answer)


def hold_result(hold: Hold | HoldPlaced) -> HoldResult:
    """A hold as its viewer sees it."""
    answer: HoldResult = {
        "hold_id": hold.hold_id,
        "drop_id": hold.drop_id,
        "sku": hold.sku,
        "quantity": hold.quantity,
        "price_minor": hold.price_minor,
        "currency": hold.currency,
        "expires_at_ms": hold.expires_at_ms,
    }
    if not hold.reserved:
        answer["reserved"] = False
    return answer


def _line_result(line: OrderLine) -> LineResult:
    result: LineResult = {
        "sku": line.sku,
        "quantity": line.quantity,
        "price_minor": line.price_minor,
    }
    if line.extras_minor:
        result["extras_minor"] = line.extras_minor
    if line.discount_minor:
        result["discount_minor"] = line.discount_minor
    return result


def order_result(counter: Counter, order: Order) -> OrderResult:
    """An order as its viewer and the desk see it."""
    answer: OrderResult = {
        "order_id": order.order_id,
        "checkout_id": order.checkout_id,
        "status": order.status,
        "lines": [_line_result(line) for line in order.lines],
        "total_minor": order.total_minor,
        "currency": order.currency,
        "expires_at_ms": order.expires_at_ms,
    }
    if order.personalisation:
        answer["personalisation"] = order.personalisation
    if order.coupon:
        answer["coupon"] = order.coupon
    if order.deposit_minor:
        answer["presale"] = deposits.presale_result(
            deposits.terms_of(counter.books, order), order.deposit_minor, order.total_minor
        )
    if order.order_id in counter.books.slots_of:
        answer["slots"] = delivery.slots_of(counter.books, order.order_id)
    if order.payment_ids:
        answer["payment"] = counter.books.payments[order.payment_ids[-1]].status
    if order.paid_seq:
        answer["paid_seq"] = order.paid_seq
        perks = perks_of(counter.books, order)
        if perks:
            answer["perks"] = perks
        if order.refunded_minor:
            answer["refunded_minor"] = order.refunded_minor
        editions = editions_of(counter.books, order)
        if editions:
            answer["editions"] = editions
    return answer
