"""The JSON Schema of show files, made from the types that read them, so that editors complete what
`livestream show check` accepts.

Owns what JSON Schema says better than the types do. What goes together and what does not is for
`livestream.show.check`: a schema knows shapes.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from livestream.show.file import Duration, ShowFile

SCHEMA_FILE = "show.schema.json"
#: What editors with a YAML language server look for in the first lines of a file.
EDITOR_LINE = f"# yaml-language-server: $schema={SCHEMA_FILE}"


def show_schema() -> str:
    """The schema as text, ready to be written."""
    (root,), types = msgspec.json.schema_components(
        [ShowFile], schema_hook=_time, ref_template="#/$defs/{name}"
    )
    for each in types.values():
        if "description" in each:
            each["description"] = " ".join(each["description"].split())
    # `at` and exactly one of the actions.
    types["CueEntry"] |= {"minProperties": 2, "maxProperties": 2}
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A run-of-show file of livestream",
        **root,
        "$defs": types,
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _time(kind: type) -> dict[str, Any]:
    if issubclass(kind, Duration):
        return {"type": "string", "pattern": kind.pattern, "examples": ["12s", "1.5s", "1m30s"]}
    raise NotImplementedError(kind)
