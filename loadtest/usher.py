"""In which order users come, and so to which load process.

Locust hands them out one by one to its workers in turn. Its own order can fall into step with the
turns: with as many crowds as shoppers and two workers, one of them gets all crowds, and runs out of
descriptors. Here each kind comes in runs as long as there are workers, so that each worker gets one
of a run; and the host comes first, since who came first leaves last, and an evening whose host has
left has no end.

Owns that order. Refuses to know how many of each there are: the kinds' `fixed_count` says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from locust.dispatch import UsersDispatcher

HOST = "Host"


class Usher(UsersDispatcher):
    """For `Environment.dispatcher_class`. All kinds have a `fixed_count`."""

    def _user_gen(self) -> Iterator[str | None]:
        wanted = {kind.__name__: kind.fixed_count for kind in self._user_classes}
        while True:
            missing = {
                name: count - here
                for name, count in wanted.items()
                if (here := self._get_user_current_count(name)) < count
            }
            if not missing:
                yield None
            for name in in_runs(missing, len(self._worker_nodes)):
                if self._get_user_current_count(name) < wanted[name]:
                    yield name


def in_runs(missing: Mapping[str, int], workers: int) -> Iterator[str]:
    """The host, and then runs of each kind, spread evenly over all the runs."""
    if HOST in missing:
        yield HOST
    runs = []
    for name, count in missing.items():
        of_kind = -(-count // workers)
        runs += [
            ((run + 0.5) / of_kind, name, min(workers, count - run * workers))
            for run in range(of_kind)
            if name != HOST
        ]
    for _, name, length in sorted(runs):
        yield from [name] * length
