"""Rows a second and peak memory of what follows the grades: select, de-duplicate, write, on many scripted rows.

    python tests/benchmarks/bench_volume.py [--rows 100000] [--near 0.7] [--out folder]

The path is that of a build: the streaming runner, rows that wait in a spool, Parquet files, manifest, card. Texts and
votes come from a table instead of models; the time that this takes is left out of the rate. Wanted: under 4 GB.
"""

import argparse
import random
import resource
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from cards.dataset_card import make_dataset_card
from datasets_builder.dataset import Origin, account, write_dataset
from datasets_builder.dedup import NearConfig
from datasets_builder.pipeline import DataRecipe, requests
from datasets_builder.quiet_distilabel import Pipeline, Step, StepInput
from datasets_builder.runner import run_stream
from datasets_builder.skillmix.catalogue import load_catalogue
from datasets_builder.steps import Deduplicate, Row, Select

CONTENT = {
    "name": "volume",
    "catalogue": "miniature",
    "partition": {"by": "random", "train": 22},
    "seed": 0,
    "teacher": {"scripted": "miniature"},
    "grader": {"scripted": "miniature"},
}
SPLIT = {1: 0.2, 2: 0.4, 3: 0.4}  # of the rows, about as the paper asks for them
AVAILABLE = {1: 176, 2: 1_848, 3: 12_320}  # combinations of 22 skills and 8 topics
VOCABULARY = [f"w{int(20_000 ** (i / 60_000))}" for i in range(60_000)]  # 20,000 words, the common ones many times
SLIP = 0.15  # share of rows whose votes miss a skill
COPY = 0.03  # share of texts that repeat one with two words changed, or none


class Script(Step):  # type: ignore[misc]
    """Stands for generate, revise, screen and grade: texts of 30 to 60 words drawn as a language draws them."""

    _seconds: float = 0.0

    @property
    def inputs(self) -> list[str]:
        return ["id", "skills", "k"]

    @property
    def outputs(self) -> list[str]:
        return ["prompt", "reply_generate", "reply_revise", "text", "reply_grade", "votes", "reason", "detail"]

    def process(self, inputs: StepInput) -> Iterator[list[Row]]:
        began = time.perf_counter()
        rows = [self._answer(row) for row in inputs]
        self._seconds += time.perf_counter() - began
        yield rows

    def _answer(self, row: Row) -> Row:
        chance = random.Random(row["id"])
        if chance.random() < COPY:
            words = random.Random(chance.randrange(2_000)).choices(VOCABULARY, k=45)
            for _ in range(chance.randrange(3)):
                words[chance.randrange(45)] = chance.choice(VOCABULARY)
        else:
            words = chance.choices(VOCABULARY, k=30 + chance.randrange(31))
        text = " ".join(words)
        vote = [chance.random() >= SLIP / row["k"] for _ in row["skills"]] + [True] * 3
        given = {"prompt": f"write {row['k']} on {row['topic']} showing {', '.join(row['skills'])}", "text": text}
        replies = {"reply_generate": text, "reply_revise": text, "reply_grade": [[str(vote)]] * 3}
        return row | given | replies | {"votes": [vote] * 3, "reason": None, "detail": None}


def measure(count: int, near: float | None, out: Path) -> None:
    """Prints what each part takes."""
    combinations = {
        k: {"n": AVAILABLE[k], "texts": max(1, round(count * share / AVAILABLE[k]))} for k, share in SPLIT.items()
    }
    recipe = DataRecipe.model_validate({**CONTENT, "combinations": combinations})
    catalogue = load_catalogue(recipe.catalogue)
    asked = requests(recipe, catalogue)
    with Pipeline(name="volume") as pipeline:
        script = Script(name="script", input_batch_size=500)
        threshold = NearConfig(threshold=near) if near else None
        (
            script
            >> Select(name="select", votes=3, input_batch_size=500)
            >> Deduplicate(name="dedup", near_duplicates=threshold)
        )
    began = time.perf_counter()
    rows = run_stream(pipeline, asked, spool=out.parent)
    ran = time.perf_counter()
    origin = Origin("table", "table", "none", "volume", 0, 0.05)
    manifest = write_dataset(
        out,
        account(asked, rows),
        origin,
        catalogue,
        {"catalogue": "miniature"},
        lambda m, some: make_dataset_card(m.model_dump(), some),
    )
    wrote = time.perf_counter()
    spent = wrote - began - script._seconds
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{len(asked):,} rows, near-duplicates {near or 'off'}: {len(asked) / spent:,.0f} rows/s, peak {peak:,.0f} MB"
    )
    print(f"select and de-duplicate {ran - began - script._seconds:.1f} s, write {wrote - ran:.1f} s")
    print(f"(making the rows {script._seconds:.1f} s, left out); rejected {manifest.rejects}")
    size = sum(path.stat().st_size for path in out.rglob("*.parquet")) / 1e6
    print(f"{len(manifest.files)} files, {size:,.0f} MB: {', '.join(manifest.files)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--near", type=float, help="threshold of near-duplicates; without it exact ones alone")
    parser.add_argument("--out", type=Path, help="keeps the dataset here")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        measure(options.rows, options.near, options.out or folder / "volume")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
