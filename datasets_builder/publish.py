"""``dskill publish``: folder -> pull request -> every config loaded from it and compared -> merge -> tag.

main moves once, by the merge of what was compared: a reader sees the release before, or this one. A run that was
stopped, in whichever place, goes on with the same pull request: it is found by the release's content in its title.
"""

import re
import sys
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]

from datasets_builder.preflight import Release, inspect_folder, require_sound
from datasets_builder.preflight_card import body_of
from datasets_builder.publish_compare import compare
from datasets_builder.publish_hub import Pull, Remote, check_name, title_of, told
from datasets_builder.skillmix.errors import OutsideError, UsageError

VERSION = re.compile(r"v(\d+)\.(\d+)\.(\d+)")
FIRST = "v1.0.0"
DATA = (".parquet", ".safetensors")
CARD_LINES = 30  # of the card that --dry-run shows: its first screen

Report = Callable[[str], None]


class Published(NamedTuple):
    """What became of a folder."""

    version: str
    commit: str
    pull: int | None  # None: the repository had it already


def publish(
    folder: Path, name: str, *, version: str | None = None, private: bool = False, report: Report = print
) -> Published:
    """Makes a folder the newest release of a repository; a release that is there already is left as it is.

    Args:
        folder: Of a dataset or a model.
        name: Of the repository, ``org/name``; made when there is none.
        version: ``vX.Y.Z``; by default the next after the repository's tags, minor where data changed.
        private: Of a repository that is made.
        report: Told of each step.

    Raises:
        UsageError: The folder has a fault, the name or the version is none, or the version is another's.
        OutsideError: No token, no rights, no network, or main moved; tells how to go on.
    """
    check_version(version)
    release = inspect_folder(folder, check_name(name))
    require_sound(release)
    remote = Remote(release.kind, name)
    if not sys.stderr.isatty():
        disable_progress_bars()
    with told(remote.name):
        remote.create(private=private)
        main, tags = remote.sha("main"), remote.tags()
        if not (changed := remote.differences(release, main)):
            return _tag(remote, release, main, tags, version, report)
        if version in tags:
            raise UsageError(f"{version} of {name} exists with other content; leave --version out, or name another")
        pull = _find_pull(remote, release, version, report)
        if pull is None:
            pull = _open_pull(remote, release, version or next_version(tags, changed), report)
        _require_base(remote, pull, main)
        _upload(remote, release, pull, report)
        for line in compare(release, remote.name, pull.ref, remote.token):
            report(f"pull request {pull.num}: {line}")
        commit = _merge(remote, release, pull, main, report)
        remote.api.create_tag(remote.name, tag=pull.version, revision=commit, repo_type=remote.kind)
    report(f"{remote.page}: {pull.version}")
    return Published(pull.version, commit, pull.num)


def show_release(folder: Path, name: str, *, version: str | None = None, report: Report = print) -> Release:
    """Tells what ``publish`` would do, and every fault; asks no server, and needs no token.

    Raises:
        UsageError: There are faults.
    """
    check_version(version)
    release = inspect_folder(folder, check_name(name))
    for fault in release.faults if len(release.faults) > 1 else ():  # a single one is the error itself
        report(f"fault: {fault}")
    require_sound(release)
    body = body_of((folder / "README.md").read_text(encoding="utf-8")).strip().splitlines()
    more = [f"... {len(body) - CARD_LINES} more lines"] if len(body) > CARD_LINES else []
    for line in (*body[:CARD_LINES], *more, ""):
        report(line)
    for path, file in sorted(release.files.items()):
        report(f"{file.size:>15,}  {path}")
    report(f"{release.size:>15,}  bytes in {len(release.files)} files, content {release.digest}")
    loads = f"load {', '.join(release.configs)} from it" if release.configs else "download it"
    report(
        f"would open a pull request on {release.kind} {name}, {loads}, compare, merge, and tag it "
        f"{version or f'with the next version ({FIRST} where there is none)'}"
    )
    return release


def check_version(version: str | None) -> None:
    """Refuses what is no version.

    Raises:
        UsageError: It is not of the form vX.Y.Z.
    """
    if version is not None and not VERSION.fullmatch(version):
        raise UsageError(f"--version {version!a}: is no version; write three numbers, such as v1.2.0")


def next_version(tags: Collection[str], changed: Collection[str]) -> str:
    """The version after the highest: minor where data or weights changed, patch where only words did."""
    known = [tuple(map(int, found.groups())) for tag in tags if (found := VERSION.fullmatch(tag))]
    if not known:
        return FIRST
    major, minor, patch = max(known)
    if any(path.endswith(DATA) for path in changed):
        return f"v{major}.{minor + 1}.0"
    return f"v{major}.{minor}.{patch + 1}"


