"""The last frames of a room: which are there, and from where on nothing is missing."""

from __future__ import annotations

import random

import pytest

from livestream.gateway import ring
from livestream.gateway.ring import Ring


def test_what_was_missed_is_everything_after_since() -> None:
    frames = Ring(floor=10)
    for seq in (12, 13, 17):
        frames.append(seq, b"<%d>" % seq)
    assert frames.missed(10) == b"<12><13><17>"
    assert frames.missed(12) == b"<13><17>"
    assert frames.missed(15) == b"<17>"
    assert frames.missed(17) == b""


def test_what_was_before_the_ring_began_cannot_be_told() -> None:
    frames = Ring(floor=10)
    frames.append(12, b"<12>")
    assert frames.missed(9) is None


@pytest.mark.parametrize(("name", "most"), [("FRAMES_MAX", 3), ("BYTES_MAX", 3 * 4)])
def test_the_oldest_frames_make_room(monkeypatch: pytest.MonkeyPatch, name: str, most: int) -> None:
    monkeypatch.setattr(ring, name, most)
    frames = Ring(floor=10)
    for seq in range(11, 21):
        frames.append(seq, b"<%d>" % seq)
    assert len(frames) == 3
    assert frames.floor == 17
    assert frames.missed(16) is None
    assert frames.missed(17) == b"<18><19><20>"


def test_who_missed_a_lot_is_better_served_with_a_snapshot() -> None:
    frames = Ring(floor=0)
    for seq in range(1, 100):
        frames.append(seq, b"x" * 1_000)
    assert frames.missed(0) is None
    assert frames.missed(90) == b"x" * 9_000


def test_a_resume_is_exact_whatever_is_in_the_ring(
    monkeypatch: pytest.MonkeyPatch, rng: random.Random
) -> None:
    monkeypatch.setattr(ring, "FRAMES_MAX", 50)
    frames, said, seq = Ring(floor=0), dict[int, bytes](), 0
    for _ in range(500):
        seq += rng.randrange(1, 4)  # not every fact is public
        said[seq] = b"<%d>" % seq
        frames.append(seq, said[seq])
        since = rng.randrange(seq + 1)
        missed = frames.missed(since)
        after = [frame for number, frame in said.items() if number > since]
        assert missed == b"".join(after) if len(after) <= 50 else missed is None
