"""A study as a list of stages. A stage is one command line that a person could run as well, and what it depends on."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from axolotl_configs.launch import ENVIRONMENT, read_recipe, train_command
from datasets_builder.skillmix.config import read_yaml
from datasets_builder.skillmix.errors import UsageError
from study.recipe import Study

OUT = "{out}"  # stands for the folder that the stage writes


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
    """

    name: str
    command: tuple[str, ...]
    output: str
    needs: tuple[str, ...] = ()
    inputs: Mapping[str, Any] = field(default_factory=dict)
    scratch: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def slug(self) -> str:
        """The name as a file name."""
        return "".join(c if c.isalnum() else "-" for c in self.name).strip("-")


def plan(study: Study, axolotl: Path) -> list[Stage]:
    """All stages in a sensible order: data and corpus, training runs (a base before what builds on it), evaluations.

    Raises:
        UsageError: A recipe is missing or broken, or no arm makes the ``base_model`` folder of another.
    """
    data, corpus = study.beside(study.file.data), study.beside(study.file.corpus)
    seed = str(study.seed)
    stages = [
        Stage(
            "corpus", _dskill("corpus", corpus, "--out", OUT, "--seed", seed), "corpus", inputs=_inputs(corpus, study)
        ),
        Stage("data", _dskill("build", data, "--out", OUT, "--seed", seed), "dataset", inputs=_inputs(data, study)),
    ]
    recipes = {name: read_recipe(arm.recipe) for name, arm in study.arms.items()}
    made_by = {_folder(recipe["output_dir"]): name for name, recipe in recipes.items()}
    stages += [_train(name, study, recipes[name], made_by, axolotl) for name in study.arms]
    return stages + [_evaluate(name, study, recipes[name]) for name in study.arms]


def _train(arm: str, study: Study, recipe: Mapping[str, Any], made_by: Mapping[str, str], axolotl: Path) -> Stage:
    path, base = study.arms[arm].recipe, _folder(recipe["base_model"])
    if base.startswith("checkpoints/") and base not in made_by:
        raise UsageError(
            f"{path}: key 'base_model': no arm of the study has output_dir {base!r}; arms make {sorted(made_by)}"
        )
    prepared = recipe.get("dataset_prepared_path")
    return Stage(
        f"train {arm}",
        tuple(train_command(axolotl, path, {"output_dir": OUT, "seed": study.seed})),
        _folder(recipe["output_dir"]),
        needs=("corpus", "data", *([f"train {made_by[base]}"] if base in made_by else [])),
        inputs=_inputs(path, study),
        scratch=(_folder(prepared),) if isinstance(prepared, str) else (),
        environment=ENVIRONMENT,
    )


def _evaluate(arm: str, study: Study, recipe: Mapping[str, Any]) -> Stage:
    suite, checkpoint = study.beside(study.file.eval), _folder(recipe["output_dir"])
    options = ("--model", f"folder/{checkpoint}", "--exclude", "dataset", "--out", OUT, "--seed", str(study.seed))
    needs = ("data", f"train {arm}")
    output = f"evaluations/{PurePosixPath(checkpoint).name}"
    quiet = {name: ENVIRONMENT[name] for name in ("OMP_NUM_THREADS", "HF_HUB_OFFLINE")}
    return Stage(
        f"eval {arm}", _dskill("eval", suite, *options), output, needs, _inputs(suite, study), environment=quiet
    )


def _dskill(verb: str, recipe: Path, *options: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "dskill", verb, str(recipe), *options)


def _inputs(recipe: Path, study: Study) -> dict[str, Any]:
    return {"seed": study.seed, recipe.name: read_yaml(recipe)}


def _folder(path: object) -> str:
    """``./checkpoints/base`` -> ``checkpoints/base``; a folder outside the run folder is kept as it is."""
    return PurePosixPath(str(path)).as_posix()
