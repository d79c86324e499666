"""Every frame that a room can make is what the published document says of it."""

from collections.abc import Iterable
from typing import Any

import orjson
import pytest

from cart.access import AccessTerms
from cart.drop import DropTerms
from cart.fact import Fact
from cart.lottery import LotteryTerms, commitment_to
from cart.outcome import Refusal
from cart.perk import PerkTerms
from cart.personalisation import OptionTerms
from cart.presale import PresaleTerms
from cart.price import FlashPrice
from cart.rules import RoomRules
from cart.slot import SlotTerms
from livestream import commands, messages, wire
from livestream.announcing import private_frame
from livestream.arrivals import Arrival
from livestream.attendance import GatewayCounts, GatewayLoad
from livestream.clock import now_ms
from livestream.engine.ledger import ledger_of
from livestream.engine.pulse import arrivals_of, silent_gateways, total
from livestream.flight import RedisLine, Watch
from tests.livestream.control.conformity import Contract
from tests.livestream.stage import START_MS, Answer, Stage, ok


class Seen(Stage):
    """A stage that keeps what single viewers are told."""

    def __init__(self) -> None:
        super().__init__()
        self.private: list[dict[str, Any]] = []
        self.replies: list[dict[str, Any]] = []

    def commit(self, facts: Iterable[Fact], epoch: int | None = None) -> None:
        before = len(self.log)
        super().commit(facts, epoch)
        for fact in (fact for _, record in self.log[before:] for fact in record.facts):
            told = private_frame(self.room.counter, fact)
            if told is not None:
                self.private.append(over_the_wire(told[1]))

    def ask(
        self,
        actor: str,
        command: commands.Command,
        channel: str = "tmall",
        once: commands.Once | None = None,
    ) -> Answer:
        answer = super().ask(actor, command, channel, once)
        self.replies.append(over_the_wire(wire.reply_frame("c1", answer)))
        return answer


def over_the_wire(frame: Any) -> dict[str, Any]:
    return dict(orjson.loads(wire.encode(frame)))


@pytest.fixture(scope="module")
def contract() -> Contract:
    return Contract()


@pytest.fixture(scope="module")
def evening() -> Seen:
    """A show in which everything happens that can."""
    stage = Seen()
    stage.begin()
    stage.put_card(sku="santos", price_minor=1, currency="CNY", image_url="/static/a.png")
    stage.put_card(title="Other")
    stage.desk(commands.CardPin("card-1"))
    stage.desk(commands.CardPin(None))
    stage.desk(commands.CardWithdraw("card-1"))
    stage.desk(commands.Announce("Five minutes!"))
    stage.desk(commands.ChatSlowMode(1_000))
    stage.desk(commands.StreamSet(messages.Stream("/live.m3u8", "/still.webp")))
    stage.desk(commands.ChatDelete("m1"))
    stage.desk(commands.ChatRestore("m1"))
    stage.desk(commands.ChatPin(messages.PinnedMessage("Doors at eight", "Mei", "m2")))
    stage.desk(commands.ChatPin(messages.PinnedMessage("Doors at nine")))
    stage.desk(commands.ChatUnpin())
    stage.desk(commands.ChatPin(messages.PinnedMessage("Doors at ten")))
    stage.desk(commands.ChatWords(["rude"]))
    stage.desk(commands.ViewerMute("v8"))
    stage.desk(commands.ViewerBan("v9"))
    ok(
        stage.schedule(
            "clash",
            allocations={"tmall": 2},
            merge_at_ms=START_MS + 500,
            options=[OptionTerms("engraving", "engraving", 3)],
            flash=[FlashPrice(START_MS, START_MS + 250, 1)],
        )
    )
    perk = PerkTerms("bellboy", "Bellboy", 2, "pass", slots=True)
    stage.desk(commands.RulesSet(RoomRules(limit_per_viewer=9)))
    stage.desk(commands.InvitationPut(["v1", "v2"], tier="gold"))
    stage.desk(commands.InvitationWithdraw(["v2"]))
    ok(stage.schedule("box", access=AccessTerms({"gold": START_MS}, invited_only=True)))
    ok(stage.schedule(supply=2, opens_at_ms=START_MS + 1_000, perks=[perk], numbered=True))
    stage.add("v1")
    stage.wait(1_000)
    stage.desk(commands.DropPause("santos"))
    stage.desk(commands.DropOpen("santos"))
    stage.add("v1")
    stage.wait(130_000)
    first = stage.buy("v1")
    ten = SlotTerms("ten", "bellboy", "Shanghai", 2 * START_MS, 2 * START_MS + 1, 1)
    ok(stage.desk(commands.SlotPut(ten)))
    stage.ask("v1", messages.SlotsShow("c20", "bellboy"))
    ok(stage.ask("v1", messages.SlotChoose("c21", first, "ten")))
    stage.ask("v1", messages.CartShow("c22"))
    declined = stage.pay("v2", stage.place("v2"))
    stage.provider(commands.PaymentDeclined(declined, "no funds"))
    stage.add("v3")
    stage.wait(310_000)
    stage.buy("v3")
    stage.wait(1_000)
    stage.add("v4")
    # The declined payment is approved after all, when nothing is left to give.
    stage.approve(declined)
    stage.desk(commands.OrderRefund(first, amount_minor=1, request_id="r1"))
    stage.desk(commands.OrderRefund(first))
    stage.desk(commands.DropRestock("santos", 5))
    stage.ask("v3", messages.CartShow("c9"))
    stage.ask("v3", messages.CartRemove("c10", "santos"))
    stage.add("v5")
    stage.ask("v5", messages.CartRemove("c11", "santos"))
    stage.wait(1_000)
    stage.sell("ring", supply=1)
    stage.sell("tank", currency="EUR")
    stage.add("v5", "ring")
    stage.join("v6", "ring")
    stage.join("v7", "ring")
    stage.ask("v7", messages.CartShow("c12"))
    stage.add("v6", "tank")  # another currency: no ring goes into this cart
    stage.ask("v5", messages.CartRemove("c13", "ring"))
    stage.leave("v7", "ring")
    a_presale(stage)
    a_lottery(stage)
    stage.desk(commands.DropClose("santos"))
    stage.desk(commands.DropDraft(DropTerms("next", "next", "Next", 1, 1, "CNY")))
    stage.take_over()
    stage.desk(commands.RoomEnd())
    return stage


