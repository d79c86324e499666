"""The table of descriptors: numbers come round again, and nobody is taken for their last owner."""

import os
import select
import socket

import pytest

from livestream.gateway.descriptors import Descriptors
from livestream.gateway.readiness import EVENT_IN


class Connection:
    """Something with a descriptor that is ready at once."""

    def __init__(self) -> None:
        self._peer, ours = socket.socketpair()
        self._peer.send(b"ready")
        self.fd = ours.detach()

    def hang_up(self) -> None:
        self._peer.close()


def test_an_event_for_a_number_closed_in_the_same_batch_does_not_hit_its_next_owner() -> None:
    descriptors = Descriptors(select.epoll())
    first, second = Connection(), Connection()
    served: list[Connection] = []
    newcomers: list[Connection] = []

    def serve(connection: Connection, mask: int) -> None:
        served.append(connection)
        other = second if connection is first else first
        descriptors.close(other.fd)
        newcomers.append(Connection())
        descriptors.add(newcomers[-1].fd, newcomers[-1], EVENT_IN)

    for connection in (first, second):
        descriptors.add(connection.fd, connection, EVENT_IN)
    descriptors.dispatch({Connection: serve}, events_max=10)

    assert len(served) == 1
    closed = second if served == [first] else first
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(closed.fd)
    descriptors.close_all()
    for connection in (first, second, *newcomers):
        connection.hang_up()


def test_a_closed_descriptor_is_silent_even_if_a_copy_of_it_lives_on() -> None:
    watched = select.epoll()
    descriptors = Descriptors(watched)
    connection = Connection()
    copy = os.dup(connection.fd)
    descriptors.add(connection.fd, connection, EVENT_IN)
    descriptors.close(connection.fd)
    assert watched.poll(0) == []
    os.close(copy)
    connection.hang_up()
    descriptors.close_all()
