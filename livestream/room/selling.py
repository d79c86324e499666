"""What the desk does with drops, coupons, slots and orders.

Owns the way from a command to `cart`, which decides. Refuses to know stock and money.
"""

from __future__ import annotations

from cart import delivery, desk, drafts, redemption, rest
from cart.outcome import Decision, ErrorCode, refuse
from cart.refunding import Asked
from livestream import commands
from livestream.commands import Envelope
from livestream.room.state import Decide, Room


def _drop_draft(room: Room, _: Envelope, command: commands.DropDraft, now_ms: int) -> Decision:
    if room.state.status == "ended":
        return refuse(ErrorCode.CLOSED, "the show is over")
    return drafts.put(room.counter, command.terms)


def _draft_discard(
    room: Room, _: Envelope, command: commands.DraftDiscard, now_ms: int
) -> Decision:
    return drafts.discard(room.counter, command.drop_id)


def _draft_schedule(
    room: Room, _: Envelope, command: commands.DraftSchedule, now_ms: int
) -> Decision:
    if room.state.status == "ended":
        return refuse(ErrorCode.CLOSED, "the show is over")
    return drafts.schedule_draft(room.counter, command.drop_id, command.seed, now_ms)


def _drop_schedule(
    room: Room, _: Envelope, command: commands.DropSchedule, now_ms: int
) -> Decision:
    if room.state.status == "ended":
        return refuse(ErrorCode.CLOSED, "the show is over")
    return desk.schedule(room.counter, command.terms, now_ms, command.seed, command.seed_made)


def _drop_open(room: Room, _: Envelope, command: commands.DropOpen, now_ms: int) -> Decision:
    return desk.open_now(room.counter, command.drop_id)


def _drop_open_rest(
    room: Room, _: Envelope, command: commands.DropOpenRest, now_ms: int
) -> Decision:
    return rest.open_rest(room.counter, command.drop_id, now_ms)


def _drop_pause(room: Room, _: Envelope, command: commands.DropPause, now_ms: int) -> Decision:
    return desk.pause(room.counter, command.drop_id)


def _drop_restock(room: Room, _: Envelope, command: commands.DropRestock, now_ms: int) -> Decision:
    return desk.restock(room.counter, command.drop_id, command.quantity, command.channel or "")


def _drop_close(room: Room, _: Envelope, command: commands.DropClose, now_ms: int) -> Decision:
    return desk.close(room.counter, command.drop_id)


def _coupon_put(room: Room, _: Envelope, command: commands.CouponPut, now_ms: int) -> Decision:
    return redemption.put(room.counter, command.coupon_terms)


def _order_refund(room: Room, _: Envelope, command: commands.OrderRefund, now_ms: int) -> Decision:
    asked = Asked(command.lines, command.amount_minor, command.restock, command.request_id)
    return desk.refund(room.counter, command.order_id, asked)


def _slot_put(room: Room, _: Envelope, command: commands.SlotPut, now_ms: int) -> Decision:
    return delivery.put(room.counter, command.slot_terms)


SELLING: dict[type, Decide] = {
    commands.SlotPut: _slot_put,
    commands.DropDraft: _drop_draft,
    commands.DraftDiscard: _draft_discard,
    commands.DraftSchedule: _draft_schedule,
    commands.DropSchedule: _drop_schedule,
    commands.DropOpen: _drop_open,
    commands.DropOpenRest: _drop_open_rest,
    commands.DropPause: _drop_pause,
    commands.DropRestock: _drop_restock,
    commands.DropClose: _drop_close,
    commands.CouponPut: _coupon_put,
    commands.OrderRefund: _order_refund,
}
