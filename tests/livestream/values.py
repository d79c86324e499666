"""Any value of a protocol's types, drawn by the types' own description of themselves."""

from typing import Any, get_args

import msgspec
from hypothesis import strategies as st

from cart.money import AMOUNT_MINOR_MAX


def instances(union: Any) -> st.SearchStrategy[Any]:
    """Any value of any of these Structs that is within its bounds."""
    return st.one_of([st.builds(kind, **fields_of(kind)) for kind in get_args(union)])


def fields_of(kind: type) -> dict[str, st.SearchStrategy[Any]]:
    described = msgspec.inspect.type_info(kind)
    assert isinstance(described, msgspec.inspect.StructType)
    return {field.name: values(field.type) for field in described.fields}


WORDS = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,8}", fullmatch=True)


def values(kind: msgspec.inspect.Type) -> st.SearchStrategy[Any]:
    """Values of a msgspec type, by its own description of itself."""
    match kind:
        case msgspec.inspect.Metadata(type=inner):
            return values(inner)
        case msgspec.inspect.StrType(pattern=str()):
            return WORDS
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
            return st.one_of([values(inner) for inner in kind.types])
        case msgspec.inspect.ListType():
            return st.lists(values(kind.item_type), min_size=kind.min_length or 0, max_size=3)
        case msgspec.inspect.DictType():
            return st.dictionaries(values(kind.key_type), values(kind.value_type), max_size=3)
        case msgspec.inspect.StructType():
            return st.builds(kind.cls, **fields_of(kind.cls))
    raise AssertionError(f"no values for {kind}")
