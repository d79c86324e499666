"""Who is told what of a fact: the translation of facts to frames. Pure.

    public_frame(fact, seq, at_ms)   -> the frame that viewers (or only gateways) get, or None
    private_frame(counter, fact)     -> the frame that one viewer gets, or None
    HEARD                            -> the facts that anybody hears of

Owns the line between what is public and what is not. Refuses to know bytes, sockets and Redis.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from cart import deposits, events
from cart.books import Books
from cart.counter import Counter
from cart.fact import Fact, tag_of
from cart.refund import units_back
from cart.shopper import hold_result
from livestream import facts
from livestream.views import card_view, pinned_view, rules_view, stream_view, view_of_terms

Frame = dict[str, Any]
#: `gateways` frames are for the gateways' own doings (who is muted, who is banned) and go no
#: further.
Audience = Literal["viewers", "gateways"]


def public_frame(fact: Fact, seq: int, at_ms: int) -> tuple[Audience, Frame] | None:
    """The frame that the fact puts on air, or None when it is nobody else's business, or told by
    the stock.
    """
    body = _BODIES.get(type(fact))
    if body is None or (type(fact) is events.DropOpened and fact.reason == "released"):
        return None
    audience: Audience = "gateways" if type(fact) in _FOR_GATEWAYS else "viewers"
    return audience, {"type": tag_of(type(fact)), "seq": seq, "at_ms": at_ms, **body(fact)}


def private_frame(counter: Counter, fact: Fact) -> tuple[str, Frame] | None:
    """The frame for one viewer, as (viewer, frame), or None; after the fact was folded."""
    build = _PRIVATE.get(type(fact))
    return None if build is None else build(counter.books, fact)


# -- what everybody is told -------------------------------------------------------------------


def _stock_body(fact: events.StockShown) -> Frame:
    body: Frame = {
        "drop_id": fact.drop_id,
        "sku": fact.sku,
        "available": fact.available,
        "held": fact.held,
        "sold": fact.sold,
        "waiting": fact.waiting,
        "next": fact.next,
    }
    if fact.shelves:
        body["shelves"] = fact.shelves
    return body


_BODIES: dict[type, Callable[[Any], Frame]] = {
    facts.EpochStarted: lambda fact: {"epoch": fact.epoch},
    facts.RoomCreated: lambda fact: {"title": fact.title},
    facts.RoomStarted: lambda fact: {},
    facts.RoomEnded: lambda fact: {},
    facts.CardPushed: lambda fact: {"card": card_view(fact.card)},
    facts.CardUpdated: lambda fact: {"card": card_view(fact.card)},
    facts.CardPinned: lambda fact: {"card_id": fact.card_id},
    facts.CardWithdrawn: lambda fact: {"card_id": fact.card_id},
    facts.Announced: lambda fact: {"text": fact.text},
    facts.ChatDeleted: lambda fact: {"message_id": fact.message_id},
    facts.ChatPinned: lambda fact: {"message": pinned_view(fact.message)},
    facts.SlowModeSet: lambda fact: {"interval_ms": fact.interval_ms},
    facts.StreamSet: lambda fact: {"stream": stream_view(fact.stream)},
    facts.ViewerMuted: lambda fact: {"viewer": fact.viewer, "muted": fact.muted},
    facts.ViewerBanned: lambda fact: {"viewer": fact.viewer, "banned": fact.banned},
    events.RulesSet: lambda fact: {"rules": rules_view(fact.rules)},
    events.InvitationPut: lambda fact: {
        "drop_id": fact.drop_id,
        "viewers": fact.viewers,
        "tier": fact.tier,
    },
    events.InvitationWithdrawn: lambda fact: {"drop_id": fact.drop_id, "viewers": fact.viewers},
    events.DropScheduled: lambda fact: {"drop": view_of_terms(fact.terms)},
    events.DropOpened: lambda fact: (
        {"drop_id": fact.drop_id, "rest": True}
        if fact.reason == "rest"
        else {"drop_id": fact.drop_id}
    ),
    events.DropPaused: lambda fact: {"drop_id": fact.drop_id},
    events.DropSoldOut: lambda fact: {"drop_id": fact.drop_id},
    events.DropClosed: lambda fact: {"drop_id": fact.drop_id},
    events.LotteryDrawn: lambda fact: {
        "drop_id": fact.drop_id,
        "seed": fact.seed,
        "entered": fact.entered,
    },
    events.DropRestocked: lambda fact: {"drop_id": fact.drop_id, "quantity": fact.quantity},
    events.AllocationsMerged: lambda fact: {"drop_id": fact.drop_id, "moved": fact.moved},
    events.StockShown: _stock_body,
}
_FOR_GATEWAYS = frozenset(
    {
        facts.RoomCreated,
        facts.ViewerMuted,
        facts.ViewerBanned,
        events.InvitationPut,
        events.InvitationWithdrawn,
    }
)


# -- what one viewer is told ------------------------------------------------------------------


def _hold_expired(books: Books, fact: events.HoldExpired) -> tuple[str, Frame]:
    return fact.viewer, {
        "type": "hold.expired",
        "hold_id": fact.hold_id,
        "sku": fact.sku,
        "quantity": fact.quantity,
    }


def _hold_offered(books: Books, fact: events.HoldPlaced) -> tuple[str, Frame] | None:
    if not fact.offered:
        return None  # the reply tells
    return fact.viewer, {"type": "hold.offered", **hold_result(fact)}


def _line_left(books: Books, fact: events.LineLeft) -> tuple[str, Frame] | None:
    if fact.reason == "viewer":
        return None  # the reply tells
    return fact.viewer, {
        "type": "line.left",
        "drop_id": fact.drop_id,
        "sku": books.drops[fact.drop_id].terms.sku,
        "number": fact.number,
        "reason": fact.reason,
    }


def _order_changed(
    books: Books, fact: events.OrderPaid | events.OrderExpired | events.OrderRefunded
) -> tuple[str, Frame]:
    order = books.orders[fact.order_id]
    frame: Frame = {
        "type": tag_of(type(fact)),
        "order_id": order.order_id,
        "total_minor": order.total_minor,
        "currency": order.currency,
    }
    if order.paid_seq:
        frame["paid_seq"] = order.paid_seq
    return order.viewer, frame


def _order_refunded_partly(books: Books, fact: events.OrderRefundedPartly) -> tuple[str, Frame]:
    order = books.orders[fact.order_id]
    return order.viewer, {
        "type": "order.refunded_partly",
        "order_id": order.order_id,
        "refund_id": fact.refund_id,
        "amount_minor": fact.amount_minor,
        "refunded_minor": order.refunded_minor,
        "total_minor": order.total_minor,
        "currency": order.currency,
        "lines": units_back(order.lines, fact.lines),
    }


def _deposit_paid(books: Books, fact: events.DepositPaid) -> tuple[str, Frame]:
    order = books.orders[fact.order_id]
    presale = deposits.terms_of(books, order)
    return order.viewer, {
        "type": "deposit.paid",
        "order_id": order.order_id,
        "deposit_minor": fact.amount_minor,
        "balance_minor": order.total_minor - fact.amount_minor,
        "currency": order.currency,
        "balance_from_ms": presale.balance_from_ms,
        "balance_until_ms": presale.balance_until_ms,
    }


def _order_defaulted(books: Books, fact: events.OrderDefaulted) -> tuple[str, Frame]:
    return fact.viewer, {
        "type": "order.defaulted",
        "order_id": fact.order_id,
        "amount_minor": fact.amount_minor,
        "currency": books.orders[fact.order_id].currency,
        "forfeited": fact.forfeited,
    }


def _order_cancelled(books: Books, fact: events.OrderCancelled) -> tuple[str, Frame]:
    return fact.viewer, {
        "type": "order.cancelled",
        "order_id": fact.order_id,
        "amount_minor": fact.amount_minor,
        "currency": books.orders[fact.order_id].currency,
    }


def _payment_failed(
    books: Books, fact: events.PaymentDeclined | events.PaymentReturned
) -> tuple[str, Frame]:
    return books.orders[fact.order_id].viewer, {
        "type": tag_of(type(fact)),
        "order_id": fact.order_id,
        "reason": fact.reason,
    }


def _perk_awarded(books: Books, fact: events.PerkAwarded) -> tuple[str, Frame]:
    return fact.viewer, {
        "type": "perk.awarded",
        "order_id": fact.order_id,
        "drop_id": fact.drop_id,
        "perk_id": fact.perk_id,
        "name": fact.name,
        "rank": fact.rank,
    }


def _edition_numbered(books: Books, fact: events.EditionNumbered) -> tuple[str, Frame]:
    return fact.viewer, {
        "type": "edition.numbered",
        "order_id": fact.order_id,
        "drop_id": fact.drop_id,
        "sku": books.drops[fact.drop_id].terms.sku,
        "numbers": fact.numbers,
        "of": fact.of,
    }


def _slot_moved(books: Books, fact: events.SlotTaken | events.SlotReleased) -> tuple[str, Frame]:
    frame: Frame = {
        "type": tag_of(type(fact)),
        "order_id": fact.order_id,
        "slot_id": fact.slot_id,
        "perk_id": books.slots[fact.slot_id].terms.perk_id,
    }
    if isinstance(fact, events.SlotReleased):
        frame["reason"] = fact.reason
    return books.orders[fact.order_id].viewer, frame


_PRIVATE: dict[type, Callable[[Books, Any], tuple[str, Frame] | None]] = {
    events.HoldPlaced: _hold_offered,
    events.LineLeft: _line_left,
    events.HoldExpired: _hold_expired,
    events.OrderPaid: _order_changed,
    events.OrderExpired: _order_changed,
    events.OrderRefunded: _order_changed,
    events.OrderRefundedPartly: _order_refunded_partly,
    events.DepositPaid: _deposit_paid,
    events.OrderDefaulted: _order_defaulted,
    events.OrderCancelled: _order_cancelled,
    events.PaymentDeclined: _payment_failed,
    events.PaymentReturned: _payment_failed,
    events.PerkAwarded: _perk_awarded,
    events.EditionNumbered: _edition_numbered,
    events.SlotTaken: _slot_moved,
    events.SlotReleased: _slot_moved,
}


#: Facts that anybody hears of: the rest, two in three in a rush, have no frame. A hold has one only
#: if it was offered, and then it follows from something else.
HEARD = (_BODIES.keys() | _PRIVATE.keys()) - {events.HoldPlaced}
