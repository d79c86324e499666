"""Everything that the API lets a host declare, said in a show file; and what is wrong with it, by
line.
"""

from typing import Any

import msgspec
import pytest

from cart.access import AccessTerms
from cart.coupon import CouponTerms
from cart.drop import DropTerms
from cart.lottery import LotteryTerms
from cart.presale import PresaleTerms
from cart.price import FlashPrice
from cart.slot import SlotTerms
from livestream import commands
from livestream.messages import Stream
from livestream.show import Show, parse_show
from livestream.show import file as entries
from livestream.show.runner import Call, call_of

GOOD = """\
version: 1
title: An evening
currency: CNY
rules: {limit_per_viewer: 3, perks: [{perk_id: carnet, name: Carnet, first_n: 5, slots: true}]}
drops:
  - drop_id: watch
    sku: watch
    title: Watch
    supply: 10
    price_minor: 1000
    perks: [{perk_id: bellboy, name: Bellboy, first_n: 3, on_refund: pass, slots: true}]
    flash: [{from: 20s, until: 30s, price_minor: 900}]
    access: {tiers: {gold: 5s}, invited_only: true}
    allocations: {tmall: 4, wechat: 3}
    merge: 40s
    options: [{option_id: engraving, kind: engraving, characters_max: 9}]
  - drop_id: clock
    sku: clock
    title: Clock
    supply: 5
    price_minor: 1000
    presale: {deposit_minor: 100, deposit_until: 1m, balance_from: 1d, balance_until: 8d}
  - drop_id: ring
    sku: ring
    title: Ring
    supply: 5
    price_minor: 1000
    lottery: {entries_from: 10s, entries_until: 50s}
coupons:
  - {code: AMOUNT, supply: 5, amount_minor: 100, from: 10s, until: 1h}
  - {code: PART, supply: 5, percent_bp: 1500, skus: [ring]}
slots:
  - {slot_id: day-one, perk_id: bellboy, city: Shanghai, from: 1d, until: 1d4h, capacity: 3}
  - {slot_id: tonight, perk_id: carnet, city: Paris, from: 2h, until: 3h, capacity: 3}
cues:
  - {at: 0s, draft: watch}
  - {at: 1s, draft: clock}
  - {at: 2s, discard: clock}
  - {at: 3s, schedule: {drop: watch, opens: 10s}}
  - {at: 4s, invite: {viewers: [alice, bob], drop: watch, tier: gold}}
  - {at: 5s, schedule: {drop: clock, opens: 6s}}
  - {at: 6s, schedule: {drop: ring}}
  - {at: 7s, restock: {drop: watch, quantity: 2, channel: tmall}}
  - {at: 60s, end: show}
"""


def read(text: str) -> Show:
    show = parse_show("show.yaml", text.encode())
    assert isinstance(show, Show), "\n".join(map(str, show))
    return show


def wrong(old: str, new: str) -> list[tuple[int, str]]:
    assert GOOD.count(old) == 1
    mistakes = parse_show("show.yaml", GOOD.replace(old, new).encode())
    assert not isinstance(mistakes, Show), "no mistake was found"
    return [(mistake.line, mistake.what) for mistake in mistakes]


def said(show: Show, kind: type) -> list[Any]:
    return [cue.command for cue in show.cues if type(cue.command) is kind]


# -- the two vocabularies ----------------------------------------------------------------------

#: What the API has and a show file has not, each for its reason.
ELSEWHERE = {
    DropTerms: {"currency", "opens_at"},  # the show's, and the cue's
    CouponTerms: {"currency"},
    LotteryTerms: {"commitment"},  # of a seed that the house draws
}


@pytest.mark.parametrize(
    ("terms", "entry"),
    [
        (DropTerms, entries.DropEntry),
        (FlashPrice, entries.FlashEntry),
        (AccessTerms, entries.AccessEntry),
        (PresaleTerms, entries.PresaleEntry),
        (LotteryTerms, entries.LotteryEntry),
        (CouponTerms, entries.CouponEntry),
        (SlotTerms, entries.SlotEntry),
    ],
)
def test_a_show_file_says_all_that_the_api_knows(
    terms: type[msgspec.Struct], entry: type[msgspec.Struct]
) -> None:
    names = {field.name.removesuffix("_ms") for field in msgspec.structs.fields(terms)}
    ours = {"hold": "hold_ttl", "pay_within": "pay_ttl", "merge": "merge_at"}
    said_here = {ours.get(f.encode_name, f.encode_name) for f in msgspec.structs.fields(entry)}
    assert said_here == names - ELSEWHERE.get(terms, set())


