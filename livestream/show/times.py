"""Times of a show, which count from its start, brought to the clock of a real run. Pure.

Owns which fields of a command are moments, and which are spans. Refuses to know which clock.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from cart.drop import DropTerms
from livestream import commands
from livestream.commands import HostCommand

#: The shortest that the counter keeps a hold or an order (`cart.bounds.TtlMs`).
TTL_MS_MIN = 1_000

#: From milliseconds since the start of the show to those of another clock.
Clock = Callable[[int], int]


def told_at(command: HostCommand, clock: Clock) -> HostCommand:
    """The same command by another clock."""
    match command:
        case commands.DropSchedule(terms=terms):
            return replace(command, terms=_terms_at(terms, clock))
        case commands.DropDraft(terms=terms):
            return replace(command, terms=_terms_at(terms, clock))
        case commands.CouponPut(coupon_terms=coupon):
            from_ms, until_ms = _maybe(coupon.from_ms, clock), _maybe(coupon.until_ms, clock)
            return commands.CouponPut(replace(coupon, from_ms=from_ms, until_ms=until_ms))
        case commands.SlotPut(slot_terms=slot):
            from_ms, until_ms = clock(slot.from_ms), clock(slot.until_ms)
            return commands.SlotPut(replace(slot, from_ms=from_ms, until_ms=until_ms))
    return command


def _maybe(moment_ms: int | None, clock: Clock) -> int | None:
    return None if moment_ms is None else clock(moment_ms)


def _terms_at(terms: DropTerms, clock: Clock) -> DropTerms:
    access, presale, lottery = terms.access, terms.presale, terms.lottery
    if access is not None:
        tiers = {tier: clock(at_ms) for tier, at_ms in access.tiers.items()}
        access = replace(access, tiers=tiers)
    if presale is not None:
        presale = replace(
            presale,
            deposit_until_ms=clock(presale.deposit_until_ms),
            balance_from_ms=clock(presale.balance_from_ms),
            balance_until_ms=clock(presale.balance_until_ms),
        )
    if lottery is not None:
        lottery = replace(
            lottery,
            entries_from_ms=clock(lottery.entries_from_ms),
            entries_until_ms=clock(lottery.entries_until_ms),
        )
    return replace(
        terms,
        opens_at_ms=_maybe(terms.opens_at_ms, clock),
        flash=[
            replace(price, from_ms=clock(price.from_ms), until_ms=clock(price.until_ms))
            for price in terms.flash
        ],
        access=access,
        presale=presale,
        lottery=lottery,
        merge_at_ms=_maybe(terms.merge_at_ms, clock),
    )


def shortened(command: HostCommand, speed: float) -> HostCommand:
    """The same command in a show of which everything takes `speed` times less, also the spans that
    holds and orders last: down to a second, the shortest that there is.
    """
    command = told_at(command, lambda ms: round(ms / speed))
    if isinstance(command, commands.DropSchedule | commands.DropDraft):
        terms = command.terms
        terms = replace(
            terms,
            hold_ttl_ms=max(TTL_MS_MIN, round(terms.hold_ttl_ms / speed)),
            pay_ttl_ms=max(TTL_MS_MIN, round(terms.pay_ttl_ms / speed)),
        )
        command = replace(command, terms=terms)
    return command
