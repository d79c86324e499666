"""Money: integers in minor units, each with its currency.

Owns the list of currencies that a room may sell in and the bounds of an amount.
Refuses to know floats, rounding (nothing here divides; `cart.coupon` does), prices of any product.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from msgspec import Meta

#: ISO 4217 codes this engine sells in. A closed list, so that a metric label or a ledger key can
#: never be invented from outside.
Currency = Literal[
    "CNY", "HKD", "TWD", "JPY", "KRW", "SGD", "EUR", "GBP", "CHF", "USD", "AED", "KWD", "BHD"
]
CURRENCIES: tuple[Currency, ...] = get_args(Currency)

#: Digits after the decimal point, ISO 4217 column E ("minor unit").
MINOR_DIGITS: dict[Currency, int] = dict.fromkeys(CURRENCIES, 2) | {
    "JPY": 0,
    "KRW": 0,
    "KWD": 3,
    "BHD": 3,
}

#: A price is at most 10^11 minor units (a billion yuan), each of 8 options 10^9. The largest order
#: is 1.08 x 10^11 x 100 units x 16 lines = 1.73 x 10^14, and 50 such orders still add up below
#: 2^53 = 9.0 x 10^15, past which JavaScript clients would lose a fen.
PRICE_MINOR_MAX = 100_000_000_000
OPTION_PRICE_MINOR_MAX = 1_000_000_000

PriceMinor = Annotated[
    int, Meta(ge=0, le=PRICE_MINOR_MAX, description="price in minor units (fen)")
]
OptionPriceMinor = Annotated[
    int, Meta(ge=0, le=OPTION_PRICE_MINOR_MAX, description="price in minor units (fen)")
]
#: No amount goes past what every client can count exactly.
AMOUNT_MINOR_MAX = 2**53 - 1
AmountMinor = Annotated[
    int, Meta(ge=0, le=AMOUNT_MINOR_MAX, description="amount in minor units (fen)")
]


def format_minor(amount_minor: int, currency: Currency) -> str:
    """`2880000, "CNY"` as people read it: `CNY 28,800.00`."""
    digits = MINOR_DIGITS[currency]
    if digits == 0:
        return f"{currency} {amount_minor:,}"
    sign = "-" if amount_minor < 0 else ""
    whole, minor = divmod(abs(amount_minor), 10**digits)
    return f"{currency} {sign}{whole:,}.{minor:0{digits}d}"