# -- what is read ------------------------------------------------------------------------------


def test_the_terms_of_a_drop_are_the_counters_own() -> None:
    watch, clock, ring = read(GOOD).drops
    assert watch.perks[0].on_refund == "pass"
    assert watch.perks[0].slots
    assert watch.flash == [FlashPrice(20_000, 30_000, 900)]
    assert watch.access == AccessTerms({"gold": 5_000}, invited_only=True)
    assert (watch.allocations, watch.merge_at_ms) == ({"tmall": 4, "wechat": 3}, 40_000)
    assert watch.options[0].characters_max == 9
    assert clock.presale == PresaleTerms(100, 60_000, 86_400_000, 8 * 86_400_000)
    assert ring.lottery == LotteryTerms(10_000, 50_000)


def test_rules_and_coupons_are_declared_before_the_start() -> None:
    first, slot, *coupons = [cue.command for cue in read(GOOD).preparations]
    assert isinstance(first, commands.RulesSet)
    assert (first.rules.limit_per_viewer, len(first.rules.perks)) == (3, 1)
    assert isinstance(slot, commands.SlotPut)
    assert [c.coupon_terms for c in coupons if isinstance(c, commands.CouponPut)] == [
        CouponTerms(
            "AMOUNT", 5, amount_minor=100, currency="CNY", from_ms=10_000, until_ms=3_600_000
        ),
        CouponTerms("PART", 5, percent_bp=1_500, skus=["ring"]),
    ]


def test_the_picture_is_there_before_the_start() -> None:
    show = read(GOOD + "stream: {hls_url: https://video.example/live.m3u8}\n")
    (cue,) = (cue for cue in show.preparations if cue.verb == "stream")
    assert cue.command == commands.StreamSet(Stream("https://video.example/live.m3u8"))
    address = {"hls_url": "https://video.example/live.m3u8", "poster_url": None}
    assert call_of("r", cue.command) == Call("PUT", "/rooms/r/stream", address)
    assert "picture" in str(cue)


def test_a_slot_is_declared_as_soon_as_its_perk_is() -> None:
    show = read(GOOD)
    assert [cue.at_ms for cue in show.cues if cue.verb == "slot"] == [3_000]
    assert [c.slot_terms.slot_id for c in said(show, commands.SlotPut)] == ["day-one"]
    assert "slot" in [cue.verb for cue in show.preparations]  # that of a perk of the room


def test_a_draft_is_kept_and_thrown_away_by_cues() -> None:
    show = read(GOOD)
    assert [c.terms.drop_id for c in said(show, commands.DropDraft)] == ["watch", "clock"]
    assert [c.drop_id for c in said(show, commands.DraftDiscard)] == ["clock"]


def test_viewers_are_invited_and_a_channels_shelf_filled_by_cues() -> None:
    show = read(GOOD)
    assert said(show, commands.InvitationPut) == [
        commands.InvitationPut(["alice", "bob"], "watch", "gold")
    ]
    assert said(show, commands.DropRestock) == [commands.DropRestock("watch", 2, "tmall")]


# -- by other clocks ---------------------------------------------------------------------------


