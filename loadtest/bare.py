"""The floor: the same frame to as many bare sockets, in the same run on the same machine.

As many sending and receiving processes as the load test had; a sender does nothing but `os.write`
for each of its sockets, a receiver nothing but `os.read` for what its epoll set says is ready.
No websocket, no lane, no viewer.

Owns its own processes and sockets, all gone when it returns. Refuses to know the engine.
"""

from __future__ import annotations

import multiprocessing
import os
import select
import socket
import statistics
import time
from multiprocessing.connection import Connection
from typing import Any, Final

ROUNDS: Final = 3
#: For all to connect, and for one round.
PATIENCE_S: Final = 400.0
#: A source address has 28,000 ports for one peer, and the kernel searches for a free one: with half
#: of them taken a connection takes a millisecond.
SOCKETS_OF_A_SOURCE: Final = 1_000
_IP_BIND_ADDRESS_NO_PORT: Final = 24
_BACKLOG: Final = 4_096
_EVENTS_MAX: Final = 512
_READ_BYTES: Final = 4 * 1024


def deliveries_per_s(sockets: int, processes: int, frame_bytes: int) -> dict[str, Any]:
    """Rounds of one frame to all `sockets`: how long each took, from the first write to the last
    read, and the deliveries a second of the middle one.

    Raises:
        TimeoutError: the sockets did not connect, or a round did not end, within PATIENCE_S.
    """
    fork = multiprocessing.get_context("fork")
    shares = [sockets // processes + (n < sockets % processes) for n in range(processes)]
    lines: list[tuple[Connection, Connection]] = []
    workers = []
    try:
        for number, share in enumerate(shares):
            ours_sender, theirs_sender = fork.Pipe()
            ours_receiver, theirs_receiver = fork.Pipe()
            listener = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
            port = listener.getsockname()[1]
            for target, arguments in (
                (_send, (theirs_sender, listener, share, b"x" * frame_bytes)),
                (_receive, (theirs_receiver, port, number, share, frame_bytes)),
            ):
                worker = fork.Process(target=target, args=arguments, daemon=True)
                worker.start()
                workers.append(worker)
            listener.close()
            lines.append((ours_sender, ours_receiver))
        for sender, receiver in lines:
            _hear(sender)
            _hear(receiver)
        took_s = []
        for _ in range(ROUNDS):
            for _, receiver in lines:
                receiver.send("go")
            for sender, _ in lines:
                sender.send("go")
            began = min(_hear(sender) for sender, _ in lines)
            took_s.append(max(_hear(receiver) for _, receiver in lines) - began)
    finally:
        for worker in workers:
            worker.kill()
            worker.join()
    middle_s = statistics.median(took_s)
    return {
        "sockets": sockets,
        "frame_bytes": frame_bytes,
        "took_s": [round(each, 3) for each in took_s],
        "deliveries_per_s": round(sockets / middle_s),
    }


def _hear(line: Connection) -> float:
    if not line.poll(PATIENCE_S):
        raise TimeoutError("the bare send loop came to no end")
    told: float = line.recv()
    return told


def _send(line: Connection, listener: socket.socket, share: int, frame: bytes) -> None:
    fds = [listener.accept()[0].detach() for _ in range(share)]
    line.send(0.0)
    write = os.write
    while line.recv() == "go":
        began_s = time.monotonic()
        for fd in fds:
            write(fd, frame)
        line.send(began_s)


def _receive(line: Connection, port: int, number: int, share: int, frame_bytes: int) -> None:
    epoll = select.epoll()
    kept = []
    for made in range(share):
        source = f"127.{1 + number % 250}.254.{1 + made // SOCKETS_OF_A_SOURCE % 250}"
        sock = socket.socket()
        sock.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
        sock.bind((source, 0))
        sock.connect(("127.0.0.1", port))
        epoll.register(sock.fileno(), select.EPOLLIN)
        kept.append(sock)
    line.send(0.0)
    read = os.read
    while line.recv() == "go":
        left = share * frame_bytes
        while left:
            for fd, _ in epoll.poll(PATIENCE_S, _EVENTS_MAX):
                left -= len(read(fd, _READ_BYTES))
        line.send(time.monotonic())
