"""What is public and what is not, and that a view folded from the air is the engine's own view."""

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cart import events
from cart.lottery import LotteryTerms, commitment_to
from cart.perk import PerkTerms
from livestream import commands, facts, messages, wire
from livestream.announcing import _BODIES, private_frame, public_frame
from livestream.messages import Stream
from livestream.storefront import Storefront
from tests.livestream.presales import DEPOSIT_MINOR, HOUR_MS, TERMS, deposit, presale_stage
from tests.livestream.stage import PRICE_MINOR, SANTOS, START_MS, Stage, ok
from tests.properties import PROPERTY

SEED = "5eed" * 16


@pytest.fixture
def stage() -> Stage:
    stage = Stage()
    stage.begin()
    stage.sell(perks=[PerkTerms("bellboy", "Bellboy", 88)])
    return stage


def on_air(stage: Stage, kind: str) -> list[dict[str, Any]]:
    return [frame for _, _, frame in stage.air if frame["type"] == kind]


# -- public frames, literally ------------------------------------------------------------------


def test_a_drop_is_announced_with_everything_a_viewer_needs(stage: Stage) -> None:
    assert on_air(stage, "drop.scheduled") == [
        {
            "type": "drop.scheduled",
            "seq": 4,
            "at_ms": START_MS,
            "drop": {
                "drop_id": "santos",
                "sku": "santos",
                "title": "Santos",
                "status": "scheduled",
                "supply": 3,
                "price_minor": PRICE_MINOR,
                "currency": "CNY",
                "opens_at_ms": None,
                "limit_per_viewer": 1,
                "reserve_on": "cart",
                "hold_ttl_ms": 120_000,
                "perks": [{"perk_id": "bellboy", "name": "Bellboy", "first_n": 88, "slots": False}],
                "access": None,
                "numbered": False,
                "guarantee_days": 0,
                "available": 3,
                "held": 0,
                "sold": 0,
                "waiting": 0,
                "next": 0,
            },
        }
    ]


def test_stock_carries_its_seq(stage: Stage) -> None:
    stage.add("wang")
    stage.wait(250)
    assert on_air(stage, "stock.changed") == [
        {
            "type": "stock.changed",
            "seq": 7,
            "at_ms": START_MS + 250,
            "drop_id": "santos",
            "sku": "santos",
            "available": 2,
            "held": 1,
            "sold": 0,
            "waiting": 0,
            "next": 0,
        }
    ]


def test_that_all_is_held_is_told_by_the_stock_and_not_each_time(stage: Stage) -> None:
    """A viewer who takes the last unit and puts it back, again and again, moves no frame."""
    for viewer in ("wang", "li", "zhao"):
        stage.add(viewer)
    stage.wait(250)
    before = len(stage.air)
    assert stage.view.drops[SANTOS]["status"] == "all_held"
    for _ in range(3):
        stage.ask("zhao", messages.CartRemove(stage.next_id(), SANTOS))
        stage.add("zhao")
    assert len(stage.air) == before
    stage.ask("zhao", messages.CartRemove(stage.next_id(), SANTOS))
    stage.wait(250)
    assert [frame["type"] for _, _, frame in stage.air[before:]] == ["stock.changed"]
    assert stage.view.drops[SANTOS]["status"] == "open"


def test_a_card_shows_only_what_the_host_gave(stage: Stage) -> None:
    stage.put_card(title="Santos-Dumont", sku=SANTOS)
    (frame,) = on_air(stage, "card.pushed")
    assert frame["card"] == {"card_id": "card-1", "title": "Santos-Dumont", "sku": "santos"}


def test_who_announces_and_who_moderates_is_not_shown(stage: Stage) -> None:
    stage.desk(commands.Announce("Welcome"))
    stage.desk(commands.ChatDelete("m-1"))
    stage.desk(commands.ChatSlowMode(500))
    stage.desk(commands.StreamSet(Stream("/live.m3u8")))
    kinds = ("announcement", "chat.deleted", "chat.slow_mode", "room.stream")
    said = [on_air(stage, kind)[0] for kind in kinds]
    assert all("by" not in frame for frame in said)


