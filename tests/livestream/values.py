"""Any value of a protocol's types, drawn by the types' own description of themselves."""

import re
from collections.abc import Mapping
from typing import Any, get_args

import msgspec
from hypothesis import strategies as st

from cart.money import AMOUNT_MINOR_MAX

Known = Mapping[str, st.SearchStrategy[Any]]


def instances(union: Any, known: Known | None = None) -> st.SearchStrategy[Any]:
    """Any value of any of these Structs that is within its bounds. Fields of a `known` name have
    what is given for it, as a rule.
    """
    return st.one_of([st.builds(kind, **fields_of(kind, known)) for kind in get_args(union)])


def fields_of(kind: type, known: Known | None = None) -> dict[str, st.SearchStrategy[Any]]:
    described = msgspec.inspect.type_info(kind)
    assert isinstance(described, msgspec.inspect.StructType)
    fields = {}
    for field in described.fields:
        fields[field.name] = values(field.type, known)
        if known is not None and field.name in known:
            usual = known[field.name]
            fields[field.name] = st.one_of(usual, usual, usual, fields[field.name])
    return fields


WORDS = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,8}", fullmatch=True)


def values(kind: msgspec.inspect.Type, known: Known | None = None) -> st.SearchStrategy[Any]:
    """Values of a msgspec type, by its own description of itself."""
    match kind:
        case msgspec.inspect.Metadata(type=inner):
            return values(inner, known)
        case msgspec.inspect.StrType(pattern=str(pattern)):
            return WORDS if re.match(pattern, "a0") else st.from_regex(pattern, fullmatch=True)
        case msgspec.inspect.StrType():
            return st.text(st.characters(codec="utf-8"), min_size=kind.min_length or 0, max_size=9)
        case msgspec.inspect.IntType():
            return st.integers(kind.ge or 0, AMOUNT_MINOR_MAX if kind.le is None else kind.le)
        case msgspec.inspect.BoolType():
            return st.booleans()
        case msgspec.inspect.NoneType():
            return st.none()
        case msgspec.inspect.LiteralType():
            return st.sampled_from(kind.values)
        case msgspec.inspect.UnionType():
            return st.one_of([values(inner, known) for inner in kind.types])
        case msgspec.inspect.ListType():
            return st.lists(
                values(kind.item_type, known), min_size=kind.min_length or 0, max_size=3
            )
        case msgspec.inspect.DictType():
            return st.dictionaries(
                values(kind.key_type, known), values(kind.value_type, known), max_size=3
            )
        case msgspec.inspect.StructType():
            return st.builds(kind.cls, **fields_of(kind.cls, known))
    raise AssertionError(f"no values for {kind}")
