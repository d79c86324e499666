"""What it takes a gateway to answer those who come too late.

    python -m loadtest.bench.soldout [--viewers 4000] [--rounds 5]

The rush does not end when the last unit is paid for. A real gateway knows from the air that the
drop is sold out and answers a `cart.add` by itself, without a word to Redis. Ticketed viewers, each
on a socket of its own, ask once and are answered once, over and over; and then in bundles of
BUNDLE, where one read brings many questions. Counted is the CPU time of the gateway process, which
on loopback includes the kernel's delivery into the asker's socket. Beside it stands the floor: one
`os.read` and one `os.write` of as many bytes for each question, in a bare epoll loop.

Writes var/bench/soldout.json.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import select
import socket
import statistics
import time
from itertools import repeat
from multiprocessing.connection import Connection
from typing import Any, Final

import psutil

from livestream import keys
from livestream.clock import now_ms
from livestream.commands import Envelope
from livestream.inbox import Inbox
from livestream.messages import CartAdd, Checkout, OrderPay
from livestream.redis_client import open_redis
from livestream.tickets import Ticket, issue_ticket
from loadtest.bench import counter, fanout_crowd, report
from loadtest.bench.fanout import Process, cores
from loadtest.bench.processes import fresh_redis, running_engine, running_gateway, say
from loadtest.bench.report import Figure, Mark
from loadtest.bench.shoppers import SKU

ROOM: Final = "bench"
BUNDLE: Final = 10
MARK: Final = Mark("least", 200_000)
SOLD_OUT_WITHIN_S: Final = 10.0
ANSWER_S: Final = 30.0
#: A viewer may ask 20 times at once and 10 times a second after that.
ASK_EVERY_S: Final = 0.11
_READ_BYTES: Final = 64 * 1024


def framed(text: bytes) -> bytes:
    """A masked text frame; the mask is zero, which costs the gateway as much as another."""
    return bytes((0x81, 0x80 | len(text))) + bytes(4) + text


QUESTION: Final = framed(b'{"type":"cart.add","id":"a1","sku":"%s"}' % SKU.encode())


class Askers(fanout_crowd.Crowd):
    """Viewers who ask, and read every answer. They want commerce only: nothing else is said to them
    but, in silence, a ping.
    """

    def join(self, count: int) -> float:
        """Open `count` websockets, one after the other; return the seconds it took."""
        started_s = time.perf_counter()
        for _ in range(count):
            sock = self._connect()
            self._epoll.register(sock.fileno(), select.EPOLLIN)
            self._sockets.append(sock)
            self._read_until(sock, b"101 Switching")
            sock.send(framed(b'{"type":"attention","id":"q","level":"commerce"}'))
            self._read_until(sock, b'"to":"q"')
        return time.perf_counter() - started_s

    def ask(self, count: int, answer: bytes) -> bool:
        """Everybody says `count` questions at once; False if not as many answers come."""
        asked = QUESTION * count
        for sock in self._sockets:
            sock.send(asked)
        missing = len(self._sockets) * count
        until_s = time.monotonic() + ANSWER_S
        while missing > 0 and time.monotonic() < until_s:
            for fd, _ in self._epoll.poll(1.0, 4_096):
                missing -= os.read(fd, _READ_BYTES).count(answer)
        return missing == 0

    def sample(self) -> bytes:
        """One answer, as it comes."""
        sock = self._sockets[0]
        sock.send(QUESTION)
        return self._read_until(sock, b'"sold_out"')

    def _read_until(self, sock: socket.socket, end: bytes) -> bytes:
        read = b""
        sock.settimeout(ANSWER_S)
        while end not in read:
            data = sock.recv(_READ_BYTES)
            if not data:
                raise ConnectionError(f"the server hung up after {read[:200]!r}")
            read += data
        sock.setblocking(False)
        return read


def ask_here(control: Connection, port: int, ticket: str, use_cores: set[int]) -> None:
    """The askers' process."""
    os.sched_setaffinity(0, use_cores)
    request = fanout_crowd.request(ticket)
    askers = Askers(port, repeat(request))
    while True:
        match control.recv():
            case ("join", int(count)):
                control.send(askers.join(count))
            case ("sample",):
                control.send(askers.sample())
            case ("ask", int(count), bytes(answer)):
                control.send(askers.ask(count, answer))
            case _:
                return


