"""Viewers with clients of three families, and what the audience promises them."""

import asyncio
import gc
import tracemalloc
from collections.abc import Callable

import aiohttp
import pytest
import websocket
import websockets
from websockets.frames import Opcode

from livestream.gateway.frames import text_frame
from livestream.gateway.groups import Group
from livestream.gateway.lanes import Lane
from livestream.gateway.viewer import Viewer
from livestream.messages import SUBPROTOCOL, CloseCode
from tests.livestream.gateway.house import House, Peer, close_payload, eventually, masked


async def test_a_websockets_client_hears_and_is_heard(house: House) -> None:
    house.welcome = lambda viewer: assert_sent(house, viewer.id, b"welcome")
    house.on_message = lambda viewer, payload: assert_sent(house, viewer.id, b"reply " + payload)

    async with websockets.connect(
        f"ws://127.0.0.1:{house.port}/live/room?name=anna",
        subprotocols=[websockets.Subprotocol(SUBPROTOCOL)],
    ) as client:
        assert client.subprotocol == SUBPROTOCOL
        assert await client.recv() == "welcome"
        await client.send("早上好")
        assert await client.recv() == "reply 早上好"
        house.say(b"to everybody")
        assert await client.recv() == "to everybody"
        pong = await client.ping()
        await pong

    await eventually(lambda: house.left_codes)
    assert house.left_codes == [("anna", 1000)]


async def test_an_aiohttp_client_hears_and_is_heard(house: House) -> None:
    house.on_message = lambda viewer, payload: assert_sent(house, viewer.id, payload.upper())
    url = f"http://127.0.0.1:{house.port}/live/room?name=bo"

    async with aiohttp.ClientSession() as session, session.ws_connect(url, compress=15) as client:
        await client.send_str("hello")
        assert await client.receive_str() == "HELLO"
        await client.send_str("x" * 3_000)
        assert await client.receive_str() == "X" * 3_000

    await eventually(lambda: house.left_codes)
    assert house.left_codes == [("bo", 1000)]


async def test_a_websocket_client_client_hears_and_is_heard(house: House) -> None:
    house.welcome = lambda viewer: assert_sent(house, viewer.id, b"welcome")
    house.on_message = lambda viewer, payload: assert_sent(house, viewer.id, payload)

    def visit() -> list[str | bytes]:
        client = websocket.create_connection(
            f"ws://127.0.0.1:{house.port}/live/room?name=chen", timeout=5
        )
        heard = [client.recv()]
        client.send("hello")
        heard.append(client.recv())
        client.close()
        return heard

    assert await asyncio.to_thread(visit) == ["welcome", "hello"]
    await eventually(lambda: house.left_codes)
    assert house.left_codes == [("chen", 1000)]


async def test_all_clients_learn_the_code_and_reason_of_their_close(house: House) -> None:
    url = f"ws://127.0.0.1:{house.port}/live/room"
    async with (
        websockets.connect(f"{url}?name=anna") as first,
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{url}?name=bo") as second,
        await Peer.join(house, "chen") as third,
    ):
        for viewer in list(house.viewers.values()):
            house.audience.close_viewer(viewer, CloseCode.BANNED, "banned")

        await first.wait_closed()
        assert (first.close_code, first.close_reason) == (4003, "banned")
        message = await second.receive()
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 4003)
        assert await third.closing() == (4003, "banned")
    await eventually(lambda: len(house.left_codes) == 3)
    assert {code for _, code in house.left_codes} == {4003}
    assert len(house.audience) == 0


async def test_the_welcome_leaves_with_the_answer_and_before_any_broadcast(house: House) -> None:
    async with await Peer.join(house, "anna") as anna:
        house.welcome = lambda viewer: assert_sent(house, viewer.id, b"welcome, knows 1")
        house.say(b"1")
        async with await Peer.join(house, "bo") as bo:
            house.say(b"2")
            assert [await anna.text(), await anna.text()] == [b"1", b"2"]
            assert [await bo.text(), await bo.text()] == [b"welcome, knows 1", b"2"]


async def test_a_close_within_the_welcome_reaches_the_client(house: House) -> None:
    def turn_away(viewer: object) -> None:
        (anna,) = house.viewers.values()
        house.audience.send(anna, text_frame(b"sorry"))
        house.audience.close_viewer(anna, CloseCode.TICKET_EXPIRED, "expired")

    house.welcome = turn_away
    async with await Peer.join(house) as peer:
        assert await peer.text() == b"sorry"
        assert await peer.closing() == (4001, "expired")


async def test_a_ping_gets_its_pong_and_a_close_its_close(house: House) -> None:
    async with await Peer.join(house, "anna") as peer:
        await peer.send(masked(b"are you there", Opcode.PING))
        assert await peer.frame() == (Opcode.PONG, b"are you there")
        await peer.send(masked(b"unasked", Opcode.PONG))
        await peer.send(masked(close_payload(1001, "bye"), Opcode.CLOSE))
        assert await peer.closing() == (1001, "bye")
    await eventually(lambda: house.left_codes)
    assert house.left_codes == [("anna", 1001)]
    assert house.stats.protocol_errors == 0


