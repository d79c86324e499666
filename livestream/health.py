"""The small door of an engine or a courier: health and metrics, when it runs for itself.

Owns two addresses. Refuses to know rooms beyond their number. Beside a control server (`livestream
serve`) it is not needed: there control answers for all processes of the machine.
"""

from __future__ import annotations

import structlog
from aiohttp import web

from metrics import exposition

log = structlog.get_logger()


async def open_door(role: str, host: str, port: int) -> web.AppRunner:
    """Serve /livez and /metrics of a process of this role until the runner is cleaned up.

    Raises:
        OSError: the address is taken.
    """
    app = web.Application()
    app.router.add_get("/livez", _livez)
    app.router.add_get("/metrics", _metrics)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    host, port = runner.addresses[0][:2]
    log.info(f"{role}.listening", host=host, port=port)
    return runner


async def _livez(_: web.Request) -> web.Response:
    return web.Response(text="ok\n")


async def _metrics(_: web.Request) -> web.Response:
    return web.Response(
        body=exposition.own_text(), headers={"Content-Type": exposition.CONTENT_TYPE}
    )
