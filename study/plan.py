"""A study as a list of stages. A stage is one command line that a person could run as well, and what it depends on."""

import shlex
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from axolotl_configs.check import count_gpus
from axolotl_configs.launch import ENVIRONMENT, ROOT, environment, merge_command, read_recipe, train_command
from datasets_builder.skillmix.config import read_yaml
from datasets_builder.skillmix.errors import UsageError, near
from study.recipe import COMMAND_FIELDS, Study

OUT = "{out}"  # stands for the folder that the stage writes
TRAINED = "trained"  # the file that a job which was handed over makes last, in its output folder
LAUNCH = ROOT / "recipes" / "launch"


@dataclass(frozen=True)
class Stage:
    """One step of a study.

    Attributes:
        name: ``data``, ``train base``, ``eval (1,2)``.
        command: Argument list; ``{out}`` stands for a working folder, renamed to ``output`` when the command succeeds.
        output: Folder inside the run folder.
        needs: Names of stages that must be done before.
        inputs: All that decides the result: recipes and seed. A change of it is refused on resume.
        scratch: Folders inside the run folder to delete before the stage starts, such as a half-written cache.
        environment: Variables that the command needs.
        recipe: The training recipe, kept in the checkpoint with the revision of its data.
        handed_over: The command may return before the work is done; ``output`` is whole when it holds ``TRAINED``.
    """

    name: str
    command: tuple[str, ...]
    output: str
    needs: tuple[str, ...] = ()
    inputs: Mapping[str, Any] = field(default_factory=dict)
    scratch: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    recipe: Path | None = None
    handed_over: bool = False

    @property
    def copy(self) -> str:
        """The training recipe inside the run folder, for a command that runs elsewhere."""
        return f"recipes/{self.slug}.yml"

    @property
    def slug(self) -> str:
        """The name as a file name."""
        return "".join(c if c.isalnum() else "-" for c in self.name).strip("-")


def plan(study: Study, axolotl: Path) -> list[Stage]:
    """All stages in a sensible order: data and corpus, training runs (a base before what builds on it), evaluations.

    Raises:
        UsageError: A recipe is missing or broken, no arm makes the ``base_model`` folder of another, or none reads the
            dataset.
    """
    stages = _materials(study)
    recipes = {name: read_recipe(path) for name, path in study.recipes.items()}
    _check_dataset(study, recipes)
    made_by = {_folder(recipe["output_dir"]): name for name, recipe in recipes.items()}
    for name, recipe in recipes.items():
        stages.append(_train(name, study, recipe, made_by, axolotl))
        if recipe.get("adapter"):
            stages.append(_merge(name, study, recipe, axolotl))
    return stages + [_evaluate(name, study, recipes.get(name)) for name in study.arms]


def _materials(study: Study) -> list[Stage]:
    """The corpus, where there is one, and the dataset."""
    data = _made("data", "build", study.beside(study.file.data), _folder(study.file.dataset), study)
    if study.file.corpus is None:
        return [data]
    return [_made("corpus", "corpus", study.beside(study.file.corpus), "corpus", study), data]


def _made(name: str, verb: str, recipe: Path, output: str, study: Study) -> Stage:
    command = _dskill(verb, recipe, "--out", OUT, "--seed", str(study.seed))
    return Stage(name, command, output, inputs=_inputs(recipe, study))


def _check_dataset(study: Study, recipes: Mapping[str, Mapping[str, Any]]) -> None:
    known = {_folder(entry["path"]) for recipe in recipes.values() for entry in recipe.get("datasets") or ()}
    if recipes and (name := _folder(study.file.dataset)) not in known:
        hint = f"{near(name, known)}; they read {sorted(known)}"
        raise UsageError(f"{study.path}: key 'dataset': no training recipe reads {name!r}{hint}")


