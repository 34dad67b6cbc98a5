"""Renders training recipes: four building blocks -> one YAML file that axolotl runs and that needs nothing of ours.

dskill recipe render --model llama-2-13b-chat --data k123 --method full --hardware 8x80gb-fsdp2
dskill recipe render --all                              writes every file of recipes/train that matrix.yml names
"""

import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import Field

from axolotl_configs.arithmetic import BATCH, STEPS, accumulation, check_fit, estimate
from axolotl_configs.blocks import FOLDER, DataBlock, ModelBlock, load_block
from datasets_builder.skillmix.config import Strict, read_config
from datasets_builder.skillmix.errors import UsageError

TEMPLATES = FOLDER / "templates"
MATRIX = FOLDER / "matrix.yml"
SHIPPED = FOLDER.parent / "recipes" / "train"
MADE_BY = "# dskill recipe render "  # before the options, in the head of a recipe
DEEPSPEED = "recipes/train/deepspeed/zero3.json"  # as seen from the root of the repository


class Choice(Strict):
    """One recipe: which blocks, and what it is for."""

    model: str
    data: str
    method: str = "full"
    hardware: str = "8x80gb-fsdp2"
    purpose: str = "A run of your own."
    steps: int = Field(default=STEPS, ge=1)
    replay: float = Field(default=0.1, ge=0, lt=1)  # share of rows of pre-training text
    dataset: str | None = None  # in place of the data block's: another repository, or a folder
    rows: int | None = Field(default=None, ge=1)  # texts, the first of each k in equal parts; None: all

    @property
    def name(self) -> str:
        """The recipe's name beside others of its model: ``k123``, ``k123-lora``, ``k123-zero3``."""
        size = "" if self.method != "full" or self.hardware == "8x80gb-fsdp2" else f"-{self.hardware}"
        rows = "" if self.rows is None else f"-{self.rows}"
        return f"{self.data}{rows}{'' if self.method == 'full' else f'-{self.method}'}{size}"

    @property
    def path(self) -> Path:
        """Where it lies in recipes/train."""
        return Path(self.model) / f"{self.name}.yml"


class Matrix(Strict):
    """``matrix.yml``: the recipes that are shipped."""

    recipes: tuple[Choice, ...]


class Part(NamedTuple):
    """One entry of a recipe's datasets: a config, and which of its rows."""

    config: str
    split: str


class Replay(NamedTuple):
    """Pre-training text beside the texts of the dataset."""

    rows: int
    percent: int


def render_recipe(choice: Choice) -> str:
    """The recipe as YAML, every value that matters with a comment.

    Raises:
        UsageError: A block of that name is not there, or the model does not fit the hardware.
    """
    model, data = load_block("models", choice.model), load_block("data", choice.data)
    method, hardware = load_block("methods", choice.method), load_block("hardware", choice.hardware)
    rows = choice.rows or data.rows
    check_fit(model, method, hardware)
    return (
        _environment()
        .get_template("recipe.yml.jinja")
        .render(
            model=model,
            data=data,
            method=method,
            hardware=hardware,
            purpose=choice.purpose,
            name=f"{choice.model}-{choice.name}",
            command=f"axolotl train recipes/train/{choice.path.as_posix()}",
            install=_install(hardware.sharding, hardware.ray),
            made_by=MADE_BY + _options(choice),
            dataset=choice.dataset or data.dataset,
            parts=_parts(choice.rows, data),
            rows=rows,
            jinja=_chat_template(model),
            replay=_replay(choice.replay, rows),
            deepspeed=DEEPSPEED,
            accumulation=accumulation(hardware),
            batch=BATCH,
            steps=choice.steps,
            passes=round(choice.steps * BATCH / (rows / (1 - choice.replay))),
            size=estimate(model, method, hardware, choice.steps),
        )
    )


def read_choice(recipe: Path) -> Choice | None:
    """The choice that a rendered recipe names in its head; None for a recipe that was written by hand."""
    lines = recipe.read_text(encoding="utf-8").splitlines()
    words = next((shlex.split(line.removeprefix(MADE_BY)) for line in lines if line.startswith(MADE_BY)), [])
    try:
        return Choice.model_validate({n.removeprefix("--"): v for n, v in zip(words[::2], words[1::2], strict=True)})
    except ValueError:
        return None


def shipped() -> Iterator[tuple[Path, str]]:
    """Path below recipes/train and content of every shipped recipe."""
    for choice in read_config(Matrix, MATRIX).recipes:
        yield choice.path, render_recipe(choice)


def write_shipped(folder: Path = SHIPPED) -> list[Path]:
    """Renders all shipped recipes anew; returns the files that changed."""
    changed = []
    for path, content in shipped():
        target = folder / path
        if not target.is_file() or target.read_text(encoding="utf-8") != content:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content, encoding="utf-8")
            changed.append(target)
    return changed


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "number": lambda count: f"{count:,}",
        "pad": lambda setting: f"{setting:<30}",
        "remark": lambda text: textwrap.fill(text, 120, initial_indent="# ", subsequent_indent="# "),
        "stem": lambda path: Path(path).stem,
    }
    return environment


def _chat_template(model: ModelBlock) -> str | None:
    """The template itself, where the model names a file of ours."""
    if not model.chat_template.endswith(".jinja"):
        return None
    return (TEMPLATES / "chat" / model.chat_template).read_text(encoding="utf-8").strip()


def _parts(rows: int | None, data: DataBlock) -> list[Part]:
    """The whole config, or the first rows of each k that it mixes, whose files are in the order drawn.

    Raises:
        UsageError: There are not so many rows.
    """
    if rows is None:
        return [Part(data.config, "train")]
    if rows > data.rows:
        raise UsageError(f"--rows {rows}: {data.title} has about {data.rows}; leave it out for all of them")
    ks = data.config.removeprefix("k")  # k123 mixes k1, k2 and k3
    return [Part(f"k{k}", f"train[:{(rows + i) // len(ks)}]") for i, k in enumerate(reversed(ks))][::-1]


def _replay(share: float, rows: int) -> Replay | None:
    """So many documents that they are ``share`` of all rows, when each makes one row."""
    return Replay(round(rows * share / (1 - share)), round(100 * share)) if share else None


def _install(sharding: str, ray: bool) -> str:
    extras = [name for name, needed in (("deepspeed", sharding == "zero3"), ("ray", ray)) if needed]
    return f"axolotl{f'[{chr(44).join(extras)}]' if extras else ''}==0.19.0"


def _options(choice: Choice) -> str:
    """The options that make this very file."""
    named = {"model": choice.model, "data": choice.data, "method": choice.method, "hardware": choice.hardware}
    plain = Choice(model=choice.model, data=choice.data)
    rest = {name: getattr(choice, name) for name in ("steps", "replay", "dataset", "rows")}
    changed = {name: value for name, value in rest.items() if value != getattr(plain, name)}
    return " ".join(f"--{name} {value}" for name, value in {**named, **changed}.items())
