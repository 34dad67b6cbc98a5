"""The README of a release: its YAML header by our own schema, as the Hub has no offline check, and its completeness."""

import re
from collections.abc import Collection, Iterator
from typing import Any, Literal

from pydantic import ConfigDict, Field, model_validator

from datasets_builder.manifest import Manifest
from datasets_builder.readme import TRANSCRIPTS
from datasets_builder.skillmix.config import Strict, check_config, parse_yaml
from datasets_builder.skillmix.errors import UsageError

HEADER = re.compile(r"\A---\n(.*?)\n---(?:\n|\Z)", re.DOTALL)
PLACEHOLDERS = re.compile(
    r"\[more information needed\]|\b(?:TODO|TBD|FIXME|XXX)\b|\{\{|\{%|<your[ _-][^>]*>|lorem ipsum|\borg/name\b",
    re.IGNORECASE,
)
LINK = re.compile(r"\]\((?!https?://|#|mailto:)<?([^)\s>]+)")
CODE = re.compile(r"^(`{3,}|~{3,}).*?^\1", re.DOTALL | re.MULTILINE)

Source = Literal["found", "crowdsourced", "expert-generated", "machine-generated", "no-annotation", "other"]
Size = Literal["n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M", "100M<n<1B"]
Language = Literal["en"]


class Header(Strict):
    """Keys that the cards of datasets and of models share."""

    license: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")
    license_name: str | None = None
    license_link: str | None = None
    license_details: str | None = None
    language: list[Language]
    tags: list[str]

    @model_validator(mode="after")
    def _named(self) -> "Header":
        if self.license == "other" and not (self.license_name and (self.license_link or self.license_details)):
            raise ValueError("license: other needs license_name, and license_link or license_details")
        return self


class DataFiles(Strict):
    """The files of one split."""

    split: str = Field(pattern=r"^\w+$")
    path: list[str] | str


class ConfigHeader(Strict):
    """A config, as ``load_dataset`` reads it."""

    config_name: str = Field(pattern=r"^\w+$")
    data_files: list[DataFiles]
    description: str | None = None
    default: bool = False


class DatasetHeader(Header):
    """The header of a dataset's card."""

    pretty_name: str
    task_categories: list[str]
    annotations_creators: list[Source]
    language_creators: list[Source] | None = None
    size_categories: list[Size]
    source_datasets: list[str] | None = None
    configs: list[ConfigHeader] = Field(min_length=1)
    dataset_info: list[dict[str, Any]] | dict[str, Any] | None = None


class ModelHeader(Header):
    """The header of a model's card."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    base_model: list[str] | str | None = None
    base_model_relation: Literal["finetune", "adapter", "merge", "quantized"] | None = None
    datasets: list[str] | str
    library_name: str
    pipeline_tag: str | None = None
    metrics: list[str] | None = None
    model_index: list[dict[str, Any]] | None = Field(default=None, alias="model-index")


def check_card(text: str, kind: Literal["dataset", "model"], files: Collection[str]) -> Iterator[str]:
    """Faults of a README beside these files.

    Args:
        text: The README.
        kind: Whose card it is.
        files: Paths in the release, which links may lead to.
    """
    try:
        read_header(text, kind)
    except UsageError as error:
        yield str(error)
    body = body_of(text)
    shift = text.count("\n") - body.count("\n")
    body = CODE.sub(lambda fenced: "\n" * fenced[0].count("\n"), body)  # what is fenced is data
    if not body.strip():
        yield "README.md: has no text below its header; dskill card writes it"
    for number, line in enumerate(body.split("\n"), start=shift + 1):
        if placeholder := PLACEHOLDERS.search(line):
            yield f"README.md:{number}: {placeholder[0]!r} is a placeholder; fill it in"
    for target in LINK.findall(body):
        if target.partition("#")[0] not in files:
            yield f"README.md: links to {target!r}, which is not in the folder; add it, or take the link out"


def body_of(text: str) -> str:
    """A README below its header."""
    found = HEADER.match(text)
    return text[found.end() :] if found else text


def read_header(text: str, kind: Literal["dataset", "model"]) -> Header:
    """The header of a README.

    Raises:
        UsageError: There is none, or it is not sound; names the key.
    """
    found = HEADER.match(text)
    if not found:
        raise UsageError("README.md: does not begin with a YAML header between two lines of ---; dskill card writes it")
    schema = DatasetHeader if kind == "dataset" else ModelHeader
    return check_config(schema, parse_yaml(found[1], "README.md"), "README.md")


def check_configs(header: DatasetHeader, manifest: Manifest) -> Iterator[str]:
    """Whether a header names the configs that the manifest counts, and only these."""
    named, counted = [config.config_name for config in header.configs], [*manifest.configs, TRANSCRIPTS]
    if sorted(named) != sorted(counted):
        yield f"README.md: configs are {', '.join(named)}, manifest.json has {', '.join(counted)}; build again"
    defaults = [config.config_name for config in header.configs if config.default]
    if defaults != [manifest.default]:
        yield f"README.md: the default config is {defaults}, manifest.json has {manifest.default!r}; build again"
    infos = header.dataset_info if isinstance(header.dataset_info, list) else [header.dataset_info or {}]
    for name in {str(info["config_name"]) for info in infos if "config_name" in info} - {*named}:
        yield f"README.md: dataset_info describes {name!r}, which is no config; build again"
