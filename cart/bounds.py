"""The bounds of everything that reaches the counter from outside, each with its sum.

Owns sizes and shapes of names, texts and quantities. Refuses to know what they mean.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

#: Identifiers are ASCII words, so that they can stand in keys, labels, file names and addresses as
#: they are. Python's `$` also matches before a last newline, JavaScript's does not: hence `(?!\n)`.
WORD = r"^[A-Za-z0-9][A-Za-z0-9._:-]*$(?!\n)"

ViewerId = Annotated[str, Meta(min_length=1, max_length=64, pattern=WORD)]
Sku = Annotated[str, Meta(min_length=1, max_length=64, pattern=WORD)]
CardId = Annotated[str, Meta(min_length=1, max_length=64, pattern=WORD)]
DropId = Annotated[str, Meta(min_length=1, max_length=64, pattern=WORD)]
PerkId = Annotated[str, Meta(min_length=1, max_length=64, pattern=WORD)]
SlotId = Annotated[str, Meta(min_length=1, max_length=64, pattern=WORD)]
CheckoutId = Annotated[str, Meta(min_length=1, max_length=64, pattern=WORD)]
#: Where the viewer came from (tmall, wechat, xiaohongshu...). Signed into the ticket by the
#: merchant.
Channel = Annotated[str, Meta(min_length=1, max_length=32, pattern=r"^[a-z0-9][a-z0-9_-]*$(?!\n)")]

#: What is only compared, looked up or handed on needs no shape, just a bound: a pattern costs 0.25
#: us each time that it is read, at the gateway and at the engine, where a whole decision costs 8.
#: The client's own name for a command; a repeat gets the first answer.
CommandId = Annotated[str, Meta(min_length=1, max_length=64)]
OrderId = Annotated[str, Meta(min_length=1, max_length=96)]
PaymentId = Annotated[str, Meta(min_length=1, max_length=112)]
#: A refund's name: the payment's and a number.
RefundId = Annotated[str, Meta(max_length=120)]
#: The host's own name for a refund in part; a repeat gets the first answer.
RequestId = Annotated[str, Meta(max_length=64)]
PaymentToken = Annotated[str, Meta(min_length=1, max_length=128)]

Title = Annotated[str, Meta(min_length=1, max_length=120)]
Text = Annotated[str, Meta(max_length=500)]

QUANTITY_MAX = 100
Quantity = Annotated[int, Meta(ge=1, le=QUANTITY_MAX)]

SUPPLY_MAX = 1_000_000
Supply = Annotated[int, Meta(ge=1, le=SUPPLY_MAX)]

TimeMs = Annotated[
    int, Meta(ge=0, le=4_102_444_800_000, description="milliseconds since the Unix epoch")
]
#: A hold or a payment window lasts a second to a day.
TTL_MAX_MS = 86_400_000
TtlMs = Annotated[int, Meta(ge=1_000, le=TTL_MAX_MS)]

#: What one drop, or the room itself, gives to its first orders: each perk keeps about 100 bytes for
#: each order that has a rank.
PERKS_MAX = 8
#: Delivery slots of a room: 1,000 x about 500 bytes, and about 100 for each order that has a place.
SLOTS_MAX = 1_000
SLOT_CAPACITY_MAX = 10_000
#: Slots in one answer: 100 x about 250 bytes = 25 KB.
SLOTS_SHOWN_MAX = 100
#: A guarantee lasts at most a century.
GUARANTEE_DAYS_MAX = 36_500
#: Options of one product, each with a text: at most 8 x (32 + 200 x 3) = 5 KiB of UTF-8 for one.
OPTIONS_MAX = 8
OptionId = Annotated[str, Meta(min_length=1, max_length=32, pattern=WORD)]
PERSONALISATION_TEXT_MAX = 200
PersonalisationText = Annotated[str, Meta(max_length=PERSONALISATION_TEXT_MAX)]

#: A room lists at most 64 drops; each viewer's tally per drop is one dict entry of about 100 bytes,
#: kept only for those who ever held a unit.
DROPS_MAX = 64
#: Drafts of a room: 16 x about 1 KB in the snapshot, and in the numbers that each desk gets.
DRAFTS_MAX = 16
#: Lines in one basket, and so in one order.
LINES_MAX = 16
#: sku -> option -> text, for every SKU of a cart. A message is at most 8 KiB, so a cart whose texts
#: are longer than that in all takes two orders.
Personalisation = Annotated[
    dict[Sku, Annotated[dict[OptionId, PersonalisationText], Meta(max_length=OPTIONS_MAX)]],
    Meta(max_length=LINES_MAX),
]
#: For how long a repeated command gets its first answer, at least.
ANSWERS_KEPT_MS = 86_400_000
#: Cart commands that a shopper may send in that time; each is remembered, none is forgotten early,
#: and one more is told to wait. 256 x about 330 bytes = 84 KB for the busiest; with the 6 of a
#: usual evening 100,000 shoppers take 200 MB.
COMMANDS_KEPT_MAX = 256
#: Fewer are kept even when they are older: looking for old ones is not worth its while.
COMMANDS_KEPT_MIN = 16
#: Orders of one viewer in one room, kept as long as the room and therefore answered as long:
#: 1,000 x about 1.5 KB = 1.5 MB.
CHECKOUTS_PER_VIEWER_MAX = 1_000
#: Payments that one order may start before it must be placed anew; as many again for the balance
#: of a presale.
PAYMENT_ATTEMPTS_MAX = 10
#: Refunds in part of one order, each about 300 bytes on the books: 30 KB for one that a host takes
#: to pieces; a refund of the rest is always possible.
REFUNDS_PER_ORDER_MAX = 100
#: Public stock is told at most this often for each drop; sold out and closed are told at once.
STOCK_SHOWN_EVERY_MS = 250
