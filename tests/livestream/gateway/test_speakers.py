"""Who spoke lately: one record for a viewer, bounded, and gone when it says nothing any more."""

from __future__ import annotations

import pytest

from livestream.gateway import speakers
from livestream.gateway.speakers import KEPT_US, Speakers


def test_a_viewer_has_one_record_in_a_room_and_another_in_the_next() -> None:
    known = Speakers()
    anna = known.of("evening", "anna", 0)
    anna.said_at_us = 0
    assert known.of("evening", "anna", 1) is anna
    assert known.of("evening", "bob", 1) is not anna
    assert known.of("morning", "anna", 1) is not anna


def test_who_is_new_may_speak_in_the_slowest_mode_at_once() -> None:
    assert 0 - Speakers().of("evening", "anna", 0).said_at_us >= KEPT_US


def test_nobody_is_remembered_for_longer_than_it_matters() -> None:
    known = Speakers()
    for number in range(100):
        known.of("evening", f"v{number}", number).said_at_us = number
    for number in range(60):
        known.of("evening", f"w{number}", KEPT_US + 200).said_at_us = KEPT_US + 200
    assert len(known) == 60


def test_who_spoke_a_moment_ago_is_remembered_although_others_did_long_ago() -> None:
    known = Speakers()
    anna = known.of("evening", "anna", 0)
    anna.said_at_us = 0
    bob = known.of("evening", "bob", 0)
    bob.said_at_us = 0
    assert known.of("evening", "anna", KEPT_US - 1) is anna
    anna.said_at_us = KEPT_US - 1
    known.of("evening", "carol", KEPT_US + 1)
    assert known.of("evening", "anna", KEPT_US + 1) is anna
    assert known.of("evening", "bob", KEPT_US + 1) is not bob


def test_there_are_only_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speakers, "SPEAKERS_MAX", 10)
    known = Speakers()
    for number in range(50):
        known.of("evening", f"v{number}", 1).said_at_us = 1
    assert len(known) <= 10
