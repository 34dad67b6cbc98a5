"""The real huggingface_hub, datasets and hf against the loopback Hub: what the publisher, and its readers, rely on."""

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from hub_clients import Clients, Failed, result
from loopback_hub import HOST, LoopbackHub
from loopback_hub_card import judge
from loopback_hub_ledger import Hook, on

NAME = "dskill/mix"
README = "---\nlicense: cc-by-4.0\nconfigs:\n- config_name: a\n  data_files: data/a.parquet\n---\n\n# Mix\n"


# --- what runs in a client's process -----------------------------------------------------------------------------


def write_folder(folder: Path, rows: int, files: int = 1) -> Path:
    from datasets import Dataset

    (folder / "data").mkdir(parents=True, exist_ok=True)
    (folder / "README.md").write_text(README)
    Dataset.from_dict({"n": list(range(rows)), "text": ["word " * 50] * rows}).to_parquet(folder / "data/a.parquet")
    for number in range(1, files):
        (folder / f"note-{number}.txt").write_text(f"note {number}")
    return folder


def create(name: str, private: bool = False, kind: str = "dataset") -> str:
    from huggingface_hub import HfApi

    return str(HfApi().create_repo(name, repo_type=kind, private=private).repo_id)


def upload(name: str, folder: str, rows: int, kind: str = "dataset", **options: Any) -> str:
    """Writes a folder and uploads it; gives the commit."""
    from huggingface_hub import HfApi

    files = options.pop("files", 1)
    write_folder(Path(folder), rows, files)
    HfApi().create_repo(name, repo_type=kind, exist_ok=True)
    return str(HfApi().upload_folder(repo_id=name, repo_type=kind, folder_path=folder, **options).oid)


def load(name: str, config: str = "a", streaming: bool = False, **options: Any) -> list[int]:
    """The column n, as ``load_dataset`` reads it."""
    from datasets import load_dataset

    return [row["n"] for row in load_dataset(name, config, split="train", streaming=streaming, **options)]


def api(method: str, *given: Any, **options: Any) -> Any:
    from huggingface_hub import HfApi

    answer = getattr(HfApi(), method)(*given, **options)
    return list(answer) if hasattr(answer, "__next__") else answer


def ask(method: str, given: list[Any], options: dict[str, Any]) -> Any:
    return api(method, *given, **options)


