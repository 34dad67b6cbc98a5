"""What an evaluation has met stays out of the data: its combinations before anything is paid, its texts at the end."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from data_fakes import CONTENT

from datasets_builder.build import build_dataset, identify
from datasets_builder.decontaminate import DecontaminateConfig, met_combination, met_texts, read_evaluated
from datasets_builder.manifest import fingerprint_of
from datasets_builder.pipeline import DataRecipe, requests
from datasets_builder.skillmix.catalogue import Catalogue
from datasets_builder.skillmix.errors import UsageError
from datasets_builder.skillmix.prompts import PromptSet

TEXT = "If the hive lacks a queen, then the workers raise a new one; it lacks one, so they do."
ROW = {"skills": ["simile", "deixis"], "topic": "sailing", "text": TEXT}


def _jsonl(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def _results(path: Path) -> Path:
    row = ROW | {"combination": "k2-0", "generation": 1, "marks": None}
    path.write_text(json.dumps({"fingerprint": "0", "cells": [{"k": 2, "rows": [row]}, {"k": 3, "rows": []}]}))
    return path


def _parquet(path: Path) -> Path:
    pl.DataFrame([ROW | {"id": 1}]).write_parquet(path)
    return path


def _config(*paths: Path, words: int = 8) -> DecontaminateConfig:
    return DecontaminateConfig(files=tuple(map(str, paths)), words=words)


@pytest.mark.parametrize(
    "write", [_results, _parquet, lambda path: _jsonl(path, ROW)], ids=["json", "parquet", "jsonl"]
)
def test_every_kind_of_file_gives_combinations_and_texts(tmp_path: Path, write: Any, request: Any) -> None:
    kind = request.node.callspec.id
    found = read_evaluated(_config(write(tmp_path / f"evaluated.{kind}")))
    assert met_combination(found, ["deixis", "simile"], "sailing") == f"the combination is one of evaluated.{kind}"
    assert met_combination(found, ["deixis", "simile"], "cooking") is None
    assert met_combination(found, ["simile"], "sailing") is None
    assert met_texts(found, [TEXT, "another text"], 8)[0] == f"8 words in a row are those of a text in evaluated.{kind}"


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ("THE WORKERS raise a new one - it lacks one!", True),
        ("then the workers raise a new one today", False),
        ("", False),
        ("one two three", False),
    ],
)
def test_eight_words_in_a_row_are_too_many(tmp_path: Path, text: str, met: bool) -> None:
    found = read_evaluated(_config(_jsonl(tmp_path / "a.jsonl", {"text": TEXT})))
    assert [bool(fault) for fault in met_texts(found, ["other words", text], 8)] == [False, met]


def test_the_file_of_each_run_is_named(tmp_path: Path) -> None:
    texts = ["the tide turns and every boat swings round", "a loaf rises where the kitchen is warm"]
    files = [_jsonl(tmp_path / f"{i}.jsonl", {"text": text}) for i, text in enumerate(texts)]
    faults = met_texts(read_evaluated(_config(*files, words=4)), list(reversed(texts)), 4)
    assert [fault and fault[-7:] for fault in faults] == ["1.jsonl", "0.jsonl"]


@pytest.fixture()
def tainted(tmp_path: Path, recipe: DataRecipe, catalogue: Catalogue) -> Path:
    """An evaluation that asked for the first combination of each k, and holds no texts."""
    first = {row["k"]: row for row in reversed(requests(recipe, catalogue))}
    return _jsonl(tmp_path / "asked.jsonl", *({"skills": r["skills"], "topic": r["topic"]} for r in first.values()))


def test_a_combination_of_an_evaluation_is_rejected_unpaid(
    tmp_path: Path, tainted: Path, recipe: DataRecipe, catalogue: Catalogue
) -> None:
    careful = recipe.model_copy(update={"decontaminate": _config(tainted)})
    manifest = build_dataset(careful, Path("r.yml"), tmp_path / "out", card=lambda m, rows: "")
    assert manifest.rejects["contaminated"] == 3 + 2 + 1
    rejected = pl.read_parquet(tmp_path / "out/rejects/rejected.parquet").filter(pl.col("reason") == "contaminated")
    assert rejected["detail"].unique().to_list() == ["the combination is one of asked.jsonl"]
    assert rejected["text"].is_null().all() and rejected["grader"].is_null().all()


@pytest.mark.slow
def test_the_stock_runner_rejects_the_same(tmp_path: Path, tainted: Path, recipe: DataRecipe) -> None:
    careful = recipe.model_copy(update={"decontaminate": _config(tainted)})
    for runner in ("stream", "stock"):
        build_dataset(careful, Path("r.yml"), tmp_path / runner, runner=runner, card=lambda m, rows: "", limit=60)
    stream, stock = ((tmp_path / runner / "manifest.json").read_bytes() for runner in ("stream", "stock"))
    assert stream == stock and b"contaminated" in stream


def test_a_text_of_an_evaluation_is_rejected_and_its_copy_stays_a_duplicate_of_none(
    tmp_path: Path, recipe: DataRecipe
) -> None:
    build_dataset(recipe, Path("r.yml"), tmp_path / "first", card=lambda m, rows: "")
    kept = pl.read_parquet(tmp_path / "first/data/k3/train-*.parquet")["text"].to_list()
    path = _jsonl(tmp_path / "texts.jsonl", *({"text": text} for text in kept[:5]))
    careful = recipe.model_copy(update={"decontaminate": _config(path)})
    manifest = build_dataset(careful, Path("r.yml"), tmp_path / "second", card=lambda m, rows: "")
    left = pl.read_parquet(tmp_path / "second/data/*/*.parquet")["text"].to_list()
    assert manifest.rejects["contaminated"] >= 5 and not set(kept[:5]) & set(left)


def test_the_identity_names_the_content_and_not_the_path(
    tmp_path: Path, recipe: DataRecipe, prompts: PromptSet
) -> None:
    def print_of(path: Path) -> str:
        identity = identify(recipe.model_copy(update={"decontaminate": _config(path)}), prompts)
        assert str(tmp_path) not in json.dumps(identity)
        return fingerprint_of(identity)

    (tmp_path / "b").mkdir()
    one, moved, other = (
        _jsonl(tmp_path / name, row) for name, row in (("a.jsonl", ROW), ("b/a.jsonl", ROW), ("c.jsonl", {"text": "t"}))
    )
    assert print_of(one) == print_of(moved) != print_of(other)
    assert fingerprint_of(identify(recipe, prompts)) != print_of(one)


def test_an_edited_file_is_read_anew(tmp_path: Path) -> None:
    path = _jsonl(tmp_path / "a.jsonl", ROW)
    assert read_evaluated(_config(path)).combinations
    _jsonl(path, {"text": "no combination here"})
    assert not read_evaluated(_config(path)).combinations


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.jsonl", "", "holds no rows with text or skills or topic"),
        ("a.jsonl", '{"prompt": "x"}\n', "holds no rows"),
        ("a.jsonl", "{broken\n", "not results of dskill eval, Parquet or JSON lines"),
        ("a.jsonl", "[1]\n", "not results of dskill eval"),
        ("a.jsonl", '{"skills": "simile", "topic": "sailing"}\n', "'skills' a list of names"),
        ("a.jsonl", '{"text": 7}\n', "'text' and 'topic' must be text"),
        ("results.json", '{"cells": 3}', "not results of dskill eval"),
        ("results.json", "{}", "not results of dskill eval"),
        ("a.parquet", "no parquet", "not results of dskill eval"),
    ],
)
def test_a_file_that_is_not_one_of_these_is_named(tmp_path: Path, name: str, content: str, told: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(UsageError) as caught:
        read_evaluated(_config(tmp_path / name))
    assert str(tmp_path / name) in str(caught.value) and told in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_file_has_a_near_match(tmp_path: Path) -> None:
    _jsonl(tmp_path / "results.jsonl", ROW)
    with pytest.raises(UsageError, match=r"no such file, did you mean 'results.jsonl'\?"):
        read_evaluated(_config(tmp_path / "result.jsonl"))


def test_the_key_is_checked_before_anything_is_asked_for(tmp_path: Path) -> None:
    recipe = DataRecipe.model_validate(CONTENT | {"decontaminate": {"files": [str(tmp_path / "none.jsonl")]}})
    with pytest.raises(UsageError, match=r"none.jsonl.*key 'decontaminate.files'"):
        build_dataset(recipe, Path("r.yml"), tmp_path / "out", card=lambda m, rows: "")
