"""README.md of a dataset's folder: a YAML header that the Hub and ``load_dataset`` read, and below it the card.

configs:
- config_name: k12
  data_files: [{split: train, path: [data/k1/train-*.parquet, data/k2/train-*.parquet]}]
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from datasets import DatasetInfo, Features, SplitDict, SplitInfo
from datasets.info import DatasetInfosDict
from huggingface_hub import DatasetCardData

from datasets_builder.licences import header_of_licences
from datasets_builder.manifest import Manifest
from datasets_builder.records import CONTRIBUTOR, FEATURES, SIDES, TRANSCRIPT_FEATURES

SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"))
TAGS = ("synthetic", "skill-mix", "compositional-generalization", "instruction-tuning", "distilabel")
TRANSCRIPTS = "transcripts"  # the config, split and folder of what the models said


class SplitSource(NamedTuple):
    """One split of a config: the globs of its files, and the folder and prefix of their names."""

    split: str
    prefixes: tuple[str, ...]

    @property
    def globs(self) -> list[str]:
        """As ``data_files`` has them."""
        return [f"{prefix}-*.parquet" for prefix in self.prefixes]


def write_readme(folder: Path, manifest: Manifest, card: str | tuple[str, Mapping[str, bytes]]) -> None:
    """Writes the README and the files that it shows."""
    body, files = (card, {}) if isinstance(card, str) else card
    header = yaml.safe_dump(header_of(manifest), sort_keys=False, allow_unicode=True)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "README.md").write_text(f"---\n{header}---\n\n{body}", encoding="utf-8")


def header_of(manifest: Manifest) -> dict[str, Any]:
    """The README's YAML header: what the Hub reads."""
    total = sum(counted.kept for counted in manifest.counts.values())
    people = ["crowdsourced"] if {*manifest.contributors} - {CONTRIBUTOR} else []
    return {
        "pretty_name": manifest.name,
        **header_of_licences(manifest.licences),
        "language": ["en"],
        "task_categories": ["text-generation"],
        "annotations_creators": ["machine-generated"],
        "language_creators": ["machine-generated", *people],
        "source_datasets": ["original"],
        "size_categories": [next((name for limit, name in SIZES if total < limit), "1M<n<10M")],
        "tags": list(TAGS),
        **_infos_of(manifest),
        "configs": [_config_of(manifest, name) for name in (*manifest.configs, TRANSCRIPTS)],
    }


def splits_of(manifest: Manifest, config: str) -> list[SplitSource]:
    """The splits of a config that have rows."""
    if config == TRANSCRIPTS:
        return [SplitSource(TRANSCRIPTS, (f"{TRANSCRIPTS}/{TRANSCRIPTS}",))]
    folders = manifest.configs[config]
    found = {side: [f"data/{k}/{side}" for k in folders if getattr(manifest.counts[k], side)] for side in SIDES}
    return [SplitSource(side, tuple(prefixes)) for side, prefixes in found.items() if prefixes]


def files_of(manifest: Manifest, source: SplitSource) -> list[str]:
    """The Parquet files of a split, in order."""
    return [name for name in manifest.files if name.startswith(tuple(f"{prefix}-" for prefix in source.prefixes))]


def _config_of(manifest: Manifest, name: str) -> dict[str, Any]:
    # `datasets` caches a local folder by its name and README alone: without the hash, a folder that was built anew, or
    # another of the same name, would be served from the cache with the rows of the first
    stamp = f"dataset {manifest.dataset_hash[:16]}"
    files = [{"split": source.split, "path": source.globs} for source in splits_of(manifest, name)]
    default = {"default": True} if name == manifest.default else {}
    return {"config_name": name, "description": stamp, "data_files": files} | default


def _infos_of(manifest: Manifest) -> dict[str, Any]:
    """``dataset_info``: columns, rows and bytes of each config; none where a manifest does not tell them."""
    if not manifest.sizes:
        return {}
    names, data = (*manifest.configs, TRANSCRIPTS), DatasetCardData()
    infos = {name: _info_of(manifest, name) for name in names}
    DatasetInfosDict(infos).to_dataset_card_data(data)
    found = data["dataset_info"]
    return {"dataset_info": found if isinstance(found, list) else [found]}


def _info_of(manifest: Manifest, config: str) -> DatasetInfo:
    features: Features = TRANSCRIPT_FEATURES if config == TRANSCRIPTS else FEATURES
    splits, download = SplitDict(), 0
    for source in splits_of(manifest, config):
        sizes = [manifest.sizes[name] for name in files_of(manifest, source)]
        rows, loaded = sum(size.rows for size in sizes), sum(size.loaded for size in sizes)
        splits.add(SplitInfo(name=source.split, num_bytes=loaded, num_examples=rows))
        download += sum(size.bytes for size in sizes)
    total = sum(split.num_bytes for split in splits.values())
    return DatasetInfo(features=features, splits=splits, download_size=download, dataset_size=total, config_name=config)
