"""The miniature's stand-in for the web: pre-training text, replay text, a word-level tokenizer, an untrained model.

corpus/README.md                    configs headed, natural, plain, replay
corpus/data/<config>.parquet
corpus/init/                        tokenizer and untrained weights of the base model
corpus/manifest.json                written last
"""

import hashlib
import json
import random
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from datasets_builder.miniature import corpus as world
from datasets_builder.miniature.lexicon import vocabulary
from datasets_builder.skillmix.catalogue import load_catalogue
from datasets_builder.skillmix.config import Strict

SPECIAL = {"pad_token": "<pad>", "bos_token": "<bos>", "eos_token": "<eos>", "unk_token": "<unk>"}
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %} {{ m['content'] }} :"
    "{% else %} {{ m['content'] }} {{ eos_token }}{% endif %}{% endfor %}"
)
MESSAGES = pa.schema([("messages", pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())])))])
TEXT = pa.schema([("text", pa.string())])


class ModelShape(Strict):
    """Size of the Llama that is pre-trained from scratch; 0.9 M parameters at the defaults."""

    hidden_size: int = Field(default=128, ge=8)
    layers: int = Field(default=4, ge=1)
    heads: int = Field(default=4, ge=1)
    intermediate_size: int = Field(default=384, ge=8)
    positions: int = Field(default=256, ge=32)


class CorpusRecipe(Strict):
    """``recipes/data/miniature-corpus.yml``: how many texts of each kind, and the model's shape."""

    name: str
    catalogue: str = "miniature"
    headed: int = Field(ge=1)
    natural: int = Field(ge=1)
    single_skill: int = Field(ge=1)
    seed: int = 0
    model: ModelShape = ModelShape()


def build_corpus(recipe: CorpusRecipe, out: Path) -> dict[str, int]:
    """Writes the corpus folder, whole or not at all; returns rows by config. An existing folder is replaced."""
    working = out.with_name(f".{out.name}.tmp")
    shutil.rmtree(working, ignore_errors=True)
    (working / "data").mkdir(parents=True)
    tables = _texts(recipe)
    for config, table in tables.items():
        pq.write_table(table, working / "data" / f"{config}.parquet")
    (working / "README.md").write_text(_readme(recipe, tables, working / "data"), encoding="utf-8")
    write_tokenizer(working / "init")
    _write_untrained_model(recipe.model, recipe.seed, working / "init")
    rows = {config: table.num_rows for config, table in tables.items()}
    (working / "manifest.json").write_text(json.dumps({"recipe": recipe.model_dump(), "rows": rows}, indent=1))
    shutil.rmtree(out, ignore_errors=True)
    working.rename(out)
    return rows


def write_tokenizer(folder: Path) -> None:
    """A word-level tokenizer over the miniature's words, with the chat template ``<bos> request : text <eos>``."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = [*SPECIAL.values(), *vocabulary()]
    inner = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token=SPECIAL["unk_token"]))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    inner.post_processor = processors.TemplateProcessing(
        single="<bos> $A", special_tokens=[("<bos>", words.index("<bos>"))]
    )
    tokenizer: Any = PreTrainedTokenizerFast  # untyped
    tokenizer = tokenizer(tokenizer_object=inner, clean_up_tokenization_spaces=False, **SPECIAL)
    tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.save_pretrained(folder)


def _write_untrained_model(shape: ModelShape, seed: int, folder: Path) -> None:
    """Weights drawn by the seed: axolotl's own ``reinit_weights`` draws them before it sets one."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    words = [*SPECIAL.values(), *vocabulary()]
    config = LlamaConfig(
        vocab_size=len(words),
        hidden_size=shape.hidden_size,
        intermediate_size=shape.intermediate_size,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        max_position_embeddings=shape.positions,
        tie_word_embeddings=True,
        pad_token_id=words.index("<pad>"),
        bos_token_id=words.index("<bos>"),
        eos_token_id=words.index("<eos>"),
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        LlamaForCausalLM(config).save_pretrained(folder)


def _texts(recipe: CorpusRecipe) -> dict[str, pa.Table]:
    """The four configs. Replay mixes single-skill and natural texts, so that any first N rows hold both."""
    catalogue = load_catalogue(recipe.catalogue)
    skills, topics = sorted(catalogue.skills), sorted(catalogue.topics)
    stream = {kind: random.Random(f"{kind} {recipe.seed}") for kind in ("headed", "natural", "single", "replay")}
    natural = list(world.natural(recipe.natural, skills, topics, stream["natural"]))
    prompted = [row for row in natural if "messages" in row]
    replay = [*world.single_skill(recipe.single_skill, skills, topics, stream["single"]), *prompted]
    stream["replay"].shuffle(replay)
    headed = world.headed(recipe.headed, skills, topics, stream["headed"])
    return {
        "headed": _table(headed, MESSAGES),
        "natural": _table(prompted, MESSAGES),
        "plain": _table((row for row in natural if "text" in row), TEXT),
        "replay": _table(replay, MESSAGES),
    }


def _table(rows: Iterable[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=schema)


def _readme(recipe: CorpusRecipe, tables: Mapping[str, pa.Table], folder: Path) -> str:
    """The card; its configs carry the hash of their file, because `datasets` caches by the README alone."""
    stamps = {c: hashlib.sha256((folder / f"{c}.parquet").read_bytes()).hexdigest()[:16] for c in tables}
    files = {c: f"[{{split: train, path: data/{c}.parquet}}]" for c in tables}
    configs = "".join(
        f"- config_name: {c}\n  description: rows {stamps[c]}\n  data_files: {files[c]}\n" for c in tables
    )
    counts = "\n".join(f"| {config} | {table.num_rows} |" for config, table in tables.items())
    return (
        f"---\nconfigs:\n{configs}---\n\n# {recipe.name}\n\n"
        "Scripted text that stands for the web in the miniature: the base model is pre-trained on\n"
        f"`headed`, `natural` and `plain`; fine-tuning replays `replay`. Seed {recipe.seed}.\n\n"
        f"| config | rows |\n|---|---|\n{counts}\n"
    )
