"""Commands that print tickets and tokens.

Owns how long those made by hand are good for. Refuses to know how they are signed.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from cyclopts import Parameter

from livestream.cli.options import (
    COMMON,
    Common,
    app,
)
from livestream.clock import now_ms
from livestream.config import Settings, SettingsError
from livestream.tickets import DeskRole, HostToken, Ticket, issue_host_token, issue_ticket

#: The longest a token that is made by hand is good for: a year.
HOURS_MAX = 8_760.0


@app.command
def ticket(
    room: str,
    /,
    *,
    viewer: Annotated[str, Parameter(help="the merchant's id of the viewer")] = "alice",
    name: Annotated[str | None, Parameter(help="shown in the chat (default: the id)")] = None,
    channel: Annotated[str, Parameter(help="where the viewer comes from")] = "direct",
    tier: Annotated[str, Parameter(help="of which tier of clients (default: none)")] = "",
    invited: Annotated[bool, Parameter(help="to the room and all its drops", negative="")] = False,
    hours: float = 4,
    common: Common = COMMON,
) -> None:
    """Print a viewer's ticket for ROOM ("*": any room)."""
    settings = common.settings()
    expires_at_ms = _expires_at_ms(hours)
    signed = Ticket(viewer, room, channel, name or viewer, expires_at_ms, tier, invited)
    print(_signed(lambda: issue_ticket(settings.signing_key(), signed)))


@app.command
def token(
    name: str,
    /,
    *,
    role: DeskRole = "host",
    hours: float = 12,
    common: Common = COMMON,
) -> None:
    """Print a token for the desk: the panel and the API."""
    print(host_token(common.settings(), name, role, hours))


def host_token(settings: Settings, name: str, role: DeskRole, hours: float) -> str:
    """A host token, signed with this machine's secret.

    Raises:
        SettingsError: a name or a time that no token has.
    """
    signed = HostToken(name, role, _expires_at_ms(hours))
    return _signed(lambda: issue_host_token(settings.signing_key(), signed))


def _expires_at_ms(hours: float) -> int:
    if not 0 < hours <= HOURS_MAX:
        raise SettingsError(f"--hours is {hours:g}, but must be above 0, {HOURS_MAX:g} at most")
    return now_ms() + round(timedelta(hours=hours) / timedelta(milliseconds=1))


def _signed(issue: Any) -> str:
    try:
        return str(issue())
    except ValueError as error:
        raise SettingsError(str(error)) from None
