"""Which texts repeat another: the same after normalisation, or near (Jaccard similarity of their word shingles).

Texts are taken by id, and one that is near to an earlier text that stays is a duplicate of it:

    k1-1a "The bee hums at dawn, so the whole hive wakes."    stays
    k1-2b "the bee hums at dawn,  so the whole hive WAKES."   same text as k1-1a
    k1-3c "The bee hums at dawn, so the whole hive woke."     near to k1-1a: 7 of the 9 runs of 3 words are in both

Nothing is estimated. Two texts of similarity t share a shingle among the rarest few of each ("prefix filter", Chaudhuri
et al. 2006; Bayardo et al. 2007), so only such pairs are compared, and these exactly. On a million texts that is faster
than MinHash with LSH, needs no further library, and misses none; tests/benchmarks/bench_dedup.py has both.
"""

import hashlib
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field
from scipy.sparse import csr_array, vstack

from datasets_builder.skillmix.config import Strict

BLOCK = 8_192  # texts compared at once with those before them; bounds the memory of their pairs
PAIRS = 500_000  # pairs compared at once, for the same reason
FREQUENCY_BITS = 24  # shingles are counted in so many buckets: an order of rarity needs no exact counts
MIX = np.uint64(0x9E3779B97F4A7C15)  # odd, so that multiplying loses nothing; any such number does
PLAIN = str.maketrans("\u2018\u2019\u201c\u201d\u2013\u2014", "''\"\"--")

COLUMNS = 2**63 - 1
ROUNDING = 1e-9  # 0.7 * 10 is 7.000000000000001 on some machines

Numbers = NDArray[np.int64]


class NearConfig(Strict):
    """How alike two texts may be: key ``near_duplicates`` of a data recipe."""

    threshold: float = Field(default=0.7, gt=0, le=1)
    words: int = Field(default=3, ge=1, le=8)


class Repeat(NamedTuple):
    """The text that another repeats, by its place, and how alike the two are; None for the very same text."""

    place: int
    similarity: float | None = None


def normalise(text: str) -> str:
    """The text in lower case, with plain quotes, dashes and single spaces: what counts as the very same text.

    Punctuation stays: a question and an exclamation may be two skills.
    """
    return " ".join(unicodedata.normalize("NFKC", text).translate(PLAIN).casefold().split())


def find_repeats(ids: Sequence[str], texts: Sequence[str], near: NearConfig | None = None) -> list[Repeat | None]:
    """For each text the one with a smaller id that it repeats, or None where it stays.

    Args:
        ids: Names of the texts; the smallest of a group stays.
        texts: The texts, in any order.
        near: How alike is too alike; None for the same text alone.
    """
    order = sorted(range(len(ids)), key=ids.__getitem__)
    repeats: list[Repeat | None] = [None] * len(ids)
    first: dict[bytes, int] = {}
    for place in order:
        digest = hashlib.blake2b(normalise(texts[place]).encode(), digest_size=16).digest()
        if (seen := first.setdefault(digest, place)) != place:
            repeats[place] = Repeat(seen)
    if near and first:
        places = list(first.values())
        for i, (j, similarity) in _find_near([texts[place] for place in places], near).items():
            repeats[places[i]] = Repeat(places[j], similarity)
    return repeats


def describe(repeat: Repeat, ids: Sequence[str]) -> str:
    """What a rejected row's ``detail`` says."""
    if repeat.similarity is None:
        return f"same text as {ids[repeat.place]}"
    return f"near to {ids[repeat.place]}: {repeat.similarity:.0%} of their word runs are the same"


