"""Wall time of a build against a plain asyncio client that makes the same calls, in one run; peak memory of the build.

    python tests/benchmarks/bench_build.py [rows] [connections for each model] [median seconds]

Two models behind a loopback server in a process of its own: lognormal latency, sigma 0.8, 2 % ten times as long. Every
row is generated, revised and graded by a noisy grader, vote after vote. The plain client, on the openai SDK, asks for
the very requests of the build again, as many votes for each row, with as many requests in flight. The latencies are
drawn from the seed and the request, so that both meet the same ones.
"""

import asyncio
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tests" / "llm"))

from loopback_ledger import Entry, Ledger, most_in_flight, read_ledger  # noqa: E402

from cards.dataset_card import make_dataset_card  # noqa: E402
from datasets_builder.build import build_dataset  # noqa: E402
from datasets_builder.meter import load_prices  # noqa: E402
from datasets_builder.pipeline import DataRecipe, prompts_name, requests  # noqa: E402
from datasets_builder.skillmix.catalogue import load_catalogue  # noqa: E402
from datasets_builder.skillmix.combinations import Combination  # noqa: E402
from datasets_builder.skillmix.prompts import PromptSet, load_prompts  # noqa: E402

ROWS_AT_WORK = 3  # rows that the plain client has begun, for each connection: enough to keep both models busy
LIFETIME = 1200  # seconds of a server at most


class Measured(NamedTuple):
    """One run; ``asking`` is from the first request to the last answer."""

    wall: float
    asking: float
    requests: int
    most_in_flight: dict[str, int]
    cpu: float


@contextlib.contextmanager
def serve(ledger: Path, median: float) -> Iterator[str]:
    """A server of its own process; gives its OpenAI address."""
    options = {"--latency": json.dumps({"median": median}), "--scripted": json.dumps({"noise": 0.02})}
    arguments = [str(part) for pair in {**options, "--ledger": ledger, "--seconds": LIFETIME}.items() for part in pair]
    command = [sys.executable, str(ROOT / "tests/llm/loopback.py"), "--constant", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            yield json.loads(process.stdout.readline() if process.stdout else "")["openai_url"]
        finally:
            process.terminate()


def make_recipe(rows: int, connections: int) -> DataRecipe:
    """Half of the rows of k = 2, half of k = 3; no two share a request."""
    models = [{"model": f"openai-api/loopback/{name}", "connections": connections} for name in ("teacher", "grader")]
    halves = {2: {"n": rows // 2}, 3: {"n": rows - rows // 2}}
    content = {"name": "bench", "catalogue": "miniature", "skills": "all", "topics": "all", "combinations": halves}
    content |= {"seed": 0, "teacher": models[0], "grader": models[1], "votes": 3, "concurrency": connections}
    return DataRecipe.model_validate(content)


def measure_build(recipe: DataRecipe, url: str, folder: Path, ledger: Path) -> Measured:
    """A whole build, from the recipe to the dataset folder."""
    os.environ |= {"LOOPBACK_BASE_URL": url, "LOOPBACK_API_KEY": "k"}
    began, worked = time.perf_counter(), time.process_time()
    build_dataset(
        recipe,
        Path("bench.yml"),
        folder / "dataset",
        card=lambda manifest, rows: make_dataset_card(manifest.model_dump(), rows),
        prices=load_prices(),
    )
    return _measured(began, worked, read_ledger(ledger))


def measure_plain(recipe: DataRecipe, url: str, votes: Counter[str], ledger: Path) -> Measured:
    """The same requests by the openai SDK; ``votes`` tells how many each row takes, 0 for one that is screened out."""
    catalogue = load_catalogue(recipe.catalogue)
    prompts = load_prompts(prompts_name(recipe, catalogue), catalogue)
    asked = [Combination(tuple(row["skills"]), row["topic"]) for row in requests(recipe, catalogue)]
    began, worked = time.perf_counter(), time.process_time()
    asyncio.run(_ask_all(url, prompts, asked, votes, recipe.concurrency))
    return _measured(began, worked, read_ledger(ledger))


async def _ask_all(url: str, prompts: PromptSet, asked: list[Combination], votes: Counter[str], limit: int) -> None:
    import openai

    gates = {"teacher": asyncio.Semaphore(limit), "grader": asyncio.Semaphore(limit)}
    waiting = iter(asked)

    async def ask(model: str, *turns: str) -> str:
        roles = ("user", "assistant", "user")
        messages: Any = [{"role": role, "content": turn} for role, turn in zip(roles, turns, strict=False)]
        async with gates[model]:
            given = await client.chat.completions.create(model=model, messages=messages)
        return given.choices[0].message.content or ""

    async def work() -> None:
        for row in waiting:
            request = prompts.generate(row)
            text = await ask("teacher", request, await ask("teacher", request), prompts.revise(row))
            for _ in range(votes[f"{'+'.join(row.skills)}@{row.topic}"]):
                await ask("grader", prompts.grade(row, text))

    async with openai.AsyncOpenAI(base_url=url, api_key="k", max_retries=0) as client:
        await asyncio.gather(*(work() for _ in range(ROWS_AT_WORK * limit)))


def _measured(began: float, worked: float, ledger: Ledger) -> Measured:
    wall, cpu = time.perf_counter() - began, time.process_time() - worked
    by_model: dict[str, list[Entry]] = {}
    for entry in ledger:
        by_model.setdefault(entry.model, []).append(entry)
    asking = max(entry.ended or 0 for entry in ledger) - min(entry.began for entry in ledger)
    return Measured(wall, asking, len(ledger), {name: most_in_flight(some) for name, some in by_model.items()}, cpu)


def show(name: str, run: Measured) -> None:
    """One line."""
    flight = ", ".join(f"{model} {most}" for model, most in sorted(run.most_in_flight.items()))
    print(
        f"{name:<6} {run.wall:7.1f} s wall  {run.asking:7.1f} s of requests  {run.requests} requests  "
        f"{1000 * run.cpu / run.requests:.1f} ms CPU each  most in flight: {flight}",
        flush=True,
    )


def main(rows: int = 3000, connections: int = 50, median: float = 0.3) -> None:
    """Prints both runs, their ratio and the memory."""
    recipe = make_recipe(rows, connections)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with serve(folder / "build.jsonl", median) as url:
            build = measure_build(recipe, url, folder, folder / "build.jsonl")
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        show("build", build)
        votes = Counter(entry.row or "" for entry in read_ledger(folder / "build.jsonl") if entry.stage == "grade")
        with serve(folder / "plain.jsonl", median) as url:
            plain = measure_plain(recipe, url, votes, folder / "plain.jsonl")
        show("plain", plain)
    print(f"ratio  {build.wall / plain.wall:.2f} of wall  {build.asking / plain.asking:.2f} of the time of requests")
    print(f"memory {memory:.0f} MB at most, build (median latency {median} s)")


if __name__ == "__main__":
    numbers = [float(argument) for argument in sys.argv[1:]]
    main(*(int(number) for number in numbers[:2]), *numbers[2:3])
