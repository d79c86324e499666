"""Every instrument of the engine, and what an operator does when it moves.

Owns names, units, labels and help texts. Refuses to know when anything is counted: the roles import
from here and add, once per batch or once a second, never once per viewer.

Conventions. Names begin with `livestream_`; units are base units (seconds, bytes) and come last, a
counter ends in `_total`. Every label has a closed set of values, written beside it; the one open
set, rooms, is cut off at ROOM_LABELS_MAX by `room_label`. No viewer, order or address is a label.
Money and stock are not here: they are read from the room's ledger (`metrics.ledger`), so that they
agree with the log even after a restart.

A gauge says how values of several processes add up (`livesum`, `livemax`); a process that died
counts no more. Counters and histograms of the dead stay, so that a rate never goes backwards.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)

# A `_created` series beside every counter doubles a scrape, and nothing here reads it.
disable_created_metrics()  # type: ignore[no-untyped-call]  # it has no types

#: A room costs 3 series here and some 30 + 8 for each drop in its ledger: 64 rooms of 4 drops are
#: 64 x 65 = 4,200 series, a scrape of half a megabyte. Further rooms share the value "other".
ROOM_LABELS_MAX = 64
OTHER: Final = "other"

#: The instruments of this process. Not the library's global registry: what is exposed is exactly
#: what this page declares.
REGISTRY = CollectorRegistry()

#: RFC 6455 section 7.4.1 and this protocol's own (livestream.messages.CloseCode). 1005 and 1006
#: are never sent: they stand for "closed without a code" and "the connection broke".
CLOSE_CODES: Final = frozenset(
    {1000, 1001, 1002, 1003, 1005, 1006, 1007, 1009, 1011, 1012, 4001, 4003, 4004}
    | {4008, 4009, 4029}
)
#: Answers that end a handshake.
HANDSHAKE_STATUSES: Final = frozenset(
    {101, 200, 400, 401, 403, 404, 405, 408, 413, 414, 426, 429, 431, 500, 503}
)


#: What became of a command that a gateway passed on.
COMMAND_RESULTS: Final = frozenset({"ok", "refused", "unanswered"})
#: Kinds of processes that count anything.
Role = Literal["engine", "gateway", "control", "courier"]
ROLES: Final = frozenset(get_args(Role))


class BoundedLabel:
    """Values of an open set as a label: the first `most` that this process meets keep their name,
    the others are "other".
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[str] = set()

    def __call__(self, value: str) -> str:
        """What stands in the label."""
        if value in self._known:
            return value
        if len(self._known) >= self._most:
            return OTHER
        self._known.add(value)
        return value


#: `CONNECTIONS.labels(room_label(room)).set(n)`
room_label = BoundedLabel(ROOM_LABELS_MAX)


def close_code_label(code: int) -> str:
    """The value of the label `code` of LEAVES."""
    return str(code) if code in CLOSE_CODES else OTHER


def handshake_status_label(status: int) -> str:
    """The value of the label `status` of HANDSHAKES."""
    return str(status) if status in HANDSHAKE_STATUSES else OTHER


# Bounds of histograms, chosen around the promise that each one watches.

#: A group commit takes 0.3-0.7 ms on a local disk, some 10 ms on a busy cloud volume.
_APPEND_S = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
#: A read takes 0.1 ms, a write with its flush 0.5 ms; at 10 s the client gives up.
_REDIS_S = (0.0002, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0)
#: An append and a broadcast: from 5 ms for a small room to a second that people talk about.
_ARRIVAL_S = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
#: From an idle loop to a viewer who notices.
_LAG_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
#: From a room of 50 to one of 20,000 in one process (about 9 us each).
_BROADCAST_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
#: A request of the desk waits for one commit.
_REQUEST_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
#: From a snapshot of a small room to a long log replayed at some 100,000 facts a second.
_TAKEOVER_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_BATCH = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500)


# -- gateway: the audience ---------------------------------------------------------------------

