"""How a model of an evaluation is reached: its Inspect name, its server, its arguments; checked before it is asked."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from datasets_builder.manifest import read_manifest
from datasets_builder.model_names import public_name, refuse_secrets, warn_of_family
from datasets_builder.skillmix.errors import UsageError
from eval_harness.checkpoint import folders_of, is_folder, weights_of

if TYPE_CHECKING:
    from inspect_ai.model import GenerateConfig, Model

CONNECTIONS = 50


class Access(NamedTuple):
    """A model by its Inspect name, such as ``folder/<checkpoint>``; keys come from the environment alone."""

    name: str
    base_url: str | None = None
    args: Mapping[str, Any] = {}
    connections: int = CONNECTIONS

    @property
    def public(self) -> str:
        """The name that results carry."""
        return public_name(self.name)

    @property
    def identity(self) -> list[object]:
        """All that tells it from other models, for a fingerprint; nothing of it is stored as it is."""
        return [self.name, weights_of(self.name), self.base_url, dict(self.args)]

    def check(self) -> None:
        """Raises when it cannot be asked: a wrong name, a key or a package that is missing, a secret in an argument."""
        from datasets_builder.model_access import check_model

        try:
            refuse_secrets({"base_url": self.base_url, **self.args})
        except ValueError as error:
            raise UsageError(f"model {self.public!r}: {error}") from None
        if not is_folder(self.name):  # whose weights decide its identity, and have been read
            check_model(self.name, self.base_url, self.args)

    def at(self, temperature: float) -> "Access":
        """The model as it must be reached for texts at this temperature: ``hf`` wants to be told that 0 is greedy."""
        greedy = self.name.startswith("hf/") and temperature == 0
        return self._replace(args={"do_sample": False, **self.args}) if greedy else self

    def open(self, config: "GenerateConfig") -> "Model":
        """The model; not memoised, since the weights at a path may have changed within this process."""
        from datasets_builder.model_access import open_model

        return open_model(self.name, self.base_url, self.args, config)


class Opened(NamedTuple):
    """A model that is open already; tests make them."""

    model: "Model"

    @property
    def name(self) -> str:
        """Its Inspect name."""
        return str(self.model)

    @property
    def public(self) -> str:
        """The name that results carry."""
        return public_name(self.name)

    @property
    def identity(self) -> list[object]:
        """Its name alone."""
        return [self.name]

    def check(self) -> None:
        """It is there."""

    def at(self, temperature: float) -> "Opened":
        """The model as it is."""
        return self

    def open(self, config: "GenerateConfig") -> "Model":
        """The model as it is."""
        return self.model


Reached: TypeAlias = Access | Opened


def reach(model: "str | Model | Access") -> Reached:
    """Any way to give a model as one of the two."""
    if isinstance(model, str):
        return Access(model)
    return model if isinstance(model, Access) else Opened(model)


def check_distinct(student: Reached, grader: Reached) -> None:
    """Raises a UsageError when both are the same model at the same server."""
    if student == grader or (isinstance(student, Access) and isinstance(grader, Access) and _same(student, grader)):
        raise UsageError(f"--grader {grader.public} is the model under test; no model may grade itself, name another")


def warn_of_families(student: str, grader: str, teacher: str | None) -> None:
    """A line for each author whose family is the grader's."""
    for role, author in (("student", student), ("teacher", teacher)):
        if author and (warning := warn_of_family(author, grader, role)):
            print(warning, file=sys.stderr)


def teacher_of(dataset: Path | None) -> str | None:
    """Who wrote the texts of a dataset folder, where it says so."""
    try:
        manifest = read_manifest(dataset) if dataset else None
    except UsageError:  # of another version: who wrote it is good to know, and no reason to stop
        return None
    return manifest.teacher if manifest else None


def _same(a: Access, b: Access) -> bool:
    places = [[folder.resolve() for folder in folders_of(model.name)] for model in (a, b)]
    return (a.name, a.base_url) == (b.name, b.base_url) or (places[0] != [] and places[0] == places[1])