def a_lottery(stage: Seen) -> None:
    """Two enter, one is drawn."""
    seed = "5eed" * 16
    at_ms = stage.now_ms
    terms = LotteryTerms(at_ms, at_ms + 1_000, commitment_to(seed))
    ok(stage.schedule("bracelet", supply=1, lottery=terms, seed=seed))
    ok(stage.enter("v13", "bracelet"))
    ok(stage.enter("v14", "bracelet"))
    stage.wait(1_000)


def a_presale(stage: Seen) -> None:
    """One pays the balance, one does not, and one gets the deposit back. Then the rest is sold."""
    at_ms = stage.now_ms
    terms = PresaleTerms(1_000, at_ms + 60_000, at_ms + 60_000, at_ms + 120_000)
    stage.sell("clutch", presale=terms)
    for viewer in ("v11", "v12", "v15"):
        ok(stage.approve(stage.pay(viewer, stage.place(viewer, "clutch"))))
    stage.wait(60_000)
    *_, first, _, last = stage.room.state.books.orders
    ok(stage.approve(stage.pay("v11", first)))
    ok(stage.desk(commands.OrderRefund(last)))
    stage.ask("v11", messages.CartShow("c12"))
    stage.wait(60_000)
    ok(stage.desk(commands.DropOpenRest("clutch")))


def test_every_public_frame_is_as_published(contract: Contract, evening: Seen) -> None:
    for _, _, frame in evening.air:
        contract.check(frame)


def test_every_private_frame_is_as_published(contract: Contract, evening: Seen) -> None:
    for frame in evening.private:
        contract.check(frame)


def test_every_reply_is_as_published_with_its_result(contract: Contract, evening: Seen) -> None:
    for reply in evening.replies:
        contract.check(reply)
        result = reply.get("result", {})
        for name, mark in (("HoldResult", "hold_id"), ("OrderResult", "lines")):
            if mark in result:
                contract.check_as(name, result)
        if "holds" in result:
            contract.check_as("CartResult", result)
        for place in (result, *result.get("waiting", ())):
            if "number" in place:
                contract.check_as("EntryResult" if "entry" in place else "PlaceResult", place)
        if "more" in result:
            contract.check_as("SlotsResult", result)
        if "slot_id" in result and "status" in result:
            contract.check_as("SlotChoice", result)
        if "removed" in result:
            contract.check_as("RemoveResult", result)
    results = [reply.get("result", {}).keys() for reply in evening.replies]
    for mark in ("hold_id", "lines", "holds", "removed", "number", "more", "slot_id"):
        assert any(mark in keys for keys in results), mark
    contract.check(over_the_wire(wire.reply_frame(None, bad())))


def bad() -> Refusal:
    answer = wire.read_message(b'{"id":"1","type":"cart.add"}')
    assert isinstance(answer, wire.Malformed)
    return answer.refusal