def pull_request_life(name: str, folder: str) -> dict[str, Any]:
    """Opens a pull request, uploads into it twice, comments, and merges it."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    hub = HfApi()
    made = hub.create_pull_request(name, "A title", repo_type="dataset", description="why")
    write_folder(Path(folder), 7)
    for _ in range(2):  # the second changes nothing
        hub.upload_folder(repo_id=name, repo_type="dataset", folder_path=folder, revision=made.git_reference)
    main = {file.rfilename for file in hub.repo_info(name, repo_type="dataset").siblings or ()}
    try:
        hub.merge_pull_request(name, made.num, repo_type="dataset")
        refused = None
    except HfHubHTTPError as error:
        refused = error.response.status_code
    comment = hub.comment_discussion(name, made.num, "It is **good**", repo_type="dataset")
    renamed = hub.rename_discussion(name, made.num, "Another title", repo_type="dataset")
    opened = hub.change_discussion_status(name, made.num, "open", repo_type="dataset")
    hub.merge_pull_request(name, made.num, repo_type="dataset")
    after = hub.get_discussion_details(name, made.num, repo_type="dataset")
    hub.create_tag(name, tag="v1.0.0", revision=after.merge_commit_oid, repo_type="dataset")
    listed = list(hub.get_repo_discussions(name, repo_type="dataset", discussion_type="pull_request"))
    tags = hub.list_repo_refs(name, repo_type="dataset").tags
    return {
        "status": [made.status, opened.new_status, after.status],
        "before": sorted(main),
        "refused": refused,
        "words": [comment.content, renamed.new_title, listed[0].title],
        "events": [event.type for event in after.events],
        "tagged": [tag.target_commit == after.merge_commit_oid for tag in tags],
        "diff": after.diff,
        "conflicts": after.conflicting_files,
    }


# --- tests -------------------------------------------------------------------------------------------------------


def test_uploads_load_back(hub: LoopbackHub, clients: Clients, tmp_path: Path) -> None:
    first = clients.call(upload, name=NAME, folder=str(tmp_path), rows=5)
    assert hub.repo("datasets", NAME).refs["main"] == first
    assert clients.call(load, name=NAME) == [0, 1, 2, 3, 4]
    again = clients.call(upload, name=NAME, folder=str(tmp_path), rows=5)
    assert again == first, "an unchanged folder is no commit"
    clients.call(upload, name=NAME, folder=str(tmp_path), rows=3)
    assert clients.call(load, name=NAME) == [0, 1, 2]
    assert clients.call(load, name=NAME, revision=first) == [0, 1, 2, 3, 4]
    assert clients.call(load, name=NAME, streaming=True) == [0, 1, 2]
    assert len(hub.repo("datasets", NAME).commits) == 3  # the first is the Hub's own
    way = {"xet": "xet-write-token", "lfs": "/_lfs/"}["xet" if clients.env["HF_HUB_DISABLE_XET"] == "0" else "lfs"]
    assert any(way in asked.path for asked in hub.ledger.requests)


def test_pull_request_from_draft_to_tag(hub: LoopbackHub, clients: Clients, tmp_path: Path) -> None:
    clients.call(create, name=NAME)
    life = clients.call(pull_request_life, name=NAME, folder=str(tmp_path))
    assert life["status"] == ["draft", "open", "merged"]
    assert life["before"] == [".gitattributes"], "main stands still until the merge"
    assert life["refused"] == 400, "a draft cannot be merged"
    assert life["words"] == ["It is **good**", "Another title", "Another title"]
    assert life["events"] == ["comment", "commit", "comment", "title-change", "status-change", "status-change"]
    assert life["tagged"] == [True] and "data/a.parquet" in life["diff"] and life["conflicts"] == []
    assert clients.call(load, name=NAME, revision="v1.0.0") == list(range(7))


def test_conflict_is_409_and_main_stays(hub: LoopbackHub, lfs: Clients, tmp_path: Path) -> None:
    lfs.call(upload, name=NAME, folder=str(tmp_path), rows=5)
    lfs.call(upload, name=NAME, folder=str(tmp_path), rows=6, create_pr=True)
    main = lfs.call(upload, name=NAME, folder=str(tmp_path), rows=7)
    lfs.call(ask, method="change_discussion_status", given=[NAME, 1, "open"], options={"repo_type": "dataset"})
    with pytest.raises(Failed, match="409"):
        lfs.call(ask, method="merge_pull_request", given=[NAME, 1], options={"repo_type": "dataset"})
    assert hub.repo("datasets", NAME).refs["main"] == main
    details = lfs.call(ask, method="get_discussion_details", given=[NAME, 1], options={"repo_type": "dataset"})
    assert details.conflicting_files == ["data/a.parquet"]


def test_stale_parent_is_412(hub: LoopbackHub, clients: Clients, tmp_path: Path) -> None:
    first = clients.call(upload, name=NAME, folder=str(tmp_path), rows=1)
    clients.call(upload, name=NAME, folder=str(tmp_path), rows=2, parent_commit=first)
    with pytest.raises(Failed, match="412"):
        clients.call(upload, name=NAME, folder=str(tmp_path), rows=3, parent_commit=first)


def test_many_at_once_with_one_parent_give_one_commit(hub: LoopbackHub, lfs: Clients, tmp_path: Path) -> None:
    first = lfs.call(upload, name=NAME, folder=str(tmp_path / "0"), rows=1)
    jobs = [
        lfs.begin(upload, name=NAME, folder=str(tmp_path / str(rows)), rows=rows, parent_commit=first)
        for rows in range(2, 6)
    ]
    failures = [ended for job in jobs if (ended := job.wait()).code]
    assert len(failures) == 3 and all("412" in ended.err for ended in failures)
    assert len(hub.repo("datasets", NAME).commits) == 3


@pytest.mark.parametrize(
    ("method", "given", "options", "kind"),
    [
        ("repo_info", ["dskill/none"], {}, "RepositoryNotFoundError"),
        ("repo_info", [NAME], {"revision": "v9"}, "RevisionNotFoundError"),
        ("hf_hub_download", [NAME, "none.txt"], {}, "RemoteEntryNotFoundError"),
        ("delete_file", ["none.txt", NAME], {}, "RemoteEntryNotFoundError"),
        ("create_tag", [NAME], {"tag": "v1", "revision": "v9"}, "RevisionNotFoundError"),
    ],
)
def test_errors_have_their_names(
    hub: LoopbackHub, lfs: Clients, method: str, given: list[Any], options: dict[str, Any], kind: str
) -> None:
    lfs.call(create, name=NAME)
    with pytest.raises(Failed) as failed:
        lfs.call(ask, method=method, given=given, options={"repo_type": "dataset"} | options)
    assert failed.value.kind == kind


def test_rights(hub: LoopbackHub, lfs: Clients, tmp_path: Path) -> None:
    lfs.call(upload, name=NAME, folder=str(tmp_path), rows=1)
    lfs.call(create, name="dskill/hidden", private=True)
    bob, nobody, wrong = ({"HF_TOKEN": token} for token in ("hf_bob", None, "hf_wrong"))
    with pytest.raises(Failed, match="create_pr=1"):
        lfs.call(ask, env=bob, method="delete_file", given=["README.md", NAME], options={"repo_type": "dataset"})
    lfs.call(
        ask,
        env=bob,
        method="delete_file",
        given=["README.md", NAME],
        options={"repo_type": "dataset", "create_pr": True},
    )
    pull = hub.repo("datasets", NAME).discussion(1)
    assert (pull.author, pull.status) == ("bob", "draft")
    lfs.call(ask, env=bob, method="change_discussion_status", given=[NAME, 1, "open"], options={"repo_type": "dataset"})
    with pytest.raises(Failed, match="403"):
        lfs.call(ask, env=bob, method="merge_pull_request", given=[NAME, 1], options={"repo_type": "dataset"})
    for env in (bob, nobody):
        with pytest.raises(Failed) as failed:
            lfs.call(ask, env=env, method="repo_info", given=["dskill/hidden"], options={"repo_type": "dataset"})
        assert failed.value.kind == "RepositoryNotFoundError"
    with pytest.raises(Failed, match="Invalid user token"):
        lfs.call(ask, env=wrong, method="whoami", given=[], options={})
    assert lfs.call(ask, method="whoami", given=[], options={})["orgs"][0]["name"] == "dskill"


def test_pages_are_followed(hub: LoopbackHub, lfs: Clients, tmp_path: Path) -> None:
    hub.page = 3
    lfs.call(upload, name=NAME, folder=str(tmp_path), rows=1, files=9)
    files = lfs.call(ask, method="list_repo_files", given=[NAME], options={"repo_type": "dataset"})
    assert len(files) == 11 and len([*hub.ledger.find("GET", "/tree/.*cursor")]) == 3
    for number in range(12):
        hub.repo("datasets", NAME).discuss(f"number {number}", "", "bob", pull=False)
    found = lfs.call(ask, method="get_repo_discussions", given=[NAME], options={"repo_type": "dataset"})
    assert [one.num for one in found] == list(range(12, 0, -1))


def test_many_files_by_xet_are_several_commits(hub: LoopbackHub, xet: Clients, tmp_path: Path) -> None:
    xet.call(upload, name=NAME, folder=str(tmp_path), rows=1, files=300, create_pr=True)
    repo = hub.repo("datasets", NAME)
    assert len(repo.commits) == 3 and repo.tree("main").keys() == {".gitattributes"}
    assert len(repo.tree("refs/pr/1")) == 302


def test_validate_yaml_stops_an_upload(hub: LoopbackHub, lfs: Clients, tmp_path: Path) -> None:
    card = tmp_path / "README.md"
    card.write_text("---\nconfigs:\n- data_files: a\n---\n")
    write = {"path_or_fileobj": str(card), "path_in_repo": "README.md"}
    lfs.call(create, name=NAME)
    with pytest.raises(Failed, match=r"config_name: is required"):
        lfs.call(ask, method="upload_file", given=[], options=write | {"repo_id": NAME, "repo_type": "dataset"})
    assert len(hub.repo("datasets", NAME).commits) == 1


@pytest.mark.parametrize(
    ("header", "fault"),
    [
        ("license: {a: 1}", '"license" must be a string or a list of strings'),
        ("license: other", '"license_name" is required where license is other'),
        ("language: english", "'english': must be an ISO 639 code"),
        ("size_categories: [tiny]", "'tiny': must be one of n<1K"),
        ("annotations_creators: [nobody]", "'nobody': must be one of found"),
        ("configs: [{config_name: a}, {config_name: a}]", "stands here twice"),
        ("configs: [{config_name: a, default: true}, {config_name: b, default: true}]", "true for one only"),
        ("dataset_info: [{features: []}]", "a list of mappings with config_name"),
        ("a: [", "YAML metadata:"),
        ("- a", "must be keys and values"),
        ("tags: text", "must be a list of strings"),
    ],
)
def test_validate_yaml_rules(header: str, fault: str) -> None:
    errors, _ = judge(f"---\n{header}\n---\n", "dataset")
    assert any(fault in error for error in errors), errors


def test_model_repository(hub: LoopbackHub, clients: Clients, tmp_path: Path) -> None:
    clients.call(upload, name="alice/model", folder=str(tmp_path), rows=2, kind="model")
    found = clients.call(ask, method="snapshot_download", given=["alice/model"], options={})
    assert hub.repo("models", "alice/model").tree("main").keys() > {"README.md", "data/a.parquet"}
    assert "models--alice--model" in found


def test_trusted_publisher_writes_to_one_repository(hub: LoopbackHub, lfs: Clients, tmp_path: Path) -> None:
    for name in (NAME, "dskill/other"):
        lfs.call(create, name=name)
    ci = {"ACTIONS_ID_TOKEN_REQUEST_URL": f"{hub.url}/_ci/id-token", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "ci"}
    env = {"HF_TOKEN": None, "GITHUB_ACTIONS": "true", "HF_OIDC_RESOURCE": f"datasets/{NAME}"} | ci
    (tmp_path / "a.txt").write_text("a")
    write = {"path_or_fileobj": str(tmp_path / "a.txt"), "path_in_repo": "a.txt", "repo_type": "dataset"}
    lfs.call(ask, env=env, method="upload_file", given=[], options=write | {"repo_id": NAME})
    assert hub.repo("datasets", NAME).commits[hub.repo("datasets", NAME).refs["main"]].author == "[OIDC]"
    with pytest.raises(Failed, match="403"):
        lfs.call(ask, env=env, method="upload_file", given=[], options=write | {"repo_id": "dskill/other"})


def test_hooks_hold_cut_and_refuse(hub: LoopbackHub, lfs: Clients, tmp_path: Path) -> None:
    lfs.call(create, name=NAME)
    held = hub.hook(Hook(on("POST", "/commit/"), when="before", then="cut"))
    job = lfs.begin(upload, name=NAME, folder=str(tmp_path), rows=1)
    assert held.reached.wait(30)
    job.kill()
    held.go.set()
    assert len(hub.repo("datasets", NAME).commits) == 1 and job.wait().code == -9
    done = hub.hook(Hook(on("POST", "/commit/"), when="after", then="cut"))
    done.go.set()
    job = lfs.begin(upload, name=NAME, folder=str(tmp_path), rows=1)
    with pytest.raises(Failed):
        result(job)
    assert len(hub.repo("datasets", NAME).commits) == 2, "done, but nobody was told"
    hub.hook(Hook(on("GET", "/api/whoami"), then=503)).go.set()
    with pytest.raises(Failed, match="503"):
        lfs.call(ask, method="whoami", given=[], options={})


def test_hf_command_line(hub: LoopbackHub, lfs: Clients, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    env = lfs.env | {"HF_TOKEN": "hf_alice"}

    def hf(*arguments: str) -> str:
        command = [str(Path(sys.executable).with_name("hf")), *arguments]
        done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=100)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    hf("repos", "create", NAME, "--repo-type", "dataset")
    hf("upload", NAME, "a.txt", "--repo-type", "dataset", "--create-pr")
    assert "draft" in hf("discussions", "list", NAME, "--repo-type", "dataset")


def test_a_process_goes_on_from_its_folder(tmp_path: Path) -> None:
    script = Path(__file__).with_name("loopback_hub.py")
    folder, ledger = tmp_path / "state", tmp_path / "ledger.jsonl"

    def ask_once(method: str, path: str, content: Any) -> Any:
        command = [sys.executable, str(script), "--folder", str(folder), "--ledger", str(ledger), "--no-xet"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
            assert process.stdout
            url = process.stdout.readline().strip()
            assert url.startswith(f"http://{HOST}:")
            request = urllib.request.Request(
                url + path,
                method=method,
                data=json.dumps(content).encode(),
                headers={"Authorization": "Bearer hf_alice"},
            )
            with urllib.request.urlopen(request, timeout=20) as answer:
                found = json.load(answer)
            process.kill()
        return found

    ask_once("POST", "/api/repos/create", {"name": "mix", "organization": "dskill", "type": "dataset"})
    assert ask_once("GET", f"/api/datasets/{NAME}", None)["siblings"] == [{"rfilename": ".gitattributes"}]
    assert [json.loads(line)["status"] for line in ledger.read_text().splitlines()] == [200, 200]
