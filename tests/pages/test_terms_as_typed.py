"""What is typed at the desk becomes the terms that the counter takes, and back; what is wrong is
said on the page, and the counter would have refused it too.
"""

from __future__ import annotations

from typing import Any

import msgspec

from cart.counter import Counter
from cart.coupon import CouponTerms
from cart.desk import schedule
from cart.drop import DropTerms
from cart.lottery import commitment_to
from cart.outcome import Refusal
from cart.rules import RoomRules
from cart.slot import SlotTerms
from tests.pages.in_node import call

#: 2026-12-01 20:00 in Shanghai, where these pages are read.
EIGHT_MS = 1_796_126_400_000
HOUR_MS = 3_600_000
SEED = "ab" * 32

PLAIN: dict[str, Any] = {
    "drop_id": "d1",
    "sku": "santos",
    "title": "Santos-Dumont",
    "supply": 288,
    "price_minor": 2_880_050,
    "currency": "CNY",
}
PERKS = [
    {"perk_id": "bellboy", "name": "Bellboy", "first_n": 88, "on_refund": "pass", "slots": True},
    {"perk_id": "box", "name": "Engraved box", "first_n": 288},
]
OPTIONS = [
    {"option_id": "e", "kind": "engraving", "characters_max": 12, "alphabet": "latin_digits"},
    {"option_id": "w", "kind": "gift_wrap", "price_minor": 50_000, "required": True},
]
PRESALE = {
    "deposit_minor": 100_000,
    "deposit_until_ms": EIGHT_MS + HOUR_MS,
    "balance_from_ms": EIGHT_MS + HOUR_MS,
    "balance_until_ms": EIGHT_MS + 2 * HOUR_MS,
    "on_default": "refund",
}
LOTTERY = {"entries_from_ms": EIGHT_MS, "entries_until_ms": EIGHT_MS + HOUR_MS}
FLASH = [
    {"from_ms": EIGHT_MS, "until_ms": EIGHT_MS + HOUR_MS, "price_minor": 2_000_000},
    {"from_ms": EIGHT_MS + HOUR_MS, "until_ms": EIGHT_MS + 2 * HOUR_MS, "price_minor": 1},
]
ALL_KINDS: dict[str, dict[str, Any]] = {
    "a simple drop": {},
    "opened by the clock": {"opens_at_ms": EIGHT_MS},
    "times and limit": {"limit_per_viewer": 3, "hold_ttl_ms": 61_000, "pay_ttl_ms": 86_400_000},
    "no minor unit": {"currency": "JPY", "price_minor": 420_000},
    "three digits": {"currency": "KWD", "price_minor": 1_234_567},
    "perks": {"perks": PERKS},
    "personalised": {"options": OPTIONS},
    "numbered": {"numbered": True, "guarantee_days": 730},
    "invited": {"access": {"invited_only": True}},
    "tiers": {"access": {"tiers": {"gold": EIGHT_MS - HOUR_MS}}, "opens_at_ms": EIGHT_MS},
    "flash": {"flash": FLASH},
    "channels": {"allocations": {"tmall": 100, "wechat": 50}, "merge_at_ms": EIGHT_MS},
    "presale": {"presale": PRESALE, "opens_at_ms": EIGHT_MS},
    "lottery": {"lottery": LOTTERY},
    "checkout": {"reserve_on": "checkout"},
    "payment": {"reserve_on": "payment"},
}


def terms_of(**given: Any) -> DropTerms:
    return msgspec.convert({**PLAIN, **given}, DropTerms)


def typed(*terms: DropTerms, **changes: Any) -> list[dict[str, Any]]:
    """The form's values for these terms, with something else typed into it."""
    calls = [("valuesOf", msgspec.to_builtins(each)) for each in terms]
    return [{**values, **changes} for values in call("terms.js", *calls)]


def read(*values: dict[str, Any]) -> list[dict[str, Any]]:
    return call("terms.js", *(("termsOf", each) for each in values))


