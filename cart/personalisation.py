"""Personalisation: what may be written on a piece or put beside it, and what that costs.

A drop declares its options: engraving, embossing, a gift card, gift wrap; each with a length, an
alphabet and a price for each unit. A checkout chooses for each SKU: `{sku: {option_id: text}}`,
with an empty text for gift wrap. The text of an option is on every unit of that SKU.

Texts are kept in Unicode's composed form (NFC) and counted as a reader counts: one for each
extended grapheme cluster (UAX #29), so that a letter with its accents is one, and so is a family
emoji. Alphabets contain one another:

    latin          Latin letters with their marks, spaces, and  ' . , & - / ! ? ( ) : +
    latin_digits   and 0 to 9
    cjk            and Han, Hiragana, Katakana, Hangul, Bopomofo with their punctuation
    any            every script and symbol

What nobody can engrave or read is in none of them: control and format characters (a line break, an
override of writing direction), private and unassigned code points, more than four marks on end.

Owns options and these rules. Refuses to know orders beyond their lines, and fonts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal
from unicodedata import normalize

import regex
from msgspec import Meta, Struct, structs

from cart.bounds import PERSONALISATION_TEXT_MAX, OptionId
from cart.money import OptionPriceMinor
from cart.order import OrderLine
from cart.outcome import ErrorCode, Refusal

#: sku -> option -> text.
Wishes = Mapping[str, Mapping[str, str]]
Alphabet = Literal["latin", "latin_digits", "cjk", "any"]

_LATIN: Final = r"\p{Latin}\p{M} '\u2019.,&\-/!?():+"
#: Beside the scripts: middle dots, the long vowel mark, CJK punctuation, full-width forms
#: of  ! ( ) , : ; ? ~
_CJK: Final = (
    r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Bopomofo}"
    r"·\u30FB\u30FC\u3001-\u301F—…\uFF01\uFF08\uFF09\uFF0C\uFF1A\uFF1B\uFF1F\uFF5E"
)
_WRITTEN_IN: Final[dict[Alphabet, regex.Pattern[str]]] = {
    "latin": regex.compile(f"[{_LATIN}]*"),
    "latin_digits": regex.compile(f"[{_LATIN}0-9]*"),
    "cjk": regex.compile(f"[{_LATIN}0-9{_CJK}]*"),
}
#: The zero-width joiner is a format character, and holds emoji of several together.
_UNPRINTABLE: Final = regex.compile(
    r"[\p{Cc}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]|(?!\u200D)\p{Cf}|\p{M}{5}"
)
_VISIBLE: Final = regex.compile(r"[\p{L}\p{N}\p{P}\p{S}]")
_GRAPHEME: Final = regex.compile(r"\X")


class OptionTerms(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """One way to make a piece one's own. `price_minor` is for each unit; a `required` one must be
    chosen. Gift wrap carries no text, so its `characters_max` is 0; that of all others is not.
    """

    option_id: OptionId
    kind: Annotated[
        Literal["engraving", "embossing", "gift_wrap", "gift_card"],
        Meta(description="gift_wrap carries no text, the others do"),
    ]
    characters_max: Annotated[
        int,
        Meta(ge=0, le=PERSONALISATION_TEXT_MAX, description="as a reader counts; gift wrap: 0"),
    ] = 0
    alphabet: Annotated[Alphabet, Meta(description="what the text may be written in")] = "any"
    price_minor: OptionPriceMinor = 0
    required: Annotated[bool, Meta(description="nobody checks out without it")] = False


def flaw_in_options(options: Sequence[OptionTerms]) -> str | None:
    """What is wrong with these options, in a sentence; None when they may stand."""
    if len({option.option_id for option in options}) < len(options):
        return "two options have the same option_id"
    for option in options:
        if (option.kind == "gift_wrap") is not (option.characters_max == 0):
            return (
                f"option {option.option_id}: gift wrap carries no text, so its characters_max is "
                "0; that of all others is at least 1"
            )
    return None


def characters(text: str) -> int:
    """How long a text is for its reader: extended grapheme clusters."""
    return len(_GRAPHEME.findall(text))


def composed(wishes: Wishes) -> dict[str, dict[str, str]]:
    """The same wishes with texts in NFC, as they are kept and compared."""
    return {
        sku: {option_id: normalize("NFC", text) for option_id, text in chosen.items()}
        for sku, chosen in wishes.items()
    }


def flaw_in_text(option: OptionTerms, text: str) -> str | None:
    """Why this text cannot be on a piece, in a sentence; None when it can."""
    name = option.option_id
    if option.characters_max == 0:
        return f"{name} carries no text" if text else None
    if not _VISIBLE.search(text):
        return f"{name} needs a text"
    if _UNPRINTABLE.search(text):
        return f"{name} has a character that cannot be written"
    if characters(text) > option.characters_max:
        return f"{name} takes at most {option.characters_max} characters"
    alphabet = _WRITTEN_IN.get(option.alphabet)
    if alphabet is not None and not alphabet.fullmatch(text):
        return f"{name} is written in {option.alphabet}"
    return None


def personalised(
    options_of: Mapping[str, Sequence[OptionTerms]], lines: Sequence[OrderLine], wishes: Wishes
) -> list[OrderLine] | Refusal:
    """The lines with what is asked for on top, or what is wrong with the wishes. `options_of` has
    the options of each line's drop.
    """
    for sku in wishes.keys() - {line.sku for line in lines}:
        return Refusal(ErrorCode.INVALID, f"{sku} is not in the cart, and cannot be personalised")
    charged: list[OrderLine] = []
    for line in lines:
        options, chosen = options_of[line.drop_id], wishes.get(line.sku, {})
        if flaw := _flaw_in_choice(line.sku, options, chosen):
            return Refusal(ErrorCode.INVALID, flaw)
        each_minor = sum(option.price_minor for option in options if option.option_id in chosen)
        charged.append(structs.replace(line, extras_minor=line.quantity * each_minor))
    return charged


def _flaw_in_choice(
    sku: str, options: Sequence[OptionTerms], chosen: Mapping[str, str]
) -> str | None:
    for option_id in chosen.keys() - {option.option_id for option in options}:
        return f"{sku} has no option {option_id}"
    for option in options:
        text = chosen.get(option.option_id)
        flaw = flaw_in_text(option, text) if text is not None else None
        if flaw is not None:
            return f"{sku}: {flaw}"
        if option.required and text is None:
            return f"{sku}: {option.option_id} must be chosen"
    return None
