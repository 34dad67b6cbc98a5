"""Near-duplicate search, ours (exact) beside datasketch's MinHash with LSH: texts a second, memory, what each finds.

    python tests/benchmarks/bench_dedup.py [--texts 50000] [--world natural|miniature] [--only ours|datasketch]

Each runs in a process of its own. "natural" draws words as a language does (Zipf, 20,000 words, stock phrases), one
text in twenty a copy with two words changed; "miniature" is the scripted teacher's world of 440 words.
Needs ``pip install datasketch``, which the toolkit itself does not.
"""

import argparse
import random
import resource
import time
from collections.abc import Callable
from multiprocessing import get_context

import numpy as np

from datasets_builder.dedup import NearConfig, find_repeats

NEAR = NearConfig(threshold=0.7, words=3)


def natural(n: int, seed: int = 0) -> list[str]:
    """Texts of 30 to 60 words, a fifth of them in stock phrases of five words; one in twenty nearly repeats another."""
    rng, chance = np.random.default_rng(seed), random.Random(seed)
    weights = 1 / np.arange(1, 20_001) ** 1.05
    words = iter(rng.choice(20_000, size=70 * n, p=weights / weights.sum()).tolist())
    phrases = [[f"p{i}x{j}" for j in range(5)] for i in range(2_000)]
    texts: list[list[str]] = []
    for i in range(n):
        if i and chance.random() < 0.05:
            text = list(chance.choice(texts))
            for _ in range(2):
                text[chance.randrange(len(text))] = f"w{next(words)}"
        else:
            text = []
            while len(text) < 30 + i % 31:
                text += chance.choice(phrases) if chance.random() < 0.05 else [f"w{next(words)}"]
        texts.append(text)
    return [" ".join(text) for text in texts]


def miniature(n: int, seed: int = 0) -> list[str]:
    """Texts of the scripted teacher on three train skills."""
    from datasets_builder.pipeline import DataRecipe, requests
    from datasets_builder.skillmix.catalogue import load_catalogue
    from datasets_builder.skillmix.prompts import load_prompts

    recipe = DataRecipe.model_validate(
        {
            "name": "bench",
            "catalogue": "miniature",
            "partition": {"by": "random", "train": 22},
            "combinations": {3: {"n": 10_000, "texts": -(-n // 10_000)}},
            "seed": seed,
            "teacher": {"scripted": "miniature"},
            "grader": {"scripted": "miniature"},
        }
    )
    catalogue = load_catalogue("miniature")
    prompts = load_prompts(catalogue.about.prompts, catalogue)
    from datasets_builder.miniature.teacher import reply
    from datasets_builder.steps import combination_of

    asked = requests(recipe, catalogue)[:n]
    return [
        reply([{"role": "user", "content": prompts.generate(combination_of(row))}], i, 0.0, 0.3)
        for i, row in enumerate(asked)
    ]


def ours(texts: list[str]) -> set[int]:
    """Places of the duplicates."""
    found = find_repeats([f"{i:09d}" for i in range(len(texts))], texts, NEAR)
    return {i for i, repeat in enumerate(found) if repeat}


def datasketch(texts: list[str]) -> set[int]:
    """The same rule on datasketch: candidates from LSH, accepted by the similarity that their MinHashes estimate."""
    from datasketch import MinHash, MinHashLSH

    lsh, kept, out = MinHashLSH(threshold=NEAR.threshold, num_perm=128), {}, set()
    for i, text in enumerate(texts):
        words = text.split()
        runs = {" ".join(words[j : j + NEAR.words]).encode() for j in range(max(1, len(words) - NEAR.words + 1))}
        sketch = MinHash(num_perm=128, seed=1)
        sketch.update_batch(list(runs))
        if any(kept[j].jaccard(sketch) >= NEAR.threshold for j in lsh.query(sketch)):
            out.add(i)
            continue
        lsh.insert(i, sketch)
        kept[i] = sketch
    return out


WORLDS: dict[str, Callable[[int], list[str]]] = {"natural": natural, "miniature": miniature}
SEARCHES: dict[str, Callable[[list[str]], set[int]]] = {"ours": ours, "datasketch": datasketch}


def measure(search: str, world: str, n: int) -> tuple[float, float, set[int]]:
    """Seconds, peak memory in MB beyond the texts themselves, and the places found."""
    texts = WORLDS[world](n)
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    found = SEARCHES[search](texts)
    seconds = time.perf_counter() - began
    return seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, found


def main() -> None:
    """Prints one line a search, then how far they agree."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, default=50_000)
    parser.add_argument("--world", choices=WORLDS, default="natural")
    parser.add_argument("--only", choices=SEARCHES)
    options = parser.parse_args()
    found = {}
    for search in [options.only] if options.only else SEARCHES:
        with get_context("spawn").Pool(1) as pool:
            seconds, memory, found[search] = pool.apply(measure, (search, options.world, options.texts))
        rate, duplicates = options.texts / seconds, len(found[search])
        print(f"{search:<10} {seconds:7.1f} s  {rate:8.0f} texts/s  +{memory:6.0f} MB  {duplicates} duplicates")
    if len(found) == 2:
        both = found["ours"] & found["datasketch"]
        alone = ", ".join(f"{search} alone {len(places - both)}" for search, places in found.items())
        print(f"both {len(both)}, {alone}")


if __name__ == "__main__":
    main()
