"""The body of a dataset's README.md, from its manifest; the YAML header is written by the dataset builder."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cards.templating import render


class Part(NamedTuple):
    """One config as a row of the card's table."""

    name: str
    ks: str
    generated: int
    train: int
    validation: int

    @property
    def kept_share(self) -> float:
        """Kept of generated, 0.0 to 1.0."""
        return (self.train + self.validation) / self.generated if self.generated else 0.0


def render_dataset_card(
    manifest: Mapping[str, Any], samples: Sequence[Mapping[str, Any]] = (), repository: str | None = None
) -> str:
    """The card in Markdown, first screen first: what it is, how big, which licence, how to load it.

    Args:
        manifest: The dataset's manifest as plain data (``Manifest.model_dump()``).
        samples: A few rows of the dataset, with skills, topic and text. Their text is printed as data.
        repository: Its name on the Hub, for the snippets; without one they load the folder itself.

    Raises:
        jinja2.UndefinedError: The manifest lacks a field; no card is better than one with a gap.
    """
    parts = _parts(manifest)
    return render(
        "dataset_card.md",
        m=manifest,
        parts=parts,
        whole=next(part for part in parts if part.name == manifest["default"]),
        single=[part for part in parts if len(manifest["configs"][part.name]) == 1],
        samples=samples,
        repository=repository,
        scripted=manifest["teacher"].startswith("scripted/"),
    )


def _parts(manifest: Mapping[str, Any]) -> list[Part]:
    parts = []
    for name, folders in manifest["configs"].items():
        counts = [manifest["counts"][folder] for folder in folders]
        sums = [sum(c[field] for c in counts) for field in ("generated", "train", "validation")]
        parts.append(Part(name, ", ".join(folder.removeprefix("k") for folder in folders), *sums))
    return parts