def test_every_kind_of_drop_can_be_typed_as_it_was_declared() -> None:
    declared = [terms_of(**given) for given in ALL_KINDS.values()]
    for kind, terms, answer in zip(ALL_KINDS, declared, read(*typed(*declared)), strict=True):
        assert answer["flaws"] == [], kind
        assert answer["doubts"] == [], kind
        assert msgspec.convert(answer["terms"], DropTerms) == terms, kind


def test_what_the_page_finds_nothing_wrong_with_is_scheduled() -> None:
    for kind, given in ALL_KINDS.items():
        seed = SEED if "lottery" in given else ""
        assert refusal_of(terms_of(**given), seed) is None, kind


def refusal_of(terms: DropTerms, seed: str = "") -> str | None:
    """Why the counter does not take these terms, ten hours before their evening."""
    if terms.lottery is not None:
        promised = msgspec.structs.replace(terms.lottery, commitment=commitment_to(SEED))
        terms, seed = msgspec.structs.replace(terms, lottery=promised), SEED
    decision = schedule(Counter(), terms, EIGHT_MS - 10 * HOUR_MS, seed)
    return decision.answer.message if isinstance(decision.answer, Refusal) else None


NO_TERMS: list[tuple[dict[str, Any], str, str]] = [
    ({"title": " "}, "title", "The title is missing."),
    ({"title": "x" * 121}, "title", "120 characters at most"),
    ({"sku": "a b"}, "sku", "letters, digits"),
    ({"drop_id": ""}, "drop_id", "missing"),
    ({"price": "cheap"}, "price", "a price is digits"),
    ({"price": "1.234"}, "price", "CNY has 2 decimal places"),
    ({"price": "1000000000.01"}, "price", "too large"),
    ({"supply": "0"}, "supply", "from 1 to 1,000,000"),
    ({"supply": "1.5"}, "supply", "whole number"),
    ({"limit": "101"}, "limit", "from 1 to 100"),
    ({"hold": "86401"}, "hold", "86,400"),
    ({"pay": ""}, "pay", "missing"),
    ({"opens_at": "soon"}, "opens_at", "no time"),
    ({"numbered": True, "guarantee": "36501"}, "guarantee", "36,500"),
    ({"perks": [{"name": "", "first_n": "0"}]}, "perks.0.first_n", "from 1"),
    ({"options": [{"kind": "engraving", "characters": "201"}]}, "options.0.characters", "200"),
    ({"tiers": [{"tier": "Gold", "from": ""}]}, "tiers.0.tier", "small letters"),
    ({"allocations": [{"channel": "a", "units": "1"}] * 2}, "allocations.1.channel", "twice"),
    ({"flash": [{"from": "", "until": "", "price": "1"}]}, "flash.0.from", "missing"),
    ({"presale": True}, "deposit", "The deposit is missing."),
    ({"lottery": True}, "entries_until", "missing"),
]


def test_what_is_no_term_is_told_at_its_field() -> None:
    (plain,) = typed(terms_of())
    answers = read(*({**plain, **change} for change, _, _ in NO_TERMS))
    for (change, field, told), answer in zip(NO_TERMS, answers, strict=True):
        texts = [flaw["text"] for flaw in answer["flaws"] if flaw["field"] == field]
        assert texts, (change, answer["flaws"])
        assert told in texts[0]


