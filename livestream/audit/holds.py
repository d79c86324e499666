"""Check 5: every hold ends once (paid, released or expired), neither early nor late."""

from __future__ import annotations

from collections.abc import Iterator

from cart import events
from livestream.audit.check import Check, Rule, before
from livestream.audit.evidence import Evidence
from livestream.audit.ledger import HoldAccount, Ledger

#: How long after its deadline a hold may end. A tick is a few milliseconds; an engine that stalls,
#: or a Redis that restarts under it, takes seconds. Time without an owner is not counted.
LATE_MAX_MS = 5_000


class EveryHoldEndsOnce(Check):
    """Invariant 5."""

    rule = Rule(
        5,
        "every hold ends once",
        "each hold is paid, released or expired, once, and not before nor long after its deadline",
    )

    def __init__(self, ledger: Ledger, evidence: Evidence) -> None:
        super().__init__(ledger, evidence)
        self.late_ms_max = 0

    @before(events.HoldPlaced)
    def placed_once(self, fact: events.HoldPlaced) -> Iterator[str]:
        if fact.hold_id in self.ledger.holds or fact.hold_id in self.ledger.ended:
            yield f"hold {fact.hold_id} is placed a second time"
        if fact.expires_at_ms <= self.ledger.at_ms:
            yield f"hold {fact.hold_id} is placed with a deadline that has passed"
        if fact.quantity < 1:
            yield f"hold {fact.hold_id} reserves {fact.quantity} units"

    @before(events.HoldReleased)
    def released_from_the_cart(self, fact: events.HoldReleased) -> Iterator[str]:
        hold = self.ledger.holds.get(fact.hold_id)
        if hold is None or hold.order_id:
            yield self._not_in_a_cart(fact.hold_id, hold, "released")
        elif not 0 < fact.quantity <= hold.quantity:
            yield f"hold {fact.hold_id} gives back {fact.quantity} of {hold.quantity} units"

    @before(events.HoldExpired)
    def expired_from_the_cart(self, fact: events.HoldExpired) -> Iterator[str]:
        hold = self.ledger.holds.get(fact.hold_id)
        if hold is None or hold.order_id:
            yield self._not_in_a_cart(fact.hold_id, hold, "expired")
            return
        if (fact.viewer, fact.quantity) != (hold.viewer, hold.quantity):
            yield (
                f"hold {fact.hold_id} of {hold.viewer} has {hold.quantity} units; "
                f"what expired is {fact.quantity} of {fact.viewer}"
            )
        yield from self._in_time(f"hold {fact.hold_id}", "expired", hold.expires_at_ms)

    def _not_in_a_cart(self, hold_id: str, hold: HoldAccount | None, how: str) -> str:
        if hold is not None:
            return f"hold {hold_id} is {how} from the cart and belongs to order {hold.order_id}"
        before = self.ledger.ended.get(hold_id)
        if before is not None:
            return f"hold {hold_id} is {how}, and had ended before: {before}"
        return f"hold {hold_id} is {how} and was never placed"

    def _in_time(self, what: str, how: str, deadline_ms: int) -> Iterator[str]:
        """Not before the deadline; and not long after it, or after an owner came to see it."""
        early_ms = deadline_ms - self.ledger.at_ms
        if early_ms > 0 and how == "expired":
            yield f"{what} {how} {early_ms} ms before its deadline"
        late_ms = self.ledger.at_ms - max(deadline_ms, self.ledger.epoch_at_ms)
        self.late_ms_max = max(self.late_ms_max, late_ms)
        if late_ms > LATE_MAX_MS:
            yield f"{what} {how} {late_ms} ms after its deadline"

    @before(events.OrderPlaced)
    def ordered_from_the_cart(self, fact: events.OrderPlaced) -> Iterator[str]:
        if not fact.lines:
            yield f"order {fact.order_id} has no lines"
        if len({line.hold_id for line in fact.lines}) < len(fact.lines):
            yield f"order {fact.order_id} takes one hold twice"
        for line in fact.lines:
            hold = self.ledger.holds.get(line.hold_id)
            if hold is None or hold.order_id:
                yield self._not_in_a_cart(line.hold_id, hold, f"ordered by {fact.order_id}")
                continue
            ordered = (fact.viewer, line.drop_id, line.sku, line.quantity)
            held = (hold.viewer, hold.drop_id, hold.sku, hold.quantity)
            if ordered != held:
                yield f"order {fact.order_id} takes {ordered} from hold {line.hold_id}: {held}"
            yield from self._in_time(f"hold {line.hold_id}", "ordered", hold.expires_at_ms)

    @before(events.OrderPaid)
    def paid_while_held(self, fact: events.OrderPaid) -> Iterator[str]:
        order = self.ledger.orders.get(fact.order_id)
        if order is None:
            return
        if order.status in ("expired", "defaulted") and not fact.late:
            yield f"order {fact.order_id} is paid from holds that had expired"
        if order.status in ("placed", "deposited") and fact.late:
            yield f"order {fact.order_id} is paid as if late while its holds still stand"
        if order.status in ("placed", "deposited"):
            yield from self._in_time(f"order {fact.order_id}", "paid", order.expires_at_ms)

    @before(events.OrderExpired)
    def expired_while_waiting(self, fact: events.OrderExpired) -> Iterator[str]:
        order = self.ledger.orders.get(fact.order_id)
        if order is None:
            yield f"order {fact.order_id} expires and was never placed"
            return
        if order.status != "placed":
            yield f"order {fact.order_id} expires and was {order.status} already"
        yield from self._in_time(f"order {fact.order_id}", "expired", order.expires_at_ms)

    @before(events.DepositPaid)
    def deposited_while_held(self, fact: events.DepositPaid) -> Iterator[str]:
        order = self.ledger.orders.get(fact.order_id)
        if order is None:
            return
        if fact.late != (order.status == "expired"):
            how = "late" if fact.late else "in time"
            yield f"the deposit of order {fact.order_id} comes {how} and it is {order.status}"
        if order.status == "placed":
            yield from self._in_time(f"order {fact.order_id}", "deposited", order.expires_at_ms)

    @before(events.OrderDefaulted)
    def defaulted_when_due(self, fact: events.OrderDefaulted) -> Iterator[str]:
        order = self.ledger.orders.get(fact.order_id)
        if order is None:
            yield f"order {fact.order_id} defaults and was never placed"
            return
        if order.status != "deposited":
            yield f"order {fact.order_id} defaults and was {order.status}, not deposited"
        if order.viewer != fact.viewer:
            yield f"order {fact.order_id} of {order.viewer} defaults as one of {fact.viewer}"
        if self.ledger.at_ms < order.expires_at_ms:
            early_ms = order.expires_at_ms - self.ledger.at_ms
            yield f"order {fact.order_id} defaults {early_ms} ms before its balance is overdue"
        yield from self._in_time(f"order {fact.order_id}", "defaulted", order.expires_at_ms)

    @before(events.OrderCancelled)
    def cancelled_while_it_waits(self, fact: events.OrderCancelled) -> Iterator[str]:
        order = self.ledger.orders.get(fact.order_id)
        if order is None:
            yield f"order {fact.order_id} is cancelled and was never placed"
            return
        if order.status != "deposited":
            yield f"order {fact.order_id} is cancelled and was {order.status}, not deposited"
        if order.viewer != fact.viewer:
            yield f"order {fact.order_id} of {order.viewer} is cancelled as one of {fact.viewer}"

    def log_ends(self) -> Iterator[str]:
        for hold_id, hold in self.ledger.holds.items():
            order = self.ledger.orders.get(hold.order_id)
            deadline_ms = order.expires_at_ms if order else hold.expires_at_ms
            late_ms = self.ledger.at_ms - max(deadline_ms, self.ledger.epoch_at_ms)
            if late_ms > LATE_MAX_MS:
                yield f"hold {hold_id} is still open {late_ms} ms after its deadline"

    def note(self) -> str:
        still = f"{len(self.ledger.holds)} still open, " if self.ledger.holds else ""
        return f"{still}latest end {self.late_ms_max} ms after its deadline"
