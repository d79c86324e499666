"""JSON Schemas of the types in use, for both documents.

Owns the walk from types to schemas, and small repairs of their texts. Refuses to know OpenAPI and
AsyncAPI.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct

Schema = dict[str, Any]
_REF = "#/components/schemas/{name}"


class Schemas:
    """Schemas of a set of types. `of(type)` is a reference into `components`."""

    def __init__(self, types: Iterable[Any]) -> None:
        wanted = list(dict.fromkeys(types))
        schemas, components = msgspec.json.schema_components(wanted, ref_template=_REF)
        self._schemas = {id(kind): schema for kind, schema in zip(wanted, schemas, strict=True)}
        self._kept = wanted  # an id is one type's only while that type is alive
        self.components: dict[str, Schema] = components
        for schema in components.values():
            if "description" in schema:
                schema["description"] = one_line(schema["description"])

    def of(self, kind: Any) -> Schema:
        """The schema of one of the types, mostly a reference."""
        return self._schemas[id(kind)]

    def body_of(self, kind: type[Struct], given_by_path: Iterable[str]) -> Schema | None:
        """What a request's body must be: the Struct without its tag and without what the path
        gives. None when nothing is left.
        """
        whole = self.components[_name_of(self.of(kind))]
        left_out = {*given_by_path, kind.__struct_config__.tag_field}
        properties = {
            name: schema for name, schema in whole["properties"].items() if name not in left_out
        }
        if not properties:
            return None
        required = [name for name in whole.get("required", []) if name not in left_out]
        body: Schema = {
            "type": "object",
            "description": whole.get("description", ""),
            "properties": properties,
            "additionalProperties": False,
        }
        return body | ({"required": required} if required else {})


def parameters_of(kind: type[Struct]) -> list[Schema]:
    """The fields of a query's Struct as OpenAPI parameters."""
    hints = msgspec.inspect.type_info(kind)
    assert isinstance(hints, msgspec.inspect.StructType)
    types = {field.name: field for field in msgspec.structs.fields(kind)}
    return [
        {
            "name": name,
            "in": "query",
            "required": field.required,
            "schema": _inlined(field.type),
        }
        for name, field in types.items()
    ]


def _inlined(kind: Any) -> Schema:
    """The schema of a simple type with nothing referred to."""
    (schema,), components = msgspec.json.schema_components([kind], ref_template=_REF)
    return _resolve(schema, components)


def _resolve(schema: Schema, components: dict[str, Schema]) -> Schema:
    if "$ref" in schema:
        return _resolve(components[_name_of(schema)], components)
    if "anyOf" in schema:
        return schema | {"anyOf": [_resolve(part, components) for part in schema["anyOf"]]}
    return schema


def _name_of(reference: Schema) -> str:
    return str(reference["$ref"].rsplit("/", 1)[1])


def one_line(text: str) -> str:
    """A docstring's text without its line breaks."""
    return " ".join(text.split())


def summary_of(documented: Any) -> str:
    """The first paragraph of a docstring, on one line."""
    return one_line((documented.__doc__ or "").split("\n\n")[0])
