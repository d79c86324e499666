"""What viewers who do not read cost those who do.

    python -m loadtest.bench.sloths [--viewers 2000] [--share 0.05] [--rounds 3]

Owns the sloths: sockets that join, never read, fall behind and are closed. Two servers of the same
kind say the same frames in turn, each to a crowd that reads; one of them has sloths among its
viewers as well, new ones in each round. Beside each broadcast's time stands that of the other
server in the same turn, and the memory that a sloth takes of the gateway process at its most.

Writes var/bench/sloths.json.
"""

from __future__ import annotations

import argparse
import socket
import statistics
from typing import Any, Final

from loadtest.bench import fanout_crowd, fanout_servers, report
from loadtest.bench.fanout import Process, cores
from loadtest.bench.processes import say
from loadtest.bench.slices import REQUEST

#: Large, so that the buffers of the kernel are full after some ten of them.
PAYLOAD: Final = b"x" * 8_000
HEADER_BYTES: Final = 4
RECEIVE_BUFFER_BYTES: Final = 4_096
TURNS_MAX: Final = 200
#: What the others' arrival may become, and a sloth may take of the process.
P99_RATIO_MAX: Final = 1.2
SLOTH_BYTES_MAX: Final = 64 * 1024


class Server:
    """A server and the crowd that reads all of it."""

    def __init__(self, viewers: int) -> None:
        server_cores, crowd_cores = cores()
        self._viewers = viewers
        self._server = Process(fanout_servers.run, "ours", server_cores)
        self.port = self._server.hear()
        self._crowd = Process(fanout_crowd.run, self.port, "none", crowd_cores)
        self._crowd.ask("join", viewers)

    def broadcast(self) -> float:
        """Milliseconds from the first write to the last; the whole crowd has it then."""
        self._crowd.say("receive", self._viewers * (len(PAYLOAD) + HEADER_BYTES))
        _, wall_ns = self._server.ask("broadcast", PAYLOAD)
        if not self._crowd.hear():
            raise RuntimeError("a frame did not reach everybody, or more than once")
        return float(wall_ns / 1_000_000)

    def memory(self) -> int:
        return int(self._server.ask("memory"))

    def sloths(self) -> int:
        """How many of them have not been closed yet."""
        return int(self._server.ask("viewers")) - self._viewers

    def stop(self) -> None:
        self._crowd.stop()
        self._server.stop()


def sloth(port: int) -> socket.socket:
    """Somebody who joins and never reads again."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    sock.connect(("127.0.0.1", port))
    sock.sendall(REQUEST)
    sock.recv(1_024)
    return sock


def measure(viewers: int, share: float, rounds: int) -> dict[str, Any]:
    say(f"{viewers:,} viewers join, twice")
    count = max(1, int(viewers * share))
    alone_ms: list[float] = []
    among_ms: list[float] = []
    sloth_bytes = []
    alone = Server(viewers)
    among = Server(viewers)
    try:
        alone.broadcast()  # what is made only once
        among.broadcast()
        for number in range(rounds):
            say(f"round {number + 1} of {rounds}: {count} sloths join")
            before = among.memory()
            sloths = [sloth(among.port) for _ in range(count)]
            most = 0
            for _ in range(TURNS_MAX):
                alone_ms.append(alone.broadcast())
                among_ms.append(among.broadcast())
                most = max(most, among.memory() - before)
                if not among.sloths():
                    break
            else:
                raise RuntimeError("the sloths are still there")
            sloth_bytes.append(most / count)
            for sock in sloths:
                sock.close()
    finally:
        alone.stop()
        among.stop()
    ratios = [b / a for a, b in zip(alone_ms, among_ms, strict=True)]
    return {
        "command": "python -m loadtest.bench.sloths",
        "viewers": viewers,
        "sloths": count,
        "rounds": rounds,
        "broadcasts": len(ratios),
        "alone_p99_ms": _p99(alone_ms),
        "among_p99_ms": _p99(among_ms),
        "p99_ratio": _p99(among_ms) / _p99(alone_ms),
        "ratio_median": statistics.median(ratios),
        "sloth_bytes": statistics.median(sloth_bytes),
    }


def _p99(times_ms: list[float]) -> float:
    return sorted(times_ms)[int(len(times_ms) * 0.99)]


def figures(document: dict[str, Any]) -> list[report.Figure]:
    """The document as lines of the table."""
    return [
        report.Figure(
            f"a broadcast to {document['viewers']:,}, {document['sloths']} more do not read, p99",
            document["among_p99_ms"],
            "ms",
            document["alone_p99_ms"],
            "all read",
            report.Mark("most", P99_RATIO_MAX),
            "ratio",
        ),
        report.Figure(
            "  memory of one who does not read, at its most",
            document["sloth_bytes"] / 1_024,
            "KiB",
            mark=report.Mark("most", SLOTH_BYTES_MAX / 1_024),
        ),
    ]


def show(document: dict[str, Any]) -> None:
    print(
        f"{document['broadcasts']} broadcasts of {len(PAYLOAD):,} bytes to {document['viewers']:,} "
        f"viewers; with {document['sloths']} more who do not read\n"
        f"p99 {document['alone_p99_ms']:.1f} ms without them, {document['among_p99_ms']:.1f} with "
        f"({document['p99_ratio']:.2f} ×, at most {P99_RATIO_MAX}); "
        f"median of the ratios {document['ratio_median']:.2f} ×\n"
        f"a sloth takes {document['sloth_bytes'] / 1_024:.1f} KiB of the process at its most "
        f"(at most {SLOTH_BYTES_MAX / 1_024:.0f})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="What viewers who do not read cost.")
    parser.add_argument("--viewers", type=int, default=2_000)
    parser.add_argument("--share", type=float, default=0.05, help="of sloths, to the others")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    document = measure(options.viewers, options.share, options.rounds)
    report.write("sloths", document)
    show(document)


if __name__ == "__main__":
    main()
