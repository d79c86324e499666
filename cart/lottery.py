"""A lottery: who may buy a drop is drawn from a seed that was promised before anybody entered.

    the house draws a seed of 32 bytes and publishes its SHA-256, the commitment
    viewers enter in a window; each entry has a number, and shows as the SHA-256 of the viewer's id
    the seed is published; the entries stand in the order of SHA-256(seed || entry)

Who knows the commitment, the seed and the entries can do the same sums, and sees that the seed was
not chosen after the entries were known. (It does not show that nobody who knew the seed entered
under names that it favours: the seed is for nobody's eyes before the draw.)

Owns the terms, the entries and the sums. Refuses to know who may enter (`cart.drawing`), and
chance: the seed is given.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Annotated

from msgspec import Meta, Struct

from cart.bounds import TimeMs

#: 200,000 entries x about 220 bytes = 44 MB; the draw of so many takes about a second.
ENTRIES_MAX = 200_000

#: 32 bytes as hexadecimal digits; none: not given.
_BYTES_32 = r"^([0-9a-f]{64})?$(?!\n)"
Seed = Annotated[str, Meta(pattern=_BYTES_32, description="32 bytes as hexadecimal digits")]
Commitment = Annotated[
    str, Meta(pattern=_BYTES_32, description="SHA-256 of the seed as hexadecimal digits")
]


class LotteryTerms(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Entries are taken from `entries_from_ms` until `entries_until_ms`, which is the time of the
    draw.
    """

    entries_from_ms: TimeMs
    entries_until_ms: TimeMs
    commitment: Commitment = ""


class Entry(Struct, gc=False, array_like=True, omit_defaults=True):
    """The `number`-th who entered; `tier` and `invited` are what the ticket claimed."""

    number: int
    tier: str = ""
    invited: bool = False


class LotteryBook(Struct):
    """The entries of one drop by viewer, in their order, and its seed: a secret until `drawn`."""

    seed: str
    entries: dict[str, Entry] = {}
    drawn: bool = False

    def __repr__(self) -> str:
        return f"LotteryBook({len(self.entries)} entries, drawn={self.drawn})"


def flaw_in(terms: LotteryTerms, seed: str, opens_at_ms: int | None, now_ms: int) -> str | None:
    """What is wrong with the terms of a lottery with this seed, in a sentence, or None."""
    if opens_at_ms is not None:
        return "a lottery opens by its draw: it has no opening time of its own"
    if terms.entries_until_ms <= now_ms:
        return "the window for entries has passed"
    if terms.entries_until_ms <= terms.entries_from_ms:
        return "the window for entries ends before it begins"
    if not seed or commitment_to(seed) != terms.commitment:
        return "the commitment is not that of a seed that was given"
    return None


def commitment_to(seed: str) -> str:
    """What is published of a seed before the draw."""
    return sha256(bytes.fromhex(seed)).hexdigest()


def entry_of(viewer: str) -> str:
    """What is published of a viewer who entered."""
    return sha256(viewer.encode()).hexdigest()


def in_order_of_the_draw(seed: str, viewers: Iterable[str]) -> list[str]:
    """The viewers, the first drawn first."""
    secret = bytes.fromhex(seed)

    def rank(viewer: str) -> bytes:
        return sha256(secret + sha256(viewer.encode()).digest()).digest()

    return sorted(viewers, key=rank)