def _find_pull(remote: Remote, release: Release, version: str | None, report: Report) -> Pull | None:
    """The pull request that an earlier run opened for this very content."""
    mine = None
    for pull in remote.pulls():
        if pull.status not in ("draft", "open"):
            continue
        if pull.digest == release.digest and mine is None:
            mine = pull
        else:
            report(
                f"pull request {pull.num} ({pull.version}, other content) is still open; close it if it is not wanted"
            )
    if mine is None:
        return None
    if version not in (None, mine.version):
        remote.api.rename_discussion(remote.name, mine.num, title_of(str(version), release), repo_type=remote.kind)
        mine = mine._replace(version=str(version))
    report(f"pull request {mine.num}: goes on, {mine.version}")
    return mine


def _open_pull(remote: Remote, release: Release, version: str, report: Report) -> Pull:
    text = (
        f"{len(release.files)} files, {release.size:,} bytes. Opened by `dskill publish`, which compares all that can "
        "be loaded from here with the folder, then merges and tags. The same command goes on after a stop."
    )
    pull = remote.open(release, version, text)
    report(f"pull request {pull.num}: opened, {version}")
    return pull


def _upload(remote: Remote, release: Release, pull: Pull, report: Report) -> None:
    """Makes the pull request the folder: adds, replaces, and deletes what an older release had."""
    if missing := remote.differences(release, pull.ref):
        remote.api.upload_folder(
            repo_id=remote.name,
            repo_type=remote.kind,
            folder_path=release.folder,
            revision=pull.ref,
            delete_patterns="*",
            commit_message=title_of(pull.version, release),
        )
        report(f"pull request {pull.num}: {len(missing)} files uploaded or deleted")
    _require_same(remote, release, pull)


def _merge(remote: Remote, release: Release, pull: Pull, main: str, report: Report) -> str:
    """Moves main to the release; gives the commit.

    Raises:
        OutsideError: main has moved since, or is not the release after the merge.
    """
    _require_base(remote, pull, remote.sha("main"))
    _require_same(remote, release, pull)  # it may have changed since it was compared
    if pull.status == "draft":
        remote.api.change_discussion_status(remote.name, pull.num, "open", repo_type=remote.kind)
    remote.api.merge_pull_request(remote.name, pull.num, repo_type=remote.kind)
    commit = remote.sha("main")
    if wrong := remote.differences(release, commit):
        raise OutsideError(
            f"{remote.name}: main is not the folder in {', '.join(wrong[:3])} after the merge of pull request "
            f"{pull.num}: something else changed it meanwhile; run the same command again for a release on top"
        )
    report(f"pull request {pull.num}: merged")
    return commit


def _require_same(remote: Remote, release: Release, pull: Pull) -> None:
    """Refuses a pull request that is not the folder: one of both was changed by something else."""
    if wrong := remote.differences(release, pull.ref):
        raise OutsideError(
            f"{remote.name}: pull request {pull.num} is not the folder in {', '.join(wrong[:3])}, nothing is merged; "
            "did one of both change meanwhile? The same command continues"
        )


def _require_base(remote: Remote, pull: Pull, main: str) -> None:
    """Refuses a pull request that began before main's last change: its merge would make a mixture of both."""
    if main not in remote.history(pull.ref):
        raise OutsideError(
            f"{remote.name}: main has moved since pull request {pull.num} was opened, nothing is merged; look at "
            f"{remote.page}/commits/main, close {remote.page}/discussions/{pull.num}, then run the same command again"
        )


def _tag(
    remote: Remote, release: Release, main: str, tags: Mapping[str, str], version: str | None, report: Report
) -> Published:
    """What is left to do where main is the folder already: the tag, if a run was stopped before it.

    Raises:
        UsageError: The version names another commit.
    """
    if version is not None and tags.get(version, main) != main:
        raise UsageError(
            f"{version} of {remote.name} is another commit than main; leave --version out, or name another"
        )
    named = [tag for tag, commit in tags.items() if commit == main and VERSION.fullmatch(tag)]
    if named and version in (None, *named):
        report(f"{remote.page}: unchanged, {version or named[-1]}")
        return Published(version or named[-1], main, None)
    merged = [pull for pull in remote.pulls() if pull.status == "merged" and pull.digest == release.digest]
    version = version or next((pull.version for pull in merged if pull.version not in tags), next_version(tags, ()))
    remote.api.create_tag(remote.name, tag=version, revision=main, repo_type=remote.kind)
    report(f"{remote.page}: unchanged, now tagged {version}")
    return Published(version, main, None)
