"""The cashier asks the provider for what the log makes due, and for nothing else."""

from livestream import commands
from livestream.payments.by_room import ByRoom
from livestream.payments.cashier import Cashier
from livestream.payments.provider import Intent, RefundIntent
from tests.livestream.presales import deposit, presale_stage
from tests.livestream.stage import PRICE_MINOR, Stage, ok


class Asked:
    """A provider that writes down what it is asked and never answers."""

    name = "silent"

    def __init__(self) -> None:
        self.charges: list[tuple[str, int]] = []
        self.refunds: list[tuple[str, int]] = []

    def charge(self, intent: Intent) -> None:
        self.charges.append((intent.payment_id, intent.amount_minor))

    def refund(self, intent: RefundIntent) -> None:
        self.refunds.append((intent.refund_id, intent.amount_minor))


def asked_for(stage: Stage) -> Asked:
    """What is asked for at the last record of the log."""
    asked = Asked()
    Cashier("evening", stage.room.state.books, asked).heed(stage.log[-1][1].facts)
    return asked


def test_a_deposit_and_a_balance_are_charged_with_their_own_amounts() -> None:
    stage, terms = presale_stage()
    order_id = stage.place("wang")
    stage.pay("wang", order_id)
    assert asked_for(stage).charges == [("o1-p1", terms.deposit_minor)]
    ok(stage.approve("o1-p1"))
    assert asked_for(stage).charges == []
    stage.wait(terms.balance_from_ms - stage.now_ms)
    stage.pay("wang", order_id)
    assert asked_for(stage).charges == [("o1-p2", PRICE_MINOR - terms.deposit_minor)]


def test_a_refund_of_a_presale_gives_both_back() -> None:
    stage, terms = presale_stage()
    deposit(stage, "wang")
    stage.wait(terms.balance_from_ms - stage.now_ms)
    ok(stage.approve(stage.pay("wang", "o1")))
    ok(stage.desk(commands.OrderRefund("o1")))
    assert sorted(asked_for(stage).refunds) == [
        ("o1-p1-r1", terms.deposit_minor),
        ("o1-p2-r1", PRICE_MINOR - terms.deposit_minor),
    ]


def test_a_default_gives_the_deposit_back_where_that_was_declared() -> None:
    for on_default, refunds in (("refund", [("o1-p1-r1", 500_000)]), ("forfeit", [])):
        stage, _ = presale_stage(on_default=on_default)
        deposit(stage, "wang")
        asked = Asked()
        cashier = Cashier("evening", stage.room.state.books, asked)
        known = len(stage.facts())
        stage.wait(4 * 3_600_000)
        cashier.heed(stage.facts()[known:])
        assert asked.refunds == refunds


def test_a_new_owner_asks_again_for_what_has_no_answer() -> None:
    stage, _ = presale_stage()
    stage.pay("wang", stage.place("wang"))
    stage.restart()
    asked = Asked()
    Cashier("evening", stage.room.state.books, asked).resume()
    assert asked.charges == [("o1-p1", 500_000)]


def test_a_rehearsal_is_paid_by_the_sandbox_whoever_the_provider_is() -> None:
    for sandbox in (False, True):
        stage, _ = presale_stage()
        stage.pay("wang", stage.place("wang"))
        stage.room.state.sandbox = sandbox
        house, play_money = Asked(), Asked()
        provider = ByRoom(stage.room.state, house, play_money)
        Cashier("evening", stage.room.state.books, provider).resume()
        assert [bool(house.charges), bool(play_money.charges)] == [not sandbox, sandbox]
