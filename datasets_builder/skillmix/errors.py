"""The errors a user may meet, each one line that names the file, the key and the cure.

DskillError
|- UsageError       the user's mistake: recipe, catalogue, path, option          exit code 2
|  `- ResumeError   the run exists, but was begun from something else
`- OutsideError     something outside failed: key, server, budget, training      exit code 3
"""

from collections.abc import Iterable
from difflib import get_close_matches


class DskillError(Exception):
    """Base of every error that the command line shows as one line instead of a traceback."""

    exit_code = 1


class UsageError(DskillError):
    """The user can mend this: a recipe, a catalogue file, a path, an option."""

    exit_code = 2


class ResumeError(UsageError):
    """A run folder holds work of another recipe; the message names what changed."""


class OutsideError(DskillError):
    """Something outside the toolkit failed: a key, a server, a budget, a training process."""

    exit_code = 3


def near(word: str, known: Iterable[str]) -> str:
    """``, did you mean 'simile'?`` for the closest known word, or nothing when none is close."""
    match = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f", did you mean {match[0]!r}?" if match else ""
