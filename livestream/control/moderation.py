"""Reading what moderators did, and which words are blocked.

Owns the pages of actions. Refuses to moderate: those are commands to the engine.
"""

from __future__ import annotations

from livestream.control.context import Answer, Call, Control
from livestream.control.problems import Problem
from livestream.control.views import ActionList, ActionsQuery, BlockedWords
from livestream.engine.ledger import action_line


async def list_actions(control: Control, call: Call) -> Answer | Problem:
    """What moderators did in a room and who it was, newest first, a page at a time."""
    query: ActionsQuery = call.query
    state = (await control.books.of(call.room)).state
    found = [
        action
        for action in reversed(state.actions)
        if query.before is None or action.seq < query.before
    ]
    page = found[: query.limit]
    body: ActionList = {
        "seq": state.seq,
        "actions": [action_line(action) for action in page],
        "next": page[-1].seq if len(found) > query.limit else None,
    }
    return Answer(body)


async def show_words(control: Control, call: Call) -> Answer | Problem:
    """Words that are not shown in the chat. No viewer is told of them."""
    state = (await control.books.of(call.room)).state
    body: BlockedWords = {"seq": state.seq, "words": state.blocked_words}
    return Answer(body)
