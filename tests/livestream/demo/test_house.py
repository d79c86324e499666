"""The server of a demo: its ports, its directory, its last words."""

import os
import socket
import time
from pathlib import Path

import pytest

from livestream.config import Settings
from livestream.demo.house import RUNS_KEPT, House, HouseError
from livestream.embedded_redis import EmbeddedRedis


def settings(var_dir: Path, **fields: object) -> Settings:
    return Settings.load({}, var_dir=var_dir, control_port=0, gateway_port=0, **fields)


def directories(var_dir: Path) -> list[str]:
    return sorted(path.name for path in var_dir.glob("demo-*"))


def test_the_last_runs_stay_and_older_ones_go(free_dir: Path) -> None:
    old = [free_dir / f"demo-2001010{day}-000000" for day in range(1, 6)]
    for path in old:
        (path / "redis").mkdir(parents=True)
    (free_dir / "redis").mkdir()
    new = House(settings(free_dir)).directory
    assert directories(free_dir) == [*(path.name for path in old[-RUNS_KEPT + 1 :]), new.name]
    assert (free_dir / "redis").exists()


def test_a_run_that_still_goes_on_keeps_its_directory(free_dir: Path) -> None:
    running = free_dir / "demo-20010101-000000"
    redis = EmbeddedRedis(running / "redis")
    redis.claim()
    for day in range(2, 7):
        (free_dir / f"demo-2001010{day}-000000").mkdir()
    House(settings(free_dir))
    assert running.exists()
    redis.release()
    House(settings(free_dir))
    assert not running.exists()


def test_two_runs_in_one_second_have_two_directories(
    free_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "strftime", lambda _form: "20010101-000000")
    assert House(settings(free_dir)).directory != House(settings(free_dir)).directory
    assert directories(free_dir) == ["demo-20010101-000000", "demo-20010101-000000-2"]


def test_a_port_that_is_taken_is_left_to_the_kernel(free_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        house = House(Settings.load({}, var_dir=free_dir, control_port=taken, gateway_port=0))
        assert house.settings.control_port == 0
    assert house.settings.var_dir == house.directory


@pytest.mark.slow
def test_a_server_that_cannot_start_is_told_with_its_last_words(free_dir: Path) -> None:
    # An address of the documentation's, RFC 5737: no machine has it.
    house = House(settings(free_dir, control_host="192.0.2.1"))
    with house, pytest.raises(HouseError, match=r"(?s)ended by itself.*192\.0\.2\.1"):
        house.wait_ready()
    assert not house.running


@pytest.mark.slow
def test_a_house_answers_and_is_gone_after_use(free_dir: Path) -> None:
    with House(settings(free_dir, gateways=1)) as house:
        addresses = house.wait_ready()
        os.kill(addresses.pid, 0)
        assert house.running
    with pytest.raises(ProcessLookupError):
        os.kill(addresses.pid, 0)
    assert not (house.directory / "addresses.json").exists()
