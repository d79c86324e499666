"""Broadcasts: order, who gets them, who is first, and what is served between their slices."""

import asyncio
from array import array
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livestream.arrivals import Arrival, line_of
from livestream.clock import now_ms
from livestream.gateway.frames import text_frame
from livestream.gateway.groups import HOLE, Broadcast, Group
from livestream.gateway.lanes import Lane
from livestream.gateway.viewer import Viewer
from tests.livestream.gateway.house import House, Peer, eventually
from tests.properties import PROPERTY


async def joined(house: House, count: int) -> list[Peer]:
    return [await Peer.join(house, f"viewer-{number}") for number in range(count)]


def hang_up(peers: list[Peer]) -> None:
    for peer in peers:
        peer.sock.close()


@pytest.mark.parametrize("slice_writes", [1, 3, 256])
async def test_everybody_hears_all_commerce_in_order(
    open_house: Callable[..., House], slice_writes: int
) -> None:
    house = open_house(slice_writes=slice_writes)
    peers = await joined(house, 7)
    for number in range(20):
        house.say(b"%d" % number)
        if number % 3 == 0:
            await asyncio.sleep(0)
    for peer in peers:
        assert [await peer.text() for _ in range(20)] == [b"%d" % n for n in range(20)]
    assert house.stats.broadcasts == {Lane.COMMERCE: 20}
    assert house.stats.frames_out == 7 * 20
    hang_up(peers)


async def test_who_joins_during_a_broadcast_gets_the_welcome_and_not_the_broadcast(
    open_house: Callable[..., House],
) -> None:
    house = open_house(slice_writes=1)
    state = 0
    house.welcome = lambda viewer: _send(house, viewer, b"welcome at %d" % state)
    peers = await joined(house, 10)
    for _ in range(5):
        state += 1
        house.say(b"%d" % state)
        peers.append(await Peer.join(house, f"viewer-{len(peers)}"))
    await house.said()
    house.say(b"the end")
    for peer in peers:
        welcome = await peer.text()
        first = int(welcome.removeprefix(b"welcome at ")) + 1
        heard = [await peer.text() for _ in range(first, state + 2)]
        assert heard == [b"%d" % n for n in range(first, state + 1)] + [b"the end"]
    hang_up(peers)


async def test_who_leaves_during_a_broadcast_costs_nobody_their_frame(
    open_house: Callable[..., House],
) -> None:
    house = open_house(slice_writes=3)
    peers = await joined(house, 200)
    for wave in range(4):
        house.say(b"%d" % wave)
        for number in range(wave, 200, 5):
            house.audience.close_viewer(house.viewers[f"viewer-{number}"], 1001)
        await asyncio.sleep(0)
    staying = [peers[number] for number in range(4, 200, 5)]
    for peer in staying:
        assert [await peer.text() for _ in range(4)] == [b"0", b"1", b"2", b"3"]
    assert len(house.group) == len(staying)
    hang_up(peers)


async def test_commerce_overtakes_chat_and_pulse(open_house: Callable[..., House]) -> None:
    house = open_house(slice_writes=1)
    peers = await joined(house, 5)
    house.say(b"chat", Lane.CHAT)
    house.say(b"pulse", Lane.PULSE)
    house.say(b"sold out", Lane.COMMERCE)
    for peer in peers:
        assert [await peer.text() for _ in range(3)] == [b"sold out", b"chat", b"pulse"]
    hang_up(peers)


async def test_unbegun_chat_is_not_piled_up_and_an_unbegun_pulse_is_replaced(
    house: House,
) -> None:
    peers = await joined(house, 3)
    for number in range(4):
        house.say(b"chat %d" % number, Lane.CHAT)
        house.say(b"pulse %d" % number, Lane.PULSE)
    house.say(b"end")
    for peer in peers:
        assert [await peer.text() for _ in range(3)] == [b"end", b"chat 0", b"pulse 3"]
    assert house.stats.chat_skipped == 9
    assert house.stats.pulse_replaced == 9
    hang_up(peers)


