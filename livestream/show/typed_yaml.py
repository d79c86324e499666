"""YAML read into Structs, with every mistake found at once and told by its line.

msgspec stops at the first thing that is wrong and says where by a path; whoever writes a file by
hand wants all of it, by line. So the document is walked as PyYAML's nodes, which know their lines,
and each value on its own is converted by msgspec to the type of its field.

Owns shapes: missing, unknown and doubled fields, wrong types, bounds. Refuses to know what a
document means.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import msgspec
import yaml
from msgspec import Struct

#: Files are written by hand: a show of 1,000 cues is about 100 KiB.
FILE_BYTES_MAX = 1024 * 1024

#: Where a value stands in the document: ("cues", 3, "at").
Place = tuple[str | int, ...]


class Mistake(Struct, frozen=True, order=True):
    """One thing that is wrong, as `file:line: what`."""

    path: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}"


class Broken(NamedTuple):
    """Stands where a Struct could not be made: those of its fields that could be read."""

    fields: Mapping[str, Any]


class Document(NamedTuple):
    """What was read. `value` is of the type asked for; it, and Structs inside it, are `Broken`
    where mistakes were found. `lines` tells the line of every place that was looked at.
    """

    value: Any
    lines: Mapping[Place, int]
    mistakes: list[Mistake]


def read_document(
    path: Path, kind: type[Struct], dec_hook: Callable[[type, Any], Any] | None = None
) -> Document:
    """Read `path` as a `kind`. What is wrong, even that there is no such file, is a value.

    `dec_hook` makes values of types of one's own, as in msgspec; its ValueErrors are mistakes.
    """
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        reader = _Reader(str(path), dec_hook)
        value = reader.broken(1, error.strerror or str(error))
        return Document(value, reader.lines, reader.mistakes)
    return parse_document(str(path), content, kind, dec_hook)


def parse_document(
    name: str,
    content: bytes,
    kind: type[Struct],
    dec_hook: Callable[[type, Any], Any] | None = None,
) -> Document:
    """The same of a document that is at hand; `name` is what its mistakes are told with."""
    reader = _Reader(name, dec_hook)
    try:
        if len(content) > FILE_BYTES_MAX:
            raise ValueError(f"larger than {FILE_BYTES_MAX:,} bytes")
        value = reader.read(content.decode(), kind)
    except UnicodeDecodeError as error:
        value = reader.broken(content.count(b"\n", 0, error.start) + 1, "not UTF-8 text")
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        value = reader.broken(mark.line + 1 if mark else 1, f"not YAML: {error.problem}")
    except (yaml.YAMLError, ValueError) as error:
        value = reader.broken(1, str(error))
    except RecursionError:
        value = reader.broken(1, "nested too deep")
    return Document(value, reader.lines, reader.mistakes)


class _Reader:
    """One walk through one document."""

    def __init__(self, path: str, dec_hook: Callable[[type, Any], Any] | None) -> None:
        self.lines: dict[Place, int] = {}
        self.mistakes: list[Mistake] = []
        self._path = path
        self._dec_hook = dec_hook
        self._loader: Any = None

    def read(self, text: str, kind: type[Struct]) -> Any:
        # mypy: the stubs leave the loader's composing half without types.
        self._loader = yaml.SafeLoader(text)
        node = self._loader.get_single_node()
        if node is None:
            return self.broken(1, "the file is empty")
        return self._value(node, kind, ())

    def broken(self, line: int, what: str, **fields: Any) -> Broken:
        """Note a mistake."""
        self.mistakes.append(Mistake(self._path, line, what))
        return Broken(fields)

    def _value(self, node: yaml.Node, kind: Any, place: Place) -> Any:
        line = self.lines[place] = node.start_mark.line + 1
        inner = _without_none(kind)
        if isinstance(inner, type) and issubclass(inner, Struct):
            return self._struct(node, inner, place)
        if get_origin(inner) in (list, dict) and (flaw := _flaw_in_length(kind, node)):
            return self.broken(line, f"{_spell(place)}{flaw}")
        if get_origin(inner) is list and isinstance(node, yaml.SequenceNode):
            (item,) = get_args(inner)
            return [self._value(n, item, (*place, i)) for i, n in enumerate(node.value)]
        if get_origin(inner) is dict and isinstance(node, yaml.MappingNode):
            return self._dict(node, inner, place)
        try:
            plain = self._loader.construct_object(node, deep=True)
            return msgspec.convert(plain, kind, dec_hook=self._dec_hook)
        except (msgspec.ValidationError, yaml.YAMLError, ValueError) as error:
            return self.broken(line, f"{_spell(place)}{_explain(error, inner, node)}")

    def _dict(self, node: yaml.MappingNode, kind: Any, place: Place) -> dict[Any, Any]:
        key_kind, value_kind = get_args(kind)
        found: dict[Any, Any] = {}
        for key, value in node.value:
            name = self._value(key, key_kind, (*place, str(key.value)))
            if isinstance(name, Broken):
                continue
            if name in found:
                here = key.start_mark.line + 1
                self.broken(here, f"{_spell((*place, str(name)))}given twice")
            else:
                found[name] = self._value(value, value_kind, (*place, str(name)))
        return found

    def _struct(self, node: yaml.Node, kind: type[Struct], place: Place) -> Any:
        line = node.start_mark.line + 1
        if not isinstance(node, yaml.MappingNode):
            return self.broken(line, f"{_spell(place)}a list of `name: value` lines belongs here")
        known = {field.encode_name: field for field in msgspec.structs.fields(kind)}
        before = len(self.mistakes)
        found: dict[str, Any] = {}
        for key, value in node.value:
            name = str(key.value)
            here = key.start_mark.line + 1
            if name not in known:
                self.broken(here, f"{_spell(place)}{_unknown(name, list(known))}")
            elif name in found:
                self.broken(here, f"{_spell((*place, name))}given twice")
            else:
                found[name] = self._value(value, known[name].type, (*place, name))
        for name, field in known.items():
            if field.required and name not in found:
                self.broken(line, f"{_spell((*place, name))}missing")
        readable = {known[n].name: v for n, v in found.items() if not isinstance(v, Broken)}
        if len(self.mistakes) > before:
            return Broken(readable)
        try:
            return kind(**readable)
        except ValueError as error:  # the Struct's own word on fields that do not go together
            return self.broken(line, f"{_spell(place)}{error}", **readable)


def _without_none(kind: Any) -> Any:
    """The type without its bounds, and without `| None`."""
    while True:
        if get_origin(kind) is Annotated:
            kind = get_args(kind)[0]
        elif get_origin(kind) in (Union, types.UnionType):
            rest = [part for part in get_args(kind) if part is not type(None)]
            if len(rest) != 1:
                return kind
            kind = rest[0]
        else:
            return kind


def _flaw_in_length(kind: Any, node: yaml.Node) -> str:
    """What is wrong with how many there are, by the bounds of the type; empty: nothing."""
    if not isinstance(node, yaml.SequenceNode | yaml.MappingNode):
        return ""
    count = len(node.value)
    while get_origin(kind) is Annotated:
        kind, *metas = get_args(kind)
        for meta in metas:
            if isinstance(meta, msgspec.Meta):
                if meta.min_length is not None and count < meta.min_length:
                    return f"at least {meta.min_length}, not {count}"
                if meta.max_length is not None and count > meta.max_length:
                    return f"at most {meta.max_length}, not {count}"
    return ""


def _spell(place: Place) -> str:
    """`("cues", 3, "at")` as `cues[3].at: `."""
    text = ""
    for step in place:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return f"{text}: " if text else ""


def _unknown(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"unknown field {name!r}" + (f"; did you mean {close[0]!r}?" if close else "")


def _explain(error: Exception, kind: Any, node: yaml.Node) -> str:
    if isinstance(error, yaml.MarkedYAMLError):
        return str(error.problem)
    if get_origin(kind) is Literal:
        choices = ", ".join(str(choice) for choice in get_args(kind))
        return f"{node.value!r} is not one of: {choices}"
    text = str(error).replace("`", "")
    if "matching regex" in text:
        return f"{node.value!r} is not a name (letters and digits, then also . _ : -)"
    given = f", not {node.value!r}" if isinstance(node, yaml.ScalarNode) else ""
    return f"e{text[1:]}{given}" if text.startswith("Expected") else text
