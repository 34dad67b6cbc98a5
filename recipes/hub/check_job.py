"""Checks a pull request on the Hub and comments on it: the only CI that the Hub has is a Job that a webhook starts.

Once, by a maintainer whose token may open discussions in ORG/NAME and nothing else:

    hf jobs uv run --flavor cpu-basic --with "dskill-mix @ git+<this repository>" recipes/hub/check_job.py
    hf webhooks create --job-id <its id> --watch dataset:ORG/NAME --domain repo --domain discussion --secrets HF_TOKEN

The Hub then starts it with WEBHOOK_PAYLOAD for each pull request that is opened or pushed to. Unless a file is larger
than its kind may be, it downloads contrib/ of the request into a folder of its own, runs ``dskill check`` on what is
other than in main, against the dataset in main, and comments once for each commit. It merges nothing and runs nothing.
"""

import os
import re
import sys
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import NamedTuple

from huggingface_hub import HfApi, RepoFile, WebhookPayload, snapshot_download
from huggingface_hub.errors import EntryNotFoundError

from cards.templating import fence
from datasets_builder.contribute import Verdict, check
from datasets_builder.contribute_files import MAX_BYTES

FOLDER = "contrib"
SAFE = re.compile(r"[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*")
MAX_TOTAL = 2_000_000_000  # bytes of contrib/
SHOWN = 50  # faults in a comment


class Pull(NamedTuple):
    """A pull request, as it is at one commit."""

    repo: str
    number: int

    @property
    def ref(self) -> str:
        """Its branch."""
        return f"refs/pr/{self.number}"


class Changes(NamedTuple):
    """What a pull request changes: contributions by path, and why others of its files are not looked at."""

    contributed: list[str]
    refused: list[str]


def main() -> int:
    """Answers one event; 2 where a contribution has faults."""
    if "WEBHOOK_PAYLOAD" not in os.environ:  # the run that makes the Job known to the Hub
        print("no event: this Job waits for a webhook")
        return 0
    pulls = read_payload(os.environ["WEBHOOK_PAYLOAD"])
    return max([0, *(judge(HfApi(), pull) for pull in pulls)])


def read_payload(text: str) -> list[Pull]:
    """The pull requests that an event is about: one that was opened, or those that were pushed to."""
    event = WebhookPayload.model_validate_json(text)
    if event.repo.type != "dataset":
        return []
    numbers = [event.discussion.num] if _is_opened(event) and event.discussion else []
    for ref in event.updatedRefs or ():
        if (found := re.fullmatch(r"refs/pr/(\d+)", ref.ref)) and ref.newSha:
            numbers.append(int(found[1]))
    return [Pull(event.repo.name, number) for number in dict.fromkeys(numbers)]


def judge(api: HfApi, pull: Pull) -> int:
    """Checks a pull request and says so on it, unless that was done for this very commit; 2 where there are faults."""
    sha = api.repo_info(pull.repo, repo_type="dataset", revision=pull.ref).sha or ""
    me = api.whoami()["name"]
    about = api.get_discussion_details(pull.repo, pull.number, repo_type="dataset")
    if any(one.author == me and sha in getattr(one, "content", "") for one in about.events):
        return 0
    changes = find_changes(api, pull, sha)
    if not changes.contributed and not changes.refused:
        return 0
    verdict = Verdict([], [], [], {}) if changes.refused else _check(pull, sha, changes)
    api.comment_discussion(pull.repo, pull.number, tell(verdict, changes, sha), repo_type="dataset")
    return 2 if verdict.faults or changes.refused else 0


def find_changes(api: HfApi, pull: Pull, sha: str) -> Changes:
    """The files below contrib/ that are new or other than in main; nothing is downloaded for that."""
    files, before = (_files(api, pull.repo, revision) for revision in (sha, "main"))
    changed = {path: file for path, file in files.items() if path not in before or before[path].blob_id != file.blob_id}
    refused = [reason for path, file in files.items() if (reason := _refuse(path, file.size))]
    if sum(file.size for file in files.values()) > MAX_TOTAL:
        refused.append(f"{FOLDER}/: has more than {MAX_TOTAL:,} bytes; contribute it in parts")
    return Changes(sorted(changed), sorted(refused))


def tell(verdict: Verdict, changes: Changes, sha: str) -> str:
    """The comment: what contributors wrote stands in it as data."""
    faults = [*changes.refused, *map(str, verdict.faults)]
    more = [f"... and {len(faults) - SHOWN} more"] * (len(faults) > SHOWN)
    lines = [*faults[:SHOWN], *more, *(f"note: {note}" for note in verdict.notes)]
    head = f"`dskill check` of {sha}: " + (f"**{len(faults)} faults**" if faults else "no fault")
    end = "Mend them and push again; CONTRIBUTING.md tells how." if faults else "A maintainer will look at it."
    return "\n\n".join([head, *([fence("\n".join(lines))] if lines else []), end])


def _check(pull: Pull, sha: str, changes: Changes) -> Verdict:
    """Downloads the request and the dataset that it is to join, and judges what is other."""
    before = Path.cwd()
    with TemporaryDirectory() as name:
        proposal, dataset = Path(name, "pull"), Path(name, "main")
        _download(pull, sha, f"{FOLDER}/*", proposal)
        _download(pull, "main", ["manifest.json", "data/*.parquet"], dataset)
        against = dataset if (dataset / "manifest.json").is_file() else None
        os.chdir(proposal)  # faults name files as the contributor does
        try:
            return check([Path(path) for path in changes.contributed], against=against)
        finally:
            os.chdir(before)


def _is_opened(event: WebhookPayload) -> bool:
    asked = event.discussion
    return event.event.scope == "discussion" and event.event.action == "create" and bool(asked and asked.isPullRequest)


def _files(api: HfApi, repo: str, revision: str) -> dict[str, RepoFile]:
    try:
        tree = api.list_repo_tree(repo, FOLDER, recursive=True, revision=revision, repo_type="dataset")
        return {entry.path: entry for entry in tree if isinstance(entry, RepoFile)}
    except EntryNotFoundError:  # there is no contrib/
        return {}


def _refuse(path: str, size: int) -> str | None:
    """Why a file is not downloaded."""
    shown, limit = ascii(path)[1:-1], MAX_BYTES.get(PurePosixPath(path).suffix, min(MAX_BYTES.values()))
    if not SAFE.fullmatch(path) or ".." in PurePosixPath(path).parts:
        return f"{shown}: has a name that is not plain; use letters, digits, dots and hyphens"
    return f"{shown}: has {size:,} bytes; {limit:,} are allowed" if size > limit else None


def _download(pull: Pull, revision: str, patterns: str | list[str], folder: Path) -> None:
    folder.mkdir()
    snapshot_download(pull.repo, repo_type="dataset", revision=revision, allow_patterns=patterns, local_dir=folder)


if __name__ == "__main__":
    sys.exit(main())
