"""A user's mistakes: one line that names the file, the key and the cure; exit code 2; no traceback."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

Run = Callable[..., tuple[int, str, str]]


def edit(root: Path, recipe: str, target: Path, **changes: object) -> Path:
    """A shipped recipe with some keys changed."""
    target.write_text(yaml.safe_dump(yaml.safe_load((root / recipe).read_text()) | changes))
    return target


def expect(result: tuple[int, str, str], *words: str) -> None:
    code, _, err = result
    assert code == 2, err
    assert len(err.strip().splitlines()) == 1 and err.startswith("error: "), err
    for word in words:
        assert word in err, err


def test_unknown_key(root: Path, dskill: Run, tmp_path: Path) -> None:
    recipe = edit(root, "recipes/data/miniature.yml", tmp_path / "r.yml", combinatons={})
    expect(dskill("build", recipe, "--out", tmp_path / "out"), "r.yml", "'combinatons'", "did you mean 'combinations'?")


def test_misspelt_skill(root: Path, dskill: Run, tmp_path: Path) -> None:
    recipe = edit(root, "recipes/data/miniature.yml", tmp_path / "r.yml", only_skills=["similie"])
    expect(
        dskill("build", recipe, "--out", tmp_path / "out"), "r.yml", "unknown skill 'similie'", "did you mean 'simile'?"
    )


@pytest.mark.parametrize("verb", ["build", "corpus", "eval", "study"])
def test_broken_yaml_names_its_line(dskill: Run, tmp_path: Path, verb: str) -> None:
    recipe = tmp_path / "r.yml"
    recipe.write_text("name: x\nseed: [1,\n")
    options = {"build": ["--out", "o"], "corpus": ["--out", "o"], "eval": ["--out", "o", "--model", "m"], "study": []}[
        verb
    ]
    expect(dskill(verb, recipe, *options), "r.yml:3", "broken YAML")


@pytest.mark.parametrize("verb", ["build", "corpus", "eval", "study"])
def test_missing_recipe(dskill: Run, root: Path, verb: str) -> None:
    options = {"build": ["--out", "o"], "corpus": ["--out", "o"], "eval": ["--out", "o", "--model", "m"], "study": []}[
        verb
    ]
    expect(dskill(verb, root / "recipes/data/minature.yml", *options), "no such file, did you mean 'miniature.yml'?")


def test_k_larger_than_the_catalogue(root: Path, dskill: Run, tmp_path: Path) -> None:
    recipe = edit(
        root,
        "recipes/data/miniature.yml",
        tmp_path / "r.yml",
        only_skills=["simile"],
        combinations={2: {"n": 1}},
        partition={"by": "category"},
    )
    expect(dskill("build", recipe, "--out", tmp_path / "out"), "r.yml", "combinations.2", "k = 2")


def test_more_combinations_than_exist(root: Path, dskill: Run, tmp_path: Path) -> None:
    recipe = edit(root, "recipes/data/miniature.yml", tmp_path / "r.yml", combinations={1: {"n": 177}})
    expect(dskill("build", recipe, "--out", tmp_path / "out"), "combinations.1", "asked for 177", "176 exist")


def test_missing_checkpoint(root: Path, dskill: Run, tmp_path: Path) -> None:
    suite = root / "recipes/eval/miniature.yml"
    expect(dskill("eval", suite, "--model", f"folder/{tmp_path}/none", "--out", tmp_path / "out"), "none")


def test_missing_training_environment(root: Path, dskill: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("axolotl_configs.launch.ROOT", tmp_path)
    monkeypatch.delenv("DSKILL_AXOLOTL", raising=False)
    expect(dskill("study", root / "recipes/studies/miniature.yml"), "no training environment", "make train-env")
    expect(
        dskill("study", root / "recipes/studies/miniature.yml", "--axolotl", "nowhere"),
        "--axolotl nowhere",
        "make train-env",
    )


def test_a_study_that_compares_an_unknown_arm(root: Path, dskill: Run, tmp_path: Path) -> None:
    recipe = edit(root, "recipes/studies/miniature.yml", tmp_path / "r.yml", compare=[["(1,2,4)", "base"]])
    expect(dskill("study", recipe), "r.yml", "unknown arm '(1,2,4)'", "did you mean '(1,2,3)'?")


def test_a_study_whose_recipe_is_missing(root: Path, dskill: Run, tmp_path: Path) -> None:
    recipe = edit(root, "recipes/studies/miniature.yml", tmp_path / "r.yml")
    expect(dskill("study", recipe, "--axolotl", sys.executable), "r.yml", "../data/miniature.yml does not exist")


def test_unknown_runner(root: Path, dskill: Run, tmp_path: Path) -> None:
    code, _, err = dskill("build", root / "recipes/data/miniature.yml", "--out", tmp_path / "o", "--runner", "steam")
    assert code == 2 and "'steam' is not one of 'stream', 'stock'" in " ".join(err.replace("│", " ").split())


def test_dry_run_prints_the_commands_and_runs_none(
    root: Path, dskill: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, _ = dskill("study", root / "recipes/studies/miniature.yml", "--dry-run", "--axolotl", sys.executable)
    assert code == 0 and not list(tmp_path.iterdir())
    assert "train (1,2): " in out and "after corpus, data, train base" in out and "dskill eval" in out


def test_a_bug_is_not_hidden(dskill: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("datasets_builder.skillmix.config.read_config", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        dskill("corpus", tmp_path / "r.yml", "--out", tmp_path / "o")


def test_help_imports_nothing_heavy() -> None:
    heavy = {"torch", "distilabel", "inspect_ai", "datasets", "pydantic"}
    code = f"import sys, dskill; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
