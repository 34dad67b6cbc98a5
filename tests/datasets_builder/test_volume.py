"""Many rows: they wait on disk, come back in order, and are written in shards that load as one."""

import tempfile
from pathlib import Path
from typing import Any

import datasets
import pyarrow.parquet as pq
import pytest
from data_fakes import CONTENT

from datasets_builder import shards, spool
from datasets_builder.build import build_dataset
from datasets_builder.dataset import FEATURES, Manifest, read_manifest
from datasets_builder.pipeline import DataRecipe, make_pipeline, requests
from datasets_builder.runner import run_stream
from datasets_builder.skillmix.errors import OutsideError
from datasets_builder.skillmix.prompts import PromptSet
from datasets_builder.spool import Spool

HERE = Path("recipe.yml")


def _card(manifest: Manifest, rows: object) -> str:
    return "# card\n"


@pytest.fixture(params=[0, spool.MEMORY], ids=["disk", "memory"])
def _where(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "MEMORY", request.param or 1)


@pytest.mark.usefixtures("_where")
def test_rows_come_back_in_the_order_of_the_input(tmp_path: Path) -> None:
    rows = Spool(5, tmp_path)
    for place in (3, 0, 4, 2, 1):
        rows.put(place, {"place": place, "votes": [[True, None], None], "text": "\u2019" * place})
    assert [row["place"] for row in rows] == [0, 1, 2, 3, 4] and rows.missing == 0
    assert rows[-1]["text"] == "\u2019" * 4 and rows[0]["votes"] == [[True, None], None]
    assert rows[1:3] == [rows[1], rows[2]] and len(rows) == 5
    assert list(tmp_path.iterdir()) == []  # the file has no name: nothing stays behind, whatever happens


@pytest.mark.usefixtures("_where")
def test_what_has_no_place_is_dropped_and_what_is_missing_is_known(tmp_path: Path) -> None:
    rows = Spool(3, tmp_path)
    for place, text in ((0, "first"), (0, "again"), (7, "beyond"), (-1, "none"), (2, "last")):
        rows.put(place, {"text": text})
    assert (rows[0], rows[2], rows.missing) == ({"text": "first"}, {"text": "last"}, 1)
    with pytest.raises(LookupError, match="row 1 has not come"):
        list(rows)


def test_a_full_disk_is_an_outside_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **options: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spool.pickle, "dump", fail)
    with pytest.raises(OutsideError, match=r"no room .* No space left"):
        Spool(1).put(0, {})


def test_a_run_through_a_spool_gives_the_same_rows(recipe: DataRecipe, prompts: PromptSet, tmp_path: Path) -> None:
    rows = requests(recipe, prompts.catalogue)
    plain = run_stream(make_pipeline(recipe, prompts), rows)
    spooled = run_stream(make_pipeline(recipe, prompts), rows, spool=tmp_path)
    assert isinstance(spooled, Spool) and list(spooled) == plain


def test_a_build_keeps_its_rows_beside_the_dataset(
    recipe: DataRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[Any] = []
    make = tempfile.SpooledTemporaryFile
    monkeypatch.setattr(
        spool.tempfile, "SpooledTemporaryFile", lambda *a, **options: used.append(options["dir"]) or make(*a, **options)
    )
    build_dataset(recipe, HERE, tmp_path / "not" / "there" / "yet", card=_card, limit=60)
    assert used and set(used) == {str(tmp_path / "not" / "there")}


@pytest.fixture()
def sharded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The small dataset in files of 30 rows and row groups of 12."""
    monkeypatch.setattr(shards, "SHARD_ROWS", 30)
    monkeypatch.setattr(shards, "GROUP_ROWS", 12)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    build_dataset(DataRecipe.model_validate(CONTENT), HERE, tmp_path / "sharded", card=_card)
    return tmp_path / "sharded"


def test_shards_are_named_and_filled_in_order(sharded: Path) -> None:
    manifest = read_manifest(sharded)
    assert manifest
    for name, counted in manifest.counts.items():
        files = sorted((sharded / "data" / name).glob("train-*.parquet"))
        count = -(-counted.train // 30)
        assert count > 1
        assert [f.name for f in files] == [f"train-{i:05d}-of-{count:05d}.parquet" for i in range(count)]
        rows = [pq.read_metadata(f).num_rows for f in files]
        assert rows[:-1] == [30] * (count - 1) and sum(rows) == counted.train
        assert [pq.read_metadata(files[0]).row_group(i).num_rows for i in range(3)] == [12, 12, 6]


def test_shards_load_as_the_one_file_does(sharded: Path, recipe: DataRecipe, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    whole = build_dataset(recipe, HERE, tmp_path / "whole", card=_card)
    assert len(whole.files) == 8 and len(read_manifest(sharded).files) > 8  # type: ignore[union-attr]
    for config in whole.configs:
        one, many = (datasets.load_dataset(str(tmp_path / folder), config) for folder in ("whole", "sharded"))
        for split in one:
            assert many[split].features == FEATURES
            assert many[split].to_list() == one[split].to_list()


def test_a_file_is_what_datasets_itself_writes(tmp_path: Path, recipe: DataRecipe) -> None:
    build_dataset(recipe, HERE, tmp_path / "out", card=_card)
    path = tmp_path / "out" / "data" / "k2" / "train-00000-of-00001.parquet"
    again = datasets.Dataset.from_parquet(str(path), features=FEATURES, cache_dir=str(tmp_path / "cache"))
    again.to_parquet(str(tmp_path / "again.parquet"))
    assert (tmp_path / "again.parquet").read_bytes() == path.read_bytes()