def test_who_is_muted_or_banned_goes_to_gateways_and_no_further(stage: Stage) -> None:
    stage.desk(commands.ViewerMute("wang"))
    stage.desk(commands.ViewerBan("li"))
    audiences = {frame["type"]: audience for _, audience, frame in stage.air}
    assert audiences.pop("viewer.muted") == "gateways"
    assert audiences.pop("viewer.banned") == "gateways"
    assert audiences.pop("room.created") == "gateways"
    assert set(audiences.values()) == {"viewers"}


def test_carts_orders_and_payments_are_nobody_elses_business(stage: Stage) -> None:
    stage.add("wang")
    stage.ask("wang", messages.CartRemove("r", SANTOS))
    order_id = stage.buy("wang")
    stage.desk(commands.OrderRefund(order_id))
    stage.provider(commands.RefundSettled(f"{order_id}-p1"))
    stage.place("li")
    stage.add("zhao")
    stage.wait(400_000)
    private = ("hold.", "order.", "payment.", "perk.", "refund.")
    assert not [f for _, _, f in stage.air if f["type"].startswith(private)]
    assert "wang" not in str(stage.air)


def test_a_presale_is_announced_with_its_windows() -> None:
    stage, _ = presale_stage()
    assert stage.view.drops[SANTOS]["presale"] == {
        "deposit_minor": DEPOSIT_MINOR,
        "deposit_until_ms": TERMS.deposit_until_ms,
        "balance_from_ms": TERMS.balance_from_ms,
        "balance_until_ms": TERMS.balance_until_ms,
        "on_default": "forfeit",
    }


def test_the_buyer_hears_of_the_deposit_and_of_the_default() -> None:
    stage, terms = presale_stage()
    deposit(stage, "wang")
    (deposited,) = stage.log[-1][1].facts
    assert private_frame(stage.room.counter, deposited) == (
        "wang",
        {
            "type": "deposit.paid",
            "order_id": "o1",
            "deposit_minor": DEPOSIT_MINOR,
            "balance_minor": PRICE_MINOR - DEPOSIT_MINOR,
            "currency": "CNY",
            "balance_from_ms": terms.balance_from_ms,
            "balance_until_ms": terms.balance_until_ms,
        },
    )
    stage.wait(3 * HOUR_MS)
    defaulted = next(f for f in stage.facts() if isinstance(f, events.OrderDefaulted))
    assert private_frame(stage.room.counter, defaulted) == (
        "wang",
        {
            "type": "order.defaulted",
            "order_id": "o1",
            "amount_minor": DEPOSIT_MINOR,
            "currency": "CNY",
            "forfeited": True,
        },
    )


def test_a_buyer_hears_that_the_deposit_goes_back() -> None:
    stage, _ = presale_stage()
    deposit(stage, "wang")
    ok(stage.desk(commands.OrderRefund("o1")))
    assert told(stage) == [
        (
            "wang",
            {
                "type": "order.cancelled",
                "order_id": "o1",
                "amount_minor": DEPOSIT_MINOR,
                "currency": "CNY",
            },
        )
    ]


def test_a_lottery_shows_what_is_promised_and_its_seed_once_it_is_drawn() -> None:
    stage = Stage()
    stage.begin()
    terms = LotteryTerms(START_MS, START_MS + 1_000, commitment_to(SEED))
    ok(stage.schedule(lottery=terms, seed=SEED))
    ok(stage.enter("wang"))
    promised = {
        "entries_from_ms": START_MS,
        "entries_until_ms": START_MS + 1_000,
        "commitment": commitment_to(SEED),
    }
    assert stage.view.drops[SANTOS]["lottery"] == {**promised, "seed": None}
    everything = [str(stage.air), wire.encode_state(stage.view).decode()]
    everything += [wire.encode_state(Storefront.of(stage.room)).decode()]
    assert not any(SEED in told for told in everything)
    assert "wang" not in str(stage.air)
    stage.wait(1_000)
    assert stage.view.drops[SANTOS]["lottery"] == {**promised, "seed": SEED}
    assert stage.view == Storefront.of(stage.room)
    (frame,) = on_air(stage, "lottery.drawn")
    assert (frame["drop_id"], frame["seed"], frame["entered"]) == (SANTOS, SEED, 1)


