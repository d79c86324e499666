"""The settings of a process: one frozen object, read once, passed in.

Owns every setting's name, unit, default and bounds, and is the only file that reads the
environment. Each field `x` can be given as `LIVESTREAM_X`, those of `Limits` as
`LIVESTREAM_LIMIT_X`; options of the command line go before both. Knows nothing of how a
setting is used. What a protocol fixes for everybody (the largest message, say) is no setting.
"""

import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args, get_type_hints

import msgspec
from msgspec import Meta, Struct, inspect

from livestream.webhooks import WebhookSecret

PREFIX = "LIVESTREAM_"
LIMIT_PREFIX = "LIVESTREAM_LIMIT_"

SECRET_CHARACTERS_MIN = 32  # as many bytes as HMAC-SHA-256 gives out, RFC 7518 section 3.2
UNSHOWN = "…"

Port = Annotated[int, Meta(ge=0, le=65_535)]
HttpUrl = Annotated[str, Meta(pattern="^https?://.")]
WebsocketUrl = Annotated[str, Meta(pattern="^wss?://.")]
Secret = Annotated[str, Meta(min_length=SECRET_CHARACTERS_MIN)]


class SettingsError(Exception):
    """A setting has a value it cannot have; the message is one line for whoever gave it."""


class Limits(Struct, frozen=True, kw_only=True):
    """What one viewer, or one gateway, may take of the machine."""

    backlog_bytes_max: Annotated[
        int,
        Meta(
            ge=1_024,
            le=16 * 1024 * 1024,
            # 16 KiB × 20,000 viewers of a process = 328 MB, if every one of them were behind;
            # 64 KiB × 770,000 viewers of a room would be 50 GB.
            description="bytes unsent to one viewer before the gateway closes with 4008",
        ),
    ] = 16 * 1024
    viewers_max: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(
            description="viewers of one gateway before it answers 503; "
            "absent: what its file descriptors allow"
        ),
    ] = None
    commands_per_s: Annotated[
        float, Meta(gt=0, le=10_000, description="commands per second of one viewer, sustained")
    ] = 10.0
    commands_burst: Annotated[
        int, Meta(ge=1, le=10_000, description="commands of one viewer at once")
    ] = 20
    chat_per_s: Annotated[
        float, Meta(gt=0, le=1_000, description="chat messages per second of one viewer, sustained")
    ] = 1.0
    chat_burst: Annotated[
        int, Meta(ge=1, le=1_000, description="chat messages of one viewer at once")
    ] = 5


