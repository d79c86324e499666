"""What happens to the numbers of a numbered edition, as facts. Owns their words; refuses to know
certificates.
"""

from __future__ import annotations

from cart.fact import Fact


class EditionNumbered(Fact, frozen=True, tag="edition.numbered"):
    """Paid units got their numbers, each of `of`: what had been supplied of the drop by then."""

    drop_id: str
    order_id: str
    viewer: str
    numbers: list[int]
    of: int


class EditionRevoked(Fact, frozen=True, tag="edition.revoked"):
    """A refund took numbers back. `freed` ones came back with their units and are given again;
    the others never are.
    """

    drop_id: str
    order_id: str
    numbers: list[int]
    freed: bool
