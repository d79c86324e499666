"""Everything on one machine: a private Redis, an engine, a control server, gateways.

Owns which processes there are, in which order they start, and the file that tells tools of this
machine where they listen: it is there once they do. Refuses to know what a role does.
"""

from __future__ import annotations

import mmap
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec
import structlog
from msgspec import Struct

from livestream import logs, supervisor
from livestream.config import Settings, SettingsError
from livestream.embedded_redis import EmbeddedRedis
from livestream.supervisor import Role
from livestream.tracing import require_tracing

log = structlog.get_logger()

#: Where a run tells its addresses, under `var_dir`; gone when it ends.
ADDRESSES_FILE: Final = "addresses.json"


class Addresses(Struct, frozen=True):
    """Where a run of `livestream serve` can be reached from this machine."""

    pid: int
    control_url: str
    gateway_url: str
    redis_url: str


def serve(settings: Settings, announce: Callable[[Addresses], object] | None = None) -> int:
    """Run until SIGTERM or SIGINT; returns the exit status. `announce` is called once all roles are
    up, and whoever connects is let in.

    Raises:
        SettingsError: a port cannot be had, or what a setting needs is not installed.
        EmbeddedRedisError: the private Redis cannot be started.
    """
    require_tracing(settings)
    with _reserved_ports(settings) as reserved:
        embedded = None
        if reserved.redis_url is None:
            embedded = EmbeddedRedis(reserved.redis_dir())
            embedded.claim()
            reserved = msgspec.structs.replace(reserved, redis_url=embedded.url)
        supervisor.prepare_metrics_dir(reserved.shared_metrics_dir())
        addresses = _addresses(reserved)
        path = reserved.var_dir / ADDRESSES_FILE

        def up() -> None:
            _write_private(path, msgspec.json.encode(addresses))
            log.info("serve.up", panel=addresses.control_url, viewers=addresses.gateway_url)
            if announce is not None:
                announce(addresses)

        try:
            return supervisor.supervise(
                _roles(reserved, embedded),
                on_up=up,
                on_death=supervisor.forget_live_metrics,
            )
        finally:
            with suppress(FileNotFoundError):
                path.unlink()
            if embedded is not None:
                embedded.release()


def read_addresses(var_dir: Path) -> Addresses | None:
    """Where the run that uses `var_dir` listens, or None when there is none."""
    try:
        addresses = msgspec.json.decode((var_dir / ADDRESSES_FILE).read_bytes(), type=Addresses)
        os.kill(addresses.pid, 0)
    except (FileNotFoundError, msgspec.DecodeError, ProcessLookupError):
        return None
    except PermissionError:
        pass  # it lives, under another user
    return addresses


def _roles(settings: Settings, embedded: EmbeddedRedis | None) -> list[Role]:
    # Imported here and before the first fork: after prometheus_client was told where to share, and
    # once for all roles, which then share these pages.
    from livestream import tickets
    from livestream.control import server as control
    from livestream.courier import process as courier
    from livestream.engine import process as engine
    from livestream.gateway import server as gateway

    tickets.warm_up()

    def listening(
        name: str, run: Callable[[Settings, Callable[[], None]], object], number: int | None = None
    ) -> Role:
        flag = _Flag()

        def start() -> None:
            logs.configure(settings, name if number is None else f"{name}-{number}")
            run(settings, flag.put_up)

        return Role(name, start, number, ready=flag.is_up, holds_back=False)

    def decide() -> None:
        logs.configure(settings, "engine")
        engine.run(settings)

    def carry() -> None:
        logs.configure(settings, "courier")
        courier.run(settings)

    roles = []
    if embedded is not None:
        roles.append(
            Role(
                "redis",
                embedded.exec_server,
                ready=embedded.ready,
                last_words=embedded.log_tail,
            )
        )
    roles.append(Role("engine", decide))
    if settings.merchant_webhook_url is not None:
        roles.append(Role("courier", carry))
    roles.append(listening("control", control.run))
    roles += [
        listening("gateway", gateway.run, number)
        for number in range(1, settings.gateway_count() + 1)
    ]
    return roles


class _Flag:
    """Put up in a forked process, seen by its parent: one shared page of memory."""

    def __init__(self) -> None:
        self._page = mmap.mmap(-1, 1)

    def put_up(self) -> None:
        self._page[0] = 1

    def is_up(self) -> bool:
        return self._page[0] == 1


@contextmanager
def _reserved_ports(settings: Settings) -> Iterator[Settings]:
    """The settings with ports that are ours: chosen by the kernel where 0 was asked for, and free.

    The sockets are bound and never listen. Gateways share their port (SO_REUSEPORT), so ours stays
    bound beside theirs and keeps the number while all of them are down; control's is let go just
    before the start.
    """
    gateway = _bind("gateway", settings.gateway_host, settings.gateway_port)
    try:
        with _bind("control", settings.control_host, settings.control_port) as control:
            control_port = control.getsockname()[1]
        yield msgspec.structs.replace(
            settings, gateway_port=gateway.getsockname()[1], control_port=control_port
        )
    finally:
        gateway.close()


def _bind(role: str, host: str, port: int) -> socket.socket:
    shared = role == "gateway"
    if shared and port:
        # Gateways of one run share their port; with those of another run they would share its
        # viewers too, and neither would notice. Asked for alone, it is refused while one listens.
        _bind_alone_or_shared(role, host, port, shared=False).close()
    return _bind_alone_or_shared(role, host, port, shared)


def _bind_alone_or_shared(role: str, host: str, port: int, shared: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    reserved = socket.socket(family)
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        reserved.bind((host, port))
    except OSError as error:
        reserved.close()
        raise SettingsError(
            f"{role}: cannot listen on {host}:{port} ({error.strerror}); "
            f"choose another with --{role}-port"
        ) from None
    return reserved


def _addresses(settings: Settings) -> Addresses:
    assert settings.redis_url is not None, "filled in above"
    return Addresses(
        pid=os.getpid(),
        control_url=f"http://{_reachable(settings.control_host)}:{settings.control_port}",
        gateway_url=settings.gateway_url
        or f"ws://{_reachable(settings.gateway_host)}:{settings.gateway_port}",
        redis_url=settings.redis_url,
    )


def _reachable(host: str) -> str:
    """A host that a client on this machine can use."""
    if host in ("0.0.0.0", "::"):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _write_private(path: Path, content: bytes) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    draft.replace(path)
