"""How a connection begins and ends: its subprotocol, who is on it, and why it is closed.

Owns the words. Refuses to know when a gateway closes a connection.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Literal

SUBPROTOCOL = "livestream.v1"

Role = Literal["viewer", "guest"]


class CloseCode(IntEnum):
    """Why a connection ends. 4001 and up are ours; the rest is RFC 6455 section 7.4.1."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    INVALID_TEXT = 1007
    MESSAGE_TOO_BIG = 1009
    RESTARTING = 1012
    TICKET_EXPIRED = 4001
    BANNED = 4003
    ROOM_GONE = 4004
    TOO_SLOW = 4008
    MISUSE = 4009
    FLOODING = 4029
