"""When a checkout is the same as the one that made an order before, and when it is another.

    the message says something else                            another: `conflict`
    it is the very command that placed the order               the same, whatever was added since
    the cart is empty, as that command left it                 the same
    the cart holds the same units of the same drops again      the same
    any other cart                                             another: `conflict`

Owns what the content of a checkout is. Refuses to know what comes of it.
"""

from __future__ import annotations

from cart.books import Books
from cart.order import Order
from cart.personalisation import Wishes
from cart.reserving import units_by_drop


def is_same_checkout(
    books: Books, order: Order, asked: tuple[Wishes, str, str], command_id: str
) -> bool:
    """Whether a checkout under the id that made `order` is that checkout once more. `asked` is what
    its message says: personalisation, coupon, slot.
    """
    if asked != (order.personalisation, order.coupon, order.slot_id):
        return False
    if command_id and command_id == order.command_id:
        return True
    hold_ids = books.baskets[order.viewer].hold_ids
    if not hold_ids:
        return True
    in_cart = units_by_drop(map(books.holds.__getitem__, hold_ids))
    return in_cart == units_by_drop(order.lines)
