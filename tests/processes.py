"""Waiting for what other processes do: nobody there can set an event of ours, so we look."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable

import psutil

from livestream.embedded_redis import EmbeddedRedis

LOOK_AGAIN_S = 0.01


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    """Whether the condition comes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_AGAIN_S)
    return True


async def eventually(seconds: float, condition: Callable[[], Awaitable[bool]]) -> bool:
    """Whether the condition comes true in time; the loop goes on meanwhile."""
    deadline = time.monotonic() + seconds
    while not await condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(LOOK_AGAIN_S)
    return True


def gone(pid: int) -> bool:
    """Whether no such process runs any more (it may still wait to be reaped)."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def kill_9(redis: EmbeddedRedis) -> int:
    """Kill the server as a power cut would, wait until it is gone, and return its pid."""
    pid = redis.pid
    assert pid is not None, "the server does not run"
    os.kill(pid, signal.SIGKILL)
    assert within(5, lambda: redis.pid is None)
    return pid
