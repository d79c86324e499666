"""The names of the shapes, for those who must not import Locust: it patches what it finds.

Owns the names. `shapes` says what they mean.
"""

from __future__ import annotations

from typing import Final

SHAPE_NAMES: Final = ("doors_open", "the_drop", "storm_return", "full_house", "long_evening")
