"""What the outside may see of a room. Pure.

    public_frame(fact, seq, at_ms)   -> the frame that viewers (or only gateways) get, or None
    private_frame(counter, fact)     -> the frame that one viewer gets, or None
    Storefront                       -> the public view: `of(state)` from the engine's state, or
    `apply(frame)`
                                        from the air; both ways give the same view

Owns the translation from facts to frames, and so the line between what is public and what is not.
Refuses to know bytes, sockets and Redis.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, cast

from msgspec import Struct, field, to_builtins

from cart import events
from cart.access import AccessTerms
from cart.books import Books
from cart.counter import Counter
from cart.drop import Drop, DropStatus, DropTerms
from cart.fact import Fact, tag_of
from cart.invitation import ROOM
from cart.perk import PerkTerms
from cart.rules import RoomRules
from cart.shelf import COMMON
from cart.shopper import hold_result
from livestream import facts
from livestream.messages import (
    AccessView,
    Card,
    CardView,
    ChatMessage,
    DropView,
    PerkView,
    PresaleView,
    RoomStatus,
    RulesView,
    Snapshot,
)
from livestream.room import EPOCHS_KEPT, Room, RoomState

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


# -- facts to frames ---------------------------------------------------------------------------


def card_view(card: Card) -> CardView:
    """A card as viewers see it."""
    return cast(CardView, to_builtins(card))


def rules_view(rules: RoomRules) -> RulesView:
    """The room's rules as viewers see them."""
    return {
        "invited_only": rules.invited_only,
        "limit_per_viewer": rules.limit_per_viewer,
        "one_product_per_order": rules.one_product_per_order,
        "perks": [_view_of_perk(perk) for perk in rules.perks],
    }


def drop_view(drop: Drop) -> DropView:
    """A drop as viewers see it: the levels are those last told."""
    shown = drop.shown
    view = _view_of_terms(drop.terms)
    view["status"] = _shown_status(drop.status, shown.available, shown.held)
    view["supply"] = drop.stock.supplied
    view["available"], view["held"], view["sold"] = shown.available, shown.held, shown.sold
    if drop.lottery is not None and drop.lottery.drawn:
        view["lottery"]["seed"] = drop.lottery.seed
    view["waiting"], view["next"] = shown.waiting, shown.next
    _set_shelves(view, shown.shelves)
    return view


def _set_shelves(view: DropView, levels: dict[str, int]) -> None:
    if levels:
        view["shelves"] = levels
    else:
        view.pop("shelves", None)


def _shown_status(status: DropStatus, available: int, held: int) -> DropStatus:
    """The status that goes with the levels shown. Whether all is held may change with every
    decision, 30 times a second by one viewer's taps alone, and a frame goes to everybody: so it is
    told by the stock, four times a second at most, and has no frame of its own.
    """
    if not status.is_open:
        return status
    return DropStatus.ALL_HELD if held and not available else DropStatus.OPEN


def _view_of_perk(perk: PerkTerms) -> PerkView:
    return {
        "perk_id": perk.perk_id,
        "name": perk.name,
        "first_n": perk.first_n,
        "slots": perk.slots,
    }


def _view_of_terms(terms: DropTerms) -> DropView:
    view: DropView = {
        "drop_id": terms.drop_id,
        "sku": terms.sku,
        "title": terms.title,
        "status": DropStatus.SCHEDULED,
        "supply": terms.supply,
        "price_minor": terms.price_minor,
        "currency": terms.currency,
        "opens_at_ms": terms.opens_at_ms,
        "limit_per_viewer": terms.limit_per_viewer,
        "reserve_on": terms.reserve_on,
        "hold_ttl_ms": terms.hold_ttl_ms,
        "perks": [_view_of_perk(perk) for perk in terms.perks],
        "access": None if terms.access is None else _view_of_access(terms.access),
        "numbered": terms.numbered,
        "guarantee_days": terms.guarantee_days,
        "available": terms.supply,
        "held": 0,
        "sold": 0,
        "waiting": 0,
        "next": 0,
    }
    if terms.flash:
        view["flash"] = to_builtins(terms.flash)
    if terms.options:
        view["options"] = to_builtins(terms.options)
    if terms.presale is not None:
        view["presale"] = cast(PresaleView, to_builtins(terms.presale))
    if terms.lottery is not None:
        view["lottery"] = {
            "entries_from_ms": terms.lottery.entries_from_ms,
            "entries_until_ms": terms.lottery.entries_until_ms,
            "commitment": terms.lottery.commitment,
            "seed": None,
        }
    if terms.allocations:
        view["allocations"] = terms.allocations
        rest = terms.supply - sum(terms.allocations.values())
        view["shelves"] = {COMMON: rest, **terms.allocations}
    if terms.merge_at_ms is not None:
        view["merge_at_ms"] = terms.merge_at_ms
    return view