def _train(arm: str, study: Study, recipe: Mapping[str, Any], made_by: Mapping[str, str], axolotl: Path) -> Stage:
    path, base = study.recipes[arm], _folder(recipe["base_model"])
    if base.startswith("checkpoints/") and base not in made_by:
        raise UsageError(
            f"{path}: key 'base_model': no arm of the study has output_dir {base!r}; arms make {sorted(made_by)}"
        )
    prepared, output = recipe.get("dataset_prepared_path"), _folder(recipe["output_dir"])
    materials = tuple(stage.name for stage in _materials(study))
    stage = Stage(
        f"train {arm}",
        tuple(train_command(axolotl, path, {"output_dir": OUT, "seed": study.seed}, gpus=count_gpus(recipe))),
        output,
        needs=(*materials, *([f"train {made_by[base]}"] if base in made_by else [])),
        inputs=_inputs(path, study),
        scratch=(_folder(prepared),) if isinstance(prepared, str) else (),
        environment=environment(axolotl, offline=base in made_by or base.startswith("corpus/")),
        recipe=path,
    )
    if study.file.train_command is None:
        return stage
    values = (stage.copy, output, str(study.seed), stage.slug, str(LAUNCH))
    command = [_fill(part, values) for part in shlex.split(study.file.train_command)]
    return replace(stage, command=tuple(command), scratch=(), environment={}, handed_over=True)


def _fill(part: str, values: Iterable[str]) -> str:
    """One word of a train_command; only its known fields are touched, a shell may have other braces."""
    for field_, value in zip(COMMAND_FIELDS, values, strict=True):
        part = part.replace(f"{{{field_}}}", value)
    return part


def _merge(arm: str, study: Study, recipe: Mapping[str, Any], axolotl: Path) -> Stage:
    """Adapters alone are no model that `dskill eval` loads; axolotl writes ``<output>/merged``."""
    path, trained = study.recipes[arm], _folder(recipe["output_dir"])
    command = merge_command(axolotl, path, trained, OUT)
    return Stage(
        f"merge {arm}",
        tuple(command),
        _merged(recipe).parent.as_posix(),
        needs=(f"train {arm}",),
        inputs=_inputs(path, study),
        environment=environment(axolotl, offline=False),
    )


def _evaluate(arm: str, study: Study, recipe: Mapping[str, Any] | None) -> Stage:
    """``recipe`` is None for a model that is evaluated as it is."""
    suite, needs = study.beside(study.file.eval), ["data"]
    checkpoint = output = str(study.arms[arm].model)
    if recipe is not None:
        checkpoint = output = _folder(recipe["output_dir"])
        needs.append(f"train {arm}")
        if recipe.get("adapter"):
            checkpoint = _merged(recipe).as_posix()
            needs[-1] = f"merge {arm}"
    model = study.file.evaluate_as.replace("{checkpoint}", checkpoint)
    options = ["--model", model, "--exclude", _folder(study.file.dataset), "--out", OUT, "--seed", str(study.seed)]
    options += ["--grader", study.file.grader] if study.file.grader else []
    offline = ("OMP_NUM_THREADS", "HF_HUB_OFFLINE") if model.startswith("folder/") else ("OMP_NUM_THREADS",)
    return Stage(
        f"eval {arm}",
        _dskill("eval", suite, *options),
        f"evaluations/{PurePosixPath(output).name}",
        tuple(needs),
        _inputs(suite, study),
        environment={name: ENVIRONMENT[name] for name in offline},
    )


def _merged(recipe: Mapping[str, Any]) -> PurePosixPath:
    return PurePosixPath("merged") / PurePosixPath(recipe["output_dir"]).name / "merged"


def _dskill(verb: str, recipe: Path, *options: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "dskill", verb, str(recipe), *options)


def _inputs(recipe: Path, study: Study) -> dict[str, Any]:
    return {"seed": study.seed, recipe.name: read_yaml(recipe)}


def _folder(path: object) -> str:
    """``./checkpoints/base`` -> ``checkpoints/base``; a folder outside the run folder is kept as it is."""
    return PurePosixPath(str(path)).as_posix()
