"""What tests of publishing do in a client's process; it imports little, as each process pays for it."""

import json
import shutil
from pathlib import Path
from typing import Any

MOVED = "refused, as main moved between two requests of one load"


def ids(folder: str, config: str, revision: str | None = None) -> list[str]:
    """The ids of a config's rows, of a folder or a repository."""
    from datasets import load_dataset

    return list(load_dataset(folder, config, split="train", revision=revision)["id"])


def rows_of(folder: str) -> dict[str, list[str]]:
    """The ids of a release's default config, by split."""
    from datasets import load_dataset

    return {split: list(rows["id"]) for split, rows in load_dataset(folder).items()}


def write_file(name: str, path: str, revision: str = "main") -> None:
    """A commit of one file."""
    from huggingface_hub import HfApi

    HfApi().upload_file(path_or_fileobj=b"x", path_in_repo=path, repo_id=name, repo_type="dataset", revision=revision)


def close_pull(name: str, num: int) -> None:
    """Closes a pull request."""
    from huggingface_hub import HfApi

    HfApi().change_discussion_status(name, num, "closed", repo_type="dataset")


def read_on(name: str, stop: str, loads: str) -> None:
    """Loads main over and over until the file ``stop`` is there, each time with empty caches; writes the ids down."""
    import datasets
    from huggingface_hub import constants

    turn = 0
    while not Path(stop).exists():
        turn += 1
        cache = Path(loads).with_name(f"cache-{turn}")
        constants.HF_HUB_CACHE, datasets.config.HF_DATASETS_CACHE = str(cache / "hub"), cache / "datasets"
        try:
            loaded = datasets.load_dataset(name, cache_dir=str(cache / "datasets"))
            found: Any = {split: list(rows["id"]) for split, rows in loaded.items()}
        except OSError as error:  # huggingface_hub asks main twice for a README, and main may move in between
            if "Consistency check failed" not in str(error):
                raise
            found = MOVED
        with open(loads, "a") as file:
            file.write(json.dumps(found) + "\n")
        shutil.rmtree(cache)