class Settings(Struct, frozen=True, kw_only=True):
    """Everything a process is told from outside."""

    redis_url: Annotated[
        str | None,
        Meta(description="Redis to use (redis://, rediss://, unix://); absent: a private one"),
    ] = None
    var_dir: Annotated[
        Path, Meta(description="directory for all that is written: private Redis, secret, metrics")
    ] = Path("var")
    control_host: Annotated[
        str, Meta(min_length=1, description="address the control server listens on")
    ] = "127.0.0.1"
    control_port: Annotated[Port, Meta(description="its port; 0: the kernel chooses")] = 8080
    engine_host: Annotated[
        str, Meta(min_length=1, description="address on which an engine tells its health")
    ] = "127.0.0.1"
    engine_port: Annotated[
        Port, Meta(description="its port for /livez and /metrics, when it runs on its own")
    ] = 8082
    gateway_host: Annotated[
        str, Meta(min_length=1, description="address the gateways listen on")
    ] = "127.0.0.1"
    gateway_port: Annotated[
        Port, Meta(description="their port, which they share; 0: the kernel chooses")
    ] = 8081
    gateway_url: Annotated[
        WebsocketUrl | None,
        Meta(
            description="ws:// or wss:// address under which viewers reach the gateways; "
            "absent: the host of the page and gateway_port",
        ),
    ] = None
    gateways: Annotated[
        Annotated[int, Meta(ge=1, le=256)] | None,
        Meta(description="gateway processes of this machine; absent: one per core"),
    ] = None
    compression: Annotated[
        bool,
        Meta(
            description="whether gateways deflate messages for viewers whose client offers "
            "permessage-deflate"
        ),
    ] = True
    trusted_proxies: Annotated[
        str,
        Meta(
            description="networks, separated by spaces, of load balancers that tell in "
            "X-Forwarded-For where a viewer comes from; who comes from there itself is not limited "
            "by address"
        ),
    ] = "127.0.0.0/8 ::1 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7"
    secret: Annotated[
        Secret | None,
        Meta(
            description="key that signs tickets and host tokens, 32 characters or more, the same "
            "on every machine; absent: made once and kept in var_dir"
        ),
    ] = None
    certificate_keys: Annotated[
        Path | None,
        Meta(
            description="file with the keys that sign certificates: a JWK Set of Ed25519 keys, the "
            "first signs, all are published, the same on every machine; absent: made once and "
            "kept in var_dir"
        ),
    ] = None
    walk_in: Annotated[
        bool,
        Meta(
            description="whether control hands a ticket to anyone who opens a watch page; limits "
            "per viewer, mutes and bans then hold only as long as that ticket is used"
        ),
    ] = False
    payment_provider: Annotated[
        Literal["sandbox", "external"],
        Meta(
            description="who moves the money: sandbox (nobody, for rehearsals), or external: "
            "somebody who hears of payments by the merchant's webhooks and pushes what became of "
            "them to /api/v1/payments/webhook"
        ),
    ] = "sandbox"
    payment_webhook_secret: Annotated[
        WebhookSecret | None,
        Meta(
            description="secret by which an external provider signs what it pushes (Standard "
            "Webhooks: whsec_ and 24 to 64 bytes in base64); two with a space between while one "
            "replaces the other"
        ),
    ] = None
    merchant_webhook_url: Annotated[
        HttpUrl | None,
        Meta(
            description="http:// or https:// address of the merchant's systems that takes order "
            "events, as signed Standard Webhooks; absent: none are sent"
        ),
    ] = None
    merchant_webhook_secret: Annotated[
        WebhookSecret | None,
        Meta(
            description="secret by which those are signed (whsec_ and 24 to 64 bytes in base64); "
            "two with a space between while one replaces the other"
        ),
    ] = None
    courier_port: Annotated[
        Port,
        Meta(
            description="port of a courier for /livez and /metrics, when it runs on its own; its "
            "address is engine_host"
        ),
    ] = 8083
    lease_ms: Annotated[
        int,
        Meta(
            ge=200,
            le=60_000,
            description="milliseconds an engine owns a room without renewing: how long a room "
            "waits for its next engine after a kill",
        ),
    ] = 2_000
    snapshot_every_events: Annotated[
        int,
        Meta(
            ge=1,
            # Folded again in less than 2 s: with a lease of 2 s a kill is over within 5 s.
            description="events after which a room's next snapshot is due, if the room has also "
            "grown by half: what a restart replays at most",
        ),
    ] = 500_000
    pulse_ms: Annotated[
        int,
        Meta(
            ge=1_000,
            le=60_000,
            # 770,000 viewers x 1/s is 770,000 writes/s, 7 cores; a room that has not so many to
            # spare beats more slowly.
            description="milliseconds between two pulses: the numbers every viewer sees",
        ),
    ] = 1_000
    metrics_dir: Annotated[
        Path | None,
        Meta(
            description="directory in which the processes share their metrics; "
            "absent: metrics in var_dir"
        ),
    ] = None
    tracing_endpoint: Annotated[
        HttpUrl | None,
        Meta(
            description="http:// or https:// address that takes traces (OTLP over HTTP, mostly "
            "…:4318/v1/traces); absent: none are made"
        ),
    ] = None
    log_format: Annotated[
        Literal["auto", "human", "json"],
        Meta(description="auto: human on a terminal, JSON lines otherwise"),
    ] = "auto"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="the least that is logged")
    ] = "info"
    limits: Limits = Limits()

    @classmethod
    def load(cls, env: Mapping[str, str], **overrides: object) -> Self:
        """Settings from defaults, then `LIVESTREAM_*` of `env`, then `overrides` by field name.

        An override that is None counts as not given, and so does an empty variable.
        Raises SettingsError.
        """
        given: dict[str, Any] = {}
        limits: dict[str, Any] = {}
        for variable, text in env.items():
            if not variable.startswith(PREFIX) or text == "":
                continue
            owner, field = _field_of(variable)
            value = _convert(variable, text, get_type_hints(owner, include_extras=True)[field])
            (limits if owner is Limits else given)[field] = value
        hints = get_type_hints(cls, include_extras=True)
        for field, value in overrides.items():
            if value is not None:
                given[field] = _convert(field, value, hints[field])
        settings = cls(**{"limits": Limits(**limits), **given})
        settings.check_together()
        return settings

    def check_together(self) -> None:
        """Whether the settings go with one another. Raises SettingsError."""
        if self.payment_provider == "external" and self.payment_webhook_secret is None:
            raise SettingsError("payment_provider is external, so payment_webhook_secret is needed")
        if self.merchant_webhook_url is not None and self.merchant_webhook_secret is None:
            raise SettingsError("merchant_webhook_url is set, so merchant_webhook_secret is needed")

    def redis_dir(self) -> Path:
        """Where the private Redis keeps its data."""
        return self.var_dir / "redis"

    def shared_metrics_dir(self) -> Path:
        """Where the processes of this machine share their metrics."""
        return self.metrics_dir or self.var_dir / "metrics"

    def gateway_count(self) -> int:
        """How many gateways to run: as told, else one for each core we may use."""
        return self.gateways or usable_cores()

    def proxy_networks(self) -> list[IPv4Network | IPv6Network]:
        """The networks of `trusted_proxies`. Raises SettingsError."""
        try:
            return [ip_network(text) for text in self.trusted_proxies.split()]
        except ValueError as error:
            raise SettingsError(f"trusted_proxies: {error}") from None

    def signing_key(self) -> str:
        """The secret, made and kept in `var_dir` (mode 0600) when none was given.

        Raises SettingsError when what is kept there is too short to be safe.
        """
        return self.secret or _kept_secret(self.var_dir / "secret")

    def certificate_key_set(self, make: Callable[[], str]) -> str:
        """The text of the keys that sign certificates; when no file was given, what `make` says
        is kept in `var_dir` (mode 0600).

        Raises SettingsError when the file cannot be read.
        """
        path = self.certificate_keys
        if path is None:
            return _kept(self.var_dir / "certificate-keys.json", make)
        try:
            return path.read_text()
        except OSError as error:
            raise SettingsError(f"certificate_keys: {error}") from None

    def __repr__(self) -> str:
        """As a Struct's, but fit for a log: without the secret and the password of Redis."""
        shown = msgspec.structs.asdict(self)
        for field in ("secret", "redis_url", "payment_webhook_secret", "merchant_webhook_secret"):
            if shown[field] is not None:
                shown[field] = UNSHOWN
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in shown.items())})"