def test_what_a_presale_left_is_shown_as_any_other_drop() -> None:
    stage, terms = presale_stage()
    assert "presale" in stage.view.drops[SANTOS]
    stage.wait(terms.balance_until_ms - stage.now_ms)
    ok(stage.desk(commands.DropOpenRest(SANTOS)))
    assert on_air(stage, "drop.opened")[-1]["rest"] is True
    assert "presale" not in stage.view.drops[SANTOS]
    assert stage.view.drops[SANTOS]["status"] == "open"
    ours = Storefront.of(stage.room)
    assert stage.view.drops == ours.drops


def test_every_fact_of_the_log_is_either_public_or_deliberately_not() -> None:
    assert set(get_args(facts.AnyFact)) - set(_BODIES) == {
        facts.ChatRestored,
        facts.ChatWordsSet,
        events.CouponPut,
        facts.DeskAnswered,
        events.DropAllHeld,
        events.DropDrafted,
        events.DraftDiscarded,
        events.HoldPlaced,
        events.HoldReleased,
        events.HoldExpired,
        events.LineJoined,
        events.LineLeft,
        events.OrderPlaced,
        events.OrderPaid,
        events.OrderExpired,
        events.OrderRefundedPartly,
        events.OrderRefunded,
        events.PaymentStarted,
        events.PaymentDeclined,
        events.PaymentReturned,
        events.RefundSettled,
        events.PerkAwarded,
        events.PerkRevoked,
        events.EditionNumbered,
        events.EditionRevoked,
        events.DepositPaid,
        events.OrderDefaulted,
        events.OrderCancelled,
        events.SlotPut,
        events.SlotHeld,
        events.SlotTaken,
        events.SlotReleased,
        events.LotteryEntered,
    }


# -- private frames ----------------------------------------------------------------------------


def told(stage: Stage) -> list[tuple[str, dict[str, Any]]]:
    """What single viewers hear of the last record."""
    counter = stage.room.counter
    frames = (private_frame(counter, fact) for fact in stage.log[-1][1].facts)
    return [frame for frame in frames if frame is not None]


def test_a_buyer_hears_of_the_payment_and_of_the_perk(stage: Stage) -> None:
    stage.buy("wang")
    assert told(stage) == [
        (
            "wang",
            {
                "type": "order.paid",
                "order_id": "o1",
                "total_minor": PRICE_MINOR,
                "currency": "CNY",
                "paid_seq": 1,
            },
        ),
        (
            "wang",
            {
                "type": "perk.awarded",
                "order_id": "o1",
                "drop_id": "santos",
                "perk_id": "bellboy",
                "name": "Bellboy",
                "rank": 1,
            },
        ),
    ]


def test_a_buyer_hears_which_numbers_the_units_have(stage: Stage) -> None:
    stage.sell("ring", supply=9, limit=3, numbered=True)
    stage.buy("wang", "ring", 2)
    assert told(stage)[-1] == (
        "wang",
        {
            "type": "edition.numbered",
            "order_id": "o1",
            "drop_id": "ring",
            "sku": "ring",
            "numbers": [1, 2],
            "of": 9,
        },
    )


def test_whose_hold_ran_out_hears_of_it(stage: Stage) -> None:
    stage.add("wang")
    stage.now_ms += 120_000
    stage.commit([events.HoldExpired("h1", "wang", SANTOS, 1)])
    assert told(stage) == [
        ("wang", {"type": "hold.expired", "hold_id": "h1", "sku": "santos", "quantity": 1})
    ]


