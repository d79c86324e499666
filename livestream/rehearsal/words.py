"""What is told of a rehearsal, as lines for a terminal. Pure.

Owns words. Refuses to know where they are printed.
"""

from __future__ import annotations

from collections.abc import Iterator

from livestream.show.rehearsal import Failure, Outcome, Phase, Step, Told

_PHASES: dict[Phase, str] = {
    "gathering": "people come in",
    "playing": "the show begins",
    "leaving": "the show is over, and people leave",
    "judging": "the auditor reads the log",
    "wiping": "the room is wiped",
}


class Words:
    """The lines of one rehearsal: each phase once, and every cue."""

    def __init__(self) -> None:
        self._phase: Phase | None = None

    def of(self, told: Told) -> Iterator[str]:
        """What to say now."""
        match told:
            case Step(phase=phase, cue=cue):
                if phase != self._phase:
                    self._phase = phase
                    yield f"-- {_PHASES[phase]}"
                if cue:
                    yield cue
            case Failure(reason=reason, wiped=wiped):
                yield reason
                if not wiped:
                    yield "the room may be there still: wipe it on the panel's list of rooms"
            case Outcome():
                yield from _outcome(told)


def _outcome(told: Outcome) -> Iterator[str]:
    yield ""
    width = max(len(figure.name) for figure in told.figures)
    for figure in told.figures:
        yield f"{figure.name:<{width}}  {figure.value}"
    yield ""
    yield told.audit.rstrip()
    for line in told.not_done:
        yield f"not as planned: {line.strip()}"
    yield (
        "nothing of it is left" if told.wiped else "the room is kept: wipe it when you have looked"
    )
