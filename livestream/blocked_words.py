"""Words that are not shown: whether a line has one of them. Pure.

    BlockedWords(words).found_in(text)

Both are brought to one form before they are compared:

* compatibility and case do not count: NFKC and casefold, without marks of no width;
* a run of letters and digits of a script that writes spaces between words is a word, and counts as
  a whole: "sex" is not found in "Essex". Whatever is between two words is a boundary;
* Chinese, Japanese, Korean, Thai and the like, and symbols, count wherever they are. Spaces, dots
  and dashes between them do not count, other punctuation does: a word does not go on behind a
  comma;
* letters that stand alone in a row ("b a d", "b.a.d") are read as the word that they spell, too.

What it does not find: letters repeated ("baaad"), replaced by digits that look alike, or spelt in
pieces longer than a letter. Whoever goes to such lengths is for a moderator.

Owns the form and the comparison. Refuses to know rooms and lines.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from itertools import groupby
from typing import Final, Literal

#: What a character is in the form: part of a word, something by itself, passed over, a boundary, or
#: not there.
_Kind = Literal["word", "alone", "glue", "break", "unseen"]

#: Scripts that write no spaces between words, or join endings to them: Thai, Lao, Myanmar, Hangul,
#: Khmer, kana, bopomofo and Han, as ranges of Unicode's blocks.
_ALONE: Final = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u318f"
    "\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff"
    "\U00016fe0-\U00018aff\U0001aff0-\U0001b16f\U00020000-\U0003ffff]"
)
_GLUE: Final = frozenset(" .\u00b7\u2022\u30fb_-~*|/\\'\u2019")
#: Variation selectors and their like; formatting and control characters are unseen as well.
_SELECTORS: Final = re.compile("[\u034f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_LETTERS_IN_A_ROW: Final = re.compile(r"(?<= \w) (?=\w )")
#: Characters whose kind is remembered: those of one language and some more.
_KINDS_KEPT: Final = 8_192


class BlockedWords:
    """A list of words, made ready. Those of which nothing is left in the form block nothing."""

    __slots__ = ("_parts", "_words")

    def __init__(self, words: Iterable[str] = ()) -> None:
        forms = {_form_of_word(word) for word in words} - {""}
        #: Single words, found by looking each word of a line up; and what is looked for in lines.
        self._words = frozenset(form[1:-1] for form in forms if _is_one_word(form))
        self._parts = tuple(sorted(form for form in forms if not _is_one_word(form)))

    def found_in(self, text: str) -> bool:
        """Whether the text has one of the words."""
        if not (self._words or self._parts):
            return False
        form = _form(text)
        spelt = _LETTERS_IN_A_ROW.sub("", form)
        return self._found(form) or (spelt != form and self._found(spelt))

    def _found(self, form: str) -> bool:
        return not self._words.isdisjoint(form.split()) or any(part in form for part in self._parts)


def is_word(word: str) -> bool:
    """Whether anything is left of it to be looked for."""
    return bool(_form_of_word(word))


def _form(text: str) -> str:
    """The form of a line: each word between spaces, what counts by itself without any."""
    parts = []
    for kind, run in groupby(_plain(text), _kind):
        match kind:
            case "word":
                parts.append(f" {''.join(run)} ")
            case "alone":
                parts.append("".join(run))
            case "break":
                parts.append(" ")
            case _:
                pass
    return re.sub(" +", " ", "".join(parts))


def _form_of_word(word: str) -> str:
    """The form of what is looked for: a boundary at an end only where a word is there."""
    plain = _plain(word)
    counting = [n for n, char in enumerate(plain) if _kind(char) in ("word", "alone")]
    return _form(plain[counting[0] : counting[-1] + 1]) if counting else ""


def _is_one_word(form: str) -> bool:
    return form[0] == form[-1] == " " and " " not in form[1:-1]


def _plain(text: str) -> str:
    """Without case, compatibility and what is not seen (as Unicode's NFKC_Casefold)."""
    if text.isascii() and text.isprintable():
        return text.lower()
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFD", text).casefold())
    folded = unicodedata.normalize("NFKC", folded.casefold())
    return "".join(char for char in folded if _kind(char) != "unseen")


@lru_cache(_KINDS_KEPT)
def _kind(char: str) -> _Kind:
    if char in _GLUE or char.isspace():
        return "glue"
    if _ALONE.match(char):
        return "alone"
    category = unicodedata.category(char)
    if category in ("Cf", "Cc") or _SELECTORS.match(char):
        return "unseen"
    match category[0]:
        case "L" | "M" | "N":
            return "word"
        case "S" | "C":
            return "alone"
        case _:
            return "break"