async def test_ready_commerce_travels_in_one_write_to_the_same_members(house: House) -> None:
    house.welcome = lambda viewer: _send(house, viewer, b"welcome")
    peers = await joined(house, 3)
    for number in range(3):
        house.say(b"%d" % number)
    await house.said()
    assert house.stats.broadcasts_merged == 2
    for number in range(4):
        house.say(b"x" * 1_000 + b"%d" % number)
    await house.said()
    assert house.stats.broadcasts_merged == 2
    for peer in peers:
        assert [await peer.text() for _ in range(4)] == [b"welcome", b"0", b"1", b"2"]
        assert [await peer.text() for _ in range(4)] == [b"x" * 1_000 + b"%d" % n for n in range(4)]
    assert house.stats.frames_out == 3 * 8
    hang_up(peers)


async def test_nobody_is_always_the_last(open_house: Callable[..., House]) -> None:
    """With one write a slice, who has got a frame after the first slice was the first one."""
    house = open_house(slice_writes=1)
    peers = await joined(house, 10)
    firsts: Counter[int] = Counter()
    for _ in range(100):
        house.say(b"!")
        await asyncio.sleep(0)
        (broadcast,) = house.group.pending
        firsts[(broadcast.lo - 1) % 10] += 1
        await house.said()
        for peer in peers:
            await peer.text()
    assert len(firsts) == 10
    assert max(firsts.values()) <= 15
    hang_up(peers)


async def test_commands_are_served_between_slices(open_house: Callable[..., House]) -> None:
    """A command sent while a broadcast is on its way is heard before the broadcast is through."""
    house = open_house(slice_writes=1)
    peers = await joined(house, 50)
    pending: list[int] = []
    house.on_message = lambda viewer, payload: pending.append(house.audience.broadcasts_pending)
    house.say(b"for everybody")
    await peers[0].say(b"mine first")
    await eventually(lambda: pending)
    assert pending == [1]
    await house.said()
    hang_up(peers)


async def test_too_many_pending_broadcasts_are_finished_by_the_one_who_calls(
    open_house: Callable[..., House],
) -> None:
    house = open_house(slice_writes=1, broadcasts_pending_max=3, merge_bytes_max=0)
    peers = await joined(house, 4)
    for number in range(10):
        house.say(b"%d" % number)
        assert house.audience.broadcasts_pending <= 3
    for peer in peers:
        assert [await peer.text() for _ in range(10)] == [b"%d" % n for n in range(10)]
    hang_up(peers)


async def test_each_broadcast_reports_its_time(house: House) -> None:
    peers = await joined(house, 3)
    house.say(b"1", arrival=Arrival("announcement", 1, 17))
    house.say(b"2", Lane.PULSE)
    await house.said()
    told = [(lane, born_ms) for lane, _, born_ms in house.broadcast_times]
    assert told == [(Lane.COMMERCE, 17), (Lane.PULSE, 0)]
    assert all(0 <= seconds < 1 for _, seconds, _ in house.broadcast_times)
    hang_up(peers)


async def test_broadcasts_that_travel_as_one_count_as_the_oldest(house: House) -> None:
    peers = await joined(house, 3)
    house.say(b"1", arrival=Arrival("announcement", 1, 17))
    house.say(b"2", arrival=Arrival("announcement", 2, 18))
    await house.said()
    assert [born_ms for _, _, born_ms in house.broadcast_times] == [17]
    hang_up(peers)


async def test_an_arrival_counts_who_has_it_and_forgets_who_left_before_it_came(
    open_house: Callable[..., House],
) -> None:
    house = open_house(slice_writes=10)
    peers = await joined(house, 100)
    arrival = Arrival("drop.opened", 7, now_ms() - 40)
    house.say(b"open", arrival=arrival)
    assert (arrival.addressed, arrival.reached) == (100, 0)
    await asyncio.sleep(0)
    assert (arrival.addressed, arrival.reached) == (100, 10)
    (broadcast,) = house.group.pending
    waiting = [v for v in house.viewers.values() if broadcast.awaits(v.index)]
    for viewer in waiting[:7]:
        house.audience.close_viewer(viewer, 1001)
    await house.said()
    assert (arrival.addressed, arrival.reached, arrival.behind) == (93, 93, 0)
    line = line_of(arrival.told())
    assert line["p50_ms"] is not None
    assert 40 <= line["p50_ms"] <= (line["p99_ms"] or 0)
    hang_up(peers)


