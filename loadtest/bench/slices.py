"""How long a command waits while a frame goes out to a full gateway.

    python -m loadtest.bench.slices [--viewers 15000] [--rounds 7]

Owns one viewer who keeps asking, and the clock beside it. The server answers each message at once;
what is measured is from before the question is written to after the answer is read, with the
server on one core and everybody else on the others. Beside it stands the same at rest.

Writes var/bench/slices.json.
"""

from __future__ import annotations

import argparse
import itertools
import resource
import socket
import statistics
import time
from typing import Any, Final

from loadtest.bench import fanout_crowd, fanout_servers, report
from loadtest.bench.fanout import Process, cores
from loadtest.bench.processes import say

PAYLOAD: Final = b"x" * 300
HEADER_BYTES: Final = 4
#: A person's next question comes after the answer; this one's comes 2 ms later.
PAUSE_S: Final = 0.002
AT_REST: Final = 300
SPARE_DESCRIPTORS: Final = 200
ANSWER_S_MAX: Final = 30.0
READ_BYTES: Final = 64 * 1024
#: What a command may wait during a broadcast to 15,000 viewers.
COMMAND_MS_MAX: Final = 10.0
REQUEST: Final = (
    b"GET /live/bench HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class Asker:
    """A viewer who asks, and notes how long each answer took."""

    def __init__(self, port: int) -> None:
        self._sock = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_S_MAX)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock.sendall(REQUEST)
        self._received = b""
        self._read_until(b"\r\n\r\n")
        self._ids = itertools.count(1)

    def ask(self) -> float:
        """Milliseconds to the answer. Broadcasts that come between are passed over."""
        question = b"question %d?" % next(self._ids)
        frame = bytes((0x81, 0x80 | len(question))) + b"\0\0\0\0" + question
        began_s = time.perf_counter()
        self._sock.sendall(frame)
        self._read_until(question)
        return (time.perf_counter() - began_s) * 1_000

    def close(self) -> None:
        self._sock.close()

    def _read_until(self, end: bytes) -> None:
        while end not in self._received:
            data = self._sock.recv(READ_BYTES)
            if not data:
                raise ConnectionError("the server hung up")
            self._received += data
        self._received = self._received.partition(end)[2]


def measure(viewers: int, rounds: int) -> dict[str, Any]:
    server_cores, crowd_cores = cores()
    server = Process(fanout_servers.run, "ours", server_cores)
    port = server.hear()
    crowd = Process(fanout_crowd.run, port, "none", crowd_cores)
    try:
        say(f"{viewers:,} viewers join")
        crowd.ask("join", viewers)
        asker = Asker(port)
        at_rest_ms = [asker.ask() for _ in range(AT_REST)]
        during_ms: list[float] = []
        broadcast_ms = []
        for number in range(rounds):
            say(f"round {number + 1} of {rounds}")
            crowd.say("receive", viewers * (len(PAYLOAD) + HEADER_BYTES))
            server.say("broadcast", PAYLOAD)
            while not server.has_said():
                during_ms.append(asker.ask())
                time.sleep(PAUSE_S)
            broadcast_ms.append(server.hear()[1] / 1_000_000)
            if not crowd.hear():
                raise RuntimeError("a frame did not reach everybody, or more than once")
        asker.close()
    finally:
        crowd.stop()
        server.stop()
    return {
        "command": "python -m loadtest.bench.slices",
        "viewers": viewers,
        "rounds": rounds,
        "broadcast_ms": statistics.median(broadcast_ms),
        "mark_ms": COMMAND_MS_MAX,
        "at_rest": _spread(at_rest_ms),
        "during": _spread(during_ms),
    }


def _spread(times_ms: list[float]) -> dict[str, float]:
    ordered = sorted(times_ms)
    return {
        "asked": len(ordered),
        "p50_ms": statistics.median(ordered),
        "p99_ms": ordered[int(len(ordered) * 0.99)],
        "most_ms": ordered[-1],
        "within_mark": sum(each <= COMMAND_MS_MAX for each in ordered) / len(ordered),
    }


def figures(document: dict[str, Any]) -> list[report.Figure]:
    """The document as lines of the table."""
    during, at_rest = document["during"], document["at_rest"]
    return [
        report.Figure(
            f"a command during a broadcast to {document['viewers']:,} viewers, p99",
            during["p99_ms"],
            "ms",
            at_rest["p99_ms"],
            "at rest",
            report.Mark("most", COMMAND_MS_MAX),
        )
    ]


def show(document: dict[str, Any]) -> None:
    print(
        f"a frame to {document['viewers']:,} viewers takes {document['broadcast_ms']:.0f} ms\n\n"
        f"{'a command, asked and answered':<32}{'asked':>7}{'p50 ms':>9}{'p99 ms':>9}{'most':>8}"
        f"{f'within {COMMAND_MS_MAX:g} ms':>15}"
    )
    for name in ("at_rest", "during"):
        row = document[name]
        print(
            f"{name.replace('_', ' '):<32}{row['asked']:>7}{row['p50_ms']:>9.2f}"
            f"{row['p99_ms']:>9.2f}{row['most_ms']:>8.2f}{row['within_mark']:>15.1%}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description="Commands during a broadcast.")
    parser.add_argument("--viewers", type=int, default=15_000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    _, descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)
    viewers_max = descriptors * 95 // 100 - SPARE_DESCRIPTORS
    if not 0 < options.viewers <= viewers_max:
        parser.error(f"--viewers: at most {viewers_max} on this machine")
    document = measure(options.viewers, options.rounds)
    report.write("slices", document)
    show(document)


if __name__ == "__main__":
    main()
