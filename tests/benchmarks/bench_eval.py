"""Wall time of an evaluation against the time that its requests must take: ``wall / ideal``.

    python tests/benchmarks/bench_eval.py [samples] [connections for each model] [seconds of an answer]

A loopback server in a process of its own answers every request after the same time. Ideal is what no client could
beat: each model has so many connections and no pause, and before the last text is graded its own turns pass:

    ideal = seconds * max(turns * samples / connections + 1, turns + votes * samples / connections)

Two plans are run: one turn and one vote, two turns and three votes. Wall is the whole of ``run_suite``: drawing, the
requests, the log, the results file.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from math import ceil
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tests" / "llm"))

from loopback_ledger import most_in_flight, read_ledger  # noqa: E402

import eval_harness.run  # noqa: E402, F401 (Inspect is imported before the clock starts)
from datasets_builder.meter import load_prices  # noqa: E402
from eval_harness.access import Access  # noqa: E402
from eval_harness.suite import run_suite  # noqa: E402
from eval_harness.suite_config import EvalSuite  # noqa: E402

LIFETIME = 1800  # seconds of a server at most
STUDENT, GRADER = "openai-api/loopback/teacher", "openai-api/loopback/grader"


@contextlib.contextmanager
def serve(ledger: Path, seconds: float) -> Iterator[str]:
    """A server of its own process; gives its OpenAI address."""
    latency = json.dumps({"median": seconds, "sigma": 0.0, "tail_share": 0.0})
    options = ["--latency", latency, "--ledger", str(ledger), "--seconds", str(LIFETIME), "--constant"]
    command = [sys.executable, str(ROOT / "tests/llm/loopback.py"), *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            yield json.loads(process.stdout.readline() if process.stdout else "")["openai_url"]
        finally:
            process.terminate()


def measure(samples: int, connections: int, seconds: float, turns: int, votes: int) -> str:
    """One line on one plan."""
    suite = EvalSuite(
        catalogue="miniature",
        grader="model",
        splits=("all",),
        topics="all",
        k=(3,),
        n=samples,
        revise=turns == 2,
        votes=votes,
        max_unscored=1.0,
    )
    ideal = seconds * max(turns * ceil(samples / connections) + 1, turns + ceil(votes * samples / connections))
    with tempfile.TemporaryDirectory() as folder:
        ledger = Path(folder) / "ledger"
        with serve(ledger, seconds) as url:
            student, judge = (Access(name, url, connections=connections) for name in (STUDENT, GRADER))
            began, worked = time.perf_counter(), time.process_time()
            run = run_suite(suite, student, Path(folder) / "run", grader_model=judge, prices=load_prices())
            wall, cpu = time.perf_counter() - began, time.process_time() - worked
        entries = read_ledger(ledger)
        asking = max(e.ended or 0.0 for e in entries) - min(e.began for e in entries)
        open_at_once = {name: most_in_flight(e for e in entries if e.model == name) for name in ("teacher", "grader")}
    (cell,) = run.cells
    return (
        f"{turns} turns + {votes} votes: {cell.n_texts} texts, {len(entries)} requests, wall {wall:.1f} s "
        f"(from first request to last answer {asking:.1f} s), ideal {ideal:.1f} s, wall / ideal {wall / ideal:.2f}, "
        f"CPU {cpu:.1f} s ({1000 * cpu / len(entries):.1f} ms a request), most in flight {open_at_once}, "
        f"load {os.getloadavg()[0]:.1f}"
    )


def main() -> None:
    """Prints a line for each plan."""
    given = sys.argv[1:]
    samples, connections = (int(given[i]) if len(given) > i else default for i, default in ((0, 1000), (1, 50)))
    seconds = float(given[2]) if len(given) > 2 else 2.0
    os.environ["LOOPBACK_API_KEY"] = "k"
    print(f"{samples} samples, {connections} connections a model, {seconds:g} s an answer", flush=True)
    for turns, votes in ((1, 1), (2, 3)):
        print(measure(samples, connections, seconds, turns, votes), flush=True)


if __name__ == "__main__":
    main()
