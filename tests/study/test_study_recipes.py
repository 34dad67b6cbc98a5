"""The shipped studies: each can be planned, trains on data that its dataset has, and says what it would cost."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from axolotl_configs.arithmetic import MFU
from datasets_builder.skillmix.config import read_config
from study.costs import PUBLISHED, grading_cost, run_of
from study.plan import plan
from study.recipe import Arm, load_study
from study.run import Options, _studies

ROOT = Path(__file__).resolve().parents[2]
STUDIES = sorted((ROOT / "recipes/studies").glob("*.yml"))
REAL = [path for path in STUDIES if path.stem != "miniature"]


def test_the_studies_that_are_promised() -> None:
    assert {p.stem for p in REAL} == {"exp1", "exp2", "exp3", "cross-partition", "scaling", "data-efficiency"}


@pytest.mark.parametrize("path", REAL, ids=lambda p: p.stem)
def test_it_can_be_planned_and_its_stages_fit(path: Path) -> None:
    study = load_study(path)
    stages = plan(study, Path("axolotl"))
    done: set[str] = set()
    for stage in stages:
        assert done.issuperset(stage.needs)
        done.add(stage.name)
    assert len({stage.output for stage in stages}) == len(stages)
    assert next(s for s in stages if s.name == "data").output == "dskill-mix/dskill-mix"


@pytest.mark.parametrize("path", REAL, ids=lambda p: p.stem)
def test_it_trains_on_what_its_data_recipe_makes(path: Path) -> None:
    from datasets_builder.pipeline import DataRecipe

    study = load_study(path)
    data = read_config(DataRecipe, study.beside(study.file.data))
    for recipe in study.recipes.values():
        for entry in yaml.safe_load(recipe.read_text())["datasets"]:
            if entry["path"] == study.file.dataset:
                assert {int(k) for k in entry["name"].removeprefix("k")} <= set(data.combinations)


@pytest.mark.parametrize("path", REAL, ids=lambda p: p.stem)
def test_it_evaluates_the_split_that_its_data_holds_out(path: Path) -> None:
    from datasets_builder.pipeline import DataRecipe
    from datasets_builder.skillmix.catalogue import load_catalogue
    from eval_harness.suite import EvalSuite

    for seed in load_study(path).file.seeds or (0,):
        study = load_study(path, seed)
        data = read_config(DataRecipe, study.beside(study.file.data)).with_seed(seed)
        suite = read_config(EvalSuite, study.beside(study.file.eval)).with_seed(seed)
        catalogue = load_catalogue(data.catalogue)
        assert catalogue.partition(data.partition) == catalogue.partition(suite.partition)


def test_several_seeds_are_several_studies(tmp_path: Path) -> None:
    path = ROOT / "recipes/studies/cross-partition.yml"
    found = _studies(path, Options())
    assert [study.seed for study, _ in found] == [0, 1, 2, 3, 4]
    assert [folder.name for _, folder in found] == [f"cross-partition-seed-{seed}" for seed in range(5)]
    assert [folder.name for _, folder in _studies(path, Options(run_dir=tmp_path, seed=3))] == [tmp_path.name]
    assert [folder.name for _, folder in _studies(path, Options(run_dir=tmp_path))][1] == "seed-1"


def test_adapters_are_merged_before_they_are_evaluated() -> None:
    stages = {s.name: s for s in plan(load_study(ROOT / "recipes/studies/scaling.yml"), Path("axolotl"))}
    merge, evaluation = stages["merge 70B LoRA"], stages["eval 70B LoRA"]
    assert merge.needs == ("train 70B LoRA",) and merge.output == "merged/llama-2-70b-chat-k123-lora"
    assert evaluation.needs == ("data", "merge 70B LoRA")
    assert "vllm/merged/llama-2-70b-chat-k123-lora/merged" in evaluation.command


def test_eight_gpus_are_not_run_as_one_process() -> None:
    stages = {s.name: s for s in plan(load_study(ROOT / "recipes/studies/scaling.yml"), Path("axolotl"))}
    assert "python" not in stages["train 7B full"].command and "python" in stages["train 7B LoRA"].command
    assert "HF_HUB_OFFLINE" not in stages["train 7B full"].environment  # the base model is on the Hub


def test_hours_by_hand() -> None:
    run = run_of("(1)", ROOT / "recipes/train/llama-2-13b-chat/k1.yml")
    flops = 13.02e9 * 8 * 4000 * 64 * 600
    assert run.gpu_hours == pytest.approx(flops / (989e12 * MFU) / 3600)
    published = 8 * 12.85e9 * 5502 / 989e12  # 5,502 tokens/s a GPU of 12.85e9 parameters, with recomputation
    assert published == pytest.approx(PUBLISHED, abs=0.01)


def test_grading_is_every_vote_on_every_text() -> None:
    one, three = (load_study(ROOT / f"recipes/studies/{name}.yml") for name in ("exp1", "exp3"))
    assert grading_cost(three).expected == pytest.approx(2 * grading_cost(one).expected)


@pytest.mark.parametrize("path", STUDIES, ids=lambda p: p.stem)
def test_a_dry_run_tells_commands_hours_and_money(
    path: Path, dskill: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "axolotl"
    program.touch()
    code, out, err = dskill("study", path, "--dry-run", "--axolotl", program)
    assert code == 0, err
    assert re.search(r"^data: dskill build ", out, re.MULTILINE)
    assert re.search(r"^data: \$[\d,]+ / [\d,]+ / [\d,]+", out, re.MULTILINE)
    assert re.search(r"^grading of \d+ models: \$", out, re.MULTILINE)
    assert ("GPU hours at 35%" in out) == (path.stem != "miniature")
    assert not (tmp_path / "runs").exists()


def test_an_arm_is_trained_or_taken_as_it_is() -> None:
    for keys in ({}, {"recipe": "a.yml", "model": "org/m"}):
        with pytest.raises(ValueError, match="either a 'recipe'"):
            Arm.model_validate({**keys, "trained_on": "x"})
