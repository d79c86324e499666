"""Every call of the API in one table.

Owns methods, paths, roles, bodies and answers. The server registers from it, and OpenAPI is made
from it, so neither can say what the other does not do. Refuses to know aiohttp's router and JSON.

A body that is a command names its path parameters as its own fields: what is in the path is not in
the body again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from msgspec import Struct

from cart.bounds import CardId, DropId, OrderId, SlotId, ViewerId
from cart.coupon import CouponCode, CouponTerms
from cart.drop import DropTerms
from cart.outcome import SlotResult
from cart.rules import RoomRules
from cart.slot import SlotTerms
from livestream import commands
from livestream.control import (
    admission,
    certificates,
    desk,
    draws,
    invitations,
    moderation,
    news,
    outgoing,
    rehearsals,
    replays,
    reports,
    rooms,
    sandboxes,
    sign_in,
    views,
)
from livestream.control.auth import Access
from livestream.control.desk import Handler, commanding
from livestream.control.schemas import summary_of
from livestream.engine.ledger import Ledger
from livestream.messages import Card, PinnedMessage, Stream
from livestream.payments.news import News
from livestream.report import Report
from livestream.show.rehearsal import SHOW_BYTES_MAX
from livestream.tickets import RoomId

PREFIX = "/api/v1"

#: The largest body: a card with texts at their bounds, all of it escaped, is 1,120 characters x 6.
BODY_BYTES_MAX = 16 * 1024
#: And of lists: 1,000 viewers x 67 bytes; 500 words x 64 characters, all of them escaped, x 6. Who
#: sends one has shown a host token before it is read.
LIST_BODY_BYTES_MAX = 256 * 1024
#: The text of a show, with the line ends and quotes that JSON escapes.
SHOW_BODY_BYTES_MAX = 2 * SHOW_BYTES_MAX

#: Names in paths, and what they may be.
PATH_TYPES: dict[str, Any] = {
    "room": RoomId,
    "rehearsal": RoomId,
    "card_id": CardId,
    "drop_id": DropId,
    "order_id": OrderId,
    "slot_id": SlotId,
    "code": CouponCode,
    "viewer": ViewerId,
    "message_id": commands.MessageId,
}

_GROUPS = {
    "whoami": "desk",
    "session": "desk",
    "rooms": "rooms",
    "cards": "cards",
    "rules": "rooms",
    "stream": "rooms",
    "invitations": "invitations",
    "pin": "cards",
    "drops": "drops",
    "drafts": "drops",
    "announcements": "chat",
    "actions": "chat",
    "chat": "chat",
    "viewers": "chat",
    "orders": "orders",
    "payments": "payments",
    "webhooks": "webhooks",
    "coupons": "orders",
    "slots": "orders",
    "report": "report",
    "replay": "report",
    "rehearsals": "rehearsals",
    "report.html": "report",
    "report.csv": "report",
    "certificates": "certificates",
    "jwks.json": "certificates",
    "tickets": "tickets",
    "walk-in": "tickets",
    "watch": "tickets",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One call. `answer` is the type of a successful body (str: text of the type `media`), `status`
    its usual status, `also` other ones; `changes` says that the engine decides and may refuse,
    `conflicts` that the server may refuse by itself (409), `forbids` that 403 has a reason beside
    the role, `limits` that one may be told to wait (429). `signed` is the type of a pushed message,
    whose signature stands for a token: the handler reads it.
    """

    method: str
    path: str
    name: str
    summary: str
    access: Access
    handler: Handler
    answer: Any
    media: str = "application/json"
    status: int = 200
    also: tuple[int, ...] = ()
    body: type[Struct] | None = None
    query: type[Struct] | None = None
    body_bytes_max: int = BODY_BYTES_MAX
    changes: bool = False
    conflicts: bool = False
    forbids: bool = False
    limits: bool = False
    signed: Any = None

    @property
    def tag(self) -> str:
        """The group it stands in: the one of the last step of its path that names a group. All that
        is under `chat` is chat.
        """
        steps = self.path.split("/")
        if "chat" in steps:
            return "chat"
        return next(_GROUPS[step] for step in reversed(steps) if step in _GROUPS)

    @property
    def repeats_once(self) -> bool:
        """Whether its caller may name the change, so that a repeat is not made again."""
        return self.changes and self.signed is None

    @property
    def path_names(self) -> list[str]:
        """Names of the path's parameters, in order."""
        return [step[1:-1] for step in self.path.split("/") if step.startswith("{")]


