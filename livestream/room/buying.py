"""What viewers ask of the counter, and what the payment provider tells.

Owns when a room lets anybody buy. Refuses to decide about stock and money: that is `cart`'s.
"""

from __future__ import annotations

from cart import delivery, drawing, settlement, shopper, waiting
from cart.outcome import Decision, ErrorCode, refuse
from livestream import commands, messages
from livestream.commands import Envelope
from livestream.room.state import Decide, Room


def _cart_add(room: Room, asked: Envelope, command: messages.CartAdd, now_ms: int) -> Decision:
    return _if_live(room) or shopper.add(
        room.counter,
        asked.actor,
        command.sku,
        command.quantity,
        command.id,
        now_ms,
        asked.tier,
        asked.invited,
        asked.channel,
    )


def _if_live(room: Room) -> Decision | None:
    """Why nothing can be taken in this room now."""
    match room.state.status:
        case "live":
            return None
        case "created":
            return refuse(ErrorCode.NOT_OPEN, "the show has not begun")
        case "ended":
            return refuse(ErrorCode.CLOSED, "the show is over")


def _line_join(room: Room, asked: Envelope, command: messages.LineJoin, now_ms: int) -> Decision:
    return _if_live(room) or waiting.join(
        room.counter,
        asked.actor,
        command.sku,
        command.quantity,
        command.id,
        now_ms,
        asked.tier,
        asked.invited,
        asked.channel,
    )


def _lottery_enter(
    room: Room, asked: Envelope, command: messages.LotteryEnter, now_ms: int
) -> Decision:
    if room.state.status == "ended":
        return refuse(ErrorCode.CLOSED, "the show is over")
    return drawing.enter(room.counter, asked.actor, command.sku, now_ms, asked.tier, asked.invited)


def _line_leave(room: Room, asked: Envelope, command: messages.LineLeave, _: int) -> Decision:
    return waiting.leave(room.counter, asked.actor, command.sku, command.id)


def _cart_remove(
    room: Room, asked: Envelope, command: messages.CartRemove, now_ms: int
) -> Decision:
    return shopper.remove(
        room.counter, asked.actor, command.sku, command.quantity, command.id, now_ms
    )


def _cart_show(room: Room, asked: Envelope, command: messages.CartShow, _: int) -> Decision:
    return shopper.show(room.counter, asked.actor)


def _checkout(room: Room, asked: Envelope, command: messages.Checkout, now_ms: int) -> Decision:
    return shopper.check_out(
        room.counter,
        asked.actor,
        asked.channel,
        command.checkout_id,
        command.personalisation,
        now_ms,
        command.coupon or "",
        command.slot_id or "",
        command.id,
    )


def _order_pay(room: Room, asked: Envelope, command: messages.OrderPay, now_ms: int) -> Decision:
    return shopper.pay(
        room.counter, asked.actor, command.order_id, command.payment_token, command.id, now_ms
    )


def _slots_show(room: Room, _: Envelope, command: messages.SlotsShow, now_ms: int) -> Decision:
    return delivery.show(room.counter, command.perk_id, command.city, command.from_ms, now_ms)


def _slot_choose(
    room: Room, asked: Envelope, command: messages.SlotChoose, now_ms: int
) -> Decision:
    return delivery.choose(room.counter, asked.actor, command.order_id, command.slot_id, now_ms)


# -- the payment provider ----------------------------------------------------------------------


def _approved(room: Room, _: Envelope, command: commands.PaymentApproved, now_ms: int) -> Decision:
    return settlement.approved(
        room.counter, command.payment_id, command.amount_minor, command.currency, now_ms
    )


def _declined(room: Room, _: Envelope, command: commands.PaymentDeclined, now_ms: int) -> Decision:
    return settlement.declined(room.counter, command.payment_id, command.reason)


def _refunded(room: Room, _: Envelope, command: commands.RefundSettled, now_ms: int) -> Decision:
    return settlement.refund_settled(room.counter, command.payment_id, command.refund_id)


BUYING: dict[type, Decide] = {
    messages.CartAdd: _cart_add,
    messages.LineJoin: _line_join,
    messages.LineLeave: _line_leave,
    messages.LotteryEnter: _lottery_enter,
    messages.CartRemove: _cart_remove,
    messages.CartShow: _cart_show,
    messages.Checkout: _checkout,
    messages.OrderPay: _order_pay,
    messages.SlotsShow: _slots_show,
    messages.SlotChoose: _slot_choose,
    commands.PaymentApproved: _approved,
    commands.PaymentDeclined: _declined,
    commands.RefundSettled: _refunded,
}