async def test_each_of_those_that_travel_as_one_is_counted_and_so_is_each_group(
    house: House,
) -> None:
    house.welcome = lambda viewer: _send(house, viewer, b"welcome")
    peers = await joined(house, 5)
    first, second = (Arrival("card.pushed", seq, now_ms()) for seq in (1, 2))
    house.say(b"1", arrival=first)
    house.audience.close_viewer(house.viewers["viewer-0"], 1001)
    house.say(b"2", arrival=second)
    others = house.audience.group("others")
    house.audience.move(house.viewers["viewer-1"], others)
    house.audience.broadcast(others, text_frame(b"2"), Lane.COMMERCE, second)
    await house.said()
    assert house.stats.broadcasts_merged == 1
    assert (first.addressed, first.reached) == (3, 3), "one left, and one was served on the move"
    assert (second.addressed, second.reached) == (4, 4)
    hang_up(peers)


async def test_a_broadcast_to_nobody_is_nothing(house: House) -> None:
    house.say(b"hello?")
    assert house.audience.broadcasts_pending == 0


def _send(house: House, viewer: Viewer, payload: bytes) -> None:
    house.audience.send(viewer, text_frame(payload))


# -- membership against a model ---------------------------------------------------------------


class Crowd:
    """A group without sockets, and beside it who ought to get what."""

    def __init__(self) -> None:
        self.table: list[Viewer | None] = [None] * 2_000
        self.group = Group("model", self.table, array("i", [0] * 2_000))
        self.next_fd = 0
        self.owed: dict[int, list[int]] = {}
        self.got: dict[int, list[int]] = {}
        self.broadcasts = 0

    def join(self) -> None:
        fd, self.next_fd = self.next_fd, self.next_fd + 1
        viewer = Viewer(fd, f"viewer-{fd}", "wechat", self.group, None)
        self.table[fd] = viewer
        self.group.add(viewer)
        self.owed[fd], self.got[fd] = [], []

    def leave(self, which: int) -> None:
        viewers = list(self.group)
        if viewers:
            viewer = viewers[which % len(viewers)]
            self.group.remove(viewer)
            self.table[viewer.fd] = None
            del self.owed[viewer.fd], self.got[viewer.fd]

    def broadcast(self) -> None:
        if not len(self.group):
            return
        self.broadcasts += 1
        frame = self.broadcasts.to_bytes(4)
        self.group.pending.append(Broadcast(self.group, frame, Lane.COMMERCE))
        for owed in self.owed.values():
            owed.append(self.broadcasts)

    def slice(self, budget: int) -> None:
        if not self.group.pending:
            return
        broadcast = self.group.pending[0]
        if not broadcast.started:
            broadcast.start(1.0)
        hi = min(broadcast.hi, broadcast.lo + budget)
        for index, fd in enumerate(self.group.fds[broadcast.lo : hi], broadcast.lo):
            assert broadcast.awaits(index)
            if fd != HOLE:
                self.got[fd].append(int.from_bytes(broadcast.frame))
        if broadcast.advance(hi):
            self.group.pending.popleft()


@PROPERTY
@given(
    st.integers(1, 300),
    st.lists(
        st.tuples(
            st.sampled_from(["join", "leave", "mass leave", "broadcast", "slice"]),
            st.integers(1, 1_000),
        ),
        max_size=60,
    ),
)
def test_each_member_gets_each_broadcast_once_and_in_order_whoever_comes_and_goes(
    size: int, steps: list[tuple[str, int]]
) -> None:
    crowd = Crowd()
    for _ in range(size):
        crowd.join()
    for step, number in steps:
        if step == "join":
            crowd.join()
        elif step == "leave":
            crowd.leave(number)
        elif step == "mass leave":
            for turn in range(min(number, 200)):
                crowd.leave(number * turn)
        elif step == "broadcast":
            crowd.broadcast()
        else:
            crowd.slice(number)
    while crowd.group.pending:
        crowd.slice(97)
    assert crowd.got == crowd.owed
    assert len(crowd.group) == len(crowd.owed)
    assert crowd.group.behind == 0
    assert all(viewer.index == crowd.group.fds.index(viewer.fd) for viewer in crowd.group)
    assert len(crowd.group.fds) <= 9 * len(crowd.group) // 8 + 66