NO_SENSE: list[tuple[dict[str, Any], str]] = [
    ({"allocations": {"tmall": 289}}, "allocations"),
    ({"merge_at_ms": EIGHT_MS}, "merge_at"),
    ({"lottery": LOTTERY, "allocations": {"tmall": 1}}, "lottery"),
    ({"lottery": LOTTERY, "opens_at_ms": EIGHT_MS}, "lottery"),
    ({"lottery": LOTTERY, "access": {"tiers": {"gold": EIGHT_MS}}}, "lottery"),
    ({"lottery": {**LOTTERY, "entries_until_ms": EIGHT_MS}}, "entries_until"),
    ({"access": {"tiers": {"gold": EIGHT_MS}}, "opens_at_ms": EIGHT_MS}, "tiers.0.from"),
    ({"presale": {**PRESALE, "deposit_minor": 2_880_050}}, "deposit"),
    ({"presale": PRESALE, "flash": [{**FLASH[0], "price_minor": 100_000}]}, "deposit"),
    ({"presale": PRESALE, "reserve_on": "checkout"}, "reserve_on"),
    ({"presale": PRESALE, "opens_at_ms": EIGHT_MS + HOUR_MS}, "deposit_until"),
    ({"presale": {**PRESALE, "balance_from_ms": EIGHT_MS}}, "balance_from"),
    ({"presale": {**PRESALE, "balance_until_ms": EIGHT_MS + HOUR_MS}}, "balance_until"),
]


def test_what_makes_no_sense_together_is_told_and_the_counter_refuses_it_too() -> None:
    declared = [terms_of(**given) for given, _ in NO_SENSE]
    for terms, (given, field), answer in zip(
        declared, NO_SENSE, read(*typed(*declared)), strict=True
    ):
        assert answer["flaws"] == [], given
        assert field in [doubt["field"] for doubt in answer["doubts"]], given
        assert refusal_of(terms) is not None, given


def test_flash_prices_that_overlap_or_end_before_they_begin_are_told() -> None:
    over = terms_of(flash=[FLASH[0], {**FLASH[0], "price_minor": 1}])
    backwards = terms_of(flash=[{**FLASH[0], "until_ms": EIGHT_MS}])
    first, second = read(*typed(over, backwards))
    assert "Two prices" in first["flaws"][0]["text"]
    assert "ends before it begins" in second["flaws"][0]["text"]
    assert refusal_of(over)
    assert refusal_of(backwards)


def test_a_new_perk_and_a_new_option_get_names_of_their_own() -> None:
    (plain,) = typed(terms_of())
    perk = {"perk_id": "", "first_n": "8", "on_refund": "stay", "slots": False}
    names = ("Bellboy delivery!", "礼盒", "Bellboy: delivery")
    option = {"option_id": "", "kind": "gift_card", "characters": "9", "alphabet": "any"}
    rows = {
        "perks": [{**perk, "name": name} for name in names],
        "options": [{**option, "price": "", "required": False}] * 2,
    }
    (answer,) = read({**plain, **rows})
    terms = msgspec.convert(answer["terms"], DropTerms)
    perk_ids = [each.perk_id for each in terms.perks]
    assert perk_ids == ["bellboy-delivery", "perk-2", "bellboy-delivery-2"]
    assert [each.option_id for each in terms.options] == ["gift-card", "gift-card-2"]
    assert refusal_of(terms) is None


def test_terms_read_as_plain_words() -> None:
    everything = terms_of(
        perks=PERKS, options=OPTIONS, flash=FLASH[:1], presale=PRESALE, numbered=True,
        guarantee_days=1, access={"tiers": {"gold": EIGHT_MS}, "invited_only": True},
        allocations={"tmall": 100}, merge_at_ms=EIGHT_MS, reserve_on="checkout",
    )  # fmt: skip
    words, none = call(
        "words.js",
        ("wordsOf", msgspec.to_builtins(everything)),
        ("wordsOf", msgspec.to_builtins(terms_of())),
    )
    assert none == [], "what is usual needs no words"
    assert words == [
        "reserved at the checkout, 2 min in the cart, 5 min to pay",
        "first 88: Bellboy, in delivery slots, passed on after a refund; first 288: Engraved box",
        "engraving (12 characters, Latin letters and digits); gift wrap (+ CNY 500, required)",
        "numbered, guarantee of 1 day",
        "for invited viewers, gold from 1 Dec 20:00",
        "CNY 20,000 from 1 Dec 20:00 until 1 Dec 21:00",
        "100 for tmall; together from 1 Dec 20:00",
        "deposit of CNY 1,000 until 1 Dec 21:00, the rest from 1 Dec 21:00 until 1 Dec 22:00, "
        "else it is given back",
    ]


