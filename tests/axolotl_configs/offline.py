"""A folder from which a shipped recipe runs as it is, without network: axolotl prefers a folder to a name on the Hub.

here = lay_out(folder, "mistral-7b-instruct-v0.2/k123.yml", rows=60)
run_axolotl(axolotl, "train", here, "mistral-7b-instruct-v0.2/k123.yml", "--max-steps", 3)
"""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import datasets
import yaml
from tiny_models import write_model

from axolotl_configs.launch import ENVIRONMENT
from axolotl_configs.render import SHIPPED

CORPUS = "HuggingFaceFW/fineweb-edu"
SCRIPT = Path(__file__).with_name("preprocess_all.py")
CPU = ["--bf16", "false", "--tf32", "false"]
FUSED = [f"--no-lora-{part}-kernel" for part in ("mlp", "qkv", "o", "embedding")]  # of LoRA, for a GPU alone
SHARDING = re.compile(r"^fsdp_version:.*?\n(?=\S|\Z)fsdp_config:\n(?:[ ]+.*\n)+", re.MULTILINE)
CARD = "---\nconfigs:\n{}---\n"
ANSWER = "Text: a hive is a city of clerks"


def read(recipe: str) -> dict[str, Any]:
    """A shipped recipe."""
    return yaml.safe_load((SHIPPED / recipe).read_text())  # type: ignore[no-any-return]


def recipe_of(model: str) -> str:
    """The model's shipped recipe of k123, by full fine-tuning where there is one."""
    return next(f"{model}/{name}" for name in ("k123.yml", "k123-lora.yml") if (SHIPPED / model / name).is_file())


def lay_out(folder: Path, recipe: str, rows: int, turns: int = 1, documents: int = 20, words: int = 20) -> Path:
    """The base model (tiny), the dataset (``rows`` conversations for each k) and the documents, by the recipe's names.

    The sharding of a recipe for eight GPUs is cut out of its copy: it needs CUDA devices.
    """
    content = read(recipe)
    write_model(Path(recipe).parts[0], folder / content["base_model"])
    write_dataset(folder / content["datasets"][0]["path"], rows, turns)
    write_documents(folder / CORPUS, documents, words)
    copy_of(folder, recipe).write_text(SHARDING.sub("", (SHIPPED / recipe).read_text()))
    return folder


def copy_of(folder: Path, recipe: str) -> Path:
    """Where the folder has its recipe."""
    return folder / Path(recipe).name


def conversation(number: int, turns: int) -> list[dict[str, str]]:
    """Requests and answers that all differ."""
    return [
        {"role": role, "content": f"{text} {number}.{turn}{end}"}
        for turn in range(turns)
        for role, text, end in (("user", "Write on knots,", "!"), ("assistant", ANSWER, ": naïve, is it not?"))
    ]


def write_dataset(folder: Path, rows: int, turns: int) -> None:
    """Configs k1, k2, k3, k12 and k123 over one file for each k, as a build lays them out."""
    folder.mkdir(parents=True)
    for k in (1, 2, 3):
        lines = (json.dumps({"messages": conversation(100_000 * k + i, turns)}) for i in range(rows))
        (folder / f"k{k}.jsonl").write_text("\n".join(lines))
    configs = {"k1": "1", "k2": "2", "k3": "3", "k12": "12", "k123": "123"}
    entries = (
        f"- config_name: {name}\n  data_files: [{{split: train, path: [{', '.join(f'k{k}.jsonl' for k in ks)}]}}]\n"
        for name, ks in configs.items()
    )
    (folder / "README.md").write_text(CARD.format("".join(entries)))


def write_documents(path: Path, documents: int, words: int) -> None:
    """Pre-training text, in the file that stands for the corpus."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps({"text": f"Document {i}: {'rope remembers ' * (words // 2)}"}) for i in range(documents))
    path.write_text("\n".join(lines))


def environment(folder: Path) -> dict[str, str]:
    """Without network; `datasets` keeps what it has read in the folder, since it tells datasets apart by card alone."""
    return {**os.environ, **ENVIRONMENT, "HF_DATASETS_CACHE": str(folder / "cache")}


def start_axolotl(axolotl: Path, verb: str, folder: Path, recipe: str, **overrides: object) -> "subprocess.Popen[str]":
    """axolotl on the folder's recipe, in the folder, on the CPU; ``max_steps=3`` becomes ``--max-steps 3``."""
    given = [part for key, value in overrides.items() for part in (f"--{key.replace('_', '-')}", str(value))]
    launcher = ["--launcher", "python"] if verb == "train" else []
    kernels = FUSED if read(recipe).get("adapter") else []
    command = [str(axolotl), verb, copy_of(folder, recipe).name, *launcher, *CPU, *kernels, *given]
    with (folder / f"{verb}.log").open("w") as log:
        return subprocess.Popen(
            command, cwd=folder, env=environment(folder), stdout=log, stderr=subprocess.STDOUT, text=True
        )


def run_axolotl(axolotl: Path, verb: str, folder: Path, recipe: str, **overrides: object) -> str:
    """What axolotl printed."""
    status = start_axolotl(axolotl, verb, folder, recipe, **overrides).wait(300)
    printed = (folder / f"{verb}.log").read_text(errors="replace")
    assert status == 0, printed[-3000:]
    return printed


def preprocess(axolotl: Path, folder: Path, recipes: dict[Path, str]) -> None:
    """``axolotl preprocess`` in each of some folders, in one process."""
    paths = [str(copy_of(folder, recipe)) for folder, recipe in recipes.items()]
    done = subprocess.run(
        [axolotl.with_name("python"), SCRIPT, *paths],
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def prepared(folder: Path, recipe: str) -> list[dict[str, list[int]]]:
    """The rows as they are trained on."""
    (path,) = (p for p in (folder / read(recipe)["dataset_prepared_path"]).iterdir() if p.is_dir())
    return list(datasets.load_from_disk(str(path)))
