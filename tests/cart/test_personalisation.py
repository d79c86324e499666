"""Personalisation: what may be written on a piece, how it is counted, and what it costs."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cart.outcome import ErrorCode, Refusal
from cart.personalisation import (
    Alphabet,
    OptionTerms,
    characters,
    composed,
    flaw_in_text,
)
from tests.cart.till import PRICE_MINOR, SANTOS, Till, ok, refusal
from tests.properties import PROPERTY

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
OPTIONS = [
    OptionTerms("engraving", "engraving", 6, "cjk", price_minor=500),
    OptionTerms("initials", "embossing", 3, "latin", price_minor=20_000),
    OptionTerms("wrap", "gift_wrap", price_minor=7),
    OptionTerms("card", "gift_card", 120),
]


@pytest.fixture
def till() -> Till:
    till = Till()
    till.sell(supply=9, limit=9, options=OPTIONS)
    till.sell("ring", supply=9, limit=9, price_minor=500_000)
    return till


# -- what it costs -----------------------------------------------------------------------------


def test_each_unit_is_charged_the_price_of_what_was_chosen(till: Till) -> None:
    till.add("wang", quantity=3)
    till.add("wang", "ring")
    wishes = {SANTOS: {"engraving": "小王", "wrap": ""}}
    order = ok(till.check_out("wang", personalisation=wishes))
    extras = [line.get("extras_minor", 0) for line in order["lines"]]
    assert extras == [3 * 507, 0]
    assert order["total_minor"] == 3 * (PRICE_MINOR + 507) + 500_000
    assert order["personalisation"] == wishes
    assert till.show("wang")["orders"] == [order]
    assert till.order("o1").personalisation == wishes


def test_a_coupon_takes_nothing_off_the_extras(till: Till) -> None:
    ok(till.put_coupon(supply=1, percent_bp=10_000))
    till.add("wang")
    wishes = {SANTOS: {"initials": "W"}}
    order = ok(till.check_out("wang", personalisation=wishes, coupon="MAISON"))
    assert order["total_minor"] == 20_000


def test_every_hold_of_a_sku_is_personalised_alike(till: Till) -> None:
    till.add("wang")
    till.add("wang", quantity=2)
    order = ok(till.check_out("wang", personalisation={SANTOS: {"initials": "W"}}))
    assert [line["extras_minor"] for line in order["lines"]] == [20_000, 40_000]


def test_gmv_and_a_refund_count_the_extras(till: Till) -> None:
    till.add("wang")
    order_id = ok(till.check_out("wang", personalisation={SANTOS: {"wrap": ""}}))["order_id"]
    till.pay("wang", order_id)
    ok(till.approve(f"{order_id}-p1"))
    row = till.counter.books.takings["CNY"][SANTOS]["tmall"]
    assert row.gross_minor == PRICE_MINOR + 7
    till.refund(order_id)
    assert row.net_minor == 0


def test_the_same_checkout_with_another_text_is_a_conflict(till: Till) -> None:
    till.add("wang")
    accented = {SANTOS: {"initials": "e\u0301"}}
    first = ok(till.check_out("wang", "co-1", accented))
    assert first["personalisation"] == {SANTOS: {"initials": "é"}}, "kept composed"
    assert ok(till.check_out("wang", "co-1", {SANTOS: {"initials": "é"}})) == first
    assert refusal(till.check_out("wang", "co-1")) is ErrorCode.CONFLICT
    other = {SANTOS: {"initials": "E"}}
    assert refusal(till.check_out("wang", "co-1", other)) is ErrorCode.CONFLICT


# -- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wishes", "why"),
    [
        ({"ring": {"engraving": "W"}}, "ring has no option engraving"),
        ({"tank": {"engraving": "W"}}, "tank is not in the cart"),
        ({SANTOS: {"polish": "W"}}, "no option polish"),
        ({SANTOS: {"engraving": ""}}, "needs a text"),
        ({SANTOS: {"engraving": "   "}}, "needs a text"),
        ({SANTOS: {"engraving": "1234567"}}, "at most 6 characters"),
        ({SANTOS: {"initials": "小"}}, "is written in latin"),
        ({SANTOS: {"wrap": "W"}}, "carries no text"),
        ({SANTOS: {"card": "two\nlines"}}, "cannot be written"),
    ],
)
def test_what_was_not_offered_is_refused_and_the_cart_stays(
    till: Till, wishes: dict[str, dict[str, str]], why: str
) -> None:
    till.add("wang")
    till.add("wang", "ring")
    answer = till.check_out("wang", personalisation=wishes)
    assert refusal(answer) is ErrorCode.INVALID
    assert isinstance(answer, Refusal)
    assert why in answer.message
    assert len(till.show("wang")["holds"]) == 2


def test_what_must_be_chosen_cannot_be_left_out() -> None:
    till = Till()
    till.sell(options=[OptionTerms("engraving", "engraving", 6, required=True)])
    till.add("wang")
    assert refusal(till.check_out("wang")) is ErrorCode.INVALID
    ok(till.check_out("wang", personalisation={SANTOS: {"engraving": "W"}}))


@pytest.mark.parametrize(
    "options",
    [
        [OptionTerms("a", "engraving", 3), OptionTerms("a", "embossing", 3)],
        [OptionTerms("a", "engraving")],
        [OptionTerms("a", "gift_wrap", 3)],
    ],
)
def test_options_that_mean_nothing_are_not_scheduled(options: list[OptionTerms]) -> None:
    assert refusal(Till().schedule(options=options)) is ErrorCode.INVALID


# -- characters --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "count"),
    [("é", 1), ("e\u0301", 1), ("小王", 2), (FAMILY, 1), ("\U0001f1eb\U0001f1f7", 1), ("각", 1)],
)
def test_a_text_is_as_long_as_its_reader_would_say(text: str, count: int) -> None:
    assert characters(text) == count


@pytest.mark.parametrize(
    ("alphabet", "text", "fits"),
    [
        ("latin", "Zoë & Łukasz", True),
        ("latin", "L’été", True),
        ("latin", "W 1", False),
        ("latin", "Анна", False),
        ("latin", "W♥", False),
        ("latin_digits", "A.S.D. 1904", True),
        ("latin_digits", "١٩٠٤", False),
        ("latin_digits", "小王", False),
        ("cjk", "小王 & Zoë 1904", True),
        ("cjk", "さくら、サクラ・ラー", True),
        ("cjk", "사랑해", True),
        ("cjk", "王𠮷々〇", True),
        ("cjk", "Анна", False),
        ("any", f"Анна ♥ {FAMILY} حب", True),
    ],
)
def test_each_alphabet_has_its_own_characters(alphabet: Alphabet, text: str, fits: bool) -> None:
    option = OptionTerms("engraving", "engraving", 50, alphabet)
    assert (flaw_in_text(option, text) is None) is fits


@pytest.mark.parametrize(
    "sign",
    [
        *("\u0000", "\u0007", "\t", "\n", "\u0085", "\u2028", "\ufeff", "\u00ad", "\u200b"),
        *("\u200e", "\u202a", "\u202e", "\u2066", "\u2069", "\ue000", "\U0010ffff", "\u0378"),
    ],
)
def test_control_and_direction_overrides_are_in_no_alphabet(sign: str) -> None:
    alphabets: tuple[Alphabet, ...] = ("latin", "latin_digits", "cjk", "any")
    for alphabet in alphabets:
        option = OptionTerms("engraving", "engraving", 50, alphabet)
        assert flaw_in_text(option, f"W{sign}W") is not None


def test_marks_do_not_pile_up() -> None:
    option = OptionTerms("engraving", "engraving", 50)
    assert flaw_in_text(option, "W" + "\u0301" * 4) is None
    assert flaw_in_text(option, "W" + "\u0301" * 5) is not None


ANY_TEXT = st.text(st.characters(codec="utf-8"), max_size=200)


@PROPERTY
@given(text=ANY_TEXT, characters_max=st.integers(1, 200))
def test_what_fits_one_alphabet_fits_the_next_and_has_nothing_unseen(
    text: str, characters_max: int
) -> None:
    text = composed({SANTOS: {"e": text}})[SANTOS]["e"]
    ladder: tuple[Any, ...] = ("latin", "latin_digits", "cjk", "any")
    fits = [
        flaw_in_text(OptionTerms("e", "engraving", characters_max, alphabet), text) is None
        for alphabet in ladder
    ]
    assert fits == sorted(fits)
    if any(fits):
        assert text.replace("\u200d", "").isprintable() or "\u3000" in text or "\u00a0" in text
        assert characters(text) <= characters_max