def test_the_evening_left_out_nothing_that_can_be_told(contract: Contract, evening: Seen) -> None:
    """Else the tests above would say less than they seem to."""
    seen = {frame["type"] for _, _, frame in evening.air}
    seen |= {frame["type"] for frame in (*evening.private, *evening.replies)}
    inbound = {messages_type(kind) for kind in messages_inbound()}
    elsewhere = {"welcome", "chat", "chat.not_shown", "pulse", "desk", "ledger", "time"}
    assert contract.types - inbound - elsewhere == seen


def messages_inbound() -> list[Any]:
    return list(messages.AnyViewerMessage.__args__)


def messages_type(kind: Any) -> str:
    return str(kind.__struct_config__.tag)


def test_the_snapshot_of_a_newcomer_is_as_published(contract: Contract, evening: Seen) -> None:
    line: messages.ChatMessage = {"id": "m", "viewer": "v", "name": "n", "text": "t", "at_ms": 1}
    snapshot = evening.view.snapshot(viewers=3, likes=9, chat=[line])
    contract.check_as("Snapshot", over_the_wire(snapshot))


def test_the_ledger_is_as_published(contract: Contract, evening: Seen) -> None:
    arrival = Arrival("drop.opened", 7, now_ms() - 2_000)
    arrival.addressed = 4
    arrival.reach(3, now_ms())
    load = GatewayLoad(0.5, 3, 900, 1, 4, 20_000)
    counts = {
        "g-1": GatewayCounts(now_ms(), 4, seq=7, behind=1, arrivals=[arrival.told()], load=load),
        "g-2": GatewayCounts(now_ms() - 9_000, 400),
    }
    redis: RedisLine = {"at_ms": 1, "used_bytes": 9, "limit_bytes": 10, "writes_ok": False}
    watch = Watch(
        now_ms(), arrivals_of(counts, now_ms()), silent_gateways(counts, now_ms()), 0, redis
    )
    ledger = ledger_of(
        evening.room,
        owner="e-1",
        at_ms=now_ms(),
        audience=total(counts, unique=0, peak=0, now_ms=now_ms()),
        chat={"shown": 0, "skipped": 0, "blocked": 0},
        refusals={"sold_out": 3},
        engine={
            "decisions": 1,
            "records": 1,
            "append_ms_last": 0.4,
            "append_ms_worst": 101.0,
            "inbox_wait_ms_worst": 2,
            "since_ms": 1,
        },
        watch=watch,
    )
    codes = [reason["code"] for reason in ledger["flight"]["reasons"]]
    assert codes == ["gateway_full", "redis_disk", "redis_memory", "append_slow", *codes[4:]]
    contract.check(over_the_wire({"type": "ledger", "ledger": ledger}))


def test_the_check_finds_what_is_amiss(contract: Contract) -> None:
    good = {"type": "announcement", "seq": 1, "at_ms": 1, "text": "hello"}
    contract.check(good)
    for wrong in (
        {**good, "seq": "1"},
        {**good, "secret": 1},
        {k: v for k, v in good.items() if k != "text"},
    ):
        with pytest.raises(AssertionError):
            contract.check(wrong)


@pytest.mark.parametrize(
    ("message", "good"),
    [
        ({"id": "1", "type": "cart.add", "sku": "santos"}, True),
        ({"id": "1", "type": "cart.add", "sku": "santos", "quantity": 0}, False),
        ({"id": "1", "type": "cart.add", "sku": "san tos"}, False),
        ({"type": "cart.add", "sku": "santos"}, False),
        ({"id": "1", "type": "like", "count": 51}, False),
        ({"id": "1", "type": "like"}, True),
        ({"id": "1", "type": "chat.send", "text": ""}, False),
        ({"id": "1", "type": "attention", "level": "commerce"}, True),
        ({"id": "1", "type": "attention", "level": "none"}, False),
        (
            {
                "id": "1",
                "type": "checkout",
                "checkout_id": "c",
                "personalisation": {"a": {"b": "c"}},
            },
            True,
        ),
        ({"id": "1", "type": "checkout", "checkout_id": "c", "personalisation": {"a": "b"}}, False),
        ({"id": "1", "type": "checkout", "checkout_id": "c\n"}, False),
    ],
)
def test_the_document_and_the_decoder_agree_on_what_a_viewer_may_say(
    contract: Contract, message: dict[str, Any], good: bool
) -> None:
    read = wire.read_message(orjson.dumps(message))
    assert isinstance(read, wire.Malformed) is not good
    if good:
        contract.check(message)
    else:
        with pytest.raises(AssertionError):
            contract.check(message)
