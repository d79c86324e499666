"""Supervision: roles come back, back off, stop in order, and never outlive their parent.

Each test runs `tests.livestream.supervised` as a process of its own and reads its journal.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import psutil
import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from livestream.redis_client import open_redis
from livestream.supervisor import Restart, Role, prepare_metrics_dir, supervise
from tests.processes import eventually, gone, within

REPOSITORY = Path(__file__).parents[2]


@dataclass
class Supervised:
    process: subprocess.Popen[str]
    directory: Path

    def journal(self) -> list[tuple[str, str, int]]:
        path = self.directory / "journal"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(what, who, int(pid)) for what, who, pid in (line.split() for line in lines)]

    def pids(self, who: str, what: str = "started") -> list[int]:
        return [pid for event, name, pid in self.journal() if (event, name) == (what, who)]

    def saw(self, what: str, who: str = "supervisor", times: int = 1) -> bool:
        return within(10, lambda: len(self.pids(who, what)) >= times)

    def status(self, timeout_s: float = 10) -> int:
        return self.process.wait(timeout_s)

    def logged(self, event: str) -> list[dict[str, object]]:
        lines = (self.directory / "log").read_bytes().splitlines()
        return [line for line in map(orjson.loads, lines) if line["message"] == event]


Start = Callable[[str], Supervised]


@pytest.fixture
def start(free_dir: Path) -> Iterator[Start]:
    started: list[Supervised] = []

    def start(scenario: str) -> Supervised:
        with (free_dir / "log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.livestream.supervised", scenario, free_dir],
                cwd=REPOSITORY,
                stderr=log,
                text=True,
            )
        started.append(Supervised(process, free_dir))
        return started[-1]

    yield start
    for run in started:
        run.process.kill()
        run.process.wait()
        pids = [pid for _, _, pid in run.journal()]
        assert within(5, lambda: all(map(gone, pids)))  # noqa: B023  # asked before the next turn


def test_roles_run_in_processes_of_their_own(start: Start) -> None:
    run = start("house")
    assert run.saw("up")
    assert all(run.saw("started", who) for who in ("engine", "control", "gateway-0", "gateway-1"))
    pids = {pid for what, _, pid in run.journal() if what == "started"}
    assert len(pids) == 4
    assert pids == {child.pid for child in psutil.Process(run.process.pid).children()}


def test_a_stop_goes_in_reverse_and_each_name_waits_for_the_one_behind_it(
    start: Start,
) -> None:
    run = start("house")
    assert all(run.saw("started", who) for who in ("engine", "control", "gateway-0", "gateway-1"))
    run.process.terminate()
    assert run.status() == 0
    ended = [(what, who) for what, who, _ in run.journal() if what in ("stopped", "died")]
    gateways, rest = ended[:4], ended[4:]
    assert set(gateways) == {(w, f"gateway-{n}") for w in ("stopped", "died") for n in (0, 1)}
    assert rest == [
        ("stopped", "control"),
        ("died", "control"),
        ("stopped", "engine"),
        ("died", "engine"),
    ]


def test_ctrl_c_reaches_only_the_supervisor_which_stops_in_order(start: Start) -> None:
    run = start("house")
    assert all(run.saw("started", who) for who in ("engine", "gateway-1"))
    assert os.getpgid(run.pids("engine")[0]) != os.getpgid(run.process.pid)
    run.process.send_signal(signal.SIGINT)
    assert run.status() == 0
    assert run.journal()[-1][:2] == ("died", "engine")


def test_a_role_that_was_killed_comes_back_and_its_death_is_told(start: Start) -> None:
    run = start("house")
    assert run.saw("started", "engine")
    (first,) = run.pids("engine")
    os.kill(first, signal.SIGKILL)
    assert run.saw("started", "engine", times=2)
    assert run.pids("engine", "died") == [first]
    assert run.pids("engine")[1] != first
    assert len(run.pids("control")) == 1
    (told,) = run.logged("role.died")
    assert (told["role"], told["role_pid"], told["how"]) == (
        "engine",
        first,
        "was killed by SIGKILL",
    )


def test_a_role_that_fails_at_once_again_and_again_ends_everything(start: Start) -> None:
    run = start("hopeless")
    assert run.status() == 1
    assert len(run.pids("engine")) == Restart().instant_deaths_max
    delays = [float(str(told["restart_in_s"])) for told in run.logged("role.died")]
    assert delays == [0.05, 0.1, 0.2, 0.4]
    (told,) = run.logged("role.hopeless")
    assert told["last_words"] == "disk full"
    assert "5 times in a row it ended with status 1 at once" in str(told["why"])
    assert len(run.logged("role.failed")) == Restart().instant_deaths_max
    assert run.pids("control", "stopped")


def test_a_role_that_does_not_stop_is_killed_after_its_grace(start: Start) -> None:
    run = start("deaf")
    assert run.saw("started", "gateway")
    assert run.saw("started", "engine")
    began = time.monotonic()
    run.process.terminate()
    assert run.status() == 0
    assert 0.3 <= time.monotonic() - began < 5
    assert run.logged("roles.killed")[0]["roles"] == ["gateway"]
    assert run.pids("engine", "stopped"), "the engine was given its own grace"


def test_a_second_ctrl_c_kills_at_once(start: Start) -> None:
    run = start("deaf_and_patient")
    assert run.saw("started", "gateway")
    assert run.saw("up")
    run.process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    assert run.process.poll() is None
    run.process.send_signal(signal.SIGINT)
    assert run.status(timeout_s=5) == 130


def test_a_killed_supervisor_takes_every_role_along(start: Start) -> None:
    run = start("house")
    assert all(run.saw("started", who) for who in ("engine", "control", "gateway-0", "gateway-1"))
    pids = [pid for what, _, pid in run.journal() if what == "started"]
    run.process.kill()
    run.process.wait()
    assert within(5, lambda: all(map(gone, pids)))
    assert not any(what == "stopped" for what, _, _ in run.journal())


def test_a_role_waits_for_the_one_before_it_to_be_ready(start: Start) -> None:
    run = start("waiting")
    assert run.saw("started", "redis")
    time.sleep(0.2)
    assert run.pids("engine") == []
    (run.directory / "ready").touch()
    assert run.saw("started", "engine")
    assert run.saw("up")
    run.process.terminate()
    assert run.status() == 0


def test_a_role_that_never_gets_ready_ends_everything(start: Start) -> None:
    run = start("waiting")
    assert run.status() == 1
    assert "not ready within 1 s" in str(run.logged("role.hopeless")[0]["why"])
    assert run.pids("engine") == []


def test_the_end_of_a_leading_role_stops_the_rest_and_gives_the_status(
    start: Start,
) -> None:
    run = start("led")
    assert run.status() == 7
    assert len(run.pids("demo")) == 1
    assert run.pids("engine", "stopped")


def test_a_failing_callback_leaves_no_role_behind(start: Start) -> None:
    run = start("broken_callback")
    assert run.status() == 1
    assert "nobody expected this" in (run.directory / "log").read_text()


def test_all_are_up_when_the_last_says_it_is_ready_and_nobody_waited_for_another(
    start: Start,
) -> None:
    run = start("aside")
    assert run.saw("started", "gateway"), "it did not wait for control"
    time.sleep(1.2)
    assert run.pids("supervisor", "up") == [], "nor did anybody give up after the time for others"
    (run.directory / "ready").touch()
    assert run.saw("up")
    run.process.terminate()
    assert run.status() == 0


async def test_redis_is_a_role_like_any_other_and_keeps_its_data(start: Start) -> None:
    run = start("with_redis")
    assert run.saw("up")
    url = next(what for what, who, _ in run.journal() if who == "address")
    client = open_redis(url)
    await client.set("sold", 288)
    first = int((await client.info("server"))["process_id"])
    await client.aclose()

    os.kill(first, signal.SIGKILL)
    assert run.saw("died", "redis")
    again = open_redis(url)

    async def remembers() -> bool:
        try:
            return bool(await again.get("sold") == b"288")
        except RedisConnectionError:
            return False

    assert await eventually(5, remembers)
    await again.aclose()

    run.process.terminate()
    assert run.status() == 0
    assert [who for what, who, _ in run.journal() if what == "died"] == ["redis", "engine", "redis"]
    assert "User requested shutdown" in (run.directory / "redis" / "redis.log").read_text()


def test_nothing_is_forked_beside_another_thread() -> None:
    release = threading.Event()
    thread = threading.Thread(target=release.wait)
    thread.start()
    try:
        with pytest.raises(RuntimeError, match="no other thread"):
            supervise([Role("engine", lambda: None)])
    finally:
        release.set()
        thread.join()


def test_restarts_come_later_each_time_within_bounds() -> None:
    steady = Restart(jitter=0.0)
    assert [steady.delay_s(n) for n in (1, 2, 3, 4)] == [0.1, 0.2, 0.4, 0.8]
    assert steady.delay_s(8) == steady.delay_s(10_000) == 10.0
    jittered = [Restart().delay_s(1) for _ in range(200)]
    assert 0.08 <= min(jittered) < max(jittered) <= 0.12


def test_metrics_are_shared_by_processes_and_those_of_the_last_run_are_gone(
    free_dir: Path,
) -> None:
    (free_dir / "counter_1.db").write_bytes(b"of a run before")
    program = f"""
