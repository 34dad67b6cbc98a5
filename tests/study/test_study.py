"""The whole chain on a study of seconds: plumbing, resume, refusals. The effect is tested in test_effect.py (slow)."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import datasets
import pytest
import yaml
from tiny import call

from axolotl_configs.launch import ENVIRONMENT, find_axolotl

Finished = tuple[Path, str]


def test_it_ends_with_a_table_and_a_report(finished: Finished) -> None:
    folder, output = finished
    assert re.search(r"arm +k=1 +k=2", output) and re.search(r"\(1\) +\d+ \[\d", output)
    report = folder / "runs/tiny/report"
    page = (report / "report.html").read_text()
    assert "<svg" in page and not re.search(r"(src|href)=[\"']https?://", page.replace("https://arxiv.org", ""))
    assert {"report.md", "summary.json"} <= {path.name for path in report.iterdir()}
    assert list(report.glob("*.png")) and list(report.glob("*.svg"))


def test_every_cell_of_every_arm_has_its_figures(finished: Finished) -> None:
    summary = json.loads((finished[0] / "runs/tiny/report/summary.json").read_text())
    found = {(c["arm"], c["split"], c["k"]): c for c in summary["cells"]}
    assert set(found) == {(arm, split, k) for arm in ("base", "(1)") for split in ("train", "held-out") for k in (1, 2)}
    assert all(c["n_combinations"] == 8 and 0 <= c["low"] <= c["full_marks"] <= c["high"] <= 1 for c in found.values())
    assert summary["data"]["generated"] == 180 and 0 < summary["data"]["kept"] < 180
    assert {t["stage"] for t in summary["timings"]} == {
        "corpus",
        "data",
        "train base",
        "train (1)",
        "eval base",
        "eval (1)",
    }


def test_no_path_of_the_machine_in_what_a_study_publishes(finished: Finished) -> None:
    folder, _ = finished
    run = folder / "runs/tiny"
    published = [
        p
        for part in ("report", "dataset")
        for p in (run / part).rglob("*")
        if p.suffix in (".html", ".md", ".json", ".svg")
    ]
    assert published
    for path in published:
        assert str(folder) not in path.read_text(), path


def test_the_axolotl_recipe_trains_from_the_dataset_folder(finished: Finished) -> None:
    run = finished[0] / "runs/tiny"
    log = (run / "logs/train--1.log").read_text()
    assert "./dataset" in log and "Training completed" in log
    assert (run / "checkpoints/sft-k1/model.safetensors").is_file()


def test_a_checkpoint_keeps_what_it_was_made_of(finished: Finished) -> None:
    folder, output = finished
    run = folder / "runs/tiny"
    made_of = json.loads((run / "checkpoints/sft-k1/data.json").read_text())
    manifest = json.loads((run / "dataset/manifest.json").read_text())
    assert made_of["datasets"][0]["revision"] == manifest["dataset_hash"] and made_of["overrides"] == {"seed": 0}
    assert all(source["revision"] for source in made_of["datasets"])
    recipe = folder / "recipes/train/miniature/sft-k1.yml"
    assert (run / "checkpoints/sft-k1/recipe.yml").read_bytes() == recipe.read_bytes()
    said = " ".join(output.split())
    assert (
        "dskill card runs/tiny/checkpoints/sft-k1 --recipe" in said and "--results runs/tiny/evaluations/sft-k1" in said
    )


def test_done_stages_are_not_done_again(finished: Finished) -> None:
    folder, _ = finished
    before = {p: p.stat().st_mtime_ns for p in (folder / "runs/tiny/checkpoints").rglob("*")}
    code, output = call("study", folder / "recipes/studies/tiny.yml", cwd=folder)
    assert code == 0 and output.count("done before") == 6 and "started" not in output
    assert before == {p: p.stat().st_mtime_ns for p in (folder / "runs/tiny/checkpoints").rglob("*")}


def test_a_lost_stage_is_made_again_and_nothing_else(finished: Finished, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(finished[0], folder)
    manifest = json.loads((folder / "runs/tiny/dataset/manifest.json").read_text())
    (folder / "runs/tiny/stages/data.json").unlink()
    code, output = call("study", folder / "recipes/studies/tiny.yml", cwd=folder)
    assert code == 0 and output.count("started") == 1 and "data: started" in output, output
    again = json.loads((folder / "runs/tiny/dataset/manifest.json").read_text())
    assert again["dataset_hash"] == manifest["dataset_hash"]


@pytest.mark.parametrize(
    ("recipe", "key", "value", "says"),
    [
        (
            "train/miniature/base.yml",
            "max_steps",
            9,
            "stage 'train base' was done with other inputs: base.yml.max_steps: 4 -> 9",
        ),
        ("data/miniature.yml", "votes", 5, "stage 'data' was done with other inputs: miniature.yml.votes: 1 -> 5"),
        ("eval/miniature.yml", "n", 9, "stage 'eval base' was done with other inputs: miniature.yml.n: 8 -> 9"),
    ],
)
def test_a_changed_recipe_is_refused(
    finished: Finished, tmp_path: Path, recipe: str, key: str, value: int, says: str
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(finished[0], folder)
    path = folder / "recipes" / recipe
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {key: value}))
    code, output = call("study", folder / "recipes/studies/tiny.yml", cwd=folder)
    assert code == 2 and says in " ".join(output.split()) and "Traceback" not in output, output


def test_a_failing_stage_names_its_log_and_leaves_what_is_done(tiny: Path, tmp_path: Path) -> None:
    base = tmp_path / "recipes/train/miniature/base.yml"
    base.write_text(base.read_text().replace("adamw_torch", "adamw_nonsense"))
    code, output = call("study", tiny, cwd=tmp_path)
    line = " ".join(output.strip().splitlines()[-1].split())
    assert (
        code == 3
        and "stage 'train base' failed" in line
        and "logs/train-base.log" in line
        and "Traceback" not in output
    )
    assert sorted(p.name for p in (tmp_path / "runs/tiny/stages").iterdir()) == ["corpus.json", "data.json"]


def test_only_the_assistants_text_and_its_turn_end_are_trained(finished: Finished) -> None:
    """Token by token, on the rows that axolotl itself prepared for the run."""
    from transformers import AutoTokenizer

    run = finished[0] / "runs/tiny"
    tokenizer = AutoTokenizer.from_pretrained(run / "corpus/init")
    (prepared,) = [p for p in (run / "prepared/sft-k1").iterdir() if p.is_dir()]
    rows = datasets.load_from_disk(str(prepared))
    assert len(rows) > 50
    for row in rows:
        tokens = tokenizer.convert_ids_to_tokens(row["input_ids"])
        trained = [label != -100 for label in row["labels"]]
        turn = tokens.index(":") + 1  # the chat template ends a request with a colon
        assert tokens[0] == "<bos>" and tokens[-1] == "<eos>" and "<unk>" not in tokens
        assert not any(trained[:turn]) and all(trained[turn:]), list(zip(tokens, trained, strict=True))
        assert all(label in (-100, token) for label, token in zip(row["labels"], row["input_ids"], strict=True))


def test_a_bare_text_is_trained_whole_but_for_its_start(finished: Finished) -> None:
    from transformers import AutoTokenizer

    run = finished[0] / "runs/tiny"
    tokenizer = AutoTokenizer.from_pretrained(run / "corpus/init")
    (prepared,) = [p for p in (run / "prepared/base").iterdir() if p.is_dir()]
    bare = [
        row
        for row in datasets.load_from_disk(str(prepared))
        if tokenizer.convert_tokens_to_ids(":") not in row["input_ids"]
    ]
    assert bare
    for row in bare:
        assert row["input_ids"][0] == tokenizer.bos_token_id and row["input_ids"][-1] == tokenizer.eos_token_id
        assert row["labels"] == row["input_ids"]


def test_axolotl_reads_a_mixture_and_masks_it(finished: Finished, root: Path, tmp_path: Path) -> None:
    """``axolotl preprocess`` on the shipped recipe of (1,2), from the run folder, as a person would call it."""
    run = tmp_path / "run"
    shutil.copytree(finished[0] / "runs/tiny", run, ignore=shutil.ignore_patterns("prepared", "logs", "evaluations"))
    axolotl = find_axolotl()
    command = [str(axolotl), "preprocess", str(root / "recipes/train/miniature/sft-k12.yml")]
    done = subprocess.run(command, cwd=run, env={**os.environ, **ENVIRONMENT}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    (prepared,) = [p for p in (run / "prepared/sft-k12").iterdir() if p.is_dir()]
    rows = datasets.load_from_disk(str(prepared))
    kept = len(datasets.load_dataset(str(run / "dataset"), "k12", split="train"))
    replayed = len(datasets.load_dataset(str(run / "corpus"), "replay", split="train"))
    assert len(rows) == kept + replayed  # the tiny corpus has fewer than the 3,000 rows that the recipe asks for
    assert all(row["labels"][0] == -100 and row["labels"][-1] == row["input_ids"][-1] for row in rows)


def test_the_training_environment_reads_this_dataset_and_not_a_cached_one(finished: Finished, tmp_path: Path) -> None:
    """Two folders named ``dataset``: axolotl's older `datasets` must not take one for the other."""
    other = tmp_path / "dataset"
    code, output = call("build", finished[0] / "recipes/data/miniature.yml", "--out", other, "--seed", 1, cwd=tmp_path)
    assert code == 0, output
    python = find_axolotl().with_name("python")
    lines = "import sys, datasets; print(*{r['seed'] for r in datasets.load_dataset(sys.argv[1], 'k1', split='train')})"
    for folder, seed in ((finished[0] / "runs/tiny/dataset", "0"), (other, "1")):
        done = subprocess.run([python, "-c", lines, folder], capture_output=True, text=True)
        assert done.stdout.strip() == seed, done.stderr
