"""A presale on a stage, for the tests of several folders."""

from typing import Any

from msgspec import structs

from cart.presale import PresaleTerms
from tests.livestream.stage import SANTOS, START_MS, Stage, ok

HOUR_MS = 3_600_000
DEPOSIT_MINOR = 500_000
#: Deposits for an hour from the start of the show, balances in its third hour.
TERMS = PresaleTerms(
    DEPOSIT_MINOR, START_MS + HOUR_MS, START_MS + 2 * HOUR_MS, START_MS + 3 * HOUR_MS
)


def presale_stage(supply: int = 3, **terms: Any) -> tuple[Stage, PresaleTerms]:
    """A live room with one presale, and its terms."""
    stage = Stage()
    stage.begin()
    presale = structs.replace(TERMS, **terms)
    stage.sell(SANTOS, supply=supply, presale=presale)
    return stage, presale


def deposit(stage: Stage, viewer: str, sku: str = SANTOS) -> str:
    """An order whose deposit is paid; its id."""
    order_id = stage.place(viewer, sku)
    ok(stage.approve(stage.pay(viewer, order_id)))
    return order_id