def variables() -> Iterator[tuple[str, str, object]]:
    """Every variable the environment may hold: its name, what it is, its default."""
    for owner, prefix in ((Settings, PREFIX), (Limits, LIMIT_PREFIX)):
        hints = get_type_hints(owner, include_extras=True)
        for field in msgspec.structs.fields(owner):
            if field.type is not Limits:
                meta = _outer_meta(hints[field.name])
                yield f"{prefix}{field.name.upper()}", meta.description or "", field.default


def usable_cores() -> int:
    """Cores this process may run on; a container may have fewer than its machine."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _field_of(variable: str) -> tuple[type[Struct], str]:
    owner: type[Struct] = Settings
    field = variable.removeprefix(PREFIX).lower()
    if variable.startswith(LIMIT_PREFIX):
        owner, field = Limits, variable.removeprefix(LIMIT_PREFIX).lower()
    if field != "limits" and field in owner.__struct_fields__:
        return owner, field
    names = [name for name, _, _ in variables()]
    close = get_close_matches(variable, names, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    raise SettingsError(f"{variable}: there is no such setting{hint}")


def _convert(name: str, value: object, kind: Any) -> Any:
    """The value as its field's type; text from the environment counts as what it spells."""
    if _is_path(kind):
        return Path(str(value))
    try:
        return msgspec.convert(value, kind, strict=not isinstance(value, str))
    except msgspec.ValidationError:
        shown = UNSHOWN if name.lower().endswith(("secret", "redis_url")) else repr(value)
        meaning = _outer_meta(kind).description
        raise SettingsError(
            f"{name} is {shown}, but must be {_allowed(kind)} ({meaning})"
        ) from None


def _allowed(kind: Any) -> str:
    """What a setting may be, in words."""
    info = inspect.type_info(kind)
    while isinstance(info, inspect.Metadata | inspect.UnionType):
        # An optional setting is a union of its type and None; None is said by leaving it out.
        info = info.type if isinstance(info, inspect.Metadata) else info.types[0]
    match info:
        case inspect.IntType(ge=low, le=high):
            return "a whole number" + _span(low, high)
        case inspect.FloatType(gt=low, le=high):
            return f"a number above {low:g}, {high:g} at most"
        case inspect.BoolType():
            return "true or false"
        case inspect.LiteralType(values=values):
            return f"one of {', '.join(map(str, values))}"
        case inspect.StrType(pattern=str(pattern)) if pattern.startswith("^whsec_"):
            return "whsec_ and 24 to 64 bytes in base64, or two of them with a space between"
        case inspect.StrType(pattern=str(pattern)):
            return f"text that matches {pattern}"
        case inspect.StrType(min_length=int(shortest)):
            return f"text of {shortest} characters or more"
    return "text"


def _span(low: float | None, high: float | None) -> str:
    if high is not None:
        return f" from {low} to {high}"
    return f", {low} or more"


def _outer_meta(kind: Any) -> Meta:
    metas = [extra for extra in getattr(kind, "__metadata__", ()) if isinstance(extra, Meta)]
    return metas[-1] if metas else Meta()


def _is_path(kind: Any) -> bool:
    inner = next(iter(get_args(kind)), kind)
    return inner is Path or Path in get_args(inner)


def _kept_secret(path: Path) -> str:
    """The secret of this installation."""
    secret = _kept(path, lambda: secrets.token_urlsafe(SECRET_CHARACTERS_MIN)).strip()
    if len(secret) < SECRET_CHARACTERS_MIN:
        raise SettingsError(f"{path}: shorter than {SECRET_CHARACTERS_MIN} characters; remove it")
    return secret


def _kept(path: Path, make: Callable[[], str]) -> str:
    """Read what is kept, or make it once: of two processes that make one, the first one's stays."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(make())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # another process was first; what it made is read below
        finally:
            draft.unlink()
    return path.read_text()
