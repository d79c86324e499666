"""Compression on and off: bytes on the wire and CPU, for what a room says in an evening.

    python -m loadtest.bench.compression [--viewers 3000] [--rounds 9]

Owns the frames and the table. Two servers of the same kind run side by side, each with a crowd of
raw sockets: one crowd offers permessage-deflate, the other does not. They take turns, so that what
else the machine does hits them alike. CPU is of the server process, medians of rounds; ratios are
of the same round.

Writes var/bench/compression.json.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from livestream.gateway.deflate import Once, deflate
from livestream.gateway.frames import text_frame
from livestream.gateway.limits import DEFLATE_BYTES_MIN
from livestream.wire import encode
from loadtest.bench import fanout_crowd, fanout_servers, report
from loadtest.bench.fanout import Process, cores
from loadtest.bench.processes import say

OFFER: Final = "permessage-deflate; client_max_window_bits"
NOW_MS: Final = 1_763_773_200_123
CHAT_LINES: Final = 20
#: What a packet of TCP over IPv4 carries beside its payload, with time stamps; a frame is one.
PACKET_BYTES: Final = 52
PACKET_PAYLOAD_BYTES: Final = 1_448
DEFLATIONS: Final = 500
#: How often each is said in a minute of a busy room: chat at its most, a drop that is selling.
PER_MINUTE: Final = {"pulse": 60, "stock change": 120, "product card": 2, "chat": 240}
_WORDS: Final = (
    "love this so beautiful the gold one please how much is shipping to shanghai wow 好美 "
    "什么时候开 想要 first time here hello from bought it finally"
)


def frames() -> dict[str, bytes]:
    """One of each kind, as the engine encodes it; the chat is made up, of the same words always."""
    chance, words = random.Random(1), _WORDS.split()
    lines = [
        {
            "id": f"g-1a2b3c4d-{1_000 + number}",
            "viewer": f"v-{chance.randrange(770_000)}",
            "name": chance.choice(("Mei", "Lin", "Alice", "王芳")) + str(chance.randrange(1_000)),
            "text": " ".join(chance.choices(words, k=chance.randrange(2, 9))),
            "at_ms": NOW_MS + number * 7,
        }
        for number in range(CHAT_LINES)
    ]
    fact = {"room": "evening", "seq": 1_234, "at_ms": NOW_MS}
    stock = {"drop_id": "santos-288", "available": 121, "held": 33, "sold": 134, "supply": 288}
    card = {
        "card_id": "santos",
        "sku": "santos-dumont",
        "title": "Santos-Dumont watch, large model",
        "price_minor": 2_880_000,
        "currency": "CNY",
        "image_url": "https://cdn.example.com/img/santos-dumont-large.jpg",
        "text": "Steel, leather, hand-wound movement. Limited to 288 pieces worldwide.",
    }
    pulse = {"server_time_ms": NOW_MS, "viewers": 769_123, "likes": 1_234_567, "epoch": 3}
    return {
        "pulse": encode({"type": "pulse", **pulse, "seq": 1_234}),
        "stock change": encode({"type": "stock.changed", **fact, **stock}),
        "product card": encode({"type": "card.pinned", **fact, "card": card}),
        "chat": encode({"type": "chat", "room": "evening", "messages": lines}),
    }


@dataclass
class Side:
    """A server and its crowd, which offers compression or does not."""

    server: Process
    crowd: Process
    compresses: bool
    viewers: int = 0
    viewer_bytes: float = 0.0
    delivery_us: dict[str, list[float]] = field(default_factory=dict)
    wire_bytes: dict[str, int] = field(default_factory=dict)

    def join(self, viewers: int) -> None:
        """Fill the server, and weigh its viewers; the first tenth is for what is made only once."""
        warm_up = viewers // 10
        self.crowd.ask("join", warm_up)
        before = self.server.ask("memory")
        self.crowd.ask("join", viewers - warm_up)
        self.viewer_bytes = (self.server.ask("memory") - before) / (viewers - warm_up)
        self.viewers = self.server.ask("viewers")

    def broadcast(self, kind: str, payload: bytes) -> None:
        """Say one frame to everybody; exactly what is expected must arrive."""
        frame = text_frame(payload)
        deflated = Once(DEFLATE_BYTES_MIN).of(frame) if self.compresses else None
        size = len(frame if deflated is None else deflated.frame)
        self.crowd.say("receive", self.viewers * size)
        spent_ns, _ = self.server.ask("broadcast", payload)
        if not self.crowd.hear():
            raise RuntimeError(f"{kind}: not everybody received {size} bytes")
        self.wire_bytes[kind] = size
        self.delivery_us.setdefault(kind, []).append(spent_ns / 1_000 / self.viewers)


@contextmanager
def side(compresses: bool) -> Iterator[Side]:
    """Start both processes; stop them in the end."""
    server_cores, crowd_cores = cores()
    offer = OFFER if compresses else None
    server = Process(fanout_servers.run, "ours", server_cores)
    try:
        crowd = Process(fanout_crowd.run, server.hear(), "none", crowd_cores, offer)
        try:
            yield Side(server, crowd, compresses)
        finally:
            crowd.stop()
    finally:
        server.stop()


def measure(viewers: int, rounds: int) -> dict[str, Any]:
    said = frames()
    with side(False) as off, side(True) as on:
        for each in (off, on):
            say(f"compression {'on' if each.compresses else 'off'}: {viewers:,} viewers join")
            each.join(viewers)
        for number in range(rounds + 1):
            say(f"round {number} of {rounds}")
            for kind, payload in said.items():
                for each in (off, on):
                    each.broadcast(kind, payload)
        table = {kind: _row(kind, payload, off, on) for kind, payload in said.items()}
        minute = {
            name: sum(_packed(each.wire_bytes[kind]) * times for kind, times in PER_MINUTE.items())
            for name, each in (("off", off), ("on", on))
        }
        cpu = statistics.median(
            sum(on.delivery_us[kind][n] * times for kind, times in PER_MINUTE.items())
            / sum(off.delivery_us[kind][n] * times for kind, times in PER_MINUTE.items())
            for n in range(1, rounds + 1)
        )
        return {
            "command": "python -m loadtest.bench.compression",
            "viewers": viewers,
            "rounds": rounds,
            "frames": table,
            "viewer_bytes": {"off": off.viewer_bytes, "on": on.viewer_bytes},
            "minute_wire_bytes": minute,
            "minute_cpu_ratio_on_to_off": cpu,
        }


def _row(kind: str, payload: bytes, off: Side, on: Side) -> dict[str, float]:
    pairs = zip(off.delivery_us[kind][1:], on.delivery_us[kind][1:], strict=True)
    return {
        "bytes_off": off.wire_bytes[kind],
        "bytes_on": on.wire_bytes[kind],
        "delivery_us_off": statistics.median(off.delivery_us[kind][1:]),
        "delivery_us_on": statistics.median(on.delivery_us[kind][1:]),
        "delivery_ratio_on_to_off": statistics.median(b / a for a, b in pairs),
        "deflate_us": _deflate_us(payload) if len(payload) >= DEFLATE_BYTES_MIN else 0.0,
    }


def _packed(frame_bytes: int) -> int:
    """A frame with what its packets carry beside it."""
    return frame_bytes + PACKET_BYTES * -(-frame_bytes // PACKET_PAYLOAD_BYTES)


def _deflate_us(payload: bytes) -> float:
    times = []
    for _ in range(DEFLATIONS):
        began_ns = time.perf_counter_ns()
        deflate(payload)
        times.append(time.perf_counter_ns() - began_ns)
    return statistics.median(times) / 1_000


def figures(document: dict[str, Any]) -> list[report.Figure]:
    """The document as lines of the table."""
    minute = document["minute_wire_bytes"]
    return [
        report.Figure(
            "a viewer's minute of a busy room on the wire, compressed",
            minute["on"] / 1_000,
            "KB",
            minute["off"] / 1_000,
            "not compressed",
        ),
        report.Figure("  the gateway's CPU for it", document["minute_cpu_ratio_on_to_off"], "×"),
    ]


def show(document: dict[str, Any]) -> None:
    print(f"{document['viewers']:,} viewers; CPU of the server process for one delivery\n")
    print(f"{'':<14}{'bytes off':>10}{'on':>7}{'µs off':>9}{'on':>7}{'on ÷ off':>10}", end="")
    print(f"{'deflated once in µs':>21}")
    for kind, row in document["frames"].items():
        print(
            f"{kind:<14}{row['bytes_off']:>10,}{row['bytes_on']:>7,}{row['delivery_us_off']:>9.2f}"
            f"{row['delivery_us_on']:>7.2f}{row['delivery_ratio_on_to_off']:>10.3f}"
            f"{row['deflate_us']:>21.1f}"
        )
    minute, weight = document["minute_wire_bytes"], document["viewer_bytes"]
    off, on, cpu = minute["off"], minute["on"], document["minute_cpu_ratio_on_to_off"]
    print(
        f"\na viewer's minute of a busy room, with its packets: {off / 1_000:,.0f} KB off, "
        f"{on / 1_000:,.0f} KB on ({on / off:.2f} ×), at {cpu:.3f} × the CPU\n"
        f"an idle viewer: {weight['off']:,.0f} bytes off, {weight['on']:,.0f} on"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Compression on and off.")
    parser.add_argument("--viewers", type=int, default=3_000)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    document = measure(options.viewers, options.rounds)
    report.write("compression", document)
    show(document)


if __name__ == "__main__":
    main()
