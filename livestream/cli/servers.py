"""Commands that serve: all roles, one role, and whether one is well.

Owns how a role is started from a shell. Refuses to do a role's work.
"""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from livestream import logs
from livestream.cli.options import (
    COMMON,
    LISTENING,
    STATUS_NO,
    Common,
    Listening,
    app,
)
from livestream.cli.tickets import host_token
from livestream.config import Settings, SettingsError
from livestream.serve import Addresses
from livestream.serve import serve as serve_all


@app.command
def serve(*, common: Common = COMMON, listening: Listening = LISTENING) -> int:
    """Run everything on this machine: Redis, an engine, a control server, gateways."""
    settings = common.settings(**listening.options())
    logs.configure(settings, "serve")

    def announce(addresses: Addresses) -> None:
        if not sys.stdout.isatty():
            return
        token = host_token(settings, "host", "host", hours=12)
        print(f"panel    {addresses.control_url}/#token={token}")
        print(f"viewers  {addresses.control_url}/watch/ROOM  (tickets: livestream ticket ROOM)")
        print(f"metrics  {addresses.control_url}/metrics")

    return serve_all(settings, announce)


@app.command
def engine(*, common: Common = COMMON) -> None:
    """Run one engine against --redis URL: it owns rooms and decides."""
    settings = _remote(common.settings())
    logs.configure(settings, "engine")
    from livestream.engine import process

    with _listening("engine", settings.engine_host, settings.engine_port):
        process.run(settings, alone=True)


@app.command
def courier(*, common: Common = COMMON) -> None:
    """Run one courier against --redis URL: it brings order events to the merchant's systems."""
    settings = _remote(common.settings())
    if settings.merchant_webhook_url is None:
        raise SettingsError("a courier needs LIVESTREAM_MERCHANT_WEBHOOK_URL and …_SECRET")
    logs.configure(settings, "courier")
    from livestream.courier import process

    with _listening("courier", settings.engine_host, settings.courier_port):
        process.run(settings, alone=True)


@app.command
def control(*, common: Common = COMMON, listening: Listening = LISTENING) -> None:
    """Run one control server against --redis URL: the API, the panel, the viewer page."""
    settings = _remote(common.settings(**listening.options()))
    logs.configure(settings, "control")
    from livestream.control import server

    with _listening("control", settings.control_host, settings.control_port):
        server.run(settings)


@app.command
def gateway(*, common: Common = COMMON, listening: Listening = LISTENING) -> None:
    """Run one gateway against --redis URL: it holds viewers' connections."""
    settings = _remote(common.settings(**listening.options()))
    logs.configure(settings, "gateway")
    from livestream.gateway import server

    with _listening("gateway", settings.gateway_host, settings.gateway_port):
        server.run(settings)


@contextmanager
def _listening(role: str, host: str, port: int) -> Iterator[None]:
    """A role that cannot listen where it was told says so in one line."""
    try:
        yield
    except OSError as error:
        if error.filename is not None:
            raise  # a file's, not the socket's
        known = error.errno is not None and error.errno > 0  # a name that is none has -2 or so
        reason = os.strerror(error.errno or 0) if known else str(error)
        raise SettingsError(f"{role}: cannot listen on {host}:{port} ({reason})") from None


def _remote(settings: Settings) -> Settings:
    if settings.redis_url is None:
        raise SettingsError("a role on its own needs --redis URL (or LIVESTREAM_REDIS_URL)")
    return settings


@app.command
def healthcheck(*, common: Common = COMMON, listening: Listening = LISTENING) -> int:
    """Ask /livez of every role that listens here; status 0 when all of them answer."""
    settings = common.settings(**listening.options())
    doors = {
        "control": (settings.control_host, settings.control_port),
        "gateway": (settings.gateway_host, settings.gateway_port),
        "engine": (settings.engine_host, settings.engine_port),
        "courier": (settings.engine_host, settings.courier_port),
    }
    answers = {role: _livez(host, port) for role, (host, port) in doors.items()}
    for role, answer in answers.items():
        if answer is not None:
            print(f"{role}: {answer}")
    heard = [answer for answer in answers.values() if answer is not None]
    if not heard:
        print("no role listens here", file=sys.stderr)
    return 0 if heard and set(heard) == {"ok"} else STATUS_NO


def _livez(host: str, port: int) -> str | None:
    """What a role says, or None when nobody listens."""
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1"
    try:
        with urllib.request.urlopen(f"http://{host}:{port}/livez", timeout=2) as answer:
            return "ok" if answer.status == 200 else f"status {answer.status}"
    except urllib.error.HTTPError as error:
        return f"status {error.code}"
    except urllib.error.URLError as error:
        return None if isinstance(error.reason, ConnectionRefusedError) else str(error.reason)
    except OSError as error:
        return str(error)