def test_whose_order_ran_out_hears_of_it(stage: Stage) -> None:
    stage.place("wang")
    stage.commit([events.OrderExpired("o1", "wang")])
    ((viewer, frame),) = told(stage)
    assert (viewer, frame["type"], frame["order_id"]) == ("wang", "order.expired", "o1")
    assert "paid_seq" not in frame


def test_a_declined_or_returned_payment_is_told_to_the_buyer(stage: Stage) -> None:
    payment_id = stage.pay("wang", stage.place("wang"))
    stage.provider(commands.PaymentDeclined(payment_id, "no cover"))
    assert told(stage) == [
        ("wang", {"type": "payment.declined", "order_id": "o1", "reason": "no cover"})
    ]
    stage.provider(commands.PaymentApproved(payment_id, 1, "CNY"))
    assert told(stage) == [
        ("wang", {"type": "payment.returned", "order_id": "o1", "reason": "wrong_amount"})
    ]


def test_a_refund_is_told_to_the_buyer(stage: Stage) -> None:
    stage.buy("wang")
    stage.desk(commands.OrderRefund("o1"))
    assert [(viewer, frame["type"]) for viewer, frame in told(stage)] == [
        ("wang", "order.refunded")
    ]


# -- the view ----------------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "card",
                "pin",
                "unpin",
                "withdraw",
                "say",
                "mute",
                "unmute",
                "ban",
                "slow",
                "stream",
                "message",
                "no message",
                "buy",
                "add",
                "wait",
                "pause",
                "open",
                "restock",
                "refund",
                "close",
                "take over",
                "join",
                "end",
            ]
        ),
        st.integers(0, 2),
    ),
    max_size=40,
)


@PROPERTY
@given(steps=STEPS)
def test_a_view_folded_from_the_air_is_the_engines_own_view(steps: list[tuple[str, int]]) -> None:
    """Whenever the view was taken from the engine, and whatever happened since."""
    stage = Stage()
    stage.begin()
    stage.sell(supply=2, perks=[PerkTerms("bellboy", "Bellboy", 1)])
    for step, n in steps:
        play(stage, step, n)
    ours = Storefront.of(stage.room)
    assert stage.view.seq <= ours.seq
    ours.seq = stage.view.seq
    assert stage.view == ours
    assert as_json(stage.view) == as_json(ours)


def as_json(view: Storefront) -> dict[str, Any]:
    return wire.decode_frame(wire.encode(view.snapshot(1, 2, [])))


def play(stage: Stage, step: str, n: int) -> None:
    card_id, viewer = f"card-{n}", f"viewer-{n}"
    match step:
        case "card":
            stage.put_card(card_id, title=f"Card {len(stage.log)}", price_minor=n, currency="CNY")
        case "pin":
            stage.desk(commands.CardPin(card_id))
        case "unpin":
            stage.desk(commands.CardPin(None))
        case "withdraw":
            stage.desk(commands.CardWithdraw(card_id))
        case "say":
            stage.desk(commands.Announce("Welcome"))
        case "mute" | "unmute":
            stage.desk(commands.ViewerMute(viewer, step == "mute"))
        case "ban":
            stage.desk(commands.ViewerBan(viewer, n != 1))
        case "slow":
            stage.desk(commands.ChatSlowMode(n * 500))
        case "stream":
            stage.desk(commands.StreamSet(Stream(f"https://video.example/{n}.m3u8")))
        case "message":
            stage.desk(commands.ChatPin(messages.PinnedMessage(f"Text {n}", "Mei" * (n % 2))))
        case "no message":
            stage.desk(commands.ChatUnpin())
        case "add":
            stage.add(viewer)
        case "buy":
            if ok(stage.ask(viewer, messages.CartShow("s")))["holds"] == []:
                stage.add(viewer)
            placed = stage.check_out(viewer)
            if isinstance(placed, dict):
                stage.approve(stage.pay(viewer, placed["order_id"]))
        case "wait":
            stage.wait([100, 300, 400_000][n])
        case "pause":
            stage.desk(commands.DropPause(SANTOS))
        case "open":
            stage.desk(commands.DropOpen(SANTOS))
        case "restock":
            stage.desk(commands.DropRestock(SANTOS, n + 1))
        case "refund":
            stage.desk(commands.OrderRefund(f"o{n + 1}", restock=n != 1))
        case "close":
            if n == 0:
                stage.desk(commands.DropClose(SANTOS))
                stage.schedule(f"again-{len(stage.log)}", sku=SANTOS)
        case "take over":
            stage.restart()
        case "join":
            stage.view = wire.decode_state(wire.encode_state(Storefront.of(stage.room)), Storefront)
        case "end":
            if n == 2:
                stage.desk(commands.RoomEnd())


