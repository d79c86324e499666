"""Every fact that the counter writes into the log, by what it is about.

An event says what happened, completely: to fold it needs no clock, no price list and no second
look. Owns the vocabulary. Refuses to know how facts are decided, stored or shown. Times are
milliseconds since the Unix epoch, money is minor units, quantities are units.
"""

from __future__ import annotations

from cart.events.cart import (
    HoldExpired,
    HoldPlaced,
    HoldReleased,
)
from cart.events.coupon import CouponPut
from cart.events.drop import (
    AllocationsMerged,
    DraftDiscarded,
    DropAllHeld,
    DropClosed,
    DropDrafted,
    DropOpened,
    DropPaused,
    DropRestocked,
    DropScheduled,
    DropSoldOut,
    StockShown,
)
from cart.events.edition import (
    EditionNumbered,
    EditionRevoked,
)
from cart.events.invitation import (
    InvitationPut,
    InvitationWithdrawn,
    RulesSet,
)
from cart.events.line import (
    LineJoined,
    LineLeft,
)
from cart.events.lottery import (
    LotteryDrawn,
    LotteryEntered,
)
from cart.events.order import (
    OrderExpired,
    OrderPaid,
    OrderPlaced,
    OrderRefunded,
    OrderRefundedPartly,
)
from cart.events.payment import (
    PaymentDeclined,
    PaymentReturned,
    PaymentStarted,
    RefundSettled,
)
from cart.events.perk import (
    PerkAwarded,
    PerkRevoked,
)
from cart.events.presale import (
    DepositPaid,
    OrderCancelled,
    OrderDefaulted,
)
from cart.events.slot import (
    SlotHeld,
    SlotPut,
    SlotReleased,
    SlotTaken,
)

CounterEvent = (
    AllocationsMerged
    | DropDrafted
    | DraftDiscarded
    | DropScheduled
    | DropOpened
    | DropAllHeld
    | DropPaused
    | DropRestocked
    | DropSoldOut
    | DropClosed
    | StockShown
    | CouponPut
    | HoldPlaced
    | HoldReleased
    | HoldExpired
    | LineJoined
    | LineLeft
    | OrderPlaced
    | PaymentStarted
    | PaymentDeclined
    | OrderPaid
    | OrderExpired
    | OrderRefunded
    | OrderRefundedPartly
    | PaymentReturned
    | RefundSettled
    | PerkAwarded
    | PerkRevoked
    | RulesSet
    | InvitationPut
    | InvitationWithdrawn
    | EditionNumbered
    | EditionRevoked
    | DepositPaid
    | OrderDefaulted
    | OrderCancelled
    | SlotPut
    | SlotHeld
    | SlotTaken
    | SlotReleased
    | LotteryEntered
    | LotteryDrawn
)

__all__ = [
    "AllocationsMerged",
    "CounterEvent",
    "CouponPut",
    "DepositPaid",
    "DraftDiscarded",
    "DropAllHeld",
    "DropClosed",
    "DropDrafted",
    "DropOpened",
    "DropPaused",
    "DropRestocked",
    "DropScheduled",
    "DropSoldOut",
    "EditionNumbered",
    "EditionRevoked",
    "HoldExpired",
    "HoldPlaced",
    "HoldReleased",
    "InvitationPut",
    "InvitationWithdrawn",
    "LineJoined",
    "LineLeft",
    "LotteryDrawn",
    "LotteryEntered",
    "OrderCancelled",
    "OrderDefaulted",
    "OrderExpired",
    "OrderPaid",
    "OrderPlaced",
    "OrderRefunded",
    "OrderRefundedPartly",
    "PaymentDeclined",
    "PaymentReturned",
    "PaymentStarted",
    "PerkAwarded",
    "PerkRevoked",
    "RefundSettled",
    "RulesSet",
    "SlotHeld",
    "SlotPut",
    "SlotReleased",
    "SlotTaken",
    "StockShown",
]
