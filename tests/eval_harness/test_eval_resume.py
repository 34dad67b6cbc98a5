"""An evaluation goes on where it was stopped: a kill, a signal, a budget; no answer is paid for twice."""

import json
import signal
from pathlib import Path

import pytest
import yaml
from loopback import LoopbackLLM
from loopback_chance import Latency
from loopback_evals import CONNECTIONS, GRADER, KEY, STUDENT, Evaluation

GRACE = 1.0  # seconds between an answer's leaving the server and its being in the cache, at most
SLOW = Latency(median=0.2)
CENT = {"input": 100.0, "output": 100.0, "as_of": "2026-01-01", "source": "a test"}  # about a cent a request


@pytest.fixture()
def prices(tmp_path: Path) -> Path:
    """A file with prices of the loopback server's models."""
    path = tmp_path / "prices.yml"
    path.write_text(yaml.safe_dump({"prices": [{"match": [STUDENT, GRADER], **CENT}]}))
    return path


@pytest.mark.slow
def test_after_a_kill_at_most_the_requests_in_flight_are_paid_again(tmp_path: Path) -> None:
    with LoopbackLLM(varied=False, latency=SLOW) as calm:
        undisturbed = Evaluation(tmp_path / "calm", calm)
        assert undisturbed.run().code == 0
    with LoopbackLLM(varied=False, latency=SLOW) as server:
        killed, in_flight = Evaluation(tmp_path / "killed", server), 0
        for requests in (60, 80):
            outcome, moment = killed.stop_after(requests, signal.SIGKILL)
            assert outcome.code == -signal.SIGKILL and not list(killed.out.glob("results-*"))
            in_flight += len(server.ledger.in_flight(moment, GRACE))
        assert killed.run().code == 0
    asked = server.ledger.answered()
    assert asked.keys() == calm.ledger.answered().keys()
    paid_again = asked.total() - calm.ledger.answered().total()
    assert 0 <= paid_again <= in_flight
    assert killed.texts() == undisturbed.texts()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_what_is_in_flight_and_says_how_to_go_on(tmp_path: Path, number: signal.Signals) -> None:
    with LoopbackLLM(varied=False, latency=SLOW) as server:
        evaluation = Evaluation(tmp_path, server, n=12)
        (code, _, err), _ = evaluation.stop_after(40, number)
        assert code == 130 and "the same command continues" in err and "none of them is paid for again" in err
        assert set(server.ledger.outcomes()) == {"answered"}  # none was broken off
        assert evaluation.run().code == 0
        assert len(server.ledger) == 2 * 12 * (2 + 3)  # each request once, over both runs


@pytest.mark.slow
def test_a_budget_stops_cleanly_and_a_higher_one_goes_on(tmp_path: Path, prices: Path) -> None:
    with LoopbackLLM(varied=False) as server:
        evaluation = Evaluation(tmp_path, server, n=12)
        spent = []
        for _ in range(2):
            code, _, err = evaluation.run("--prices", str(prices), "--budget", "0.4")
            assert code == 3 and err.count("\n") == 1, err
            assert "the budget of $0.40 is spent" in err and "a higher --budget continues" in err
            spent.append(len(server.ledger))
        assert 0 < spent[0] == spent[1] < 120  # a budget that is spent buys nothing
        dearest = max(entry.input_tokens + entry.output_tokens for entry in server.ledger) * 1e-4
        costs = [(entry.input_tokens + entry.output_tokens) * 1e-4 for entry in server.ledger]
        assert 0.4 <= sum(costs) <= 0.4 + 2 * CONNECTIONS * dearest  # those in flight come on top
        code, out, err = evaluation.run("--prices", str(prices), "--budget", "100", "--json")
        assert code == 0, err
        assert len(server.ledger) == 120 and set(server.ledger.outcomes()) == {"answered"}
        found = json.loads(out)
        assert [(cell["split"], cell["k"]) for cell in found["cells"]] == [("train", 2), ("held-out", 2)]
        assert (evaluation.folder / found["results"]).is_file() and "rows" not in found["cells"][0]
        assert "progress 24/24 " in err and "$" in err
        before = len(server.ledger)
        code, out, err = evaluation.run("--prices", str(prices))  # finished: asked for nothing
        assert code == 0 and len(server.ledger) == before and "full marks" in out
    assert KEY not in out + err + "".join(p.read_text(errors="replace") for p in tmp_path.rglob("*.json"))
