"""kill -9 while ``dskill publish`` runs, then the same command; a reader loads main all the time, with empty caches.

Every load must give exactly the rows of one release, whatever was killed; the same pull request must be used again.
A load that huggingface_hub refuses, because main moved between two of its requests, gives no rows: it is counted.
"""

import itertools
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hub_clients import Clients
from loopback_hub import LoopbackHub
from loopback_hub_ledger import Hook, When, on
from publish_clients import MOVED, read_on, rows_of
from publish_folders import NAME, make_dataset

KILLS = 20
PHASES = (  # what a path tells about how far a run is; the first that fits
    ("tag", "/tag/"),
    ("merge", "/merge"),
    ("merge", "/status"),
    ("open", "/discussions"),
    ("upload", "/commit/"),
    ("upload", "/preupload/"),
    ("upload", "/_lfs/"),
    ("upload", ".git/info/lfs"),
    ("upload", "/xet-write-token/"),
    ("upload", "/validate-yaml"),
    ("compare", "/resolve/"),
    ("compare", "/data"),
    ("look", ""),
)


class Kill(NamedTuple):
    """One kill: at the nth request of a phase, before or after the Hub did what it asks for; or after some seconds."""

    phase: str
    nth: int = 0
    when: When = "before"
    seconds: float = 0.0


def phase_of(path: str) -> str:
    return next(phase for phase, part in PHASES if part in path)


@contextmanager
def reader(clients: Clients, folder: Path) -> Iterator[list[Any]]:
    """Reads main until the end; then holds what was read."""
    stop, loads, found = folder / "stop", folder / "loads.jsonl", []
    job = clients.begin(read_on, env={"HF_TOKEN": "hf_bob"}, name=NAME, stop=str(stop), loads=str(loads))
    try:
        yield found
    finally:
        stop.touch()
        ended = job.wait()
    assert ended.code == 0, ended.err
    found += [json.loads(line) for line in loads.read_text().splitlines()]


def kill_once(hub: LoopbackHub, clients: Clients, folder: Path, kill: Kill) -> bool:
    """Begins to publish and kills it; whether it still ran."""
    hub.ledger.clear()
    if kill.seconds:
        job = clients.start("publish", folder, NAME)
        time.sleep(kill.seconds)
        alive = not job.over
    else:
        seen: list[str] = []

        def reached(method: str, path: str, user: str, number: int) -> bool:
            seen.extend([path] if user == "alice" and phase_of(path) == kill.phase else [])
            return len(seen) == kill.nth

        held = hub.hook(Hook(reached, kill.when, "cut"))
        job = clients.start("publish", folder, NAME)
        while not (job.over or held.reached.wait(0.02)):
            pass
        alive = held.reached.is_set()
    job.kill()
    hub.ledger.clear()  # lets go what is held
    return alive


def plan(paths: list[str], seconds: float, seed: int) -> Iterator[Kill]:
    """Kills at random requests of each phase in turn, every fourth at a random moment instead; without end."""
    rng, counts = random.Random(seed), Counter(map(phase_of, paths))
    phases = itertools.cycle(sorted(counts))
    for turn in itertools.count(1):
        if turn % 4 == 0:
            yield Kill("any moment", seconds=rng.uniform(0.05, 0.8 * seconds))
        else:
            phase = next(phases)
            yield Kill(phase, rng.randint(1, counts[phase]), rng.choice(("before", "after")))


def publish_under_kills(hub: LoopbackHub, clients: Clients, tmp_path: Path, kills: int, seed: int) -> dict[str, Any]:
    """Publishes two releases in turn, each killed once and then done; gives the figures."""
    folders = [make_dataset(tmp_path / name, name) for name in ("a", "c")]
    releases = [clients.call(rows_of, folder=str(folder)) for folder in folders]
    assert clients.run("publish", folders[0], NAME).code == 0
    hub.ledger.clear()
    begun = time.monotonic()
    assert clients.run("publish", folders[1], NAME).code == 0
    seconds, paths = time.monotonic() - begun, [one.path for one in hub.ledger.requests]
    repo, figures = hub.repo("datasets", NAME), Counter[str]()
    with reader(clients, tmp_path) as loads:
        planned = plan(paths, seconds, seed)
        for turn in itertools.count():
            kill, folder, pulls, tags = next(planned), folders[turn % 2], len(repo.discussions), len(repo.tags)
            figures[kill.phase if kill_once(hub, clients, folder, kill) else "too late"] += 1
            done = clients.run("publish", folder, NAME)
            assert done.code == 0, (kill, done.err)
            figures["went on"] += "goes on" in done.out
            figures["only the tag was left"] += "now tagged" in done.out
            figures["all was done"] += done.out.count("\n") == 1 and "unchanged, v" in done.out
            assert len(repo.discussions) == pulls + 1, (kill, "another pull request")
            assert repo.discussions[-1].status == "merged" and len(repo.tags) == tags + 1, kill
            assert list(repo.tags.values())[-1] == repo.refs["main"]
            commits = len(repo.commits)
            again = clients.run("publish", folder, NAME)
            assert again.code == 0 and len(repo.commits) == commits, (kill, "a commit for an unchanged folder")
            if turn + 1 - figures["too late"] == kills:
                break
    assert all(load in (*releases, MOVED) for load in loads), "a load was no whole release"
    assert all(loads.count(release) for release in releases) and loads.count(MOVED) <= kills
    return {**figures, "loads": [loads.count(release) for release in releases], MOVED: loads.count(MOVED)}


def test_three_kills(hub: LoopbackHub, xet: Clients, tmp_path: Path) -> None:
    """The places where most is at stake: the upload is done or not, main has moved or not."""
    folder = make_dataset(tmp_path / "b", "b")
    for pulls, (path, when) in enumerate((("/commit/", "after"), ("/merge", "before"), ("/merge", "after"))):
        (folder / "README.md").open("a").write(f"\nRelease {pulls}.\n")
        held = hub.hook(Hook(on("POST", path), when, "cut"))
        job = xet.start("publish", folder, NAME)
        assert held.reached.wait(60), job.wait()
        job.kill()
        hub.ledger.clear()
        done = xet.run("publish", folder, NAME)
        repo = hub.repo("datasets", NAME)
        assert done.code == 0 and len(repo.discussions) == len(repo.tags) == pulls + 1, done.err
        assert list(repo.tags.values())[-1] == repo.refs["main"]


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("mode", ["lfs", "xet"])
def test_twenty_kills(mode: str, hub: LoopbackHub, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    figures = publish_under_kills(hub, request.getfixturevalue(mode), tmp_path, KILLS, seed=11)
    print(f"\n{mode}: {figures}")
