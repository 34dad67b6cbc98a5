"""``dskill publish`` against the loopback Hub, with the real clients: what main, pull requests and tags look like."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hub_clients import Clients
from loopback_hub import LoopbackHub
from loopback_hub_ledger import Hook, on
from publish_clients import close_pull, ids, write_file
from publish_folders import NAME, make_dataset, make_model

from datasets_builder.publish import next_version
from datasets_builder.publish_hub import told
from datasets_builder.skillmix.errors import OutsideError

TRAIN = "data/k1/train-00000-of-00001.parquet"


def files_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def stop_at(hub: LoopbackHub, clients: Clients, folder: Path, method: str, path: str, *options: str) -> None:
    """Begins to publish; kill -9 when this request is about to be answered, and it is not."""
    held = hub.hook(Hook(on(method, path), then="cut"))
    job = clients.start("publish", folder, NAME, *options)
    assert held.reached.wait(60), job.wait()
    job.kill()
    held.go.set()


def test_release_after_release(hub: LoopbackHub, clients: Clients, tmp_path: Path) -> None:
    a, b = make_dataset(tmp_path / "a"), make_dataset(tmp_path / "b", "b")
    first = clients.run("publish", a, NAME)
    assert first.code == 0, first.err
    repo = hub.repo("datasets", NAME)
    assert repo.tree("main").keys() - {".gitattributes"} == files_of(a)
    assert repo.tags == {"v1.0.0": repo.refs["main"]} and repo.discussions[0].status == "merged"
    assert "k12 loads as the folder does" in first.out and first.out.endswith(f"{hub.url}/datasets/{NAME}: v1.0.0\n")

    commits = len(repo.commits)
    again = clients.run("publish", a, NAME)
    assert (again.code, again.out) == (0, f"{hub.url}/datasets/{NAME}: unchanged, v1.0.0\n")
    assert len(repo.commits) == commits and len(repo.discussions) == 1

    second = clients.run("publish", b, NAME)
    assert second.code == 0, second.err
    assert repo.tree("main").keys() - {".gitattributes"} == files_of(b), "what the older release had is gone"
    assert repo.tags["v1.1.0"] == repo.refs["main"] != repo.tags["v1.0.0"]
    assert clients.call(ids, folder=NAME, config="k1") == clients.call(ids, folder=str(b), config="k1")
    assert clients.call(ids, folder=NAME, config="k2", revision="v1.0.0") == clients.call(
        ids, folder=str(a), config="k2"
    )

    (b / "README.md").open("a").write("\nOne more word.\n")
    assert clients.run("publish", b, NAME).out.endswith(": v1.1.1\n"), "only words changed"


def test_model(hub: LoopbackHub, clients: Clients, tmp_path: Path) -> None:
    model = make_model(tmp_path)
    done = clients.run("publish", model, "dskill/tiny", "--version", "v0.1.0", "--private")
    assert done.code == 0, done.err
    repo = hub.repo("models", "dskill/tiny")
    assert repo.private and repo.tags == {"v0.1.0": repo.refs["main"]}
    assert "5 files download as they are in the folder" in done.out
    make_model(tmp_path, what="more noise")
    assert clients.run("publish", model, "dskill/tiny").out.endswith(f"{hub.url}/dskill/tiny: v0.1.1\n")


def test_dry_run_asks_nobody(hub: LoopbackHub, lfs: Clients, tmp_path: Path) -> None:
    folder = make_dataset(tmp_path)
    shown = lfs.run("publish", folder, NAME, "--dry-run", env={"HF_TOKEN": None})
    assert shown.code == 0 and not hub.ledger.requests
    assert "# Small" in shown.out and "data/k2/train-00000-of-00001.parquet" in shown.out
    assert shown.out.rstrip().endswith("tag it with the next version (v1.0.0 where there is none)")
    for name in ("load.py", "weights.bin"):
        (folder / name).write_text("x")
    faulty = lfs.run("publish", folder, NAME, "--dry-run")
    assert faulty.code == 2 and faulty.out.count("fault: ") == 2 and faulty.err.count("\n") == 1


@pytest.mark.parametrize(
    ("env", "options", "code", "message"),
    [
        ({"HF_TOKEN": None}, [NAME], 3, "error: no token for the Hub: set HF_TOKEN, or run hf auth login"),
        ({"HF_TOKEN": "hf_wrong"}, [NAME], 3, "the Hub answers 401: the token is not accepted"),
        ({"HF_TOKEN": "hf_bob"}, [NAME], 3, "the Hub answers 403: the token may not write to it"),
        ({}, ["mix"], 2, "'mix': needs an owner before the name, such as my-org/mix"),
        ({}, ["a/b/c"], 2, "'a/b/c': is no name of a repository"),
        ({}, [NAME, "--version", "1.0"], 2, "--version '1.0': is no version"),
    ],
)
def test_refusals_are_one_line(
    hub: LoopbackHub,
    lfs: Clients,
    tmp_path: Path,
    env: dict[str, str | None],
    options: list[str],
    code: int,
    message: str,
) -> None:
    refused = lfs.run("publish", make_model(tmp_path), *options, env=env)
    assert refused.code == code and message in refused.err and refused.err.count("\n") == 1, refused.err
    assert not hub.store.repos


def test_a_version_names_one_content(hub: LoopbackHub, lfs: Clients, tmp_path: Path) -> None:
    a, b = make_model(tmp_path / "a"), make_model(tmp_path / "b", what="other noise")
    assert lfs.run("publish", a, NAME, "--version", "v2.0.0").code == 0
    refused = lfs.run("publish", b, NAME, "--version", "v2.0.0")
    assert refused.code == 2 and "v2.0.0 of dskill/mix exists with other content" in refused.err
    assert lfs.run("publish", a, NAME, "--version", "v2.0.0").out.endswith("unchanged, v2.0.0\n")
    assert lfs.run("publish", b, NAME).out.endswith(": v2.0.1\n")
    assert "is another commit than main" in lfs.run("publish", b, NAME, "--version", "v2.0.0").err


def test_stopped_before_the_tag(hub: LoopbackHub, lfs: Clients, tmp_path: Path) -> None:
    model = make_model(tmp_path)
    stop_at(hub, lfs, model, "POST", "/tag/", "--version", "v3.0.0")
    repo = hub.repo("models", NAME)
    assert not repo.tags and repo.discussions[0].status == "merged"
    assert lfs.run("publish", model, NAME).out.endswith("unchanged, now tagged v3.0.0\n"), (
        "the version of the first run"
    )
    assert repo.tags == {"v3.0.0": repo.refs["main"]} and len(repo.discussions) == 1


def test_stopped_upload_goes_on_in_the_same_pull_request(hub: LoopbackHub, clients: Clients, tmp_path: Path) -> None:
    model = make_model(tmp_path)
    stop_at(hub, clients, model, "POST", "/commit/")
    repo = hub.repo("models", NAME)
    assert [one.status for one in repo.discussions] == ["draft"] and repo.tree("main").keys() == {".gitattributes"}
    done = clients.run("publish", model, NAME, "--version", "v1.5.0")
    assert done.code == 0 and done.out.startswith("pull request 1: goes on, v1.5.0\n"), done.err
    assert len(repo.discussions) == 1 and repo.discussions[0].title.startswith("Release v1.5.0 (content ")


def test_main_moved(hub: LoopbackHub, lfs: Clients, tmp_path: Path) -> None:
    folder = make_dataset(tmp_path, "b")
    stop_at(hub, lfs, folder, "POST", "/discussions/1/status")
    lfs.call(write_file, name=NAME, path="notes.md")
    repo = hub.repo("datasets", NAME)
    main = repo.refs["main"]
    refused = lfs.run("publish", folder, NAME)
    assert refused.code == 3 and refused.err.count("\n") == 1 and repo.refs["main"] == main
    assert "main has moved since pull request 1 was opened, nothing is merged" in refused.err
    lfs.call(close_pull, name=NAME, num=1)
    assert lfs.run("publish", folder, NAME).code == 0, "as the message says"
    assert repo.tree("main").keys() - {".gitattributes"} == files_of(folder) and len(repo.discussions) == 2


def test_pull_request_that_changes_after_it_was_compared(hub: LoopbackHub, lfs: Clients, tmp_path: Path) -> None:
    folder = make_dataset(tmp_path, "b")
    seen: list[str] = []

    def second(method: str, path: str, user: str, number: int) -> bool:
        seen.extend([path] if "/commits/refs" in path else [])
        return "/commits/refs" in path and len(seen) == 2

    held = hub.hook(Hook(second))
    job = lfs.start("publish", folder, NAME)
    assert held.reached.wait(60), job.wait()
    lfs.call(write_file, name=NAME, path="data/k1/train-more.parquet", revision="refs/pr/1")
    held.go.set()
    ended = job.wait()
    assert ended.code == 3 and "is not the folder in data/k1/train-more.parquet, nothing is merged" in ended.err
    assert hub.repo("datasets", NAME).tree("main").keys() == {".gitattributes"}
    assert lfs.run("publish", folder, NAME).code == 0, "the same command makes it the folder again"


def test_a_hub_that_serves_other_rows_than_it_names(hub: LoopbackHub, lfs: Clients, tmp_path: Path) -> None:
    folder, other = make_dataset(tmp_path / "b", "b"), tmp_path / "other.parquet"
    table = pq.read_table(folder / TRAIN)
    pq.write_table(table.take(list(reversed(range(len(table))))), other)  # the same rows, in another order
    held = hub.hook(Hook(on("HEAD", "/resolve/")))
    job = lfs.start("publish", folder, NAME)
    assert held.reached.wait(60), job.wait()
    blob = hub.repo("datasets", NAME).tree("refs/pr/1")[TRAIN]
    hub.store._bytes[blob.sha256], blob.size = other.read_bytes(), other.stat().st_size
    held.go.set()
    ended = job.wait()
    assert ended.code == 3 and "split train of k1 loads with other rows at refs/pr/1" in ended.err, ended.err
    assert hub.repo("datasets", NAME).tree("main").keys() == {".gitattributes"}


def test_a_strangers_pull_request_is_not_ours(hub: LoopbackHub, lfs: Clients, tmp_path: Path) -> None:
    model = make_model(tmp_path)
    stop_at(hub, lfs, model, "POST", "/commit/")
    repo = hub.repo("models", NAME)
    repo.discussions[0].author = "bob"
    done = lfs.run("publish", model, NAME)
    assert done.code == 0 and done.out.startswith("pull request 2: opened"), done.err
    assert [one.status for one in repo.discussions] == ["draft", "merged"]


def test_another_release_that_is_under_way_is_told(hub: LoopbackHub, lfs: Clients, tmp_path: Path) -> None:
    a, b = make_model(tmp_path / "a"), make_model(tmp_path / "b", what="other noise")
    stop_at(hub, lfs, a, "POST", "/commit/")
    done = lfs.run("publish", b, NAME)
    assert done.code == 0 and "pull request 1 (v1.0.0, other content) is still open" in done.out


def test_trusted_publisher(hub: LoopbackHub, lfs: Clients, tmp_path: Path) -> None:
    hub.store.create("models", NAME, "alice", private=False)
    ci = {"ACTIONS_ID_TOKEN_REQUEST_URL": f"{hub.url}/_ci/id-token", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "ci"}
    env: dict[str, str | None] = {"HF_TOKEN": None, "GITHUB_ACTIONS": "true", "HF_OIDC_RESOURCE": NAME, **ci}
    done = lfs.run("publish", make_model(tmp_path), NAME, env=env)
    assert done.code == 0 and done.out.endswith(": v1.0.0\n"), done.err
    assert hub.repo("models", NAME).discussions[0].author == "[OIDC]"


def test_a_server_that_fails(hub: LoopbackHub, lfs: Clients, tmp_path: Path) -> None:
    for status, path in ((500, "/discussions$"), (429, "/discussions/1/merge")):
        hub.hook(Hook(on("POST", path), then=status)).go.set()
        failed = lfs.run("publish", make_model(tmp_path), NAME)
        assert failed.code == 3 and f"the Hub answers {status}: " in failed.err and failed.err.count("\n") == 1
    assert lfs.run("publish", make_model(tmp_path), NAME).code == 0


def test_what_a_server_says_is_one_harmless_line() -> None:
    with pytest.raises(OutsideError) as stop, told(NAME):
        raise ValueError("bad\n\x1b[2Jthing " + "x" * 999)
    assert str(stop.value).startswith(f"{NAME}: the Hub refuses it: bad ?[2Jthing xxx") and len(str(stop.value)) < 400


@pytest.mark.parametrize(
    ("tags", "changed", "version"),
    [
        ([], ["data/k1/a.parquet"], "v1.0.0"),
        (["latest", "v1"], [], "v1.0.0"),
        (["v1.0.0"], ["README.md", "figures/a.png"], "v1.0.1"),
        (["v1.0.0"], ["README.md", "data/k1/a.parquet"], "v1.1.0"),
        (["v1.9.0", "v1.10.3"], ["model.safetensors"], "v1.11.0"),
    ],
)
def test_next_version(tags: list[str], changed: list[str], version: str) -> None:
    assert next_version(tags, changed) == version
