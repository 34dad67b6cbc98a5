"""The page as a Space: reads the texts beside it, and keeps the labels in a dataset repository where one is named.

``LABELS_REPO`` (such as ``org/labels``) and ``HF_TOKEN`` (may write there) are settings of the Space. Without them the
labels stay on the Space's disk, which a restart empties.
"""

import os
from pathlib import Path

from eval_harness.human.page import build_page, launch
from eval_harness.human.plan import FILE, read_plan
from eval_harness.human.session import Desk

MINUTES = 1  # between two uploads of what was marked
LABELS = "*.parquet"


def main() -> None:
    """Serves the page where the Space wants it."""
    here = Path(__file__).resolve().parent
    labels = here / "labels"
    if repo := os.environ.get("LABELS_REPO"):
        keep_labels(repo, labels)
    page = build_page(Desk(read_plan(here / FILE), labels))
    launch(page, host=None)
    page.block_thread()


def keep_labels(repo: str, folder: Path) -> None:
    """Fetches earlier labels from a private dataset repository, then uploads what is added to the folder."""
    from huggingface_hub import CommitScheduler, create_repo, snapshot_download

    create_repo(repo, repo_type="dataset", private=True, exist_ok=True)
    snapshot_download(repo, repo_type="dataset", local_dir=folder, allow_patterns=LABELS)
    CommitScheduler(repo_id=repo, repo_type="dataset", folder_path=folder, every=MINUTES, allow_patterns=LABELS)


if __name__ == "__main__":
    main()
