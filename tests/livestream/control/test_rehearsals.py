"""Rehearsals at the desk, as far as no process is needed: what is refused, and who may."""

import pytest

from livestream.control.rehearsals import CUES_KEPT, Rehearsal
from livestream.control.views import RehearsalView
from livestream.show import new_show
from livestream.show.rehearsal import Failure, Figure, Outcome, Step
from tests.livestream.control.desks import Desk, assert_problem, host_token


async def test_a_show_with_mistakes_is_not_rehearsed_and_they_are_told_by_line(desk: Desk) -> None:
    broken = new_show().replace("supply: 288", "supply: none").replace("at: 20s", "at: soon")
    refused = await desk.post("/rehearsals", {"show": broken})
    assert_problem(refused, 422, "invalid")
    first, second = refused.body["detail"].splitlines()
    assert "supply: expected int, got str" in first
    place = broken[: broken.index("supply: none")].count("\n") + 1
    assert first.startswith(f"line {place}: ")
    assert "'soon' is not a duration" in second
    assert (await desk.get("/rehearsals")).body == {"rehearsals": []}


@pytest.mark.parametrize("asked", [{"viewers": 2_001}, {"speed": 21}, {"speed": 0}, {"buyers": -1}])
async def test_a_rehearsal_has_bounds(desk: Desk, asked: dict[str, float]) -> None:
    answered = await desk.post("/rehearsals", {"show": new_show(), **asked})
    assert_problem(answered, 422, "invalid")


async def test_only_a_host_rehearses_and_everybody_at_the_desk_sees(desk: Desk) -> None:
    for role in ("analyst", "moderator"):
        other = desk.as_(host_token(role))
        assert_problem(await other.post("/rehearsals", {"show": new_show()}), 403, "forbidden")
        assert_problem(await other.delete("/rehearsals/rehearsal-x"), 403, "forbidden")
        assert (await other.get("/rehearsals")).status == 200
    assert_problem(await desk.delete("/rehearsals/rehearsal-x"), 404, "not_found")


def a_view() -> RehearsalView:
    return {
        "room": "rehearsal-x",
        "title": "X",
        "by": "lin",
        "started_at_ms": 1,
        "viewers": 60,
        "buyers": None,
        "speed": 10,
        "keep": False,
        "state": "running",
        "phase": "gathering",
        "at_ms": 0,
        "duration_ms": 30_000,
        "here": 0,
        "orders_paid": 0,
        "cues": [],
        "outcome": None,
        "reason": None,
        "wiped": False,
    }


def test_what_a_process_tells_is_kept_for_the_desk() -> None:
    rehearsal = Rehearsal(a_view())
    for number in range(CUES_KEPT + 2):
        rehearsal.hear(Step("playing", 1_000 * number, 30_000, 40, number % 7, f"  cue {number}"))
    view = rehearsal.view
    assert (view["phase"], view["at_ms"], view["here"]) == ("playing", 9_000, 40)
    assert view["orders_paid"] == 6
    assert view["cues"] == [f"cue {number}" for number in range(2, CUES_KEPT + 2)]
    rehearsal.hear(Step("judging"))
    assert (view["phase"], view["at_ms"]) == ("judging", 9_000)
    assert (rehearsal.running, view["state"]) == (True, "running")
    rehearsal.hear(Outcome(True, "clean", [Figure("orders", "6 paid")], [], wiped=True))
    assert (rehearsal.running, view["state"], view["wiped"]) == (False, "done", True)
    outcome = view["outcome"]
    assert outcome is not None
    assert outcome["figures"] == [{"name": "orders", "value": "6 paid"}]


def test_a_rehearsal_that_failed_says_why() -> None:
    rehearsal = Rehearsal(a_view())
    rehearsal.hear(Failure("it was stopped", wiped=True))
    assert not rehearsal.running
    assert (rehearsal.view["state"], rehearsal.view["reason"]) == ("failed", "it was stopped")