CONNECTIONS = Gauge(
    "livestream_connections",
    "Viewers connected to gateways of this machine. "
    "Near the sum of the gateways' viewers_max, new ones get 503: add gateways.",
    ["room"],  # at most ROOM_LABELS_MAX, then "other"
    registry=REGISTRY,
    multiprocess_mode="livesum",
)
BEHIND = Gauge(
    "livestream_connections_behind",
    "Viewers whose socket is full, so that frames wait for them. A few are people on bad networks; "
    "a large part of livestream_connections means that this machine's uplink is full.",
    registry=REGISTRY,
    multiprocess_mode="livesum",
)
HANDSHAKES = Counter(
    "livestream_handshakes",
    "Answers to requests for a connection, by HTTP status; 101 lets a viewer in. "
    "401: look at who issues tickets and at clocks; 403: origin or a ban; 503: full.",
    ["status"],  # HANDSHAKE_STATUSES, "other"
    registry=REGISTRY,
)
ACCEPT_PAUSES = Counter(
    "livestream_accept_pauses",
    "Times that a gateway stopped accepting for a moment because the kernel had no descriptors or "
    "memory left. Raise the limit on open files (ulimit -n), or add gateways.",
    registry=REGISTRY,
)
HANDSHAKES_LOST = Counter(
    "livestream_handshakes_lost",
    "Connections that ended before they had asked for anything whole. "
    "Many expired or evicted ones together are somebody holding connections open on purpose.",
    ["reason"],  # "expired", "evicted", "abandoned"
    registry=REGISTRY,
)
JOINS = Counter(
    "livestream_joins",
    "Viewers let in. `resumed` ones lost their connection and missed nothing; many at once follow "
    "a network fault or a gateway's restart.",
    ["kind"],  # "new", "resumed"
    registry=REGISTRY,
)
LEAVES = Counter(
    "livestream_leaves",
    "Viewers gone, by close code. 1000, 1001, 1005 and 1006 left by themselves; 1012 was our "
    "restart; 4004 was in a room that was wiped; 4008 was too slow; 4009, 4029 and 1002 to 1009 "
    "did not keep to the protocol.",
    ["code"],  # CLOSE_CODES, "other"
    registry=REGISTRY,
)
SLOW_EVICTIONS = Counter(
    "livestream_slow_evictions",
    "Viewers closed with 4008 because what waited for them passed backlog_bytes_max or lasted too "
    "long. They resume without loss; many at once mean that the uplink is full.",
    registry=REGISTRY,
)
PROTOCOL_ERRORS = Counter(
    "livestream_protocol_errors",
    "Viewers closed for breaking RFC 6455 or its bounds here. "
    "After a release of an app this should stay flat; else that release has a bug.",
    registry=REGISTRY,
)

# -- gateway: traffic --------------------------------------------------------------------------