def _view_of_access(access: AccessTerms) -> AccessView:
    return {"tiers": access.tiers, "invited_only": access.invited_only}


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
    facts.SlowModeSet: lambda fact: {"interval_ms": fact.interval_ms},
    facts.ViewerMuted: lambda fact: {"viewer": fact.viewer, "muted": fact.muted},
    facts.ViewerBanned: lambda fact: {"viewer": fact.viewer, "banned": fact.banned},
    events.RulesSet: lambda fact: {"rules": rules_view(fact.rules)},
    events.InvitationPut: lambda fact: {
        "drop_id": fact.drop_id,
        "viewers": fact.viewers,
        "tier": fact.tier,
    },
    events.InvitationWithdrawn: lambda fact: {"drop_id": fact.drop_id, "viewers": fact.viewers},
    events.DropScheduled: lambda fact: {"drop": _view_of_terms(fact.terms)},
    events.DropOpened: lambda fact: {"drop_id": fact.drop_id},
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
    sku_of = {line.hold_id: line.sku for line in order.lines}
    return order.viewer, {
        "type": "order.refunded_partly",
        "order_id": order.order_id,
        "refund_id": fact.refund_id,
        "amount_minor": fact.amount_minor,
        "refunded_minor": order.refunded_minor,
        "total_minor": order.total_minor,
        "currency": order.currency,
        "lines": [
            {"sku": sku_of[back.hold_id], "quantity": back.quantity}
            for back in fact.lines
            if back.quantity
        ],
    }


def _deposit_paid(books: Books, fact: events.DepositPaid) -> tuple[str, Frame]:
    order = books.orders[fact.order_id]
    presale = books.drops[order.lines[0].drop_id].terms.presale
    assert presale is not None, "an order with a deposit is of a presale"
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


# -- the public view ---------------------------------------------------------------------------


class Storefront(Struct):
    """The room as a newcomer sees it, at `seq`. `muted`, `banned` and `invited` (to the room, not
    to single drops) are for gateways and never shown.
    """

    room: str
    title: str = ""
    status: RoomStatus = "created"
    seq: int = 0
    epochs: list[tuple[int, int]] = []
    cards: dict[str, CardView] = {}
    pinned: str | None = None
    drops: dict[str, DropView] = {}
    slow_mode_ms: int = 0
    muted: dict[str, None] = field(default_factory=dict)
    banned: dict[str, None] = field(default_factory=dict)
    rules: RulesView = field(default_factory=lambda: rules_view(RoomRules()))
    invited: dict[str, None] = field(default_factory=dict)

    @classmethod
    def of(cls, room: Room) -> Storefront:
        """The view of an engine's own state."""
        state: RoomState = room.state
        return cls(
            room=state.room,
            title=state.title,
            status=state.status,
            seq=state.seq,
            epochs=list(state.epochs),
            cards={card_id: card_view(card) for card_id, card in state.cards.items()},
            pinned=state.pinned,
            drops={drop_id: drop_view(drop) for drop_id, drop in state.books.drops.items()},
            slow_mode_ms=state.slow_mode_ms,
            muted=dict(state.muted),
            banned=dict(state.banned),
            rules=rules_view(state.books.rules),
            invited=dict.fromkeys(state.books.invited.get(ROOM, ())),
        )

    @property
    def epoch(self) -> int:
        """The ownership that wrote last; 0 before the first."""
        return self.epochs[-1][0] if self.epochs else 0

    def covers(self, epoch: int, since: int) -> bool:
        """Whether a client that saw `since` under `epoch` saw a prefix of this very log.

        An offset alone lies: after a Redis that lost its last second, another owner may have
        written other facts under the same numbers.
        """
        starts = dict(self.epochs)
        start = starts.get(epoch)
        if start is None or since < start or since > self.seq:
            return False
        later = [first for number, first in self.epochs if number > epoch]
        return not later or since < later[0]

    def snapshot(self, viewers: int, likes: int, chat: list[ChatMessage]) -> Snapshot:
        """What `welcome` carries."""
        return {
            "title": self.title,
            "status": self.status,
            "cards": list(self.cards.values()),
            "pinned": self.pinned,
            "drops": list(self.drops.values()),
            "viewers": viewers,
            "likes": likes,
            "chat": chat,
            "slow_mode_ms": self.slow_mode_ms,
            "rules": self.rules,
        }

    def lets_in(self, viewer: str, invited: bool) -> bool:
        """Whether a viewer may be here, whose ticket claims `invited`."""
        return invited or not self.rules["invited_only"] or viewer in self.invited

    def apply(self, frame: Frame) -> None:
        """Fold one frame of the air; frames at or below `seq` are old news."""
        if frame["seq"] <= self.seq:
            return
        self.seq = frame["seq"]
        _APPLY[frame["type"]](self, frame)


