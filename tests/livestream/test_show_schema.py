"""The JSON Schema by which editors complete show files, and the file that one begins from."""

import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from livestream import cli
from livestream.show import SCHEMA_FILE, Show, load_show, new_show, show_schema
from livestream.show.schema import EDITOR_LINE

SHOWS = Path(__file__).parents[2] / "shows"
SCHEMA: dict[str, Any] = json.loads(show_schema())
judge = jsonschema.Draft202012Validator(SCHEMA)


def read(text: str) -> Any:
    return yaml.safe_load(text)


def test_the_schema_that_is_committed_is_the_one_of_the_types() -> None:
    assert (SHOWS / SCHEMA_FILE).read_text(encoding="utf-8") == show_schema(), (
        "write it anew: livestream show schema > shows/show.schema.json"
    )


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_an_editor_can_say_what_every_field_is_for() -> None:
    told_elsewhere = {"drop", "quantity", "opens", "price_minor"}
    silent = [
        f"{kind}.{name}"
        for kind, shape in SCHEMA["$defs"].items()
        for name, field in shape["properties"].items()
        if "description" not in field
        and not name.endswith("_id")
        and name not in {*told_elsewhere, "city", "title"}
    ]
    assert silent == []
    assert all("description" in shape for shape in SCHEMA["$defs"].values())


@pytest.mark.parametrize("path", sorted(SHOWS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_show_of_ours_names_the_schema_and_is_valid_by_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.splitlines()[0] == EDITOR_LINE
    judge.validate(read(text))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("supply: 288", "supply: 0"),
        ("supply: 288", "suply: 288"),
        ("hold: 2m", "hold: 2"),
        ("hold: 2m", "hold: ''"),
        ("at: 10s, push: watch", "at: 10s, push: watch, pin: watch"),
        ("at: 10s, push: watch", "at: 10s"),
        ("on_refund: pass", "on_refund: keep"),
        ("currency: CNY", "currency: RMB"),
        ("kind: gift_wrap", "kind: gift"),
    ],
)
def test_what_check_refuses_by_its_shape_is_refused_by_the_schema(old: str, new: str) -> None:
    judge.validate(read(new_show()))
    broken = new_show().replace(old, new, 1)
    assert broken != new_show()
    with pytest.raises(jsonschema.ValidationError):
        judge.validate(read(broken))


# -- a new show --------------------------------------------------------------------------------


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_a_new_show_is_ready_to_play_and_has_its_schema_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "evening.yaml"
    assert run("show", "new", str(path)) == 0
    assert isinstance(load_show(path), Show)
    assert path.read_text(encoding="utf-8").startswith(EDITOR_LINE)
    assert (tmp_path / SCHEMA_FILE).read_text(encoding="utf-8") == show_schema()
    assert run("show", "check", str(path)) == 0


def test_what_stands_behind_a_hash_in_it_may_be_tried() -> None:
    """All but the lines of prose: each that looks like YAML is let in."""
    lines = [
        line.replace("# ", "", 1) if line.lstrip().startswith("# ") and line[0] == " " else line
        for line in new_show().splitlines()
    ]
    tried = "\n".join(lines)
    assert tried.count("presale:") == tried.count("lottery:") == 1
    judge.validate(read(tried))


def test_a_show_that_is_there_is_not_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("mine")
    assert run("show", "new", str(path)) == 2
    assert path.read_text() == "mine"
    assert "is left as it is" in capsys.readouterr().err


def test_the_schema_is_printed_as_it_is_committed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", "schema") == 0
    assert capsys.readouterr().out == show_schema()