def test_a_frame_that_was_seen_already_changes_nothing(stage: Stage) -> None:
    stage.desk(commands.DropRestock(SANTOS, 2))
    before = wire.encode_state(stage.view)
    for _, _, frame in stage.air:
        stage.view.apply(frame)
    assert wire.encode_state(stage.view) == before


def test_the_snapshot_of_a_newcomer_hides_who_is_muted_and_banned(stage: Stage) -> None:
    stage.desk(commands.ViewerBan("wang"))
    stage.desk(commands.ViewerMute("li"))
    snapshot = Storefront.of(stage.room).snapshot(7, 8, [])
    assert {"muted", "banned"}.isdisjoint(snapshot)
    assert (snapshot["viewers"], snapshot["likes"]) == (7, 8)
    assert [drop["drop_id"] for drop in snapshot["drops"]] == ["santos"]


# -- who may resume ----------------------------------------------------------------------------


def view_with(epochs: list[tuple[int, int]], seq: int) -> Storefront:
    return Storefront("r", seq=seq, epochs=epochs)


@pytest.mark.parametrize(
    ("epoch", "since", "covered"),
    [
        (1, 1, True),
        (1, 10, True),
        (1, 11, False),  # what epoch 1 said there was lost: epoch 2 wrote it anew
        (2, 11, True),
        (2, 10, False),  # epoch 2 never said that
        (2, 20, True),
        (2, 21, False),  # not yet
        (3, 12, False),  # an owner that is not known
        (0, 0, False),
    ],
)
def test_a_client_resumes_only_from_a_prefix_of_this_very_log(
    epoch: int, since: int, covered: bool
) -> None:
    assert view_with([(1, 1), (2, 11)], seq=20).covers(epoch, since) is covered


@PROPERTY
@given(
    lengths=st.lists(st.integers(1, 5), min_size=1, max_size=5),
    seen=st.integers(0, 25),
    lost=st.integers(0, 4),
)
def test_resuming_over_several_owners_never_lies(lengths: list[int], seen: int, lost: int) -> None:
    """Owners write one after another; the last but one loses `lost` facts. Whoever saw a lost fact
    must not be taken for somebody who saw what stands there now.
    """
    log: list[tuple[int, int]] = []  # (epoch, seq) as finally written
    epochs: list[tuple[int, int]] = []
    said: set[tuple[int, int]] = set()  # everything any client may have seen
    for epoch, length in enumerate(lengths, start=1):
        if epoch == len(lengths) and epoch > 1:
            kept = max(log.index((epoch - 1, epochs[-1][1])) + 1, len(log) - lost)
            log = log[:kept]
        epochs.append((epoch, len(log) + 1))
        for _ in range(length):
            log.append((epoch, len(log) + 1))
            said.add(log[-1])
    view = view_with(epochs, len(log))
    for epoch, seq in said:
        assert view.covers(epoch, seq) == ((epoch, seq) in log)
    assert not view.covers(len(lengths) + 1, seen)
    assert not view.covers(1, len(log) + 1 + seen)


def test_a_room_that_nobody_owned_covers_nobody() -> None:
    assert Storefront("r").epoch == 0
    assert not Storefront("r").covers(0, 0)


def test_a_fact_that_concerns_nobody_makes_no_frame(stage: Stage) -> None:
    fact = events.RefundSettled("o1-p1", "o1-p1-r1")
    assert public_frame(fact, 1, 1) is None
    assert private_frame(stage.room.counter, fact) is None