MESSAGES_RECEIVED = Counter(
    "livestream_messages_received",
    "Messages of viewers, by type, and what the gateway did with them: `ok` was passed on, "
    "anything else is the error code that the viewer got at once.",
    # type: the tags of livestream.messages, or "unreadable"; result: "ok" or a cart.outcome code
    ["type", "result"],
    registry=REGISTRY,
)
BROADCASTS = Counter(
    "livestream_broadcasts",
    "Frames sent to a whole room, by lane; each is one frame for every viewer of the room.",
    ["lane"],  # "commerce", "chat", "pulse"
    registry=REGISTRY,
)
PINGS = Counter(
    "livestream_pings",
    "Times that viewers of a room who had heard nothing for 25 s were pinged, all with one frame. "
    "Those who want commerce only hear so little; more than two a minute for a room of a gateway "
    "mean that no pulse comes either: look at the engine.",
    registry=REGISTRY,
)
FRAMES_SENT = Counter(
    "livestream_frames_sent",
    "Frames handed to viewers' sockets. This rate times some 9 us is the gateways' CPU.",
    registry=REGISTRY,
)
BYTES_SENT = Counter(
    "livestream_sent_bytes",
    "Bytes written to viewers' sockets: what the uplink carries, less TCP and TLS.",
    registry=REGISTRY,
)
BYTES_RECEIVED = Counter(
    "livestream_received_bytes",
    "Bytes read from viewers' sockets.",
    registry=REGISTRY,
)
CHAT_FRAMES_SKIPPED = Counter(
    "livestream_chat_frames_skipped",
    "Chat frames that a viewer did not get for being behind. Harmless: chat is best effort. "
    "Beside livestream_frames_sent it shows how many networks cannot follow.",
    registry=REGISTRY,
)
PULSE_FRAMES_REPLACED = Counter(
    "livestream_pulse_frames_replaced",
    "Pulse frames that a newer one replaced before they left, for a viewer who is behind. "
    "Harmless.",
    registry=REGISTRY,
)
BROADCAST_SECONDS = Histogram(
    "livestream_broadcast_seconds",
    "From the first to the last viewer of a gateway, for one broadcast. "
    "Above the time between broadcasts they pile up: add gateways.",
    ["lane"],  # "commerce", "chat", "pulse"
    registry=REGISTRY,
    buckets=_BROADCAST_S,
)
ARRIVAL_SECONDS = Histogram(
    "livestream_arrival_seconds",
    "From a public fact (its at_ms, by the engine's clock) until a gateway has handed it to the "
    "last of its viewers. What everybody feels. Where livestream_broadcast_seconds is short and "
    "this is long, look at the engine's append, at Redis and at clocks.",
    registry=REGISTRY,
    buckets=_ARRIVAL_S,
)
COMMANDS_IN_FLIGHT = Gauge(
    "livestream_commands_in_flight",
    "Commands that gateways sent to engines and that are not answered yet. "
    "Growing without end: an engine is down or slower than the crowd, look at its room's owner.",
    registry=REGISTRY,
    multiprocess_mode="livesum",
)
COMMAND_SECONDS = Histogram(
    "livestream_command_seconds",
    "From a viewer's command at the gateway to its durable answer there, by command and by what "
    "it was: `ok`, `refused` (livestream_decisions_total tells why) or `unanswered`. What buyers "
    "feel; unanswered ones are told to ask again, and mean that an engine or Redis was away.",
    # command: the tags of what a gateway passes on; result: COMMAND_RESULTS
    ["command", "result"],
    registry=REGISTRY,
    buckets=_REQUEST_S,
)

# -- engine ------------------------------------------------------------------------------------

