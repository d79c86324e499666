"""What a fold is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cart.counter import Counter

#: kind of fact -> fold(counter, fact, at_ms), which changes the books in place.
Folds = dict[type, Callable[[Counter, Any, int], None]]
