"""Tickets: the desk issues them for viewers it knows; walk-ins get one of their own.

Owns what a new ticket says. Refuses to know how it is signed, and who the viewers are. With
`walk_in` anybody gets as many tickets as they ask for, each for a viewer of its own. So a limit per
viewer limits nobody there, and who was muted or banned may walk in again by another name: it is for
demonstrations, and a room that needs either is for tickets of the merchant's.
"""

from __future__ import annotations

import secrets

from livestream.clock import now_ms
from livestream.control.context import Answer, Call, Control, gateway_base
from livestream.control.problems import Problem, forbidden
from livestream.control.views import TICKET_TTL_MS, IssuedTicket, WatchConfig
from livestream.tickets import Ticket, issue_ticket, read_ticket

#: Not the caller's to choose: the ledger has a row for each channel, so strangers must not make
#: them up.
WALK_IN_CHANNEL = "walk-in"


async def issue(control: Control, call: Call) -> Answer | Problem:
    """Sign a ticket for a viewer of this room."""
    asked = call.body
    ticket = Ticket(
        viewer=asked.viewer,
        room=call.room,
        channel=asked.channel,
        name=asked.name,
        expires_at_ms=now_ms() + asked.ttl_ms,
        tier=asked.tier,
        invited=asked.invited,
    )
    return _issued(control, call, ticket)


async def walk_in(control: Control, call: Call) -> Answer | Problem:
    """A ticket for whoever asks, where the installation allows it, and for who shows a good one."""
    if call.body.ticket is not None:
        known = read_ticket(control.secret, call.body.ticket, call.room, now_ms())
        if isinstance(known, Ticket):
            return _issued(control, call, known)
    if not control.settings.walk_in:
        return forbidden("this installation lets in nobody without a ticket of the merchant's")
    viewer = f"walk-in-{secrets.token_hex(6)}"
    ticket = Ticket(
        viewer=viewer,
        room=call.room,
        channel=WALK_IN_CHANNEL,
        name=call.body.name or f"Guest {viewer[-4:]}",
        expires_at_ms=now_ms() + TICKET_TTL_MS,
    )
    return _issued(control, call, ticket)


async def watch_config(control: Control, call: Call) -> Answer | Problem:
    """Where the watch page of this room connects to, and whether it may ask for a ticket."""
    body: WatchConfig = {
        "room": call.room,
        "gateway_url": _live_url(control, call),
        "walk_in": control.settings.walk_in,
        "payments": control.settings.payment_provider,
    }
    return Answer(body)


def _issued(control: Control, call: Call, ticket: Ticket) -> Answer:
    body: IssuedTicket = {
        "ticket": issue_ticket(control.secret, ticket),
        "room": ticket.room,
        "viewer": ticket.viewer,
        "channel": ticket.channel,
        "name": ticket.name,
        "tier": ticket.tier,
        "invited": ticket.invited,
        "expires_at_ms": ticket.expires_at_ms,
        "gateway_url": _live_url(control, call),
    }
    return Answer(body, 201)


def _live_url(control: Control, call: Call) -> str:
    return f"{gateway_base(control.settings, call.request)}/live/{call.room}"
