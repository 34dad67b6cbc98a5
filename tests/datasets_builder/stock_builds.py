"""What holds for both of distilabel's runners, ``stock`` and ``ray``, with models behind the loopback server."""

import shutil
import signal
import time
from pathlib import Path
from typing import Any

import polars as pl
import psutil
from loopback import LoopbackLLM
from loopback_builds import KEY, Builder, check_paid, files_with, finish
from loopback_chance import Latency

SMALL: dict[str, Any] = {"combinations": {1: {"n": 20}, 2: {"n": 20}}}
ALIKE = {"threshold": 0.2, "words": 2}  # so low that a few texts of the miniature are duplicates
LEAVE = 15.0  # seconds in which the processes of a run that has ended go


def check_same_folder(folder: Path, runner: str) -> None:
    """The files of the streaming runner, each request answered once, none asked again, no key left anywhere.

    The recipe compares with an evaluation's Parquet file: polars, which reads it, does not survive a fork.
    """
    met = folder / "evaluation.parquet"
    pl.DataFrame({"text": ["nine words in a row that no text ever has"]}).write_parquet(met)
    changes = {**SMALL, "near_duplicates": ALIKE, "decontaminate": {"files": [str(met)]}}
    with LoopbackLLM(varied=False) as calm, LoopbackLLM(varied=False, key=KEY) as server:
        streamed = Builder(folder / "stream", calm, **changes)
        assert streamed.run().code == 0
        builder = Builder(folder / runner, server, **changes)
        code, out, err = builder.run("--runner", runner)
        assert code == 0 and not err and "HTTP" not in out, (out, err)
        assert builder.parquet() == streamed.parquet() != {}
        assert "duplicate" in {row.get("reason") for row in builder.rows().values()}
        assert server.ledger.answered() == calm.ledger.answered()
        shutil.rmtree(builder.out)
        paid = len(server.ledger)
        assert builder.run("--runner", runner).code == 0 and len(server.ledger) == paid
    assert builder.parquet() == streamed.parquet()
    assert files_with(builder.folder, KEY) == []


def check_refused_key(folder: Path, runner: str) -> None:
    """One line, as from the streaming runner, and nothing written."""
    with LoopbackLLM(key="another") as server:
        builder = Builder(folder, server, **SMALL)
        code, out, err = builder.run("--runner", runner)
    assert code == 3 and err.startswith("error: ") and err.count("\n") == 1, (out, err)
    assert "does not accept the key" in err and KEY not in out + err and not builder.out.exists()


def check_interrupt(folder: Path, runner: str, number: signal.Signals) -> None:
    """An interrupted build leaves no process, and goes on under any runner."""
    with LoopbackLLM(varied=False) as calm:
        assert Builder(folder / "calm", calm, **SMALL).run().code == 0
    with LoopbackLLM(varied=False, latency=Latency(median=0.2)) as server:
        builder = Builder(folder / "stopped", server, **SMALL)
        process = builder.start("--runner", runner)
        while len(server.ledger) < 20 and process.poll() is None:
            time.sleep(0.02)
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(number)
        code, out, err = finish(process)
        assert code == 130 and "the same command continues" in err and "Traceback" not in out + err, (out, err)
        assert family and not psutil.wait_procs(family, timeout=LEAVE)[1]
        assert not builder.out.exists()
        assert builder.run().code == 0
    check_paid(server.ledger, calm.ledger, [])  # those in flight were finished
