"""``recipes/studies/*.yml``: which data, which training arms, which evaluation."""

from functools import cached_property
from pathlib import Path

from pydantic import Field, model_validator

from datasets_builder.skillmix.config import Strict, read_config
from datasets_builder.skillmix.errors import UsageError, near


class Arm(Strict):
    """One training run of the study: an axolotl recipe, and in a line what it was trained on."""

    recipe: Path
    trained_on: str


class StudyFile(Strict):
    """The keys of a study recipe; paths are relative to its file."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    title: str
    seed: int = 0
    data: Path
    corpus: Path
    eval: Path
    arms: dict[str, Arm] = Field(min_length=1)
    compare: tuple[tuple[str, str], ...] = ()
    workers: int = Field(2, ge=1, le=64)

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
    def arms(self) -> dict[str, Arm]:
        """The arms, each with the full path of its training recipe."""
        return {
            name: arm.model_copy(update={"recipe": self.beside(arm.recipe)}) for name, arm in self.file.arms.items()
        }

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


def load_study(path: Path, seed: int | None = None) -> Study:
    """Reads and checks a study recipe; ``seed`` replaces the file's.

    Raises:
        UsageError: As for any recipe.
    """
    return Study(read_config(StudyFile, path), path, seed)
