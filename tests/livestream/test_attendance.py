"""The shapes in which an audience is counted, and their sums."""

import msgspec

from livestream.attendance import (
    ChannelCounts,
    GatewayCounts,
    Moment,
    channels_of,
    in_all,
    read_counts,
    read_moments,
)

MOMENT = Moment(1_000, 5, 7, 9, 4, 60_000, 3, 2, 2, 0, 11, 1)


def counts(**channels: ChannelCounts) -> GatewayCounts:
    return GatewayCounts(at_ms=1_000, viewers=1, channels=channels)


def test_a_gateways_line_that_is_not_ours_is_left_out() -> None:
    fields = {b"g-1": msgspec.json.encode(counts()), b"g-2": b"junk", b"\xff": b"{}"}
    assert set(read_counts(fields)) == {"g-1"}


def test_a_line_of_a_gateway_that_knows_no_channels_yet_can_be_read() -> None:
    (line,) = read_counts({b"g-1": b'{"at_ms":5,"viewers":3,"joined":4}'}).values()
    assert (line.viewers, line.joined, line.channels) == (3, 4, {})


def test_a_moment_that_is_not_ours_is_left_out() -> None:
    kept = [msgspec.json.encode(MOMENT), b"junk", b'{"at_ms":"now"}']
    assert read_moments(kept) == [MOMENT]


def test_channels_are_added_up_over_gateways() -> None:
    lines = [
        counts(wechat=ChannelCounts(1, 100, 5, 2), tmall=ChannelCounts(3, 300, 7, 0)),
        counts(tmall=ChannelCounts(10, 1_000, 1, 1)),
    ]
    sums = channels_of(lines)
    assert sums == {"tmall": ChannelCounts(13, 1_300, 8, 1), "wechat": ChannelCounts(1, 100, 5, 2)}
    assert in_all(sums.values()) == ChannelCounts(14, 1_400, 13, 3)
    assert lines[1].channels["tmall"].joined == 10, "adding up changes nothing"
