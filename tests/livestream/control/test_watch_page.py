"""The viewer's page: what it weighs, and what it says in each of its languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import get_args, get_type_hints

import msgspec
import pytest

from cart.fact import tag_of
from cart.outcome import ErrorCode
from livestream.control import pages
from livestream.control.asyncapi import COMMANDS
from livestream.control.scripts import bare
from livestream.messages import BEST_EFFORT_FRAMES, COMMERCE_FRAMES, PRIVATE_FRAMES

WATCH = pages.ROOT / "watch"
LANGUAGES = ("en", "fr", "zh")
FRAMES = (*COMMERCE_FRAMES, *PRIVATE_FRAMES, *BEST_EFFORT_FRAMES)
#: What a slow phone loads before compression, of an evening with an ordinary drop: until the order
#: is paid, with its perk and its number.
SCRIPT_BYTES_MAX = 60_000
#: And with everything that the page may ever load: a picture, personalisation, delivery slots,
#: certificates.
SCRIPT_BYTES_OF_EVERYTHING_MAX = 72_000
#: Loaded when they are needed, and few are.
RARE = {"screen.js", "wishes.js", "slots.js", "certificates.js", "more.{tag}.js"}


def loaded_by(name: str, tag: str) -> Iterator[str]:
    """What a module imports, at once or later, as paths below /static/."""
    source = bare((pages.ROOT / name).read_text(encoding="utf-8"))
    names: list[str] = re.findall(r"(?:from |import\()[\"`]([^\"`]+)[\"`]", source)
    for found in names:
        near = found.replace("./", f"{name.rpartition('/')[0]}/", 1)
        yield near.removeprefix("/static/").replace("${tag}", tag)


def bytes_of(tag: str, without: set[str]) -> int:
    """All scripts that the page loads in a language, as they are served."""
    left_out = {f"watch/{name.format(tag=tag)}" for name in without}
    waiting, seen = ["watch/watch.js"], set[str]()
    while waiting:
        name = waiting.pop()
        if name not in seen | left_out:
            seen.add(name)
            waiting += loaded_by(name, tag)
    assert {f"watch/words.{tag}.js", "client/livestream.js", "watch/order.js"} <= seen
    return sum(len(bare((pages.ROOT / name).read_text(encoding="utf-8")).encode()) for name in seen)


@pytest.mark.parametrize("tag", LANGUAGES)
def test_what_the_page_loads_is_light_enough_for_a_slow_phone(tag: str) -> None:
    assert bytes_of(tag, without=RARE) <= SCRIPT_BYTES_MAX
    assert bytes_of(tag, without=set()) <= SCRIPT_BYTES_OF_EVERYTHING_MAX


def test_all_modules_are_asked_for_at_once_and_none_waits_for_another_to_name_it() -> None:
    """But for the words, whose language only the script knows."""
    html = (WATCH / "index.html").read_text(encoding="utf-8")
    asked = re.findall(r"(?:modulepreload\" href|module\" src)=\"/static/([^\"]+)\"", html)
    imported, waiting = set[str](), ["watch/watch.js"]
    while waiting:
        name = waiting.pop()
        if name not in imported:
            imported.add(name)
            source = bare((pages.ROOT / name).read_text(encoding="utf-8"))
            at_once = re.findall(r"from \"([^\"]+)\"", source)
            near = f"/static/{name.rpartition('/')[0]}/"
            waiting += [found.replace("./", near, 1).removeprefix("/static/") for found in at_once]
    assert set(asked) == imported


@cache
def words(file: str) -> dict[str, str | list[str]]:
    """Texts by "group.name"."""
    source = (WATCH / file).read_text(encoding="utf-8")
    body = source[source.index("export default {") + len("export default ") : source.rindex(";")]
    quoted = re.sub(r"^(\s*)(\w+): ", r'\1"\2": ', body, flags=re.MULTILINE)
    groups = msgspec.json.decode(
        re.sub(r",(\s*})", r"\1", quoted), type=dict[str, dict[str, str | list[str]]]
    )
    return {
        f"{group}.{name}": text for group, names in groups.items() for name, text in names.items()
    }


def names_in(text: str | list[str]) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", " ".join([text] if isinstance(text, str) else text)))


@pytest.mark.parametrize("tag", ["fr", "zh"])
@pytest.mark.parametrize("kind", ["words", "more"])
def test_every_language_says_everything(kind: str, tag: str) -> None:
    english, other = words(f"{kind}.en.js"), words(f"{kind}.{tag}.js")
    assert other.keys() == english.keys()
    for key, text in english.items():
        assert names_in(other[key]) == names_in(text), key
        assert other[key] != "", key


def test_every_refusal_has_words() -> None:
    said = words("words.en.js")
    for code in [*ErrorCode, "timeout", "offline"]:
        assert f"no.{code}" in said


def test_all_words_are_said_and_all_that_is_said_has_words() -> None:
    sources = [bare(path.read_text("utf-8")) for path in WATCH.glob("*.js")]
    sources += [path.read_text("utf-8") for path in WATCH.glob("*.html")]
    source = "\n".join(sources)
    known = words("words.en.js").keys() | words("more.en.js").keys()
    groups = "|".join({key.partition(".")[0] for key in known})
    said = set(re.findall(rf"\"((?:{groups})\.[a-z_]+)\"", source))
    frames = {tag for kind in FRAMES for tag in get_args(get_type_hints(kind)["type"])}
    assert said - known <= frames | {tag_of(kind) for kind in COMMANDS}
    #: Their names are codes, states and kinds: t(`no.${code}`).
    by_name = {"no", "order", "room", "wish", "certificate"}
    assert {key for key in known - said if key.partition(".")[0] not in by_name} == set()
