"""Takes out of strings what must not be published: keys, paths of this machine, private names of models.

Example: ``folder//home/ann/runs/k2`` in a log becomes ``org/model``, and ``/home/ann/data/k2.parquet`` ``k2.parquet``.
"""

import os
import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path, PurePath
from typing import Any

REMOVED = "[removed]"
SHORTEST = 8  # characters of a key; a shorter value of an environment variable may be a plain word

_KEY_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSW", re.IGNORECASE)
_KEYS = re.compile(
    r"\b(?:sk-[\w-]{16,}|hf_\w{20,}|gh[pousr]_\w{20,}|AKIA[0-9A-Z]{16}|xox[a-z]-[\w-]{10,})|(?<=://)[^/\s@\"']+@"
)
_LOOPBACK = re.compile(r"https?://(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?[^\s\"'<>]*")

Scrub = Callable[[str], str]


def make_scrub(names: Mapping[str, str]) -> Scrub:
    """A function that cleans one string.

    Args:
        names: Private name -> public name, such as a checkpoint's path and its Hub id.
    """
    keys = [value for name, value in os.environ.items() if _KEY_NAME.search(name) and len(value) >= SHORTEST]
    plain = [(old, new) for old, new in names.items() if old] + [(key, REMOVED) for key in keys]
    plain.sort(key=lambda pair: -len(pair[0]))
    tops = "|".join(sorted({re.escape(path.parts[1]) for path in _own_paths() if len(path.parts) > 1}))
    path = re.compile(rf"(?<![\w.:/])/(?:{tops})(?:/[^\s\"'<>|,;:()\[\]{{}}]*)?(?!\w)")

    def scrub(text: str) -> str:
        for old, new in plain:
            text = text.replace(old, new)
        text = path.sub(lambda found: PurePath(found[0]).name, _LOOPBACK.sub(REMOVED, text))
        return _KEYS.sub(REMOVED, text)

    return scrub


def scrub_all(value: Any, scrub: Scrub) -> Any:
    """The same JSON value with every string in it cleaned, keys of objects included."""
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, list):
        return [scrub_all(one, scrub) for one in value]
    if isinstance(value, dict):
        return {scrub(str(key)): scrub_all(one, scrub) for key, one in value.items()}
    return value


def _own_paths() -> list[Path]:
    """Where things of a user lie on this machine; everything under the same top folder counts as private."""
    here = [Path.cwd(), Path.home(), Path(tempfile.gettempdir()), Path(__file__)]
    return [path.absolute() for path in here] + [path.resolve() for path in here]
