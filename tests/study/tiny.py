"""A study of seconds: the shipped recipes with every size cut down."""

import os
import subprocess
import sys
from pathlib import Path

import yaml

SHRINK = {
    "recipes/data/miniature.yml": {
        "combinations": {1: {"n": 60, "texts": 2}, 2: {"n": 60, "texts": 1}},
        "validation": 0.1,
    },
    "recipes/data/miniature-corpus.yml": {
        "headed": 300,
        "natural": 150,
        "single_skill": 100,
        "model": {"hidden_size": 16, "layers": 1, "heads": 2, "intermediate_size": 32, "positions": 256},
    },
    "recipes/eval/miniature.yml": {"k": [1, 2], "n": 8, "n_for": {}, "max_tokens": 16},
    "recipes/train/miniature/base.yml": {"max_steps": 4, "logging_steps": 1, "micro_batch_size": 8},
    "recipes/train/miniature/sft-k1.yml": {"max_steps": 3, "logging_steps": 1, "micro_batch_size": 8},
    "recipes/train/miniature/sft-k12.yml": {"max_steps": 3, "logging_steps": 1, "micro_batch_size": 8},
}
ARMS = ("base", "(1)")


def write_tiny_recipes(root: Path, folder: Path) -> Path:
    """Copies the shipped recipes into ``folder``, shrunk; returns the study's recipe."""
    for name, changes in SHRINK.items():
        content = yaml.safe_load((root / name).read_text()) | changes
        for source in content.get("datasets", []):
            if source["split"] != "train":
                source["split"] = "train[:40]"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(yaml.safe_dump(content, sort_keys=False))
    study = yaml.safe_load((root / "recipes/studies/miniature.yml").read_text())
    study["arms"] = {name: study["arms"][name] for name in ARMS}
    study["compare"] = [["(1)", "base"]]
    path = folder / "recipes/studies/tiny.yml"
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump(study | {"name": "tiny"}, sort_keys=False))
    return path


def start(*arguments: object, cwd: Path) -> "subprocess.Popen[str]":
    """The command line as a process of its own."""
    command = [sys.executable, "-m", "dskill", *map(str, arguments)]
    environment = {**os.environ, "COLUMNS": "120"}
    return subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def call(*arguments: object, cwd: Path) -> tuple[int, str]:
    """Exit code and all output of a command."""
    process = start(*arguments, cwd=cwd)
    output, _ = process.communicate()
    return process.returncode, output