def shingle(texts: Sequence[str], words: int) -> csr_array:
    """Which runs of ``words`` words each text has, as rows of ones; a column is a hash of 63 bits.

    A text of fewer words has one run, all of it; a text without words has none. Punctuation and case do not count.
    """
    plain = pl.Series(texts, dtype=pl.String).str.normalize("NFKC").str.to_lowercase()
    split = plain.str.extract_all(r"\w+")
    sizes = split.list.len().to_numpy().astype(np.int64)
    word = split.explode().drop_nulls().hash(seed=0).to_numpy()
    ends = np.cumsum(sizes)
    runs = np.where(sizes > 0, np.maximum(sizes - words + 1, 1), 0)
    row = np.repeat(np.arange(len(sizes)), runs)
    place = np.arange(len(row)) - np.repeat(np.cumsum(runs) - runs, runs) + (ends - sizes)[row]
    hashes = np.zeros(len(row), dtype=np.uint64)
    for i in range(words):
        inside = place + i < ends[row]
        hashes = hashes * MIX + np.where(inside, word[np.minimum(place + i, len(word) - 1)], np.uint64(0))
    found = pl.DataFrame({"row": row, "hash": (hashes >> np.uint64(1)).astype(np.int64)}).unique().sort("row", "hash")
    starts = np.searchsorted(found["row"].to_numpy(), np.arange(len(sizes) + 1))
    ones = np.ones(len(found), dtype=np.int8)
    return csr_array((ones, found["hash"].to_numpy(), starts), shape=(len(sizes), COLUMNS))


def _find_near(texts: Sequence[str], near: NearConfig) -> dict[int, Repeat]:
    """The texts near to an earlier one that stays, with the most alike of those; texts are taken in their order."""
    blocks = [shingle(texts[i : i + BLOCK], near.words) for i in range(0, len(texts), BLOCK)]
    counts = sum((_count(block) for block in blocks), np.zeros(1 << FREQUENCY_BITS, dtype=np.int64))
    table = vstack(blocks, format="csr", dtype=np.int8)
    found: dict[int, Repeat] = {}
    stay = pl.DataFrame(schema={"hash": pl.Int64, "other": pl.Int64})
    for number, block in enumerate(blocks):
        rare = _rarest(block, number * BLOCK, counts, near.threshold)
        same = rare.select("hash", other="row")
        pairs = pl.concat(
            [rare.join(stay, on="hash"), rare.join(same, on="hash").filter(pl.col("other") < pl.col("row"))]
        )
        for row, other, similarity in _near_pairs(table, pairs.select("row", "other").unique(), near.threshold):
            if row not in found and other not in found:
                found[row] = Repeat(other, similarity)
        stay = pl.concat([stay, same.filter(~pl.col("other").is_in(list(found)))])
    return found


def _count(table: csr_array) -> Numbers:
    """How often each bucket of shingles occurs."""
    return np.bincount(table.indices >> (63 - FREQUENCY_BITS), minlength=1 << FREQUENCY_BITS)


def _rarest(block: csr_array, first: int, counts: Numbers, threshold: float) -> pl.DataFrame:
    """Of each text's n shingles the n - ceil(threshold * n) + 1 rarest: texts as alike as that share one of these."""
    sizes = np.diff(block.indptr)
    shares = sizes - np.ceil(threshold * sizes - ROUNDING).astype(np.int64) + 1
    rows = np.repeat(np.arange(len(sizes)), sizes)
    order = np.lexsort((block.indices, counts[block.indices >> (63 - FREQUENCY_BITS)], rows))
    rank = np.arange(len(rows)) - block.indptr[rows]
    taken = order[rank < shares[rows]]
    return pl.DataFrame({"hash": block.indices[taken], "row": rows[taken] + first})


def _near_pairs(table: csr_array, pairs: pl.DataFrame, threshold: float) -> Iterator[tuple[int, int, float]]:
    """The pairs that are as alike as that, by row, the most alike first."""
    near = []
    sizes = np.diff(table.indptr)
    for some in pairs.iter_slices(PAIRS):
        rows, others = some["row"].to_numpy(), some["other"].to_numpy()
        fits = np.minimum(sizes[rows], sizes[others]) >= threshold * np.maximum(sizes[rows], sizes[others]) - ROUNDING
        rows, others = rows[fits], others[fits]
        common = np.diff(table[rows].multiply(table[others]).tocsr().indptr)
        alike = common / (sizes[rows] + sizes[others] - common)
        passed = alike >= threshold - ROUNDING
        near.append(pl.DataFrame({"row": rows[passed], "other": others[passed], "alike": alike[passed]}))
    ordered = pl.concat(near).sort("row", "alike", "other", descending=[False, True, False]) if near else pl.DataFrame()
    return iter(ordered.iter_rows())
