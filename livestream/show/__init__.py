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
in minor units. A card may show a price of its own; `currency` is the room's.

file.py        the format          typed_yaml.py  YAML to types, with line numbers
script.py      cues, timetable     check.py       what does not make sense, found before it starts
reading.py     file to show        runner.py      plays a show through the control API
"""

from livestream.show.file import Duration
from livestream.show.reading import load_show
from livestream.show.script import Cue, Show
from livestream.show.typed_yaml import Mistake

__all__ = ["Cue", "Duration", "Mistake", "Show", "load_show"]