async def test_a_close_without_a_code_is_answered_in_kind(house: House) -> None:
    async with await Peer.join(house, "anna") as peer:
        await peer.send(masked(b"", Opcode.CLOSE))
        assert await peer.frame() == (Opcode.CLOSE, b"")
        assert await peer.rest() == b""
    await eventually(lambda: house.left_codes)
    assert house.left_codes == [("anna", 1005)]


async def test_messages_before_a_close_in_the_same_packet_count(house: House) -> None:
    async with await Peer.join(house, "anna") as peer:
        goodbye = masked(close_payload(1000), Opcode.CLOSE)
        await peer.send(masked(b"one") + masked(b"two") + goodbye + masked(b"too late"))
        assert await peer.closing() == (1000, "")
    assert house.messages_of("anna") == [b"one", b"two"]


async def test_what_comes_in_one_packet_is_answered_in_its_order_and_counted(house: House) -> None:
    house.on_message = lambda viewer, payload: assert_sent(house, viewer.id, b"re: " + payload)
    async with await Peer.join(house, "anna") as peer:
        before = house.stats.frames_out
        await peer.send(b"".join(masked(b"%d" % number) for number in range(20)))
        assert [await peer.text() for _ in range(20)] == [b"re: %d" % n for n in range(20)]
        assert house.stats.frames_out == before + 20
        await peer.say(b"alone")
        assert await peer.text() == b"re: alone"


async def test_whoever_is_closed_in_the_middle_of_a_packet_has_the_answers_before(
    house: House,
) -> None:
    def answer(viewer: Viewer, payload: bytes) -> None:
        assert_sent(house, viewer.id, b"re: " + payload)
        if payload == b"2":
            house.audience.close_viewer(viewer, 4029, "enough")

    house.on_message = answer
    async with await Peer.join(house, "anna") as peer:
        await peer.send(b"".join(masked(b"%d" % number) for number in range(5)))
        assert [await peer.text() for _ in range(3)] == [b"re: 0", b"re: 1", b"re: 2"]
        assert await peer.closing() == (4029, "enough")
    assert house.messages_of("anna") == [b"0", b"1", b"2"]


async def test_a_peer_that_vanishes_frees_everything(house: House) -> None:
    peers = [await Peer.join(house, f"viewer-{number}") for number in range(20)]
    for peer in peers[:10]:
        peer.sock.close()
    await eventually(lambda: len(house.audience) == 10)
    house.say(b"who is still here?")
    for peer in peers[10:]:
        assert await peer.text() == b"who is still here?"
        peer.sock.close()
    await eventually(lambda: len(house.audience) == 0)
    assert sorted(house.left_codes) == sorted((f"viewer-{number}", 1006) for number in range(20))
    assert len(house.group) == 0


async def test_a_half_closed_connection_is_a_viewer_who_left(house: House) -> None:
    async with await Peer.join(house, "anna") as peer:
        peer.sock.shutdown(1)
        assert await peer.rest() == b""
    await eventually(lambda: house.left_codes)
    assert house.left_codes == [("anna", 1006)]


async def test_sending_to_one_who_has_left_is_refused_not_fatal(house: House) -> None:
    async with await Peer.join(house, "anna"):
        viewer = house.viewers["anna"]
        assert house.audience.send(viewer, text_frame(b"hello"))
        house.audience.close_viewer(viewer, 1000)
        assert not viewer.is_open
        assert not house.audience.send(viewer, text_frame(b"hello?"))
        house.audience.close_viewer(viewer, 1000)
        house.audience.move(viewer, house.audience.group("elsewhere"))
    await eventually(lambda: house.left_codes)
    assert house.left_codes == [("anna", 1000)]


async def test_the_owner_hears_of_a_leaver_once_and_not_from_inside_its_own_call(
    house: House,
) -> None:
    async with await Peer.join(house, "anna"), await Peer.join(house, "bo"):
        house.audience.close_viewer(house.viewers["anna"], 4003)
        assert house.left_codes == []
        house.on_left = lambda viewer, code: house.audience.close_viewer(house.viewers["bo"], 1001)
        await eventually(lambda: len(house.left_codes) == 2)
        assert house.left_codes == [("anna", 4003), ("bo", 1001)]


async def test_what_the_owner_raises_ends_that_connection_only(house: House) -> None:
    reported: list[str] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: reported.append(str(context["exception"]))
    )

    def broken(viewer: object, payload: bytes) -> None:
        if payload == b"break":
            raise ValueError("a bug of the owner's")

    house.on_message = broken
    async with await Peer.join(house, "anna") as anna, await Peer.join(house, "bo") as bo:
        await anna.say(b"break")
        assert await anna.closing() == (1011, "internal error")
        await bo.say(b"fine")
        await eventually(lambda: house.messages_of("bo"))
        house.say(b"still on")
        assert await bo.text() == b"still on"
    assert reported == ["a bug of the owner's"]


