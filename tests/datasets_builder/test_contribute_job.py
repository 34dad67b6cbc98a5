"""The Job that the Hub starts for a pull request: what it reads of an event, and, with the loopback Hub, all of it.

The events have the form that huggingface_hub declares for them; no real Hub has sent them.
"""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from contributions import HEADER, TEXTS, TOPIC
from hub_clients import Clients
from loopback_hub import LoopbackHub

ROOT = Path(__file__).resolve().parents[2]
NAME = "dskill/mix"


def load_job() -> ModuleType:
    """The script, as a module."""
    spec = importlib.util.spec_from_file_location("check_job", ROOT / "recipes/hub/check_job.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def event(scope: str, action: str, number: int = 0, ref: str = "", kind: str = "dataset") -> str:
    """An event of the Hub."""
    url, owner = {"web": "https://h", "api": "https://h/api"}, {"id": "1"}
    repo = {"id": "2", "owner": owner, "name": NAME, "private": False, "type": kind, "url": url}
    content: dict[str, Any] = {"event": {"action": action, "scope": scope}, "repo": repo}
    content["webhook"] = {"id": "3", "version": 3}
    if number:
        about = {"id": "4", "num": number, "author": owner, "url": url, "title": "t", "status": "open"}
        content["discussion"] = about | {"isPullRequest": True}
    if ref:
        content["updatedRefs"] = [{"ref": ref, "oldSha": None, "newSha": "abc"}]
    return json.dumps(content)


@pytest.mark.parametrize(
    ("payload", "numbers"),
    [
        (event("discussion", "create", 7), [7]),
        (event("repo.content", "update", ref="refs/pr/7"), [7]),
        (event("repo.content", "update", ref="refs/heads/main"), []),
        (event("repo.content", "update", ref="refs/pr/7/../8"), []),
        (event("discussion.comment", "create", 7), []),  # its own comment is such an event
        (event("discussion", "update", 7), []),
        (event("discussion", "create", 7, kind="model"), []),
    ],
)
def test_what_an_event_is_about(payload: str, numbers: list[int]) -> None:
    assert load_job().read_payload(payload) == [(NAME, number) for number in numbers]


def test_a_comment_shows_faults_as_data() -> None:
    from datasets_builder.contribute import Verdict
    from datasets_builder.contribute_files import Fault

    job = load_job()
    faults = [Fault("contrib/x", n, "", "``` @everyone <img src=x>", "mend it") for n in range(80)]
    said = job.tell(Verdict([], faults, ["a note"], {}), job.Changes([], []), "abc")
    head, block, end = (
        said.partition("````text\n")[0],
        said.partition("````text\n")[2].rpartition("\n````")[0],
        said[-60:],
    )
    assert "**80 faults**" in head and "CONTRIBUTING.md" in end
    assert block.count("@everyone") == 50 and "... and 30 more" in block and "note: a note" in block
    assert "@everyone" not in said.replace(block, "")


def open_pull(name: str, files: dict[str, str]) -> int:
    """A pull request by the real client."""
    from huggingface_hub import CommitOperationAdd, HfApi

    api = HfApi()
    api.create_repo(name, repo_type="dataset", exist_ok=True)
    operations = [CommitOperationAdd(path, content.encode()) for path, content in files.items()]
    made = api.create_commit(name, operations, commit_message="More", repo_type="dataset", create_pr=True)
    return int(made.pr_num or 0)


def run_job(clients: Clients, payload: str) -> int:
    """The Job, as it is started: in a process of its own, for polars does not bear a fork."""
    command = [sys.executable, str(ROOT / "recipes/hub/check_job.py")]
    env = clients.env | {"HF_TOKEN": "hf_alice", "WEBHOOK_PAYLOAD": payload}
    return subprocess.run(command, env=env, cwd=ROOT, timeout=120, capture_output=True).returncode


def comments(hub: LoopbackHub, number: int) -> list[str]:
    events = hub.repo("datasets", NAME).discussion(number).events
    said = [one["data"]["latest"]["raw"] for one in events if one["type"] == "comment"]
    return [text for text in said if "dskill check" in text]


def jsonl(*rows: Any) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_it_comments_on_a_pull_request_once(hub: LoopbackHub, lfs: Clients) -> None:
    number = lfs.call(open_pull, name=NAME, files={"contrib/graded/mine.jsonl": jsonl(HEADER, *TEXTS)})
    assert run_job(lfs, event("discussion", "create", number)) == 0
    (said,) = comments(hub, number)
    assert "no fault" in said and "not graded anew" in said
    assert run_job(lfs, event("repo.content", "update", ref=f"refs/pr/{number}")) == 0
    assert len(comments(hub, number)) == 1, "the same commit is told of once"


def test_it_tells_the_faults(hub: LoopbackHub, lfs: Clients) -> None:
    import yaml

    files = {
        "contrib/topics/thatching.yml": yaml.safe_dump(TOPIC),
        "contrib/topics/sewing-2.yml": yaml.safe_dump(TOPIC | {"name": "Sewing", "slug": "sewing-2"}),
        "contrib/graded/mine.jsonl": jsonl(HEADER, TEXTS[0] | {"full_marks": False}),
        "README.md": "x",
    }
    number = lfs.call(open_pull, name=NAME, files=files)
    assert run_job(lfs, event("discussion", "create", number)) == 2
    (said,) = comments(hub, number)
    assert "**2 faults**" in said
    assert (
        "contrib/graded/mine.jsonl:2: full_marks: is false" in said
        and "contrib/topics/sewing-2.yml:2: name: 'Sewing' is nearly" in said
    )


def test_a_file_that_is_too_large_is_not_downloaded(hub: LoopbackHub, lfs: Clients) -> None:
    number = lfs.call(open_pull, name=NAME, files={"contrib/skills/large.yml": "x" * 60_000})
    assert run_job(lfs, event("discussion", "create", number)) == 2
    (said,) = comments(hub, number)
    assert "contrib/skills/large.yml: has 60,000 bytes; 50,000 are allowed" in said
    assert not any("/resolve/" in asked.path for asked in hub.ledger.requests)


def test_a_pull_request_without_contributions_is_left_alone(hub: LoopbackHub, lfs: Clients) -> None:
    number = lfs.call(open_pull, name=NAME, files={"README.md": "x"})
    assert run_job(lfs, event("discussion", "create", number)) == 0
    assert not comments(hub, number)
