"""Program graders: functions that mark a text without a language model, known by name.

Example: ``load_grader("miniature")("the boat drifts like a king .", Combination(("simile",), "sailing"))`` is
``{"simile": True, "topic": True, "sense": True, "length": True}``.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Protocol

from datasets_builder.skillmix.combinations import Combination
from datasets_builder.skillmix.errors import UsageError, near


class Grader(Protocol):
    """Marks one text on the k + 3 criteria of a combination; the same text always gets the same marks."""

    def __call__(self, text: str, combination: Combination) -> dict[str, bool]:
        """One mark for each of ``criteria(combination.skills)``, in that order."""
        ...


def _load_miniature() -> Grader:
    from datasets_builder.miniature.verifiers import grade

    return lambda text, combination: grade(text, combination.skills, combination.topic)


# A closed list on purpose: a recipe or catalogue names a grader, and no name from a file is ever imported.
GRADERS: Mapping[str, Callable[[], Grader]] = MappingProxyType({"miniature": _load_miniature})


def load_grader(name: str) -> Grader:
    """The program grader of that name.

    Raises:
        UsageError: There is none.
    """
    if name not in GRADERS:
        raise UsageError(f"unknown program grader {name!r}{near(name, GRADERS)} (known: {', '.join(GRADERS)})")
    return GRADERS[name]()
