"""One repository on the Hub, as a publisher sees it: its files, tags and pull requests; failures in one line."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import httpx2
from huggingface_hub import Discussion, HfApi, RepoFile, constants, get_token
from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    OfflineModeIsEnabled,
    OIDCError,
    RepositoryNotFoundError,
)
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

from datasets_builder.model_names import hide_secrets
from datasets_builder.preflight import Release
from datasets_builder.skillmix.errors import DskillError, OutsideError, UsageError

KEPT = ".gitattributes"  # the Hub's own file, which every repository has
TITLE = re.compile(r"Release (v\d+\.\d+\.\d+) \(content ([0-9a-f]{16})\)")
STATUS = {
    401: "the token is not accepted; set HF_TOKEN to one that may write to it, or run hf auth login",
    403: "the token may not write to it; take one with write access to this repository",
    409: "something else changed it at the same time; look at its pull requests, then run the same command again",
    412: "something else changed it at the same time; run the same command again",
    429: "too many requests; wait five minutes, then run the same command again",
}


class Pull(NamedTuple):
    """A pull request of ours that makes a release."""

    num: int
    version: str
    digest: str
    status: str
    author: str

    @property
    def ref(self) -> str:
        """Its revision."""
        return f"refs/pr/{self.num}"


def title_of(version: str, release: Release) -> str:
    """By this title a later run finds the pull request again."""
    return f"Release {version} (content {release.digest})"


class Remote:
    """A repository.

    Args:
        kind: dataset or model.
        name: Its name, ``org/name``.

    Raises:
        OutsideError: There is no token.
    """

    def __init__(self, kind: str, name: str) -> None:
        self.kind, self.name = kind, name
        with told(self.name):
            self.token = get_token()
        if self.token is None:
            raise OutsideError("no token for the Hub: set HF_TOKEN, or run hf auth login; --dry-run needs none")
        self.api = HfApi(token=self.token, library_name="dskill-mix")

    @property
    def page(self) -> str:
        """Its address."""
        return f"{self.api.endpoint}/{'datasets/' if self.kind == 'dataset' else ''}{self.name}"

    def create(self, *, private: bool) -> None:
        """Makes the repository, unless it is there: a CI job's token may write to one, but not make it."""
        try:
            self.sha("main")
        except RepositoryNotFoundError:
            self.api.create_repo(self.name, repo_type=self.kind, private=private, exist_ok=True)

    def sha(self, revision: str) -> str:
        """The commit of a revision."""
        return str(self.api.repo_info(self.name, repo_type=self.kind, revision=revision).sha)

    def history(self, revision: str) -> set[str]:
        """All commits of a revision."""
        return {
            commit.commit_id for commit in self.api.list_repo_commits(self.name, repo_type=self.kind, revision=revision)
        }

    def tags(self) -> dict[str, str]:
        """Tags, with the commits that they name."""
        refs = self.api.list_repo_refs(self.name, repo_type=self.kind)
        return {tag.name: tag.target_commit for tag in refs.tags}

    def differences(self, release: Release, revision: str) -> list[str]:
        """Paths in which a revision is not the release, by the content that the Hub names."""
        there = {}
        for entry in self.api.list_repo_tree(self.name, repo_type=self.kind, revision=revision, recursive=True):
            if isinstance(entry, RepoFile) and entry.path != KEPT:
                there[entry.path] = entry.lfs.sha256 if entry.lfs else entry.blob_id
        same = {path for path, file in release.files.items() if there.get(path) in (file.sha256, file.oid)}
        return sorted({*there, *release.files} - same)

    def whoami(self) -> str | None:
        """The token's user; None for the token of a CI job, which stands for nobody."""
        try:
            return str(self.api.whoami()["name"])
        except HfHubHTTPError:
            return None

    def pulls(self) -> Iterator[Pull]:
        """The pull requests of releases that were opened by this token's user, newest first.

        Nobody else's: who opened a pull request may change it, also between our check and the merge.
        """
        user = self.whoami()
        found = self.api.get_repo_discussions(self.name, repo_type=self.kind, discussion_type="pull_request")
        for one in sorted(found, key=lambda one: -one.num):
            if user is not None and one.author == user and (pull := _read(one)):
                yield pull

    def open(self, release: Release, version: str, text: str) -> Pull:
        """A new pull request, as a draft."""
        made = self.api.create_pull_request(
            self.name, title_of(version, release), description=text, repo_type=self.kind
        )
        return Pull(made.num, version, release.digest, made.status, made.author)


def _read(one: Discussion) -> Pull | None:
    found = TITLE.fullmatch(one.title)
    return Pull(one.num, found[1], found[2], one.status, one.author) if found else None


def check_name(name: str) -> str:
    """The name of a repository.

    Raises:
        UsageError: It is none.
    """
    try:
        validate_repo_id(name)
    except HFValidationError as error:
        raise UsageError(f"{name!a}: is no name of a repository: {_line(error)}") from None
    if "/" not in name:
        raise UsageError(f"{name!a}: needs an owner before the name, such as my-org/{name}")
    return name


@contextmanager
def told(name: str) -> Iterator[None]:
    """Makes what the Hub and the network do wrong one line.

    Raises:
        OutsideError: With the cure.
    """
    try:
        yield
    except DskillError:
        raise
    except OfflineModeIsEnabled as error:
        raise OutsideError("HF_HUB_OFFLINE is set, so the Hub is not asked; unset it to publish") from error
    except OIDCError as error:
        raise OutsideError(f"{name}: the CI service gives no token: {_line(error)}") from error
    except HfHubHTTPError as error:
        status, said = error.response.status_code, _line(error.server_message or error)
        cure = STATUS.get(status, "the same command continues when the Hub is well again")
        raise OutsideError(f"{name}: the Hub answers {status}: {cure} ({said})") from error
    except (httpx2.HTTPError, OSError, RuntimeError) as error:  # RuntimeError: hf_xet
        reason = f"{type(error).__name__}: {_line(error)}"
        raise OutsideError(f"{name}: {constants.ENDPOINT} failed ({reason}); the same command continues") from error
    except ValueError as error:
        raise OutsideError(f"{name}: the Hub refuses it: {_line(error)}") from error


def _line(error: object) -> str:
    """What a server said, as one line that a terminal can show."""
    words = hide_secrets(" ".join(str(error).split()))
    return "".join(c if c.isprintable() else "?" for c in words)[:300]
