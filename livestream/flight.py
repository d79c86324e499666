"""The light over the desk: green, amber or red, and why, in words that a host can act on.

    green    nothing is known to be wrong
    amber    somebody should look; nobody has lost anything yet
    red      buyers or viewers are held up now, or the books are not to be trusted

Where an alert (`metrics/alerts`) draws a line, the light draws it at the same place, and a test
compares them. An alert waits until something has lasted, since it wakes somebody; the light does
not, for it is being looked at: what pages after 45 s is amber before it is red.

What an engine cannot see is for the page: that it hears nothing any more, of the engine or at all
(`control/panel/flight_rules.js`).

Owns the thresholds, the words and the judgement. Pure. Refuses to know where the figures come from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Final, Literal, TypedDict

from msgspec import Struct

from livestream.arrivals import ArrivalLine

#: p99 from the fact to the viewers' sockets. Alert LivestreamArrivalSlow.
ARRIVAL_SLOW_MS: Final = 1_000
#: A viewer who is behind for this long is sent away (gateway/limits.py, slow_ms_max): what has not
#: arrived by then is not late, it is lost until the viewer comes back.
ARRIVAL_LOST_MS: Final = 10_000
#: Only what was said this lately is judged: an old delay is no news.
ARRIVAL_JUDGED_MS: Final = 60_000
#: Gateways and engine tell once a second each, so that a figure is at most this old.
TOLD_WITHIN_MS: Final = 2_000
#: Of the viewers whom an announcement was for, after ARRIVAL_LOST_MS: those on bad networks are a
#: few in a hundred, and a fifth is what alert LivestreamViewersBehind calls too many.
ARRIVED_SHARE: Final = 0.99
ARRIVED_SHARE_BAD: Final = 0.8
#: Alert LivestreamViewersBehind. Shares of a handful of viewers say nothing.
BEHIND_SHARE: Final = 0.2
VIEWERS_MIN: Final = 100
#: Closed for being slow, in a minute. Alert LivestreamSlowEvictions.
EVICTED_MIN: Final = 10
EVICTED_SHARE: Final = 0.01
#: The slowest append of the last ten seconds. Alert LivestreamAppendsSlow.
APPEND_SLOW_MS: Final = 100
#: What a buyer waits at most. Alerts LivestreamAnswersSlow and LivestreamInboxBehind.
ANSWER_SLOW_MS: Final = 1_000
#: Alert LivestreamLoopLate, of which this is the p90 too.
LOOP_LATE_MS: Final = 100
#: Three reports missed, as alert LivestreamTargetDown counts scrapes.
GATEWAY_QUIET_MS: Final = 3_000
#: Of the memory that Redis may take; beyond all of it writes fail. The first share is that of alert
#: LivestreamDescriptorsShort.
MEMORY_SHARE: Final = 0.8
MEMORY_SHARE_BAD: Final = 0.95

Light = Literal["green", "amber", "red"]


class Concern(StrEnum):
    """Everything that an engine can find, worst first. Closed: docs/operations.md has them all."""

    STOCK_WRONG = "stock_wrong"
    NO_GATEWAY = "no_gateway"
    GATEWAY_FULL = "gateway_full"
    INBOX_BEHIND = "inbox_behind"
    REDIS_DISK = "redis_disk"
    REDIS_MEMORY = "redis_memory"
    APPEND_SLOW = "append_slow"
    ARRIVAL_INCOMPLETE = "arrival_incomplete"
    ARRIVAL_SLOW = "arrival_slow"
    GATEWAY_SILENT = "gateway_silent"
    GATEWAY_LATE = "gateway_late"
    VIEWERS_BEHIND = "viewers_behind"
    VIEWERS_EVICTED = "viewers_evicted"


ADVICE: Final = {
    Concern.STOCK_WRONG: "Pause the drop. Keep the log, do not restart the engine; verify it.",
    Concern.NO_GATEWAY: "Start gateways: nobody can watch or buy.",
    Concern.GATEWAY_FULL: "Start more gateways behind the same address.",
    Concern.INBOX_BEHIND: "The engine needs a core of its own. After a takeover it passes.",
    Concern.REDIS_DISK: "Free or mend the disk under Redis: until then nothing can be sold.",
    Concern.REDIS_MEMORY: "Give Redis more memory before it refuses to write.",
    Concern.APPEND_SLOW: "Look at the disk under Redis, and at who else writes to it.",
    Concern.ARRIVAL_INCOMPLETE: "Look at the gateway that is behind, then at the uplink.",
    Concern.ARRIVAL_SLOW: "Add gateways, one to a core. If all are idle, compare the clocks.",
    Concern.GATEWAY_SILENT: "Its viewers go to the others by themselves. Look at its machine.",
    Concern.GATEWAY_LATE: "Give it a core of its own, or its viewers to more gateways.",
    Concern.VIEWERS_BEHIND: "Is the uplink full? Set slow mode: chat is most of the bytes.",
    Concern.VIEWERS_EVICTED: "They come back without loss. Is the uplink full? Set slow mode.",
}


class GatewayLine(TypedDict):
    """One gateway on the desk. `viewers`, `behind` (their socket is full) and `slow_evictions` are
    of this room, `seq` is the last fact that it has heard of it. The rest is of its process: the
    share of one core that it takes, how late its loop is, frames a second, upgrades refused in the
    last second for want of a place, its viewers in all and how many fit in; zeros before it has
    told.
    """

    id: str
    viewers: int
    behind: int
    slow_evictions: int
    age_ms: int
    seq: int
    cpu: float
    lag_ms: int
    frames_per_s: int
    turned_away: int
    viewers_in_all: int
    seats: int


class SilentGateway(TypedDict):
    """A gateway that stopped without a goodbye, and how many viewers it had."""

    id: str
    viewers: int
    silent_ms: int


class RedisLine(TypedDict):
    """Redis as it was at `at_ms`: the memory that it takes, what it may take (null: nobody told),
    and whether its last write to disk succeeded.
    """

    at_ms: int
    used_bytes: int
    limit_bytes: int | None
    writes_ok: bool


class Reason(TypedDict):
    """Why the light is not green: what is the matter, and what to do first."""

    code: Concern
    light: Light
    text: str
    advice: str


class Flight(TypedDict):
    """The flight deck: the light, why, and what of it the rest of the ledger does not tell."""

    light: Light
    reasons: list[Reason]
    arrivals: list[ArrivalLine]
    silent: list[SilentGateway]
    evicted_last_minute: int
    redis: RedisLine | None


class Watch(Struct, frozen=True):
    """What is known of the room's company and of Redis, beside the audience's sums. `at_ms` is when
    it was looked at; 0: not yet. `buyers` are different viewers with a paid order.
    """

    at_ms: int = 0
    arrivals: Sequence[ArrivalLine] = ()
    silent: Sequence[SilentGateway] = ()
    evicted_last_minute: int = 0
    redis: RedisLine | None = None
    buyers: int = 0

    def at_rest(self) -> Watch:
        """What of it is still so when nobody looks any more."""
        return Watch(at_ms=self.at_ms, redis=self.redis, buyers=self.buyers)


class Engine(Struct, frozen=True):
    """How the owner does: the slowest append, and the longest that an entry waited in the inbox, of
    the last ten seconds.
    """

    append_ms: float
    inbox_wait_ms: int


def flight_of(
    watch: Watch,
    gateways: Sequence[GatewayLine],
    engine: Engine,
    unbalanced: Sequence[str],
    needs_gateway: bool,
) -> Flight:
    """The flight deck. `unbalanced` names products whose stock does not add up; `needs_gateway`:
    the show is on.
    """
    found = [
        *_of_books(unbalanced),
        *_of_engine(engine),
        *_of_redis(watch.redis),
        *_of_arrivals(watch),
        *_of_gateways(watch, gateways, needs_gateway),
        *_of_viewers(watch, gateways),
    ]
    worst_first = list(Concern)
    found.sort(key=lambda reason: (reason["light"] != "red", worst_first.index(reason["code"])))
    return {
        "light": found[0]["light"] if found else "green",
        "reasons": found,
        "arrivals": list(watch.arrivals),
        "silent": list(watch.silent),
        "evicted_last_minute": watch.evicted_last_minute,
        "redis": watch.redis,
    }


def _reason(code: Concern, light: Light, text: str) -> Reason:
    return {"code": code, "light": light, "text": text, "advice": ADVICE[code]}


def _of_books(unbalanced: Sequence[str]) -> Iterator[Reason]:
    if unbalanced:
        text = f"The stock of {', '.join(unbalanced)} does not add up."
        yield _reason(Concern.STOCK_WRONG, "red", text)


def _of_engine(engine: Engine) -> Iterator[Reason]:
    if engine.inbox_wait_ms > ANSWER_SLOW_MS:
        text = f"Commands waited {_span(engine.inbox_wait_ms)} for the engine."
        yield _reason(Concern.INBOX_BEHIND, "red", text)
    if engine.append_ms > APPEND_SLOW_MS:
        light: Light = "red" if engine.append_ms > ANSWER_SLOW_MS else "amber"
        text = f"Redis took {_span(engine.append_ms)} to write; buyers wait for that."
        yield _reason(Concern.APPEND_SLOW, light, text)


def _of_redis(redis: RedisLine | None) -> Iterator[Reason]:
    if redis is None:
        return
    if not redis["writes_ok"]:
        yield _reason(Concern.REDIS_DISK, "red", "Redis cannot write to its disk.")
    limit_bytes = redis["limit_bytes"]
    if limit_bytes and redis["used_bytes"] > MEMORY_SHARE * limit_bytes:
        share = redis["used_bytes"] / limit_bytes
        light: Light = "red" if share > MEMORY_SHARE_BAD else "amber"
        text = f"Redis has taken {share:.0%} of the memory that it may take."
        yield _reason(Concern.REDIS_MEMORY, light, text)


def _of_arrivals(watch: Watch) -> Iterator[Reason]:
    """One reason each at the most, of the announcement that fared worst."""
    judged = [one for one in watch.arrivals if watch.at_ms - one["at_ms"] <= ARRIVAL_JUDGED_MS]
    timed = [(one["p99_ms"], one) for one in judged if one["p99_ms"] is not None]
    if timed:
        p99_ms, slowest = max(timed, key=lambda pair: pair[0])
        if p99_ms > ARRIVAL_SLOW_MS:
            light: Light = "red" if p99_ms > ARRIVAL_LOST_MS else "amber"
            text = f"“{slowest['type']}” needed {_span(p99_ms)} to reach 99 viewers in 100."
            yield _reason(Concern.ARRIVAL_SLOW, light, text)
    due_ms = ARRIVAL_LOST_MS + TOLD_WITHIN_MS
    due = [
        (one["reached"] / one["addressed"], one)
        for one in judged
        if watch.at_ms - one["at_ms"] > due_ms and one["addressed"] >= VIEWERS_MIN
    ]
    if due:
        share, least = min(due, key=lambda pair: pair[0])
        if share < ARRIVED_SHARE:
            light = "red" if share < ARRIVED_SHARE_BAD else "amber"
            missing = least["addressed"] - least["reached"]
            text = (
                f"“{least['type']}” has not reached {missing:,} of {least['addressed']:,} viewers."
            )
            yield _reason(Concern.ARRIVAL_INCOMPLETE, light, text)


def _of_gateways(
    watch: Watch, gateways: Sequence[GatewayLine], needs_gateway: bool
) -> Iterator[Reason]:
    if not gateways and needs_gateway and watch.at_ms:
        yield _reason(Concern.NO_GATEWAY, "red", "No gateway serves this room.")
    for gone in watch.silent:
        silent, had = _span(gone["silent_ms"]), gone["viewers"]
        text = f"Gateway {gone['id']} fell silent {silent} ago with {had:,} viewers."
        yield _reason(Concern.GATEWAY_SILENT, "amber", text)
    for each in gateways:
        if each["age_ms"] > GATEWAY_QUIET_MS:
            text = f"Gateway {each['id']} has said nothing for {_span(each['age_ms'])}."
            yield _reason(Concern.GATEWAY_SILENT, "amber", text)
    full = [each for each in gateways if each["turned_away"]]
    if full:
        away = sum(each["turned_away"] for each in full)
        text = f"{_gateways(full)} full: {away:,} viewers a second are turned away."
        yield _reason(Concern.GATEWAY_FULL, "red", text)
    late = [each for each in gateways if each["lag_ms"] > LOOP_LATE_MS]
    if late:
        text = (
            f"{_gateways(late)} {_span(max(each['lag_ms'] for each in late))} late in all it does."
        )
        yield _reason(Concern.GATEWAY_LATE, "amber", text)


def _of_viewers(watch: Watch, gateways: Sequence[GatewayLine]) -> Iterator[Reason]:
    viewers = sum(each["viewers"] for each in gateways)
    behind = sum(each["behind"] for each in gateways)
    if viewers > VIEWERS_MIN and behind > BEHIND_SHARE * viewers:
        text = f"{behind:,} of {viewers:,} viewers cannot take what is sent to them."
        yield _reason(Concern.VIEWERS_BEHIND, "amber", text)
    evicted = watch.evicted_last_minute
    if evicted > EVICTED_MIN and evicted > EVICTED_SHARE * viewers:
        text = f"{evicted:,} viewers were too slow in the last minute and were closed."
        yield _reason(Concern.VIEWERS_EVICTED, "amber", text)


def _gateways(several: Sequence[GatewayLine]) -> str:
    """One by its name, more by their number, with the verb."""
    if len(several) == 1:
        return f"Gateway {several[0]['id']} is"
    return f"{len(several)} gateways are"


def _span(ms: float) -> str:
    return f"{ms / 1_000:.1f} s" if ms >= 1_000 else f"{ms:.0f} ms"
