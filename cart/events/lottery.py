"""What happens in a lottery, as facts. Owns their words; refuses to know who may enter.

Its seed comes with `drop.scheduled`. Who was drawn stands in the line of the drop from the draw on,
and is offered units as everybody in a line is.
"""

from __future__ import annotations

from cart.fact import Fact


class LotteryEntered(Fact, frozen=True, gc=False, tag="lottery.entered"):
    """A viewer entered, as the `number`-th; `tier` and `invited` are what the ticket claimed."""

    drop_id: str
    viewer: str
    number: int
    tier: str = ""
    invited: bool = False


class LotteryDrawn(Fact, frozen=True, gc=False, tag="lottery.drawn"):
    """The seed is told: `entered` viewers stand in line in the order that it gives them."""

    drop_id: str
    seed: str
    entered: int
