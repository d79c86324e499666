"""Lines of chat that are waited for: shown, or given up and told of, once."""

from __future__ import annotations

from array import array

from livestream.gateway.chat import SHOWN_WITHIN_US, Awaited
from livestream.gateway.groups import Group
from livestream.gateway.viewer import Viewer
from livestream.messages import ChatMessage

GROUP = Group("room", [], array("i"))
ANNA = Viewer(1, "anna", "wechat", GROUP, None)
BOB = Viewer(2, "bob", "wechat", GROUP, None)


def line(message_id: str) -> ChatMessage:
    return {"id": message_id, "viewer": "anna", "name": "Anna", "text": "hi", "at_ms": 0}


def test_what_is_shown_is_not_given_up() -> None:
    awaited = Awaited()
    awaited.said("a", ANNA, 0)
    awaited.shown([line("a"), line("said at another gateway")])
    assert awaited.given_up(SHOWN_WITHIN_US) == {}


def test_what_is_not_shown_is_told_once_to_who_said_it() -> None:
    awaited = Awaited()
    for message_id, viewer, said_at_us in (("a", ANNA, 0), ("b", BOB, 1), ("c", ANNA, 2)):
        awaited.said(message_id, viewer, said_at_us)
    assert awaited.given_up(SHOWN_WITHIN_US - 1) == {}
    assert awaited.given_up(SHOWN_WITHIN_US + 1) == {ANNA: ["a"], BOB: ["b"]}
    assert awaited.given_up(SHOWN_WITHIN_US + 2) == {ANNA: ["c"]}
    assert awaited.given_up(2 * SHOWN_WITHIN_US) == {}
