"""Reading who is invited.

Owns the pages of a list. Refuses to invite: that is a command to the engine.
"""

from __future__ import annotations

from cart.invitation import ROOM
from livestream.control.context import Answer, Call, Control
from livestream.control.problems import Problem
from livestream.control.views import Invitation, InvitationList, InvitationsQuery


async def list_invitations(control: Control, call: Call) -> Answer | Problem:
    """Who is on the list of the room, or on that of a drop, by viewer id, a page at a time."""
    query: InvitationsQuery = call.query
    state = (await control.books.of(call.room)).state
    listed = state.books.invited.get(query.drop_id or ROOM, {})
    names = sorted(name for name in listed if query.after is None or name > query.after)
    page: list[Invitation] = [
        {"viewer": name, "drop_id": query.drop_id, "tier": listed[name]}
        for name in names[: query.limit]
    ]
    body: InvitationList = {
        "seq": state.seq,
        "invitations": page,
        "next": page[-1]["viewer"] if len(names) > query.limit else None,
    }
    return Answer(body)