async def test_a_descriptor_used_again_within_a_batch_is_not_taken_for_the_old_one(
    house: House,
) -> None:
    """Many come while as many go, so that numbers come round again as fast as the kernel can."""
    for _ in range(15):
        leaving = [await Peer.join(house) for _ in range(8)]
        for peer in leaving:
            await peer.send(masked(close_payload(1000), Opcode.CLOSE))
        staying = [await Peer.join(house) for _ in range(8)]
        for peer in leaving:
            await peer.rest()
            peer.sock.close()
        await eventually(lambda: len(house.audience) == 8)
        house.say(b"roll call")
        for peer in staying:
            assert await peer.text() == b"roll call"
            peer.sock.close()
        await eventually(lambda: len(house.audience) == 0)


async def test_a_drain_closes_everybody_in_its_time_with_its_code(house: House) -> None:
    peers = [await Peer.join(house) for _ in range(20)]
    loop = asyncio.get_running_loop()
    started = loop.time()
    draining = asyncio.create_task(
        house.audience.drain(CloseCode.RESTARTING, lambda: "retry in 2 s", over_ms=300)
    )
    closings = await asyncio.gather(*(peer.closing() for peer in peers))
    assert closings == [(1012, "retry in 2 s")] * 20
    assert loop.time() - started > 0.2
    for peer in peers:
        peer.sock.close()
    await draining
    assert len(house.left_codes) == 20
    with pytest.raises(ConnectionRefusedError):
        await Peer.connect(house)


async def test_a_drain_does_not_wait_for_those_who_do_not_hang_up(
    open_house: Callable[..., House],
) -> None:
    house = open_house(linger_ms_max=100)
    async with await Peer.join(house):
        async with asyncio.timeout(2):
            await house.audience.drain(CloseCode.RESTARTING, str, over_ms=0)


async def test_a_mover_misses_no_commerce_and_gets_none_twice(
    open_house: Callable[..., House],
) -> None:
    house = open_house(slice_writes=1)
    other: Group = house.audience.group("commerce only")
    async with (
        await Peer.join(house, "anna") as anna,
        await Peer.join(house, "bo") as bo,
        await Peer.join(house, "chen") as chen,
    ):
        for group in (house.group, other):
            house.audience.broadcast(group, text_frame(b"1"), Lane.COMMERCE)
            house.audience.broadcast(group, text_frame(b"talk"), Lane.CHAT)
        for name in ("anna", "bo"):
            house.audience.move(house.viewers[name], other)
        house.audience.broadcast(other, text_frame(b"2"), Lane.COMMERCE)
        house.say(b"2")
        assert [await anna.text(), await anna.text()] == [b"1", b"2"]
        assert [await bo.text(), await bo.text()] == [b"1", b"2"]
        assert [await chen.text() for _ in range(3)] == [b"1", b"2", b"talk"]
        assert (len(house.group), len(other)) == (1, 2)


async def test_who_moves_after_getting_a_frame_does_not_get_it_again(
    open_house: Callable[..., House],
) -> None:
    house = open_house(slice_writes=1)
    other: Group = house.audience.group("commerce only")
    peers = [await Peer.join(house, f"viewer-{number}") for number in range(5)]
    house.say(b"1")
    for _ in range(3):
        await asyncio.sleep(0)
    assert house.audience.broadcasts_pending == 1, "some have it and some do not"
    for viewer in list(house.group):
        house.audience.move(viewer, other)
    house.audience.broadcast(other, text_frame(b"2"), Lane.COMMERCE)
    for peer in peers:
        assert [await peer.text(), await peer.text()] == [b"1", b"2"]
        peer.sock.close()


async def test_who_is_closed_while_speaking_is_not_heard_any_more(house: House) -> None:
    house.on_message = lambda viewer, payload: house.audience.close_viewer(viewer, 4003)
    async with await Peer.join(house, "anna") as peer:
        await peer.send(masked(b"one") + masked(b"two"))
        assert await peer.closing() == (4003, "")
    assert house.messages_of("anna") == [b"one"]


async def test_an_idle_viewer_weighs_little(open_house: Callable[..., House]) -> None:
    """The bench measures the process; this guards against one more object for each viewer."""
    count = 200
    house = open_house()
    requests = house.requests
    peers = [await Peer.join(house) for _ in range(20)]
    requests.clear()
    gc.collect()
    tracemalloc.start(1)
    try:
        before = tracemalloc.take_snapshot()
        peers += [await Peer.join(house) for _ in range(count)]
        requests.clear()
        gc.collect()
        grown = tracemalloc.take_snapshot().compare_to(before, "filename")
    finally:
        tracemalloc.stop()
    ours = sum(line.size_diff for line in grown if "livestream/gateway" in str(line.traceback))
    in_tests = sum(
        line.size_diff for line in grown if "tests/livestream/gateway" in str(line.traceback)
    )
    for peer in peers:
        peer.sock.close()
    assert (ours - in_tests) / count < 600


def assert_sent(house: House, viewer_id: str, payload: bytes) -> None:
    assert house.audience.send(house.viewers[viewer_id], text_frame(payload))
