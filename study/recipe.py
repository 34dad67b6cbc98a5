"""``recipes/studies/*.yml``: which data, which training arms, which evaluation."""

import re
from functools import cached_property
from pathlib import Path

from pydantic import Field, field_validator, model_validator

from datasets_builder.skillmix.config import Strict, read_config
from datasets_builder.skillmix.errors import UsageError, near

COMMAND_FIELDS = ("recipe", "output_dir", "seed", "name", "launch")


class Arm(Strict):
    """One model: an axolotl recipe that makes it, or a model as it is; in a line what it was trained on."""

    recipe: Path | None = None
    model: str | None = None
    trained_on: str

    @model_validator(mode="after")
    def _one_origin(self) -> "Arm":
        if (self.recipe is None) == (self.model is None):
            raise ValueError("an arm has either a 'recipe', which trains it, or a 'model', which is evaluated as it is")
        return self


class StudyFile(Strict):
    """The keys of a study recipe; paths are relative to its file."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    title: str
    seed: int = 0
    seeds: tuple[int, ...] = ()  # in place of seed: the whole study, once for each
    data: Path
    dataset: str = "dataset"  # where the training recipes look for it; a folder of this name precedes the Hub's dataset
    corpus: Path | None = None
    train_command: str | None = None  # hands training over; {recipe}, {output_dir}, {seed}, {name}, {launch}
    eval: Path
    evaluate_as: str = Field("folder/{checkpoint}", pattern=r"\{checkpoint\}")  # how `dskill eval` loads a checkpoint
    grader: str | None = None
    report: str = Field("report", pattern=r"^[a-z][a-z0-9-]*$")
    arms: dict[str, Arm] = Field(min_length=1)
    compare: tuple[tuple[str, str], ...] = ()
    workers: int = Field(2, ge=1, le=64)

    @field_validator("train_command")
    @classmethod
    def _known_fields(cls, command: str | None) -> str | None:
        if fault := _unknown_field(command or ""):
            raise ValueError(fault)
        return command

    @model_validator(mode="after")
    def _known_arms(self) -> "StudyFile":
        for name in (arm for pair in self.compare for arm in pair):
            if name not in self.arms:
                raise ValueError(f"'compare' names the unknown arm {name!r}{near(name, self.arms)}")
        return self


class Study:
    """A study recipe with its paths resolved and its seed chosen."""

    def __init__(self, file: StudyFile, path: Path, seed: int | None) -> None:
        self.file, self.path = file, path
        self.seed = file.seed if seed is None else seed

    @cached_property
    def recipes(self) -> dict[str, Path]:
        """The training recipes of the arms that have one, as seen from here."""
        return {name: self.beside(arm.recipe) for name, arm in self.file.arms.items() if arm.recipe}

    @property
    def arms(self) -> dict[str, Arm]:
        """All arms."""
        return self.file.arms

    def beside(self, path: Path) -> Path:
        """A path of the recipe as seen from here.

        Raises:
            UsageError: Nothing lies there.
        """
        found = self.path.parent / path
        if not found.is_file():
            raise UsageError(
                f"{self.path}: {path} does not exist{near(path.name, [p.name for p in found.parent.glob('*.yml')])}"
            )
        return found.resolve()


def load_study(path: Path, seed: int | None = None, train_command: str | None = None) -> Study:
    """Reads and checks a study recipe; ``seed`` and ``train_command`` replace the file's.

    Raises:
        UsageError: As for any recipe.
    """
    file = read_config(StudyFile, path)
    if train_command is not None:
        if fault := _unknown_field(train_command):
            raise UsageError(f"--train-command: {fault}")
        file = file.model_copy(update={"train_command": train_command})
    return Study(file, path, seed)


def _unknown_field(command: str) -> str | None:
    """What is wrong with a train_command: a field in braces that it does not have; ``${HOME}`` is the shell's."""
    unknown = next((field for field in re.findall(r"(?<!\$){(\w*)}", command) if field not in COMMAND_FIELDS), None)
    if unknown is None:
        return None
    return f"unknown field {{{unknown}}}{near(unknown, COMMAND_FIELDS)} (known: {', '.join(COMMAND_FIELDS)})"
