"""The private Redis: what it keeps, whom it refuses, and that it never outlives its parent."""

import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import psutil
import pytest

from livestream.embedded_redis import (
    SOCKET_PATH_BYTES_MAX,
    Binary,
    EmbeddedRedis,
    EmbeddedRedisError,
    find_binary,
)
from livestream.redis_client import open_redis
from tests.processes import gone, kill_9


def start_parent(directory: Path) -> subprocess.Popen[str]:
    """A process that starts a private Redis in the directory, prints its pid, and waits."""
    program = f"""
        import signal
        from pathlib import Path
        from livestream.embedded_redis import EmbeddedRedis
        signal.pthread_sigmask(signal.SIG_BLOCK, {{signal.SIGTERM}})
        with EmbeddedRedis(Path({str(directory)!r})) as redis:
            print(redis.pid, flush=True)
            signal.sigwait({{signal.SIGTERM}})
    """
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True
    )


async def test_it_answers_on_a_unix_socket_with_every_append_flushed(
    private_redis: EmbeddedRedis,
) -> None:
    client = open_redis(private_redis.url)
    config = await client.config_get("port", "appendonly", "appendfsync", "maxmemory-policy")
    await client.aclose()
    assert config == {
        "port": "0",
        "appendonly": "yes",
        "appendfsync": "always",
        "maxmemory-policy": "noeviction",
    }


async def test_data_survive_a_kill_9_of_the_server(private_redis: EmbeddedRedis) -> None:
    client = open_redis(private_redis.url)
    await client.xadd("log", {"event": "order.paid"}, id="1-0")
    await client.aclose()

    pid = kill_9(private_redis)
    private_redis.start()

    assert private_redis.pid != pid
    client = open_redis(private_redis.url)
    assert await client.xrange("log") == [(b"1-0", {b"event": b"order.paid"})]
    await client.aclose()


async def test_data_survive_an_orderly_stop(free_dir: Path) -> None:
    for expected in (1, 2, 3):
        with EmbeddedRedis(free_dir / "redis") as redis:
            client = open_redis(redis.url)
            assert await client.incr("runs") == expected
            await client.aclose()


def test_a_kill_9_of_the_parent_takes_the_server_along_and_frees_the_directory(
    free_dir: Path,
) -> None:
    with start_parent(free_dir / "redis") as parent:
        assert parent.stdout is not None
        server_pid = int(parent.stdout.readline())
        assert psutil.pid_exists(server_pid)
        parent.kill()
    with EmbeddedRedis(free_dir / "redis") as redis:
        assert redis.ready()
        assert gone(server_pid)


def test_a_parent_that_ends_in_order_stops_the_server(free_dir: Path) -> None:
    with start_parent(free_dir / "redis") as parent:
        assert parent.stdout is not None
        server_pid = int(parent.stdout.readline())
        parent.terminate()
        parent.wait(10)
    assert gone(server_pid)
    assert "User requested shutdown" in (free_dir / "redis" / "redis.log").read_text()


def test_a_tied_process_whose_parent_is_gone_already_does_not_begin(free_dir: Path) -> None:
    """The parent may die between fork and the tie; the kernel would then never send a signal."""
    from livestream import tether

    somebody_else = os.getppid()
    begun = free_dir / "begun"
    run = subprocess.run(
        [sys.executable, tether.__file__, str(somebody_else), "/bin/sh", "-c", f": > {begun}"],
        timeout=10,
    )
    assert run.returncode == 1
    assert not begun.exists()


def test_a_second_server_on_one_directory_is_refused_by_name(private_redis: EmbeddedRedis) -> None:
    second = EmbeddedRedis(private_redis.directory)
    with pytest.raises(EmbeddedRedisError, match=f"in use by another run .process {os.getpid()}"):
        second.start()
    assert private_redis.ready()


def test_a_stopped_server_leaves_no_socket_and_a_free_directory(free_dir: Path) -> None:
    first = EmbeddedRedis(free_dir / "redis")
    first.start()
    first.stop()
    assert not first.socket_path.exists()
    with EmbeddedRedis(free_dir / "redis") as second:
        assert second.ready()


def test_a_path_too_long_for_a_socket_gets_a_short_one_that_is_tidied_up(free_dir: Path) -> None:
    deep = free_dir / ("d" * 60) / ("e" * 60)
    with EmbeddedRedis(deep) as redis:
        assert redis.ready()
        assert len(os.fsencode(redis.socket_path)) <= SOCKET_PATH_BYTES_MAX
        assert (deep / "appendonlydir").is_dir()
        assert EmbeddedRedis(deep).socket_path == redis.socket_path
    assert not redis.socket_path.parent.exists()


def test_a_server_that_cannot_start_says_why_in_its_own_words(free_dir: Path) -> None:
    log = free_dir / "redis" / "appendonlydir"
    log.mkdir(parents=True)
    (log / "appendonly.aof.manifest").write_text("no manifest\n")
    with pytest.raises(EmbeddedRedisError, match=r"(?s)ended with status 1 .*manifest"):
        EmbeddedRedis(free_dir / "redis").start()


def test_a_program_that_never_answers_is_ended_at_the_deadline(free_dir: Path) -> None:
    sleeper = free_dir / "sleeper"
    sleeper.write_text("#!/bin/sh\necho still loading\nexec sleep 60\n")
    sleeper.chmod(0o700)
    redis = EmbeddedRedis(free_dir / "redis", Binary((7, 0), sleeper))
    with pytest.raises(EmbeddedRedisError, match=r"(?s)not ready within 0.5 s.*still loading"):
        redis.start(timeout_s=0.5)
    assert redis.pid is None


def test_a_thread_may_not_start_it_since_the_server_would_end_with_the_thread(
    free_dir: Path,
) -> None:
    raised: list[BaseException] = []

    def start() -> None:
        try:
            EmbeddedRedis(free_dir / "redis").start()
        except RuntimeError as error:
            raised.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert "only from the main thread" in str(raised[0])


def test_the_newest_server_is_taken(free_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, version in (("redis-server", "99.1.0"), ("valkey-server", "99.0.3")):
        program = free_dir / name
        program.write_text(f"#!/bin/sh\necho 'Server v={version} sha=0'\n")
        program.chmod(0o700)
    assert find_binary().version < (99,)
    monkeypatch.setenv("PATH", f"{free_dir}:{os.environ['PATH']}")
    assert find_binary() == Binary((99, 1, 0), free_dir / "redis-server")


def test_without_any_server_the_message_names_the_ways_out(
    free_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(free_dir))
    monkeypatch.setattr(sys, "path", [str(free_dir)])
    with pytest.raises(EmbeddedRedisError, match="--redis URL"):
        find_binary()