# -- coupons, slots, rules


def house(values_of: str, terms_of: str, known: list[Any]) -> list[Any]:
    """Terms as they come back after they were typed."""
    values = call("house-terms.js", *((values_of, each) for each in known))
    return call("house-terms.js", *((terms_of, each) for each in values))


def test_coupons_slots_and_rules_can_be_typed_as_they_were_declared() -> None:
    coupons = [
        {"code": "SOIREE", "supply": 10, "per_viewer": 2, "percent_bp": 1_250, "skus": ["a", "b"]},
        {
            "code": "X",
            "supply": 1,
            "per_viewer": 1,
            "amount_minor": 50_050,
            "skus": [],
            "currency": "CNY",
            "from_ms": EIGHT_MS,
            "until_ms": EIGHT_MS + HOUR_MS,
        },
    ]
    read_back = house("couponValues", "couponTermsOf", coupons)
    for coupon, answer in zip(coupons, read_back, strict=True):
        assert answer["flaws"] == []
        assert msgspec.convert(answer["terms"], CouponTerms) == msgspec.convert(coupon, CouponTerms)
    slot = {"slot_id": "s", "perk_id": "p", "city": "Shanghai", "from_ms": EIGHT_MS}
    slot |= {"until_ms": EIGHT_MS + HOUR_MS, "capacity": 0}
    (answer,) = house("slotValues", "slotTermsOf", [slot])
    assert msgspec.convert(answer["terms"], SlotTerms) == msgspec.convert(slot, SlotTerms)
    rules = [RoomRules(), msgspec.convert({"limit_per_viewer": 6_400, "perks": PERKS}, RoomRules)]
    known = [msgspec.to_builtins(each) for each in rules]
    back = house("rulesValues", "rulesTermsOf", known)
    assert [msgspec.convert(answer["terms"], RoomRules) for answer in back] == rules


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("couponTermsOf", {"code": "a b"}, "code"),
    ("couponTermsOf", {"percent": "0"}, "percent"),
    ("couponTermsOf", {"percent": "100.01"}, "percent"),
    ("couponTermsOf", {"kind": "amount", "amount": "5"}, "currency"),
    ("couponTermsOf", {"kind": "amount", "amount": "0", "currency": "CNY"}, "amount"),
    ("couponTermsOf", {"from": "2026-12-02T00:00", "until": "2026-12-01T00:00"}, "until"),
    ("slotTermsOf", {"capacity": "10001"}, "capacity"),
    ("slotTermsOf", {"from": "2026-12-02T00:00", "until": "2026-12-02T00:00"}, "until"),
    ("rulesTermsOf", {"limit": "6401"}, "limit"),
    ("rulesTermsOf", {"perks": [{"name": "", "first_n": "1"}]}, "perks.0.name"),
]


def test_what_is_wrong_beside_the_drops_is_told_too() -> None:
    coupon = {"code": "c", "kind": "percent", "percent": "10", "currency": "", "skus": ""}
    slot = {"slot_id": "s", "perk_id": "p", "city": "c", "capacity": "1"}
    rules = {"invited_only": False, "one_product_per_order": False, "limit": "", "perks": []}
    good = {**coupon, **slot, **rules, "supply": "1", "per_viewer": "1", "from": "", "until": ""}
    calls = [(function, {**good, **change}) for function, change, _ in WRONG]
    answers = call("house-terms.js", *calls)
    for (_, change, field), answer in zip(WRONG, answers, strict=True):
        assert field in [flaw["field"] for flaw in answer["flaws"]], change