def floor(control: Connection, answer: bytes, use_cores: set[int]) -> None:
    """A bare loop that says what the gateway said, once for each question that it reads."""
    os.sched_setaffinity(0, use_cores)
    listener = socket.create_server(("127.0.0.1", 0), backlog=4_096)
    epoll = select.epoll()
    epoll.register(listener.fileno(), select.EPOLLIN)
    control.send((listener.getsockname()[1], os.getpid()))
    here: dict[int, socket.socket] = {}
    hello = {b"\r\n\r\n": b"HTTP/1.1 101 Switching Protocols\r\n\r\n", b'commerce"}': b'"to":"q"'}
    while not control.poll():
        for fd, _ in epoll.poll(0.05, 4_096):
            if fd == listener.fileno():
                sock, _ = listener.accept()
                here[sock.fileno()] = sock
                epoll.register(sock.fileno(), select.EPOLLIN)
                continue
            data = os.read(fd, _READ_BYTES)
            greeting = next((said for end, said in hello.items() if data.endswith(end)), None)
            if greeting:
                os.write(fd, greeting)
            elif data:
                os.write(fd, answer * (len(data) // len(QUESTION)))
            else:
                epoll.unregister(fd)
                here.pop(fd).close()


async def sell_out(url: str) -> None:
    """A room whose only unit is sold."""
    await counter.prepare(url, ROOM, counter.opening(supply=1))
    redis = open_redis(url)
    buyer = (CartAdd("a", SKU), Checkout("c", "co"), OrderPay("p", "o1", "tok_approve"))
    await Inbox(redis, "g-bench").put(
        ROOM, [Envelope(0, "buyer", "tmall", command) for command in buyer]
    )
    until_s = time.monotonic() + SOLD_OUT_WITHIN_S
    while b'"sold_out"' not in (await redis.get(keys.storefront(ROOM)) or b""):
        if time.monotonic() > until_s:
            raise RuntimeError("the drop did not sell out")
        await asyncio.sleep(0.05)
    await redis.aclose()


class Side:
    """A server, and those who ask it."""

    def __init__(self, pid: int, port: int, ticket: str, viewers: int) -> None:
        self._server = psutil.Process(pid)
        self._askers = Process(ask_here, port, ticket, cores()[1])
        self._viewers = viewers
        self._askers.ask("join", viewers)
        self.us: dict[int, list[float]] = {1: [], BUNDLE: []}

    def sample(self) -> bytes:
        """One answer, as it comes."""
        return bytes(self._askers.ask("sample"))

    def round(self, count: int, answer: bytes, times: int) -> None:
        """Everybody asks `count` questions at once, so many times; note the CPU of each answer."""
        before_s = self._cpu_s()
        for _ in range(times):
            if not self._askers.ask("ask", count, answer):
                raise RuntimeError("not every question was answered once")
            time.sleep(ASK_EVERY_S * count)
        self.us[count].append((self._cpu_s() - before_s) * 1e6 / (self._viewers * count * times))

    def close(self) -> None:
        self._askers.stop()

    def _cpu_s(self) -> float:
        times = self._server.cpu_times()
        return float(times.user + times.system)


def measure(viewers: int, rounds: int) -> dict[str, Any]:
    """Rounds of ours and of the floor in turn."""
    secret = secrets.token_hex(32)
    ticket = issue_ticket(secret, Ticket("asker", ROOM, "tmall", "Asker", now_ms() + 3_600_000))
    with fresh_redis(report.DIRECTORY / "redis") as redis:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        with (
            running_engine(redis.url),
            running_gateway(redis.url, port, secret) as gateway,
        ):
            asyncio.run(sell_out(redis.url))
            say(f"{viewers:,} viewers join")
            ours = Side(gateway.pid, port, ticket, viewers)
            answer = ours.sample()
            bare = Process(floor, answer, cores()[0])
            bare_port, bare_pid = bare.hear()
            beside = Side(bare_pid, bare_port, ticket, viewers)
            try:
                for number in range(1, rounds + 1):
                    say(f"round {number} of {rounds}")
                    for count, times in ((1, BUNDLE), (BUNDLE, 2)):
                        for side in (ours, beside):
                            side.round(count, answer, times)
            finally:
                ours.close()
                beside.close()
                bare.stop()
    return {
        "command": "python -m loadtest.bench.soldout",
        "viewers": viewers,
        "rounds": rounds,
        "bundle": BUNDLE,
        "answer_bytes": len(answer),
        "ours_us": {str(count): statistics.median(us) for count, us in ours.us.items()},
        "floor_us": {str(count): statistics.median(us) for count, us in beside.us.items()},
    }


def figures(document: dict[str, Any]) -> list[Figure]:
    """The document as lines of the table."""
    lines = []
    for count, what in (
        ("1", "sold out, answered by the gateway, one question at a time"),
        (str(document["bundle"]), f"  the same, {document['bundle']} questions in one read"),
    ):
        ours_us, floor_us = document["ours_us"][count], document["floor_us"][count]
        lines.append(
            Figure(what, 1e6 / ours_us, "/s of CPU", 1e6 / floor_us, "read, write (floor)", MARK)
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--viewers", type=int, default=4_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    document = measure(options.viewers, options.rounds)
    report.write("soldout", document)
    print(report.table(figures(document)))


if __name__ == "__main__":
    main()
