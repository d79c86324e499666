"""A show: what the host will do, second by second, in a YAML file that is checked before it runs.

    version: 1
    title: Cartier on Tmall
    currency: CNY
    cards: [{card_id: tank, title: Tank, sku: tank-gold}]
    drops: [{drop_id: tank-drop, sku: tank-gold, title: Tank, supply: 288, price_minor: 1880000}]
    cues:
      - {at: 0s, push: tank}
      - {at: 5s, schedule: {drop: tank-drop, opens: 20s}}
      - {at: 45s, end: show}

All times count from the start of the show; `schedule` without `opens` waits for `open`. Prices are
in minor units. A card may show a price of its own; `currency` is the room's. `new.yaml` shows what
else may be said.

file.py        the format          typed_yaml.py  YAML to types, with line numbers
schema.py      as JSON Schema      check.py       what does not make sense, found before it starts
script.py      cues, timetable     times.py       moments of a show by other clocks
reading.py     file to show        runner.py      plays a show through the control API
"""

from importlib import resources

from livestream.show.file import Duration
from livestream.show.reading import load_show, parse_show
from livestream.show.schema import SCHEMA_FILE, show_schema
from livestream.show.script import Cue, Show
from livestream.show.typed_yaml import Mistake

__all__ = [
    "SCHEMA_FILE",
    "Cue",
    "Duration",
    "Mistake",
    "Show",
    "load_show",
    "new_show",
    "parse_show",
    "show_schema",
]


def new_show() -> str:
    """A show to begin from, which says what may be said."""
    return resources.files(__name__).joinpath("new.yaml").read_text(encoding="utf-8")
