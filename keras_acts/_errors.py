"""The one form of this library's messages: what was needed, then what came."""

import difflib
from collections.abc import Iterable
from typing import Any


def received(need: str, **values: Any) -> str:
    """`need`, then the values that came instead: "… Received: alpha=-1"."""
    return f"{need}. Received: " + ", ".join(f"{name}={value!r}" for name, value in values.items())


def nearest(name: str, known: Iterable[str]) -> str:
    """The known names that look like `name`, best first, or all where they are few, as the end of a message."""
    known = sorted(known)
    close = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.5)
    if close:
        return "the nearest names are " + ", ".join(f"'{c}'" for c in close)
    if len(known) > 12:
        return f"none of the {len(known)} known names looks like it"
    return "known names are " + ", ".join(f"'{k}'" for k in known)
