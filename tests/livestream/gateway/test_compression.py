"""Compression on real sockets: deflated once, for those who asked, and nobody else notices."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from websockets.asyncio.client import connect
from websockets.frames import Opcode

from livestream.gateway import deflate
from livestream.gateway.lanes import Lane
from tests.livestream.gateway.house import House, Peer, deflated, eventually, masked

OFFER = "permessage-deflate"
CARD = b'{"type":"card.pinned","title":"Santos-Dumont","text":"Santos-Dumont, Santos-Dumont"}' * 4


@pytest.fixture
def deflations(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """All that is deflated from here on."""
    made: list[bytes] = []
    plainly = deflate.deflate

    def deflate_and_tell(payload: bytes) -> bytes:
        made.append(payload)
        return plainly(payload)

    monkeypatch.setattr(deflate, "deflate", deflate_and_tell)
    return made


async def test_a_broadcast_is_deflated_once_for_those_who_asked_and_plain_for_the_others(
    house: House, deflations: list[bytes]
) -> None:
    asked = [await Peer.join(house, offers=OFFER) for _ in range(3)]
    plain = [await Peer.join(house) for _ in range(3)]

    house.say(CARD)

    assert [await peer.message() for peer in asked] == [(True, CARD)] * 3
    assert [await peer.message() for peer in plain] == [(False, CARD)] * 3
    assert deflations == [CARD]
    for peer in asked + plain:
        peer.sock.close()


async def test_where_nobody_asked_nothing_is_deflated(
    house: House, deflations: list[bytes]
) -> None:
    async with await Peer.join(house) as peer:
        house.say(CARD)
        assert await peer.message() == (False, CARD)
    assert not deflations


async def test_the_small_go_plain(house: House) -> None:
    async with await Peer.join(house, offers=OFFER) as peer:
        house.say(b'{"type":"pulse"}', Lane.PULSE)
        assert await peer.message() == (False, b'{"type":"pulse"}')


async def test_with_compression_off_the_offer_is_declined(open_house: Callable[..., House]) -> None:
    house = open_house(deflate_bytes_min=None)
    async with connect(f"ws://127.0.0.1:{house.port}/live/room") as client:
        assert not client.protocol.extensions
        house.say(CARD)
        assert await client.recv() == CARD.decode()


async def test_a_smaller_window_gets_deflated_what_fits_it_and_plain_what_does_not(
    house: House,
) -> None:
    async with await Peer.join(house, offers=f"{OFFER}; server_max_window_bits=9") as peer:
        house.say(CARD[:500])
        assert await peer.message(window_bits=9) == (True, CARD[:500])
        await house.said()
        house.say(CARD * 2)
        assert await peer.message(window_bits=9) == (False, CARD * 2)


async def test_what_travels_in_one_write_is_deflated_message_by_message(
    house: House, deflations: list[bytes]
) -> None:
    small = b'{"type":"stock.changed"}'
    async with await Peer.join(house, offers=OFFER) as asked, await Peer.join(house) as plain:
        for payload in (CARD, small, CARD[::-1]):
            house.say(payload)
        assert [await asked.message() for _ in range(3)] == [
            (True, CARD),
            (False, small),
            (True, CARD[::-1]),
        ]
        assert [await plain.message() for _ in range(3)] == [
            (False, payload) for payload in (CARD, small, CARD[::-1])
        ]
    assert house.stats.broadcasts_merged == 2
    assert deflations == [CARD, CARD[::-1]]


async def test_one_who_moves_to_another_group_stays_deflated(house: House) -> None:
    async with await Peer.join(house, "anna", offers=OFFER) as peer:
        other = house.audience.group("commerce only")
        house.say(CARD)
        house.audience.move(house.viewers["anna"], other)
        assert await peer.message() == (True, CARD)
        assert (house.group.inflating, other.inflating) == (0, 1)
        house.group = other
        house.say(CARD)
        assert await peer.message() == (True, CARD)
    await eventually(lambda: other.inflating == 0)


async def test_places_that_close_up_keep_who_asked(house: House) -> None:
    """Every third viewer asked; most leave; who is left still gets what was agreed on."""
    peers = [await Peer.join(house, offers=None if n % 3 else OFFER) for n in range(300)]
    for number, peer in enumerate(peers):
        if number % 10:
            peer.sock.close()
    await eventually(lambda: len(house.group) == 30)
    assert len(house.group.fds) == len(house.group.windows) < 300
    house.say(CARD)
    for number in range(0, 300, 10):
        assert await peers[number].message() == (number % 3 == 0, CARD)
        peers[number].sock.close()


async def test_one_who_falls_behind_gets_all_of_it_deflated_in_order(house: House) -> None:
    slow = await Peer.join(house, "slow", receive_buffer_bytes=4_096, offers=OFFER)
    noisy = [CARD, CARD[::-1]]
    sent = 0
    while not house.audience.behind:
        house.say(noisy[sent % 2])
        sent += 1
        await house.said()
        assert sent < 100_000
    for _ in range(5):
        house.say(noisy[sent % 2])
        sent += 1
        await house.said()
    for number in range(sent):
        assert await slow.message() == (True, noisy[number % 2])
    slow.sock.close()


async def test_deflated_messages_are_heard_on_the_quick_path_and_on_the_other(
    house: House,
) -> None:
    said = [b"ascii", "早安".encode(), b"x" * 8_192]
    async with await Peer.join(house, "anna", offers=OFFER) as peer:
        for payload in said:
            await peer.send(masked(deflated(payload), rsv1=True))
        await eventually(lambda: house.messages_of("anna") == said)


async def test_a_bomb_ends_its_own_connection_and_no_other(house: House) -> None:
    bomb = masked(deflated(b" " * 5_000_000), rsv1=True)
    assert len(bomb) < 8_192
    async with await Peer.join(house, offers=OFFER) as peer, await Peer.join(house) as other:
        await peer.send(bomb)
        assert (await peer.closing())[0] == 1009
        await other.say(b"still here")
        await eventually(lambda: any(said == b"still here" for _, said in house.heard_messages))
    assert house.stats.protocol_errors == 1


async def test_who_did_not_ask_may_not_deflate(house: House) -> None:
    async with await Peer.join(house) as peer:
        await peer.send(masked(deflated(b"hello"), rsv1=True))
        assert (await peer.closing())[0] == 1002


@pytest.mark.parametrize("opcode", [Opcode.PING, Opcode.CLOSE])
async def test_control_frames_are_never_deflated(house: House, opcode: Opcode) -> None:
    payload = b"\x03\xe8" + b"x" * 123
    async with await Peer.join(house, offers=OFFER) as peer:
        await peer.send(masked(payload, opcode))
        answered = Opcode.PONG if opcode is Opcode.PING else Opcode.CLOSE
        assert await peer.frame() == (answered, payload)


async def test_the_library_s_own_client_understands_all_of_it(house: House) -> None:
    async with connect(f"ws://127.0.0.1:{house.port}/live/room?name=lib") as client:
        assert client.protocol.extensions
        for size in (10, 127, 128, 300, 5_000, 70_000):
            text = (CARD * 300)[:size].decode()
            house.say(text.encode())
            assert await client.recv() == text
        await client.send("a message that the library deflates " * 5)
        await eventually(lambda: house.messages_of("lib"))
        assert house.messages_of("lib") == [b"a message that the library deflates " * 5]
