"""Draws 1,000,000 combinations of 53 skills and 70 topics, k = 3; prints seconds and peak memory.

    python tests/benchmarks/bench_combinations.py

Each draw runs in a process of its own, so that its peak memory is its own. Wanted: under 10 s and under 1 GB.
"""

import resource
import sys
import time
from multiprocessing import get_context

from datasets_builder.skillmix.combinations import Method, count, draw

SKILLS = [f"skill-{i}" for i in range(53)]
TOPICS = [f"topic-{i}" for i in range(70)]
K, N = 3, 1_000_000


def measure(method: Method, n: int) -> tuple[float, float, float]:
    """Wall and CPU seconds of one draw, and the peak memory of this process in MB."""
    start, cpu_start = time.perf_counter(), time.process_time()
    drawn = draw(SKILLS, TOPICS, K, n, seed=0, method=method)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    assert len({c.key for c in drawn[:10_000]}) == min(n, 10_000)
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return seconds, cpu_seconds, kilobytes / (1024**2 if sys.platform == "darwin" else 1024)


def main() -> None:
    print(f"{count(len(SKILLS), len(TOPICS), K):,} combinations exist")
    for method in ("balanced", "uniform"):
        for n in (N, N // 2):
            with get_context("spawn").Pool(1) as pool:
                seconds, cpu_seconds, megabytes = pool.apply(measure, (method, n))
            print(f"{method:9} n = {n:9,}: {seconds:5.1f} s ({cpu_seconds:4.1f} s CPU), peak {megabytes:4.0f} MB")


if __name__ == "__main__":
    main()
