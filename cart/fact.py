"""The base of every fact in a room's log: the counter's here, the room's own in
`livestream.facts`.
"""

from __future__ import annotations

from msgspec import Struct


def tag_of(kind: type[Struct]) -> str:
    """The name that a kind of fact, command or message has in the log and on the wire."""
    return str(kind.__struct_config__.tag)


class Fact(Struct, frozen=True, tag_field="type", omit_defaults=True, kw_only=True):
    """Something that happened. Its tag is its name in the log.

    `by` is who at the desk asked for it (`desk:<name>`), "" for what viewers, the provider and time
    lead to. It is for the log: nothing that goes on air tells it.
    """

    by: str = ""
