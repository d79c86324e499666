"""What viewers see of the state: cards, rules and drops, as values that a frame carries. Pure.

Owns the translation, and so what of a drop's terms is public. Refuses to know facts, frames and
bytes. The shapes are in `livestream.messages.views`.
"""

from __future__ import annotations

from typing import cast

from msgspec import to_builtins

from cart.access import AccessTerms
from cart.drop import Drop, DropStatus, DropTerms
from cart.perk import PerkTerms
from cart.rules import RoomRules
from cart.shelf import COMMON
from livestream.messages import (
    AccessView,
    Card,
    CardView,
    DropView,
    PerkView,
    PinnedMessage,
    PinnedView,
    PresaleView,
    RulesView,
    Stream,
    StreamView,
)


def card_view(card: Card) -> CardView:
    """A card as viewers see it."""
    return cast(CardView, to_builtins(card))


def stream_view(stream: Stream) -> StreamView:
    """The room's picture as viewers are told of it."""
    return {"hls_url": stream.hls_url, "poster_url": stream.poster_url}


def pinned_view(message: PinnedMessage | None) -> PinnedView | None:
    """What stands above the chat, as viewers see it."""
    return None if message is None else cast(PinnedView, to_builtins(message))


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
    view = view_of_terms(drop.terms)
    view["status"] = shown_status(drop.status, shown.available, shown.held)
    view["supply"] = drop.stock.supplied
    view["available"], view["held"], view["sold"] = shown.available, shown.held, shown.sold
    if drop.lottery is not None and drop.lottery.drawn:
        view["lottery"]["seed"] = drop.lottery.seed
    view["waiting"], view["next"] = shown.waiting, shown.next
    set_shelves(view, shown.shelves)
    if drop.sells_rest:
        show_rest(view)
    return view


def show_rest(view: DropView) -> None:
    """From now on it sells as any other drop."""
    view.pop("presale", None)
    view.pop("lottery", None)


def set_shelves(view: DropView, levels: dict[str, int]) -> None:
    """Show what is free on each shelf; nothing once there is only one."""
    if levels:
        view["shelves"] = levels
    else:
        view.pop("shelves", None)


def shown_status(status: DropStatus, available: int, held: int) -> DropStatus:
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


def view_of_terms(terms: DropTerms) -> DropView:
    """A drop of which nothing was sold yet."""
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
