"""Whole evenings, drawn from the seed of the run: a crowd, impatient money, engines that die.

Where the state machine looks for the shortest story, this one looks for long ones: hundreds of
viewers, thousands of steps, drops that sell out and open again. `pytest --seed N` plays the same
evenings again.
"""

from __future__ import annotations

import random
from heapq import heappop, heappush
from typing import Any, Literal

import pytest

from cart.outcome import Refusal
from cart.perk import PerkTerms
from livestream import commands, messages
from livestream.audit import Acknowledged, Captured, Evidence, audit_log
from livestream.report import report_of
from tests.livestream.stage import Answer, Stage, ok

VIEWERS = 150
STEPS = 2_500
SKUS = ("santos", "ring", "tank")


class Evening:
    """A stage, a provider whose answers are on their way, and what everybody was told."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.stage = Stage("drawn")
        self.viewers = [f"viewer-{number}" for number in range(VIEWERS)]
        self.told: dict[str, Acknowledged] = {}
        self.captured: dict[str, Captured] = {}
        self._answers: list[tuple[int, int, commands.ProviderCommand]] = []

    def play(self) -> None:
        """From the first owner to the last refund."""
        rng, stage = self.rng, self.stage
        stage.begin()
        for sku in SKUS:
            policies: list[Literal["stay", "pass"]] = ["stay", "pass"]
            perk = PerkTerms("bellboy", "Bellboy", rng.randint(1, 12), rng.choice(policies))
            box = PerkTerms("box", "Engraved box", rng.randint(1, 12), rng.choice(policies))
            opens_at_ms = stage.now_ms + rng.randint(0, 60_000)
            ok(
                stage.schedule(
                    sku,
                    supply=rng.randint(5, 40),
                    limit=rng.randint(1, 3),
                    price_minor=rng.randint(0, 3_000_000),
                    opens_at_ms=opens_at_ms,
                    perks=rng.choice([[perk], [perk, box], []]),
                )
            )
        for _ in range(STEPS):
            step = rng.choices(
                [self.shop, self.buy, self.remove, self.pass_time, self.manage, self.restart],
                weights=[30, 40, 6, 14, 3, 1],
            )[0]
            step()
        stage.desk(commands.RoomEnd())
        while self._answers or stage.room.state.books.holds:
            self.pass_time()
        for payment in list(stage.room.state.books.payments.values()):
            stage.provider(commands.RefundSettled(payment.payment_id))

    def ask(self, viewer: str, command: Any) -> Answer:
        """A command, and now and then its repeat, which gets the same answer."""
        answer = self.stage.ask(viewer, command, self.channel(viewer))
        if self.rng.random() < 0.1 and not isinstance(answer, Refusal):
            assert self.stage.ask(viewer, command, self.channel(viewer)) == answer
        return answer

    def channel(self, viewer: str) -> str:
        return ("tmall", "wechat", "xiaohongshu")[len(viewer) % 3]

    def shop(self) -> None:
        """Look, add, sometimes check out."""
        viewer = self.rng.choice(self.viewers)
        sku, quantity = self.rng.choice(SKUS), self.rng.choice([1, 1, 1, 2])
        self.ask(viewer, messages.CartAdd(self.stage.next_id(), sku, quantity))
        if self.rng.random() < 0.5:
            self.check_out(viewer)

    def check_out(self, viewer: str) -> str | None:
        """The order's id, if anything was held; remembered as told."""
        checkout_id = self.stage.next_id()
        answer = self.ask(viewer, messages.Checkout(self.stage.next_id(), checkout_id))
        if isinstance(answer, Refusal):
            return None
        order_id = str(answer["order_id"])
        self.told[order_id] = Acknowledged(viewer, checkout_id, order_id, answer["total_minor"])
        return order_id

    def buy(self) -> None:
        """Check out and pay; what the provider will say, and when, is drawn."""
        viewer = self.rng.choice(self.viewers)
        self.ask(viewer, messages.CartAdd(self.stage.next_id(), self.rng.choice(SKUS)))
        order_id = self.check_out(viewer)
        if order_id is None:
            return
        for _ in range(self.rng.choice([1, 1, 1, 2])):
            payment_id = self.stage.pay(viewer, order_id)
            if self.rng.random() < 0.2:
                self.stage.provider(commands.PaymentDeclined(payment_id))
            self.answer_later(payment_id)

    def answer_later(self, payment_id: str) -> None:
        payment = self.stage.room.state.books.payments[payment_id]
        wrong = self.rng.random() < 0.03
        approved = commands.PaymentApproved(
            payment_id, payment.amount_minor + wrong, payment.currency
        )
        declined = commands.PaymentDeclined(payment_id, "no cover")
        for _ in range(self.rng.choice([0, 1, 1, 1, 1, 2])):
            says = approved if self.rng.random() < 0.9 else declined
            delay_ms = self.rng.choice([0, 500, 5_000, 60_000, 299_999, 300_000, 600_000])
            at_ms = self.stage.now_ms + delay_ms
            heappush(self._answers, (at_ms, self.rng.getrandbits(60), says))

    def remove(self) -> None:
        """Put something back, refund something, check out what lies about."""
        books = self.stage.room.state.books
        viewer = self.rng.choice(self.viewers)
        quantity = self.rng.choice([None, 1])
        command = messages.CartRemove(self.stage.next_id(), self.rng.choice(SKUS), quantity)
        self.ask(viewer, command)
        self.check_out(viewer)
        if books.orders and self.rng.random() < 0.3:
            order_id = self.rng.choice(sorted(books.orders))
            self.stage.desk(commands.OrderRefund(order_id, self.rng.random() < 0.7))

    def pass_time(self) -> None:
        """The provider's answers come when they come; the engine does what is due between them."""
        until_ms = self.stage.now_ms + self.rng.choice([1, 100, 2_000, 30_000, 120_000])
        while self._answers and self._answers[0][0] <= until_ms:
            at_ms, _, says = heappop(self._answers)
            self.stage.wait(max(0, at_ms - self.stage.now_ms))
            self.hear(says)
        self.stage.wait(max(0, until_ms - self.stage.now_ms))

    def hear(self, says: commands.ProviderCommand) -> None:
        if isinstance(says, commands.PaymentApproved):
            captured = Captured(says.payment_id, says.amount_minor, says.currency)
            self.captured.setdefault(says.payment_id, captured)
        answer = ok(self.stage.provider(says))
        order_id = str(answer["order_id"])
        if answer["payment"] == "confirmed" and order_id in self.told:
            told = self.told[order_id]
            self.told[order_id] = Acknowledged(
                told.viewer, told.checkout_id, order_id, told.total_minor, paid=True
            )

    def manage(self) -> None:
        """The host: pauses, resumes, brings more, closes and starts the product anew."""
        drops = self.stage.room.state.books.drops
        drop_id = self.rng.choice(sorted(drops))
        press: list[commands.HostCommand] = [
            commands.DropPause(drop_id),
            commands.DropOpen(drop_id),
            commands.DropOpen(drop_id),
            commands.DropRestock(drop_id, self.rng.randint(1, 5)),
            commands.DropClose(drop_id),
        ]
        command = self.rng.choice(press)
        self.stage.desk(command)
        if isinstance(command, commands.DropClose) and len(drops) < 30:
            sku = drops[drop_id].terms.sku
            self.stage.schedule(f"{sku}-{len(drops)}", sku=sku, supply=10, limit=2, opens_at_ms=0)

    def restart(self) -> None:
        before = self.stage.room.state
        assert self.stage.replayed() == before
        self.stage.restart()


@pytest.mark.parametrize("number", range(6))
def test_an_evening_drawn_at_random_adds_up_to_the_fen(number: int, rng: random.Random) -> None:
    evening = Evening(rng)
    evening.play()
    stage = evening.stage
    evidence = Evidence(
        acknowledged=list(evening.told.values()),
        captured=list(evening.captured.values()),
        snapshot=stage.room.state,
    )
    verdict = audit_log(stage.log, "drawn", evidence)
    assert verdict.findings == []
    books = verdict.books
    assert books.orders["paid"] > 20, "an evening in which something happens"
    assert (books.holds_open, books.late_ms_max) == (0, 0)
    assert "owed" not in books.payments
    assert all(drop.sold + drop.withdrawn == drop.supplied for drop in books.drops)
    net_minor = sum(
        order.total_minor
        for order in stage.room.state.books.orders.values()
        if order.status == "paid"
    )
    report = report_of("drawn", stage.log)
    assert [row.net_minor for row in report.gmv] == [net_minor]
    assert report.reconciliation.agrees, report.reconciliation
    assert stage.replayed() == stage.room.state
