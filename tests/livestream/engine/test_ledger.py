"""What the ledger tells beside the books: the flight deck."""

from livestream.engine.ledger import ChatCounts, EngineCounts, Ledger, ledger_of
from livestream.engine.pulse import total
from livestream.flight import RedisLine, SilentGateway, Watch
from tests.livestream.stage import Stage

STALLED: EngineCounts = {
    "decisions": 9,
    "records": 3,
    "append_ms_last": 1_400.0,
    "append_ms_worst": 1_400.0,
    "inbox_wait_ms_worst": 3_000,
    "since_ms": 1,
}
REDIS: RedisLine = {"at_ms": 1, "used_bytes": 90, "limit_bytes": 100, "writes_ok": True}
SILENT: SilentGateway = {"id": "g-1", "viewers": 9, "silent_ms": 6_000}


def ledger(stage: Stage, owner: str | None) -> Ledger:
    watch = Watch(at_ms=stage.now_ms, silent=[SILENT], redis=REDIS, buyers=4)
    nobody = total({}, 0, 0, stage.now_ms)
    chat: ChatCounts = {"shown": 0, "skipped": 0, "blocked": 0}
    return ledger_of(stage.room, owner, stage.now_ms, nobody, chat, {}, STALLED, watch)


def codes(told: Ledger) -> list[str]:
    return [reason["code"] for reason in told["flight"]["reasons"]]


def test_the_flight_deck_judges_books_engine_redis_and_gateways() -> None:
    stage = Stage()
    stage.begin()
    stage.sell(supply=3)
    told = ledger(stage, "e-1")
    assert codes(told) == [
        "no_gateway",
        "inbox_behind",
        "append_slow",
        "redis_memory",
        "gateway_silent",
    ]
    assert (told["flight"]["light"], told["buyers"]) == ("red", 4)
    stage.room.state.books.drops["santos"].stock.sold += 1  # as no fold can
    assert codes(ledger(stage, "e-1"))[0] == "stock_wrong"


def test_at_rest_what_went_wrong_last_does_not_stand_for_days() -> None:
    stage = Stage()
    stage.begin()
    assert codes(ledger(stage, None)) == ["redis_memory"], "that does stand"
