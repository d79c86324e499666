"""The command line: the one place where adapters are wired together.

Owns names of commands and options, what they print and their exit status. Refuses to do the work
itself.

Exit status: 0 done, 1 the answer is no (an audit with findings, an unhealthy role), 2 asked wrongly
(an option, a setting, a show file), 3 something needed is not there (Redis, a room).

options.py     the program and its options     servers.py  serve, engine, courier, control, gateway
shows.py       demo, show, rehearse            tickets.py  ticket, token
afterwards.py  verify, report, export
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

import cyclopts
from redis.exceptions import RedisError

from livestream.cli import afterwards, servers, shows, tickets
from livestream.cli.options import (
    STATUS_ASKED_WRONGLY,
    STATUS_NOT_THERE,
    NotThereError,
    app,
)
from livestream.config import SettingsError, variables
from livestream.embedded_redis import EmbeddedRedisError
from livestream.redis_client import RedisUrlError

#: Each brings its commands to `app` by being imported.
__all__ = ["afterwards", "main", "servers", "shows", "tickets"]


@app.command
def settings() -> None:
    """List every LIVESTREAM_… variable with its default."""
    for name, meaning, default in variables():
        print(f"{name}\n    {meaning} (default: {default})")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """The console script; without `arguments`, those of the process."""
    try:
        status = app(
            arguments, exit_on_error=False, print_error=False, result_action="return_value"
        )
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
    except cyclopts.CycloptsError as error:
        _fail(str(error), STATUS_ASKED_WRONGLY)
    except SettingsError as error:
        _fail(str(error), STATUS_ASKED_WRONGLY)
    except RedisUrlError as error:
        _fail(f"redis: {error}", STATUS_ASKED_WRONGLY)
    except (NotThereError, EmbeddedRedisError) as error:
        _fail(str(error), STATUS_NOT_THERE)
    except (RedisError, ConnectionError) as error:
        _fail(f"Redis: {error}", STATUS_NOT_THERE)
    except OSError as error:
        # A file or a directory that is not there, or not ours.
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}", STATUS_NOT_THERE)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(status if isinstance(status, int) else 0)


def _fail(message: str, status: int) -> NoReturn:
    print(f"livestream: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(status)
