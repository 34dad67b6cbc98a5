"""The model card: read back by the Hub's own library, its recipe clean of accounts, keys and places."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from card_page import CHROMIUM, shoot, to_html
from huggingface_hub import ModelCard
from publish_folders import make_model

from datasets_builder.preflight import inspect_folder
from datasets_builder.skillmix.errors import UsageError

pytest.importorskip("eval_harness.hub_results", exc_type=ImportError)

from cards.model_card import Trained, clean_recipe, render_model_card
from eval_harness.results import EvalRun, TextRow, read_run, summarise, write_run

RECIPE = """# comments are left out
base_model: some-lab/base-1b
datasets:
  - path: /home/somebody/data/mix
    type: chat_template
learning_rate: 0.0002
num_epochs: 2
sequence_len: 512
output_dir: /home/somebody/out
hub_model_id: somebody/private
wandb_project: secret-plans
dataset_prepared_path: ./prepared
"""
OPTIONS = {
    "--dataset": "some-lab/mix@v1.0.0",
    "--repository": "some-lab/tiny",
    "--licence": "llama3.2",
    "--benchmark": "some-lab/bench",
}


def _row(number: int, full: bool) -> TextRow:
    marks = {"simile": full, "topic": True, "sense": True, "length": True}
    return TextRow(
        combination=f"c{number}",
        generation=1,
        skills=("simile",),
        topic="sewing",
        text="A text.",
        marks=marks,
        full_marks=full,
        all_skills=full,
        skills_fraction=float(full),
        shotgun=None,
    )


def make_run(model: str, shown: int) -> EvalRun:
    cells = [
        summarise([_row(n, n < shown) for n in range(50)], split, k, 1)
        for split in ("train", "held-out")
        for k in (1, 2)
    ]
    facts: dict[str, Any] = {
        "catalogue": "miniature",
        "catalogue_hash": "0",
        "prompts": "abc",
        "grader": "miniature",
        "votes": 1,
        "generations": 1,
        "revise": False,
        "name_deduction": True,
        "temperature": 0.7,
        "seed": 0,
        "partition": {},
        "topics": "held-out",
        "created": "2026-03-01T10:00:00Z",
        "versions": {},
        "logs": (),
    }
    content = {"fingerprint": model, "model": f"folder/runs/{model}", "suite": None, "provenance": facts}
    return EvalRun.model_validate(content | {"cells": [cell.model_dump() for cell in cells]})


@pytest.fixture()
def arguments(tmp_path: Path) -> list[Any]:
    """A command line that is right."""
    folder, recipe = make_model(tmp_path / "model"), tmp_path / "recipe.yml"
    recipe.write_text(RECIPE)
    results = [write_run(make_run(name, shown), tmp_path / name) for name, shown in (("tuned", 40), ("base", 5))]
    given = [part for pair in OPTIONS.items() for part in pair]
    return ["card", folder, "--results", results[0], "--results", results[1], "--recipe", recipe, *given]


def test_the_hubs_library_reads_the_card_back(dskill: Any, arguments: list[Any]) -> None:
    code, out, told = dskill(*arguments)
    assert code == 0 and "README.md, .eval_results/skillmix.yaml" in out, told
    folder = arguments[1]
    card = ModelCard.load(folder / "README.md")
    assert card.data.base_model == "some-lab/base-1b" and card.data.license == "llama3.2"
    assert card.data.datasets == ["some-lab/mix"] and card.data.library_name == "transformers"
    values = {(r.dataset_config, r.metric_type): r.metric_value for r in card.data.eval_results}
    assert values["train_k1", "full_marks"] == 0.8 and len(values) == 12
    entries = yaml.safe_load((folder / ".eval_results/skillmix.yaml").read_text())
    assert [entry["dataset"]["id"] for entry in entries] == ["some-lab/bench"] * 4
    assert "revision v1.0.0" in card.text and "datasets/some-lab/mix/tree/v1.0.0" in card.text
    assert re.search(r"\| some-lab/tiny \| held-out skills \| \*\*80&nbsp;%\*\* \(67–89\)", card.text)
    assert inspect_folder(folder, "some-lab/tiny").faults == ()


def test_the_snippets_are_python_and_yaml(dskill: Any, arguments: list[Any]) -> None:
    dskill(*arguments)
    text = (arguments[1] / "README.md").read_text()
    python, recipe = (re.search(rf"```{kind}\n(.*?)```", text, re.DOTALL) for kind in ("python", "yaml"))
    assert python and recipe
    compile(python[1], "card", "exec")
    found = yaml.safe_load(recipe[1])
    assert found["datasets"][0]["path"] == "mix" and found["learning_rate"] == 0.0002
    assert not re.search("somebody|private|secret|prepared|/home", text)


def test_without_a_benchmark_the_hub_is_told_no_scores(dskill: Any, arguments: list[Any]) -> None:
    place = arguments.index("--benchmark")
    assert dskill(*arguments[:place], *arguments[place + 2 :])[0] == 0
    text = (arguments[1] / "README.md").read_text()
    assert (
        "model-index" not in text and ".eval_results" not in text and "| base | held-out skills | **10&nbsp;%**" in text
    )


def test_a_base_on_this_machine_is_named_and_not_linked(arguments: list[Any], tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yml"
    recipe.write_text(RECIPE.replace("some-lab/base-1b", "./checkpoints/base"))
    trained = Trained.of("some-lab/tiny", "some-lab/mix@v1.0.0", recipe, "MIT")
    card = render_model_card(trained, [read_run(arguments[3])])
    assert "base, a checkpoint that is not on the Hub" in card and "checkpoints" not in card


def test_what_others_wrote_is_data(arguments: list[Any], tmp_path: Path) -> None:
    recipe, evil = tmp_path / "recipe.yml", "<script>alert(1)</script> | ```\n# head"
    recipe.write_text(RECIPE + f"optimizer: {json.dumps(evil)}\nadapter: {json.dumps(evil)}\n")
    run = read_run(arguments[3])
    run = run.model_copy(update={"provenance": run.provenance.model_copy(update={"grader": evil, "catalogue": evil})})
    trained = Trained.of("some-lab/tiny", "some-lab/mix@" + evil, recipe, "MIT")
    page = to_html(render_model_card(trained, [run]))
    assert "<script" not in page and page.count("<h1>") == 1


@pytest.mark.parametrize(
    "line",
    [
        "wandb: {api_key: abcdefghijkl}",
        "note: hf_abcdefghijklmnopqrstuvwxyz",
        "url: https://me:pass@example.org/x",
        "hf_token: x",
    ],
)
def test_a_key_in_a_recipe_is_refused_and_not_repeated(line: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"recipe\.yml: ") as stop:
        clean_recipe(yaml.safe_load(line), tmp_path / "recipe.yml")
    assert not re.search("abcdef|me:pass", str(stop.value))


@pytest.mark.parametrize(
    ("option", "value", "fault"),
    [
        ("--dataset", "some-lab/mix", "add the revision"),
        ("--dataset", "mix@v1", "needs an owner"),
        ("--repository", "tiny", "needs an owner"),
        ("--licence", "mine", "no licence that SPDX knows"),
        ("--benchmark", "bench", "needs an owner"),
        ("--recipe", "none.yml", "no such file"),
        ("--results", "none.json", "no such results file"),
    ],
)
def test_a_wrong_option_is_one_line(dskill: Any, arguments: list[Any], option: str, value: str, fault: str) -> None:
    place = arguments.index(option)
    code, _, told = dskill(*arguments[: place + 1], value, *arguments[place + 2 :])
    assert code == 2 and fault in told and told.count("\n") == 1
    assert "A tiny model" in (arguments[1] / "README.md").read_text()


def test_weights_must_be_safetensors(dskill: Any, arguments: list[Any]) -> None:
    (arguments[1] / "model.safetensors").rename(arguments[1] / "model.bin")
    code, _, told = dskill(*arguments)
    assert code == 2 and "has no *.safetensors" in told


def test_what_is_missing_is_named_at_once(dskill: Any, arguments: list[Any]) -> None:
    code, _, told = dskill("card", arguments[1])
    assert code == 2 and "needs --results, --dataset, --recipe, --licence, --repository" in told


@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium")
def test_the_page_can_be_looked_at(dskill: Any, arguments: list[Any], tmp_path: Path) -> None:
    assert dskill(*arguments)[0] == 0
    shoot(arguments[1] / "README.md", tmp_path / "page.png", width=1060, height=1400)
    assert (tmp_path / "page.png").stat().st_size > 20_000