DECISIONS = Counter(
    "livestream_decisions",
    "Commands decided, by type and outcome. `ok` was done, anything else is the refusal that was "
    "answered; sold_out and all_held are a good drop, busy and invalid are worth a look.",
    # command: the tags of livestream.messages and livestream.commands
    # outcome: "ok" or a code of cart.outcome
    ["command", "outcome"],
    registry=REGISTRY,
)
BATCH_COMMANDS = Histogram(
    "livestream_batch_commands",
    "Commands decided together and made durable by one append. It grows with the load and keeps "
    "the engine fast; at its upper end the engine is the bottleneck of that room.",
    registry=REGISTRY,
    buckets=_BATCH,
)
INBOX_WAIT_SECONDS = Histogram(
    "livestream_inbox_wait_seconds",
    "How long the oldest command of a batch had waited in the inbox, by Redis' clock against ours. "
    "Above a second the engine is behind or has just taken the room over.",
    registry=REGISTRY,
    buckets=_REQUEST_S,
)
INBOX_UNREADABLE = Counter(
    "livestream_inbox_unreadable",
    "Entries of an inbox that the engine could not read and left out. Gateways or control servers "
    "of another version write there: finish the release, or take it back.",
    registry=REGISTRY,
)
APPEND_SECONDS = Histogram(
    "livestream_append_seconds",
    "One append to a room's log, durable when it returns. Every reply waits for one: when this "
    "grows, look at the disk under Redis first.",
    registry=REGISTRY,
    buckets=_APPEND_S,
)
APPENDS_REFUSED = Counter(
    "livestream_appends_refused",
    "Appends that the log refused because another engine owns the room. Nothing was lost: "
    "once per takeover is the fence at work; a steady rate is two engines at odds over a lease.",
    registry=REGISTRY,
)
RECORDS = Counter(
    "livestream_records",
    "Records appended to logs, each of one batch or tick.",
    registry=REGISTRY,
)
FACTS = Counter(
    "livestream_facts",
    "Facts appended to logs, several to a record. Logs grow by some 200 bytes each.",
    registry=REGISTRY,
)
ROOM_OWNED = Gauge(
    "livestream_room_owned",
    "1 while an engine of this machine owns the room. The sum over all machines must be 1: "
    "0 for more than 5 s means that commands wait, 2 for more than a lease that clocks are off. "
    "A room at rest (its show is over, nobody asks) has no owner.",
    ["room"],  # at most ROOM_LABELS_MAX, then "other"
    registry=REGISTRY,
    multiprocess_mode="livesum",
)
ROOM_EPOCH = Gauge(
    "livestream_room_epoch",
    "Which ownership of the room writes now. A step is a takeover; steps without a release mean "
    "that an engine dies or stalls for longer than its lease.",
    ["room"],  # at most ROOM_LABELS_MAX, then "other"
    registry=REGISTRY,
    multiprocess_mode="livemax",
)
TAKEOVER_SECONDS = Histogram(
    "livestream_takeover_seconds",
    "From winning a room's lease to its first decision: snapshot, tail of the log, first record. "
    "It grows with the room's log, by some 0.3 s for each 100,000 facts.",
    registry=REGISTRY,
    buckets=_TAKEOVER_S,
)
SNAPSHOT_SECONDS = Histogram(
    "livestream_snapshot_seconds",
    "How long the commands of a room waited for a snapshot: a small one is made and stored in "
    "that time, for a large one only a child is forked.",
    registry=REGISTRY,
    buckets=_TAKEOVER_S,
)
TICK_LAG_SECONDS = Histogram(
    "livestream_tick_lag_seconds",
    "How late drops opened and holds expired after their time. Fairness by the clock: above 50 ms "
    "the engine is overloaded.",
    registry=REGISTRY,
    buckets=_LAG_S,
)
CHAT_LINES = Counter(
    "livestream_chat_lines",
    "Lines of chat at the mixer: shown to the room, skipped to keep a readable rate, or found with "
    "a blocked word when they were about to be shown.",
    ["result"],  # "shown", "skipped", "blocked"
    registry=REGISTRY,
)

# -- control -----------------------------------------------------------------------------------

HTTP_REQUESTS = Counter(
    "livestream_http_requests",
    "Requests to the control server, by the route's pattern and status. "
    "5xx is ours to mend; 401 and 403 in numbers is somebody trying the door.",
    ["method", "route", "status"],  # the API's own routes; what matches none is "other"
    registry=REGISTRY,
)
HTTP_REQUEST_SECONDS = Histogram(
    "livestream_http_request_seconds",
    "How long requests to the control server took; one that changes a room waits for its engine.",
    ["route"],  # as above
    registry=REGISTRY,
    buckets=_REQUEST_S,
)

# -- every role --------------------------------------------------------------------------------

