"""Names of everything this engine keeps in Redis (docs/ARCHITECTURE.md tells the types).

Owns the names. The braces are a hash tag: a room's keys live on one shard of a cluster. What lists
the rooms (ROOMS, RESTING, DUTY) is read and changed together, and lives on one shard too.
"""

from __future__ import annotations

#: Set of all room ids.
ROOMS = "livestream:rooms"
#: Set: those of them that nobody needs to own, until a command comes.
RESTING = "livestream:rooms.resting"
#: Hash: room -> the ownership that works on it, or did last; rooms at rest have none.
DUTY = "livestream:rooms.duty"
#: Sorted set: rooms that were wiped lately, by when (ms).
WIPED = "livestream:rooms.wiped"
#: Pub/sub: a room was created or wiped, engines and gateways look at ROOMS at once.
ROOMS_CHANGED = "livestream:rooms.changed"


#: Pub/sub: the id of a session at the desk that was just ended.
SIGNED_OUT = "livestream:signed-out"


def signed_out(session_id: str) -> str:
    """String with expiry: this session was ended before its time."""
    return f"livestream:signed-out:{session_id}"


def inbox(room: str) -> str:
    """Stream: batches of commands from gateways, control and the payment provider."""
    return f"{{{room}}}:inbox"


def log(room: str) -> str:
    """Stream, ids `<seq>-0`: the records. The truth; never trimmed."""
    return f"{{{room}}}:log"


def air(room: str) -> str:
    """Stream, capped, ids as in the log: public frames in order."""
    return f"{{{room}}}:air"


def snapshot(room: str) -> str:
    """String: the engine's state and the seq it stands at, or where its parts are."""
    return f"{{{room}}}:snapshot"


def snapshot_parts(room: str, name: str) -> str:
    """List: a state that is too large for one value; with expiry until it is whole."""
    return f"{{{room}}}:snapshot.{name}"


def storefront(room: str) -> str:
    """String: the public view and the seq it stands at, for gateways that start."""
    return f"{{{room}}}:storefront"


def owner(room: str) -> str:
    """String with expiry: which engine owns the room."""
    return f"{{{room}}}:owner"


def said(room: str) -> str:
    """Pub/sub: chat lines on their way from gateways to the room's mixer."""
    return f"{{{room}}}:said"


def chat(room: str) -> str:
    """Pub/sub: ready-made chat and pulse frames from the room's owner."""
    return f"{{{room}}}:chat"


def history(room: str) -> str:
    """String: the last chat lines that were shown, for gateways that start."""
    return f"{{{room}}}:history"


def audience(room: str) -> str:
    """Hash: per gateway its counts, with the time they were taken."""
    return f"{{{room}}}:audience"


def attendance(room: str) -> str:
    """Stream, capped: the audience as it was, a moment every 5 s, for the report after the show."""
    return f"{{{room}}}:attendance"


def unique(room: str) -> str:
    """HyperLogLog: distinct viewers."""
    return f"{{{room}}}:unique"


def private(room: str) -> str:
    """Pub/sub: frames for single viewers, wherever they are connected."""
    return f"{{{room}}}:private"


def ledger(room: str) -> str:
    """String, and pub/sub of the same name: the desk's numbers (GMV, orders, stock), a few a
    second.
    """
    return f"{{{room}}}:ledger"


def statement(room: str) -> str:
    """List: the sandbox provider's own account, what it captured and gave back."""
    return f"{{{room}}}:statement"


def heard(message: str) -> str:
    """String with expiry: what a pushed message of the payment provider was answered."""
    return f"livestream:heard:{message}"


#: String with expiry: which courier works.
COURIER = "livestream:courier"


def courier(room: str) -> str:
    """String: how far the courier has taken the room's log."""
    return f"{{{room}}}:courier"


def courier_outbox(room: str) -> str:
    """Hash: events for the merchant that are not delivered yet."""
    return f"{{{room}}}:courier.outbox"


def courier_dead(room: str) -> str:
    """Hash: events for the merchant on which the courier has given up."""
    return f"{{{room}}}:courier.dead"


def courier_replay(room: str) -> str:
    """Set: orders whose dead letters somebody wants replayed."""
    return f"{{{room}}}:courier.replay"


def wiped(room: str) -> str:
    """String: the room was wiped just now; what is written into it goes again."""
    return f"{{{room}}}:wiped"


def all_of(room: str) -> list[str]:
    """Every key that a room has, but for its owner's lease and parts of a snapshot without their
    end, which go by themselves, those of a whole one (`snapshots`), and the tombstone of one that
    was wiped.
    """
    named = (
        *(inbox, log, air, snapshot, storefront, history, audience, attendance, unique, ledger),
        *(statement, courier, courier_outbox, courier_dead, courier_replay),
    )
    return [name(room) for name in named]


def replies(sender: str) -> str:
    """Pub/sub: replies to the commands of one gateway or control server."""
    return f"replies:{sender}"
