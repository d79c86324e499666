"""Blocked words: what is found in a line, and what is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livestream.blocked_words import BlockedWords, is_word
from tests.properties import PROPERTY

LETTERS = "abcdefghijklmnopqrstuvwxyz"
LATIN = st.text(LETTERS, min_size=1, max_size=8)
HAN = st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=1, max_size=4)
#: What stands between two words, whatever it is.
BETWEEN = st.text(" .,;:!?-–—…()\"'", min_size=1, max_size=3)


def found(word: str, text: str) -> bool:
    return BlockedWords([word]).found_in(text)


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("rude", "rude"),
        ("rude", "How RUDE!"),
        ("RUDE", "how rude"),
        ("rude", "how-rude-of-you"),
        ("rude", "ｒｕｄｅ"),  # noqa: RUF001 - full width
        ("rude", "r u d e"),
        ("rude", "so r.u.d.e of you"),
        ("rude", "ru\u200dde"),
        ("straße", "STRASSE"),
        ("été", "L'E\u0301TE\u0301"),
        ("go away", "Go, away!"),
        ("坏蛋", "你是坏蛋吗"),
        ("坏蛋", "坏 蛋"),
        ("坏蛋", "坏.蛋"),
        ("坏蛋", "坏\u200d蛋"),
        ("バカ", "あのﾊﾞｶが"),
        ("바보", "바보야"),
        ("av女", "看AV女优"),
        ("加vx", "加 VX：abc"),  # noqa: RUF001 - full width
        ("🍆", "nice 🍆🍆"),
        ("ครับ", "สวัสดีครับผม"),
        ("हिन्दी", "बोलो हिन्दी!"),
    ],
)
def test_what_is_found(word: str, text: str) -> None:
    assert found(word, text)


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("sex", "Essex, Sussex"),
        ("rude", "crude oil"),
        ("rude", "rudeness"),
        ("go away", "go far away"),
        ("go away", "ergo away"),
        ("坏蛋", "不坏，蛋糕很好"),  # noqa: RUF001 - a comma of Chinese
        ("坏蛋", "蛋坏"),
        ("av女", "java女孩"),
        ("हिन्दी", "हिन्दीवाला"),
        ("rude", ""),
    ],
)
def test_what_is_not_found(word: str, text: str) -> None:
    assert not found(word, text)


@pytest.mark.parametrize("word", ["", " ", "...", "!?", "\u200b\u200d", "，"])  # noqa: RUF001
def test_what_has_nothing_left_is_no_word_and_blocks_nothing(word: str) -> None:
    assert not is_word(word)
    assert not found(word, f"a {word} b")


@PROPERTY
@given(word=LATIN, before=LATIN, after=LATIN, between=BETWEEN)
def test_a_word_is_found_between_others_whatever_its_case(
    word: str, before: str, after: str, between: str
) -> None:
    for spelt in (word, word.upper(), word.title()):
        assert found(word, f"{before}{between}{spelt}{between}{after}")


@PROPERTY
@given(word=st.text(LETTERS, min_size=2, max_size=8), before=LATIN, after=LATIN)
def test_a_word_is_not_found_within_a_longer_one(word: str, before: str, after: str) -> None:
    assert not found(word, f"{before}{word} {word}{after} {before}{word}{after}")


@PROPERTY
@given(word=st.text(LETTERS, min_size=2, max_size=8), glue=st.sampled_from([" ", ".", "-", " . "]))
def test_a_word_is_found_letter_by_letter(word: str, glue: str) -> None:
    assert found(word, f"you are {glue.join(word)} indeed")


@PROPERTY
@given(word=HAN, before=HAN, after=HAN, glue=st.sampled_from(["", " ", ".", "·"]))
def test_a_word_of_chinese_is_found_wherever_it_stands(
    word: str, before: str, after: str, glue: str
) -> None:
    assert found(word, f"{before}{glue.join(word)}{after}")


@PROPERTY
@given(words=st.lists(st.text(min_size=1, max_size=12), max_size=6), text=st.text(max_size=60))
def test_anything_may_be_a_word_and_anything_may_be_said(words: list[str], text: str) -> None:
    """Never an exception; each word is found in itself; more words never let more through."""
    both = BlockedWords(words)
    assert both.found_in(text) == any(BlockedWords([word]).found_in(text) for word in words)
    for word in words:
        assert both.found_in(word) or not is_word(word)
    assert not BlockedWords().found_in(text)
