"""What the counter's benchmarks run against: a private Redis, real engines and a real gateway, each
a process.

Owns starting, watching and stopping them. Refuses to know what is measured.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import psutil

from livestream import tether
from livestream.config import Settings
from livestream.embedded_redis import EmbeddedRedis
from livestream.logs import configure

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 60.0  # an engine that stops keeps a snapshot first
SPAWN = multiprocessing.get_context("spawn")


@contextmanager
def fresh_redis(directory: Path) -> Iterator[EmbeddedRedis]:
    """An empty private Redis, AOF always, on the disk of `directory`; removed afterwards."""
    shutil.rmtree(directory, ignore_errors=True)
    try:
        with EmbeddedRedis(directory) as server:
            yield server
    finally:
        shutil.rmtree(directory, ignore_errors=True)


class Server:
    """A process of ours that runs until it is told to stop."""

    def __init__(self, run: Callable[..., None], *arguments: Any) -> None:
        self._process: BaseProcess = SPAWN.Process(target=run, args=(*arguments, os.getpid()))
        self._process.start()
        self._watched = psutil.Process(self._process.pid)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._watched.pid

    def cpu_us(self) -> float:
        """CPU time that it has used, user and kernel."""
        times = self._watched.cpu_times()
        return (times.user + times.system) * 1e6

    def resident_bytes(self) -> int:
        """Memory that it has now."""
        return int(self._watched.memory_info().rss)

    def stop(self) -> None:
        """End it as an operator would, and see that it ends."""
        if self._process.pid is not None and self._process.is_alive():
            os.kill(self._process.pid, signal.SIGTERM)
        self._process.join(STOP_TIMEOUT_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
            raise RuntimeError(f"it did not stop within {STOP_TIMEOUT_S:g} s")


@contextmanager
def running_engine(url: str) -> Iterator[Server]:
    """A real engine on the Redis at `url`, for the length of a block."""
    engine = Server(_run_engine, url)
    try:
        yield engine
    finally:
        engine.stop()


@contextmanager
def running_gateway(url: str, port: int, secret: str) -> Iterator[Server]:
    """A real gateway on the Redis at `url`, for the length of a block; viewers are let in."""
    listening = SPAWN.Event()
    gateway = Server(_run_gateway, url, port, secret, listening)
    try:
        if not listening.wait(START_TIMEOUT_S):
            raise RuntimeError(f"the gateway did not listen within {START_TIMEOUT_S:g} s")
        yield gateway
    finally:
        gateway.stop()


def _run_gateway(url: str, port: int, secret: str, listening: Event, parent_pid: int) -> None:
    from livestream.gateway.server import run

    tether.die_with_parent(parent_pid)
    settings = Settings.load({}, redis_url=url, gateway_port=port, secret=secret, log_level="error")
    configure(settings, "gateway")
    run(settings, listening.set)


def _run_engine(url: str, parent_pid: int) -> None:
    from livestream.engine.process import run

    tether.die_with_parent(parent_pid)
    settings = Settings.load({}, redis_url=url, log_level="error")
    configure(settings, "engine")
    run(settings)


def say(text: str) -> None:
    """Progress, beside the figures."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)
