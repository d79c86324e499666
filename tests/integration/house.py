"""A house: the processes around one Redis, as one machine or many would run them.

    House    engines and gateways one by one, for tests that kill and freeze single ones
    Served   everything under `livestream serve`, as on one machine

Owns starting, finding and clearing away processes. Refuses to know rooms beyond their owner, and
everybody who speaks to a room.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from livestream.serve import Addresses, read_addresses
from tests.integration.programs import PATIENCE_S, Program, start_program
from tests.processes import gone, within

SECRET = "for tests only, and 32 characters or more"
#: Short, so that a test can see many takeovers; the product's own is 2,000.
LEASE_MS = 400


class House:
    """Engines, gateways and control servers at the Redis of `redis_url`, each on its own port."""

    def __init__(self, redis_url: str, directory: Path) -> None:
        self.redis_url = redis_url
        self.directory = directory
        self.programs: list[Program] = []
        self._gateways: dict[Program, str] = {}
        self._numbers = itertools.count(1)

    def close(self) -> None:
        for program in self.programs:
            program.clear_away()
            # Shown by pytest if the test failed.
            print(f"--- {program.name}", *program.complaints(), sep="\n")

    def start_engine(self, lease_ms: int = LEASE_MS, **settings: object) -> Program:
        """An engine of its own, which takes rooms that have no owner; returns at once."""
        return self._start("engine", engine_port=0, lease_ms=lease_ms, **settings)

    def start_standby(self, lease_ms: int = LEASE_MS, **settings: object) -> Program:
        """An engine that is there when it is needed."""
        program = self.start_engine(lease_ms, **settings)
        assert program.has_logged("engine.started"), program.log_path.read_text()
        return program

    def start_gateway(self, **settings: object) -> Program:
        """A gateway on a port of its own; returns when it listens."""
        program = self._start("gateway", gateway_port=0, **settings)
        assert program.has_logged("gateway.listening"), program.log_path.read_text()
        port = program.logged("gateway.listening")[-1]["port"]
        self._gateways[program] = f"ws://127.0.0.1:{port}"
        return program

    def start_control(self, **settings: object) -> Program:
        """A control server on a port of its own; returns when it listens."""
        program = self._start("control", control_port=0, **settings)
        assert program.has_logged("control.listening"), program.log_path.read_text()
        return program

    @property
    def control_url(self) -> str:
        """One of the control servers."""
        return f"http://{self.targets()['control'][0]}"

    def targets(self) -> dict[str, list[str]]:
        """Role -> host:port of each process that has been started, for a scraper."""
        found: dict[str, list[str]] = {"control": [], "engine": [], "gateway": []}
        for program in self.programs:
            role = program.name.partition("-")[0]
            assert program.has_logged(f"{role}.listening"), program.log_path.read_text()
            found[role].append(f"127.0.0.1:{program.logged(f'{role}.listening')[-1]['port']}")
        return found

    def engine_pids(self) -> list[int]:
        """The engines that run."""
        return [p.pid for p in self.programs if p.name.startswith("engine") and p.runs]

    def kill_9(self, program: Program) -> None:
        """Kill a program for good."""
        self._gateways.pop(program, None)
        program.kill_9()

    def retire(self, gateway: Program) -> int:
        """Ask a gateway to end, where nobody will look for it again; its exit status."""
        self._gateways.pop(gateway, None)
        return gateway.stop()

    def gateway_urls(self) -> list[str]:
        """Where viewers may connect now."""
        return list(self._gateways.values())

    def shows(self, room: str) -> bool:
        """Whether every gateway shows the room."""
        gateways = [p for p in self.programs if p.name.startswith("gateway") and p.runs]
        return all(_rooms(p, "room.shown", room) for p in gateways)

    def owner_of(self, room: str) -> Program | None:
        """The engine that took the room over last, if it runs still."""
        taken = [
            (line["epoch"], p) for p in self.programs for line in _rooms(p, "room.owned", room)
        ]
        if not taken:
            return None
        _, last = max(taken, key=lambda one: one[0])
        return last if last.runs else None

    def _start(self, role: str, **settings: object) -> Program:
        program = start_program(
            self.directory,
            f"{role}-{next(self._numbers)}",
            role,
            "--redis",
            self.redis_url,
            var_dir=self.directory,
            secret=SECRET,
            **settings,
        )
        self.programs.append(program)
        return program


class Served:
    """`livestream serve` with two gateways. Roles are known by their labels: redis, engine,
    control, gateway-1, gateway-2.
    """

    def __init__(self, directory: Path, **settings: object) -> None:
        self.directory = directory
        given = {"lease_ms": LEASE_MS, "log_level": "debug", "secret": SECRET, **settings}
        self.program = start_program(
            directory,
            "serve",
            *("serve", "--var-dir", str(directory / "var")),
            *("--control-port", "0", "--gateway-port", "0", "--gateways", "2"),
            **given,
        )
        assert within(PATIENCE_S, lambda: self._addresses() is not None), self._log()
        addresses = self._addresses()
        assert addresses is not None
        self.redis_url = addresses.redis_url
        self.control_url = addresses.control_url
        self._gateway_url = addresses.gateway_url

    def close(self) -> None:
        self.program.clear_away()
        assert within(PATIENCE_S, lambda: not any(self.alive())), "roles outlive their parent"
        print("--- serve", *self.program.complaints(), sep="\n")

    def gateway_urls(self) -> list[str]:
        """The one address that the gateways share."""
        return [self._gateway_url]

    def shows(self, room: str) -> bool:
        """Whether every gateway shows the room."""
        pids = {line["pid"] for line in _rooms(self.program, "room.shown", room)}
        return {self.pid_of("gateway-1"), self.pid_of("gateway-2")} <= pids

    def pid_of(self, role: str) -> int:
        """The process that has the role now, or had it last."""
        started = self.program.logged("role.started")
        pid: int = [line["role_pid"] for line in started if line["role"] == role][-1]
        return pid

    def owner_of(self, room: str) -> int | None:
        """The pid of the room's engine, if it lives."""
        taken = _rooms(self.program, "room.owned", room)
        if not taken or gone(taken[-1]["pid"]):
            return None
        pid: int = taken[-1]["pid"]
        return pid

    def targets(self) -> dict[str, list[str]]:
        """The one address for a scraper."""
        return {"": [urlsplit(self.control_url).netloc]}

    def engine_pids(self) -> list[int]:
        """The engine that runs."""
        return [self.pid_of("engine")]

    def alive(self) -> list[int]:
        """Every role's process that lives, of now or of before."""
        pids = {line["role_pid"] for line in self.program.logged("role.started")}
        return [pid for pid in pids if not gone(pid)]

    def _addresses(self) -> Addresses | None:
        assert self.program.runs, self._log()
        return read_addresses(self.directory / "var")

    def _log(self) -> str:
        return self.program.log_path.read_text()


def _rooms(program: Program, event: str, room: str) -> list[dict[str, Any]]:
    return [line for line in program.logged(event) if line["room"] == room]