BUILD_INFO = Gauge(
    "livestream_build_info",
    "Always 1: which version each role runs, and on which Python. Two versions for longer than a "
    "release takes: a machine was left behind.",
    ["role", "version", "python"],  # role: ROLES; of each process one version and one Python
    registry=REGISTRY,
    multiprocess_mode="livemax",
)
LOOP_LAG_SECONDS = Histogram(
    "livestream_event_loop_lag_seconds",
    "How late a timer of the process's event loop ran, sampled several times a second. "
    "Above 0.1 s everything that role does is that late: it needs more processes or less load.",
    ["role"],  # ROLES
    registry=REGISTRY,
    buckets=_LAG_S,
)
CPU_SECONDS = Counter(
    "livestream_cpu_seconds",
    "CPU time of the role's processes, in user code and in the kernel. A rate near 1 for each "
    "process is a full core: no process uses more than one.",
    ["role"],  # ROLES
    registry=REGISTRY,
)
MEMORY_BYTES = Gauge(
    "livestream_memory_bytes",
    "Resident memory of the role's processes, with the pages that they share counted in each. "
    "An engine grows with its rooms' orders, a gateway by some 600 bytes for each viewer.",
    ["role"],  # ROLES
    registry=REGISTRY,
    multiprocess_mode="livesum",
)
DESCRIPTORS_OPEN = Gauge(
    "livestream_descriptors_open",
    "Open descriptors of the role's process that has the most. A viewer takes one; near "
    "livestream_descriptors_limit a gateway answers 503.",
    ["role"],  # ROLES
    registry=REGISTRY,
    multiprocess_mode="livemax",
)
DESCRIPTORS_LIMIT = Gauge(
    "livestream_descriptors_limit",
    "How many descriptors a process of the role may open (ulimit -n); the lowest of its processes.",
    ["role"],  # ROLES
    registry=REGISTRY,
    multiprocess_mode="livemin",
)
PAYMENT_NEWS = Counter(
    "livestream_payment_news",
    "Messages that an external payment provider pushed, by what became of them. unsigned: the "
    "secrets differ (LIVESTREAM_PAYMENT_WEBHOOK_SECRET), a clock is more than 5 minutes off, or "
    "somebody tries; refused: of a payment or room that is not known here.",
    ["result"],  # "taken", "repeated", "refused", "unsigned"
    registry=REGISTRY,
)
WEBHOOKS_WAITING = Gauge(
    "livestream_webhooks_waiting",
    "Order events that the merchant's systems have not taken yet. Growing: the receiver is slow or "
    "away; nobody else is slower for it, and what does not fit waits in the logs.",
    registry=REGISTRY,
    multiprocess_mode="livesum",
)
WEBHOOKS_OLDEST_SECONDS = Gauge(
    "livestream_webhooks_oldest_seconds",
    "How long ago the oldest of those happened: how late the merchant's systems hear of an order.",
    registry=REGISTRY,
    multiprocess_mode="livemax",
)
WEBHOOKS_DEAD = Gauge(
    "livestream_webhooks_dead",
    "Order events that were given up after some four hours, with those behind them of the same "
    "order. They stay until they are replayed: POST /api/v1/rooms/{room}/webhooks/replay.",
    registry=REGISTRY,
    multiprocess_mode="livesum",
)
WEBHOOKS_ATTEMPTS = Counter(
    "livestream_webhooks_attempts",
    "Posts of order events to the merchant's systems. refused: they answer with another status "
    "than 2xx, the dead letters say which; unreachable: no answer within 10 s.",
    ["result"],  # "delivered", "refused", "unreachable"
    registry=REGISTRY,
)
REDIS_SECONDS = Histogram(
    "livestream_redis_seconds",
    "How long Redis took to answer, as the role saw it; reads that wait for news are left out. "
    "script is the append to a log and the lease, stream what gateways put into inboxes. When all "
    "of them grow look at Redis and its disk; when only one role's do, at that role's CPU.",
    ["role", "operation"],  # ROLES; "script", "stream", "read", "write", "publish", "pipeline"
    registry=REGISTRY,
    buckets=_REDIS_S,
)
REDIS_ERRORS = Counter(
    "livestream_redis_errors",
    "Calls to Redis that failed, by role. Any steady rate: look at Redis and the way to it; "
    "nothing that was acknowledged is lost, what was not is retried by id.",
    ["role", "kind"],  # ROLES; "connection", "timeout", "other"
    registry=REGISTRY,
)