import os
from pathlib import Path
from livestream.supervisor import Restart, Role, supervise
from livestream.supervisor import forget_live_metrics, prepare_metrics_dir
prepare_metrics_dir(Path({str(free_dir)!r}))
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest, multiprocess
sold = Counter("sold", "units sold")
viewers = Gauge("viewers", "viewers now", multiprocess_mode="livesum")

def gateway():
    viewers.set(5)
    sold.inc(3)

def report():
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)
    print(generate_latest(registry).decode())

died = []
def on_death(role, pid):
    forget_live_metrics(role, pid)
    died.append(role)
    if len(died) == 2:
        report()
        os.kill(os.getpid(), 15)

roles = [Role("gateway", gateway, 0), Role("gateway", gateway, 1)]
supervise(roles, on_death=on_death, restart=Restart(first_s=60, longest_s=60))
"""
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=REPOSITORY, timeout=20
    )
    assert run.returncode == 0, run.stderr
    assert "sold_total 6.0" in run.stdout
    assert "viewers 0.0" in run.stdout, "the dead count no viewers"
    assert not (free_dir / "counter_1.db").exists()


def test_sharing_metrics_cannot_be_decided_too_late(free_dir: Path) -> None:
    import prometheus_client  # noqa: F401  # that it is imported is the point

    with pytest.raises(RuntimeError, match="before prometheus_client is imported"):
        prepare_metrics_dir(free_dir)
