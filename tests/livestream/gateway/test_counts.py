"""What a gateway counts of a room."""

import msgspec

from livestream.attendance import CHANNELS_MAX, OTHER_CHANNELS, GatewayCounts
from livestream.gateway.counts import RoomCounts


def test_watch_time_is_viewers_times_the_time_between_two_looks() -> None:
    counts = RoomCounts()
    counts.watch_until(10_000)
    counts.by_channel.update({"tmall": 3, "wechat": 1})
    counts.watch_until(11_000)
    counts.by_channel["tmall"] = 1
    counts.watch_until(11_500)
    assert counts.of_channel("tmall").watched_ms == 3_000 + 500
    assert counts.of_channel("wechat").watched_ms == 1_000 + 500


def test_nobody_has_watched_before_the_first_look() -> None:
    counts = RoomCounts()
    counts.by_channel["tmall"] = 5
    counts.watch_until(99_000_000)
    assert counts.channels == {}


def test_channels_beyond_the_bound_share_a_name() -> None:
    counts = RoomCounts()
    for number in range(CHANNELS_MAX + 50):
        counts.of_channel(f"c{number}").joined += 1
    assert len(counts.channels) == CHANNELS_MAX + 1
    assert counts.of_channel("c0").joined == 1
    assert counts.channels[OTHER_CHANNELS].joined == 50


def test_the_line_for_the_engine_says_it_all() -> None:
    counts = RoomCounts(joined=5, left=2, likes=7, chat_accepted=3, slow_evictions=1)
    counts.by_channel["tmall"] = 3
    counts.of_channel("tmall").joined = 5
    line = counts.line(1_234)
    assert (line.at_ms, line.viewers, line.joined, line.left) == (1_234, 3, 5, 2)
    assert msgspec.json.decode(msgspec.json.encode(line), type=GatewayCounts) == line