def _put_card(view: Storefront, frame: Frame) -> None:
    view.cards[frame["card"]["card_id"]] = frame["card"]


def _withdraw_card(view: Storefront, frame: Frame) -> None:
    view.cards.pop(frame["card_id"], None)
    if view.pinned == frame["card_id"]:
        view.pinned = None


def _start_epoch(view: Storefront, frame: Frame) -> None:
    view.epochs.append((frame["epoch"], frame["seq"]))
    del view.epochs[:-EPOCHS_KEPT]


def _set_title(view: Storefront, frame: Frame) -> None:
    view.title = frame["title"]


def _set_status(status: RoomStatus) -> Callable[[Storefront, Frame], None]:
    def apply(view: Storefront, frame: Frame) -> None:
        view.status = status

    return apply


def _set_drop(status: DropStatus) -> Callable[[Storefront, Frame], None]:
    def apply(view: Storefront, frame: Frame) -> None:
        _move_drop(view.drops[frame["drop_id"]], status)

    return apply


def _move_drop(drop: DropView, status: DropStatus) -> None:
    drop["status"] = _shown_status(status, drop["available"], drop["held"])


def _schedule_drop(view: Storefront, frame: Frame) -> None:
    view.drops[frame["drop"]["drop_id"]] = frame["drop"]


def _restock(view: Storefront, frame: Frame) -> None:
    view.drops[frame["drop_id"]]["supply"] += frame["quantity"]


def _set_stock(view: Storefront, frame: Frame) -> None:
    drop = view.drops[frame["drop_id"]]
    drop["available"], drop["held"], drop["sold"] = (
        frame["available"],
        frame["held"],
        frame["sold"],
    )
    drop["waiting"], drop["next"] = frame["waiting"], frame["next"]
    _set_shelves(drop, frame.get("shelves", {}))
    # Off the air it is the plain word.
    _move_drop(drop, DropStatus(drop["status"]))


def _draw(view: Storefront, frame: Frame) -> None:
    view.drops[frame["drop_id"]]["lottery"]["seed"] = frame["seed"]


def _pin(view: Storefront, frame: Frame) -> None:
    view.pinned = frame["card_id"]


def _slow_mode(view: Storefront, frame: Frame) -> None:
    view.slow_mode_ms = frame["interval_ms"]


def _mark(marked: dict[str, None], viewer: str, on: bool) -> None:
    if on:
        marked[viewer] = None
    else:
        marked.pop(viewer, None)


def _set_rules(view: Storefront, frame: Frame) -> None:
    view.rules = frame["rules"]


def _invite(view: Storefront, frame: Frame) -> None:
    if frame["drop_id"] is None:
        view.invited.update(dict.fromkeys(frame["viewers"]))


def _uninvite(view: Storefront, frame: Frame) -> None:
    if frame["drop_id"] is None:
        for viewer in frame["viewers"]:
            view.invited.pop(viewer, None)


def _say(view: Storefront, frame: Frame) -> None:
    """Said once and not kept."""


_APPLY: dict[str, Callable[[Storefront, Frame], None]] = {
    "epoch.started": _start_epoch,
    "room.created": _set_title,
    "room.started": _set_status("live"),
    "room.ended": _set_status("ended"),
    "card.pushed": _put_card,
    "card.updated": _put_card,
    "card.pinned": _pin,
    "card.withdrawn": _withdraw_card,
    "announcement": _say,
    "chat.deleted": _say,
    "chat.slow_mode": _slow_mode,
    "viewer.muted": lambda view, frame: _mark(view.muted, frame["viewer"], frame["muted"]),
    "viewer.banned": lambda view, frame: _mark(view.banned, frame["viewer"], frame["banned"]),
    "room.rules": _set_rules,
    "invitation.put": _invite,
    "invitation.withdrawn": _uninvite,
    "drop.scheduled": _schedule_drop,
    "drop.opened": _set_drop(DropStatus.OPEN),
    "drop.paused": _set_drop(DropStatus.PAUSED),
    "drop.sold_out": _set_drop(DropStatus.SOLD_OUT),
    "drop.closed": _set_drop(DropStatus.CLOSED),
    "drop.restocked": _restock,
    "lottery.drawn": _draw,
    "allocations.merged": _say,
    "stock.changed": _set_stock,
}