def test_every_moment_is_told_by_the_clock_of_the_run() -> None:
    show = read(GOOD)
    cues = [cue.command for _, cue in show.timetable(start_ms=1_000_000, speed=2)]
    watch, clock, ring = [c.terms for c in cues if isinstance(c, commands.DropSchedule)]
    assert watch.opens_at_ms == 1_005_000
    assert watch.flash == [FlashPrice(1_010_000, 1_015_000, 900)]
    assert watch.access is not None
    assert watch.access.tiers == {"gold": 1_002_500}
    assert watch.merge_at_ms == 1_020_000
    assert clock.presale == PresaleTerms(100, 1_030_000, 44_200_000, 346_600_000)
    assert ring.lottery == LotteryTerms(1_005_000, 1_025_000)
    [slot] = [c.slot_terms for c in cues if isinstance(c, commands.SlotPut)]
    assert (slot.from_ms, slot.until_ms) == (44_200_000, 51_400_000)
    assert watch.hold_ttl_ms == 120_000  # a promise to the buyer
    prepared = [cue.command for cue in show.prepared(1_000_000, 2)]
    coupon, endless = [c.coupon_terms for c in prepared if isinstance(c, commands.CouponPut)]
    assert (coupon.from_ms, coupon.until_ms) == (1_005_000, 2_800_000)
    assert (endless.from_ms, endless.until_ms) == (None, None)


def test_a_faster_show_is_shorter_in_everything_down_to_a_second_of_a_hold() -> None:
    show = read(GOOD).faster(20)
    assert show.duration_ms == 3_000
    watch = show.drops[0]
    assert (watch.opens_at_ms, watch.flash) == (500, [FlashPrice(1_000, 1_500, 900)])
    assert (watch.hold_ttl_ms, watch.pay_ttl_ms) == (6_000, 15_000)
    assert read(GOOD).faster(200).drops[0].hold_ttl_ms == 1_000
    assert [cue.line for cue in show.cues] == [cue.line for cue in read(GOOD).cues]


# -- what is wrong -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "line", "what"),
    [
        ("deposit_minor: 100", "deposit_minor: 1000", 17, "leaves nothing of 1000 to pay"),
        ("balance_from: 1d", "balance_from: 30s", 17, "balances begins before"),
        ("deposit_until: 1m", "deposit_until: 401d", 22, "longer than 400 days"),
        ("entries_until: 50s", "entries_until: 10s", 23, "ends before it begins"),
        ("until: 30s, price", "until: 20s, price", 6, "flash price of 900 ends before"),
        ("tiers: {gold: 5s}", "tiers: {gold: 15s}", 6, "no earlier than all others"),
        ("tmall: 4", "tmall: 8", 6, "11 units are allocated"),
        ("tmall: 4, wechat", "tmall: 4, tmall", 14, "allocations.tmall: given twice"),
        ("tmall: 4", "tmall: four", 14, "allocations.tmall: expected int, got str, not 'four'"),
        ("kind: engraving, ch", "kind: engravings, ch", 16, "'engravings' is not one of"),
        (
            "options: [{",
            "guarantee_days: 730\n    options: [{",
            6,
            "a guarantee needs numbered: true",
        ),
        ("9}]", "9}, {option_id: engraving, kind: gift_wrap}]", 6, "two options have the same"),
        (
            "name: Bellboy,",
            "name: A, first_n: 1}, {perk_id: bellboy, name: B,",
            6,
            "are called bell",
        ),
        ("on_refund: pass", "on_refund: give", 11, "'give' is not one of: stay, pass"),
        ("amount_minor: 100", "percent: 5", 30, "unknown field 'percent'; did you mean"),
        ("amount_minor: 100, ", "", 30, "either amount_minor or percent_bp"),
        ("skus: [ring]", "skus: [rings]", 31, "for 'rings', sold by no drop"),
        ("code: PART", "code: AMOUNT", 31, "code 'AMOUNT' is used twice, first on line 30"),
        ("perk_id: bellboy, city", "perk_id: belboy, city", 33, "has a perk 'belboy' with slots"),
        ("until: 1d4h", "until: 12h", 33, "a slot ends after it begins"),
        ("channel: tmall", "channel: xiaohongshu", 43, "has no shelf for xiaohongshu"),
        ("at: 2s, discard: clock", "at: 2s, discard: ring", 38, "ring is no draft by then"),
        ("limit_per_viewer: 3", "limit_per_viewer: 0", 4, "rules.limit_per_viewer: expected int"),
        ("viewers: [alice, bob]", "viewers: [a b]", 40, "'a b' is not a name"),
    ],
)
def test_a_mistake_in_terms_is_told_by_its_line(old: str, new: str, line: int, what: str) -> None:
    mistakes = wrong(old, new)
    assert any(at == line and what in told for at, told in mistakes), mistakes
