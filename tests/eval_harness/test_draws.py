"""Which requests a cell asks, and which it never does."""

from pathlib import Path

import polars as pl
import pytest

from datasets_builder.skillmix.catalogue import PartitionConfig
from datasets_builder.skillmix.combinations import count
from datasets_builder.skillmix.errors import UsageError
from eval_harness.draws import Cell, draw_cell, generations_for, load_world, make_cell, read_keys

RANDOM = PartitionConfig(by="random", train=22, seed=0)
CATALOGUE = load_world("miniature").catalogue


def write_dataset(folder: Path, topics: tuple[str, ...], seed: int = 5) -> list[tuple[frozenset[str], str]]:
    """A dataset folder with k = 2 rows on these topics; returns their keys."""
    skills = CATALOGUE.partition(RANDOM).skills("train")
    rows = [([a, b], topic) for a, b in zip(skills, skills[seed:], strict=False) for topic in topics]
    (folder / "k2").mkdir(parents=True)
    pl.DataFrame({"skills": [s for s, _ in rows], "topic": [t for _, t in rows]}).write_parquet(
        folder / "k2" / "train.parquet"
    )
    return [(frozenset(s), t) for s, t in rows]


def test_a_cell_draws_from_its_own_side_alone() -> None:
    sides = CATALOGUE.partition(RANDOM)
    for split in ("train", "held-out"):
        drawn = draw_cell(CATALOGUE, Cell(split=split, k=3, n=100, partition=RANDOM))
        assert {skill for c in drawn for skill in c.skills} == set(sides.skills(split))
        assert {c.topic for c in drawn} == set(sides.topics("held-out"))


def test_the_same_cell_is_the_same_draw() -> None:
    cell = Cell(split="train", k=2, n=50, seed=3)
    assert draw_cell(CATALOGUE, cell) == draw_cell(CATALOGUE, cell)
    assert draw_cell(CATALOGUE, cell) != draw_cell(CATALOGUE, cell.model_copy(update={"seed": 4}))


def test_a_small_cell_is_drawn_whole() -> None:
    drawn = draw_cell(CATALOGUE, Cell(split="held-out", k=2, n=400, partition=RANDOM))
    assert len({c.key for c in drawn}) == len(drawn) == count(10, 4, 2) == 180
    assert generations_for(400, 180) == 3
    assert generations_for(400, 400) == 1
    assert generations_for(200, 200, planned=3) == 3


def test_training_data_on_train_topics_excludes_no_held_out_topic(tmp_path: Path) -> None:
    sides = CATALOGUE.partition(RANDOM)
    write_dataset(tmp_path, sides.topics("train"))
    assert read_keys(tmp_path, sides.topics("held-out")) == frozenset()


def test_excluded_requests_are_never_drawn(tmp_path: Path) -> None:
    sides = CATALOGUE.partition(RANDOM)
    written = write_dataset(tmp_path, sides.topics("held-out"))
    keys = read_keys(tmp_path, sides.topics("held-out"))
    assert keys == set(written)
    for n in (300, 10_000):
        drawn = {c.key for c in draw_cell(CATALOGUE, Cell(split="train", k=2, n=n, partition=RANDOM), keys)}
        assert drawn and drawn.isdisjoint(keys)
    assert len(drawn) == count(22, 4, 2) - len(keys)


def test_an_exhausted_cell_says_so() -> None:
    everything = {c.key for c in draw_cell(CATALOGUE, Cell(split="held-out", k=1, n=999))}
    with pytest.raises(UsageError, match="excluded data"):
        draw_cell(CATALOGUE, Cell(split="held-out", k=1, n=5), everything)


def test_a_folder_that_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such dataset folder"):
        read_keys(tmp_path / "none", ["camping"])
    with pytest.raises(UsageError, match="no parquet file"):
        read_keys(tmp_path, ["camping"])


def test_a_misspelt_split_offers_the_near_one() -> None:
    with pytest.raises(UsageError, match="did you mean 'held-out'"):
        make_cell(split="heldout", k=2, n=5)