def _read(
    path: str,
    handler: Handler,
    answer: Any,
    query: type[Struct] | None = None,
    media: str = "application/json",
    name: str = "",
) -> Route:
    return Route(
        method="GET",
        path=PREFIX + path,
        name=name or handler.__name__,
        summary=summary_of(handler),
        access="analyst",
        handler=handler,
        answer=answer,
        media=media,
        query=query,
    )


def _change(
    method: str,
    path: str,
    name: str,
    command: type[Struct],
    answer: Any,
    *,
    access: Access = "host",
    status: int = 200,
    body: type[Struct] | None = None,
    body_bytes_max: int = BODY_BYTES_MAX,
    build: Callable[[Any], Any] = lambda body: body,
) -> Route:
    return Route(
        method=method,
        path=PREFIX + path,
        name=name,
        summary=summary_of(command),
        access=access,
        handler=commanding(build, status),
        answer=answer,
        status=status,
        body=body or command,
        body_bytes_max=body_bytes_max,
        changes=True,
    )


_ROOM = "/rooms/{room}"
_DROP = _ROOM + "/drops/{drop_id}"
_DRAFT = _ROOM + "/drafts/{drop_id}"
_VIEWER = _ROOM + "/viewers/{viewer}"

ROUTES: tuple[Route, ...] = (
    _read("/whoami", rooms.whoami, views.WhoAmI),
    _read("/session", sign_in.show_session, views.SessionView),
    Route(
        method="POST",
        path=PREFIX + "/session",
        name="sign_in",
        summary=summary_of(sign_in.sign_in),
        access="bearer",
        handler=sign_in.sign_in,
        answer=views.SessionView,
        status=201,
        limits=True,
    ),
    Route(
        method="DELETE",
        path=PREFIX + "/session",
        name="sign_out",
        summary=summary_of(sign_in.sign_out),
        access="analyst",
        handler=sign_in.sign_out,
        answer=views.SignedOut,
    ),
    # -- rooms
    _read("/rooms", rooms.list_rooms, views.RoomList),
    Route(
        method="POST",
        path=f"{PREFIX}/rooms",
        name="create_room",
        summary=summary_of(desk.create_room),
        access="host",
        handler=desk.create_room,
        answer=views.RoomState,
        status=201,
        also=(200,),
        body=views.NewRoom,
        changes=True,
    ),
    _read(_ROOM, rooms.show_room, views.RoomView),
    _read(_ROOM + "/ledger", rooms.show_ledger, Ledger),
    _change("POST", _ROOM + "/start", "start_room", commands.RoomStart, views.RoomState),
    _change("POST", _ROOM + "/end", "end_room", commands.RoomEnd, views.RoomState),
    Route(
        method="DELETE",
        path=PREFIX + _ROOM,
        name="wipe_room",
        summary=summary_of(sandboxes.wipe_room),
        access="host",
        handler=sandboxes.wipe_room,
        answer=views.RoomGone,
        conflicts=True,
    ),
    # -- rules and invitations
    _read(_ROOM + "/rules", rooms.show_rules, views.Rules),
    _change(
        "PUT",
        _ROOM + "/rules",
        "set_rules",
        commands.RulesSet,
        views.Rules,
        body=RoomRules,
        build=commands.RulesSet,
    ),
    _change(
        "PUT",
        _ROOM + "/stream",
        "set_stream",
        commands.StreamSet,
        views.StreamState,
        body=Stream,
        build=commands.StreamSet,
    ),
    _read(
        _ROOM + "/invitations",
        invitations.list_invitations,
        views.InvitationList,
        query=views.InvitationsQuery,
    ),
    _change(
        "POST",
        _ROOM + "/invitations",
        "put_invitations",
        commands.InvitationPut,
        views.Invited,
        body_bytes_max=LIST_BODY_BYTES_MAX,
    ),
    _change(
        "POST",
        _ROOM + "/invitations/withdraw",
        "withdraw_invitations",
        commands.InvitationWithdraw,
        views.Invited,
        body_bytes_max=LIST_BODY_BYTES_MAX,
    ),
    # -- cards
    _change(
        "PUT",
        _ROOM + "/cards/{card_id}",
        "put_card",
        commands.CardPut,
        views.CardId,
        body=Card,
        build=commands.CardPut,
    ),
    _change(
        "DELETE",
        _ROOM + "/cards/{card_id}",
        "withdraw_card",
        commands.CardWithdraw,
        views.CardId,
    ),
    _change("PUT", _ROOM + "/pin", "pin_card", commands.CardPin, views.CardId),
    # -- drops
    _change(
        "POST",
        _ROOM + "/drops",
        "schedule_drop",
        commands.DropSchedule,
        views.DropState,
        status=201,
        body=views.NewDrop,
        build=draws.scheduling,
    ),
    Route(
        method="GET",
        path=PREFIX + _DROP + "/draw",
        name="show_draw",
        summary=summary_of(draws.show_draw),
        access="public",
        handler=draws.show_draw,
        answer=views.Draw,
        query=views.DrawQuery,
    ),
    _change(
        "PUT",
        _DRAFT,
        "put_draft",
        commands.DropDraft,
        views.DropState,
        body=DropTerms,
        build=commands.DropDraft,
    ),
    _change("DELETE", _DRAFT, "discard_draft", commands.DraftDiscard, views.DraftGone),
    _change(
        "POST",
        _DRAFT + "/schedule",
        "schedule_draft",
        commands.DraftSchedule,
        views.DropState,
        build=draws.scheduling_draft,
    ),
    _change("POST", _DROP + "/open", "open_drop", commands.DropOpen, views.DropState),
    _change(
        "POST", _DROP + "/open-rest", "open_rest_of_drop", commands.DropOpenRest, views.DropState
    ),
    _change("POST", _DROP + "/pause", "pause_drop", commands.DropPause, views.DropState),
    _change("POST", _DROP + "/resume", "resume_drop", commands.DropOpen, views.DropState),
    _change("POST", _DROP + "/restock", "restock_drop", commands.DropRestock, views.DropState),
    _change("POST", _DROP + "/close", "close_drop", commands.DropClose, views.DropState),
    # -- the word
    _change(
        "POST",
        _ROOM + "/announcements",
        "announce",
        commands.Announce,
        views.Said,
        status=201,
    ),
    _change(
        "POST",
        _VIEWER + "/mute",
        "mute_viewer",
        commands.ViewerMute,
        views.Mute,
        access="moderator",
    ),
    _change(
        "POST",
        _VIEWER + "/ban",
        "ban_viewer",
        commands.ViewerBan,
        views.Ban,
        access="moderator",
    ),
    _change(
        "PUT",
        _ROOM + "/chat/slow-mode",
        "set_slow_mode",
        commands.ChatSlowMode,
        views.SlowMode,
        access="moderator",
    ),
    _change(
        "PUT",
        _ROOM + "/chat/pin",
        "pin_message",
        commands.ChatPin,
        views.Pinned,
        access="moderator",
        body=PinnedMessage,
        build=commands.ChatPin,
    ),
    _change(
        "DELETE",
        _ROOM + "/chat/pin",
        "unpin_message",
        commands.ChatUnpin,
        views.Pinned,
        access="moderator",
    ),
    _read(_ROOM + "/chat/words", moderation.show_words, views.BlockedWords),
    _change(
        "PUT",
        _ROOM + "/chat/words",
        "block_words",
        commands.ChatWords,
        views.WordCount,
        access="moderator",
        body_bytes_max=LIST_BODY_BYTES_MAX,
    ),
    _change(
        "DELETE",
        _ROOM + "/chat/{message_id}",
        "delete_chat",
        commands.ChatDelete,
        views.Deleted,
        access="moderator",
    ),
    _change(
        "POST",
        _ROOM + "/chat/{message_id}/restore",
        "restore_chat",
        commands.ChatRestore,
        views.Deleted,
        access="moderator",
    ),
    _read(
        _ROOM + "/actions",
        moderation.list_actions,
        views.ActionList,
        query=views.ActionsQuery,
    ),
    # -- orders
    _read(_ROOM + "/orders", rooms.list_orders, views.OrderList, query=views.OrdersQuery),
    _read(_ROOM + "/orders/{order_id}", rooms.show_order, views.OrderView),
    _change(
        "POST",
        _ROOM + "/orders/{order_id}/refund",
        "refund_order",
        commands.OrderRefund,
        views.OrderRefunded,
    ),
    _read(_ROOM + "/slots", rooms.list_slots, views.SlotList),
    _change(
        "PUT",
        _ROOM + "/slots/{slot_id}",
        "put_slot",
        commands.SlotPut,
        SlotResult,
        body=SlotTerms,
        build=commands.SlotPut,
    ),
    _read(_ROOM + "/coupons", rooms.list_coupons, views.CouponList),
    _change(
        "PUT",
        _ROOM + "/coupons/{code}",
        "put_coupon",
        commands.CouponPut,
        views.CouponCode,
        body=CouponTerms,
        build=commands.CouponPut,
    ),
    # -- certificates
    _read(
        _ROOM + "/orders/{order_id}/certificates",
        certificates.list_for_desk,
        views.CertificateList,
        name="list_certificates",
    ),
    Route(
        method="GET",
        path="/watch/{room}/orders/{order_id}/certificates",
        name="list_own_certificates",
        summary=summary_of(certificates.list_for_viewer),
        access="viewer",
        handler=certificates.list_for_viewer,
        answer=views.CertificateList,
    ),
    Route(
        method="POST",
        path=f"{PREFIX}/certificates/check",
        name="check_certificate",
        summary=summary_of(certificates.check),
        access="public",
        handler=certificates.check,
        answer=views.CertificateCheck,
        body=views.CertificateQuestion,
    ),
    Route(
        method="GET",
        path="/.well-known/jwks.json",
        name="show_keys",
        summary=summary_of(certificates.show_keys),
        access="public",
        handler=certificates.show_keys,
        answer=views.PublicKeys,
        media="application/jwk-set+json",
    ),
    # -- payments
    Route(
        method="POST",
        path=PREFIX + "/payments/webhook",
        name="take_news",
        summary=summary_of(news.take_news),
        access="public",
        handler=news.take_news,
        answer=news.NewsTaken,
        changes=True,
        forbids=True,
        signed=News,
    ),
    # -- events to the merchant
    _read(_ROOM + "/webhooks", outgoing.show_outgoing, outgoing.OutgoingState),
    _read(_ROOM + "/webhooks/dead", outgoing.list_dead_letters, outgoing.DeadLetters),
    Route(
        method="POST",
        path=PREFIX + _ROOM + "/webhooks/replay",
        name="replay_dead_letters",
        summary=summary_of(outgoing.replay_dead_letters),
        access="host",
        handler=outgoing.replay_dead_letters,
        answer=outgoing.ReplayTaken,
        status=202,
        body=outgoing.ReplayWanted,
    ),
    # -- after the show
    _read(_ROOM + "/report", reports.show_report, Report),
    _read(
        _ROOM + "/report.html",
        reports.show_report_page,
        str,
        media="text/html; charset=utf-8",
    ),
    _read(
        _ROOM + "/report.csv",
        reports.show_report_csv,
        str,
        media="text/csv; charset=utf-8; header=present",
    ),
    _read(_ROOM + "/replay", replays.show_replay, views.Replay),
    _read(
        _ROOM + "/replay/at",
        replays.show_moment,
        views.ReplayMoment,
        query=views.ReplayQuery,
        name="show_replay_at",
    ),
    # -- rehearsals
    Route(
        method="POST",
        path=f"{PREFIX}/rehearsals",
        name="start_rehearsal",
        summary=summary_of(rehearsals.start_rehearsal),
        access="host",
        handler=rehearsals.start_rehearsal,
        answer=views.RehearsalView,
        status=202,
        body=views.RehearsalWanted,
        body_bytes_max=SHOW_BODY_BYTES_MAX,
        conflicts=True,
    ),
    _read("/rehearsals", rehearsals.list_rehearsals, views.RehearsalList),
    Route(
        method="DELETE",
        path=f"{PREFIX}/rehearsals/{{rehearsal}}",
        name="stop_rehearsal",
        summary=summary_of(rehearsals.stop_rehearsal),
        access="host",
        handler=rehearsals.stop_rehearsal,
        answer=views.RehearsalView,
        status=202,
    ),
    # -- tickets
    Route(
        method="POST",
        path=PREFIX + _ROOM + "/tickets",
        name="issue_ticket",
        summary=summary_of(admission.issue),
        access="host",
        handler=admission.issue,
        answer=views.IssuedTicket,
        status=201,
        body=views.TicketRequest,
    ),
    Route(
        method="POST",
        path=PREFIX + _ROOM + "/walk-in",
        name="walk_in",
        summary=summary_of(admission.walk_in),
        access="public",
        handler=admission.walk_in,
        answer=views.IssuedTicket,
        status=201,
        body=views.WalkIn,
        forbids=True,
    ),
    Route(
        method="GET",
        path="/watch/{room}/config.json",
        name="watch_config",
        summary=summary_of(admission.watch_config),
        access="public",
        handler=admission.watch_config,
        answer=views.WatchConfig,
    ),
)
