"""The body of a dataset's README.md and its pictures, from its manifest; the builder writes the YAML header."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from cards.templating import number, render

HARDEST = 10  # skills in the table of those that are rejected most


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


class HardSkill(NamedTuple):
    """One skill as a row of the table of those that are rejected most."""

    name: str
    generated: int
    kept_share: float
    missed: int
    reason: str
    reason_count: int


def make_dataset_card(
    manifest: Mapping[str, Any], samples: Sequence[Mapping[str, Any]] = (), repository: str | None = None
) -> tuple[str, dict[str, bytes]]:
    """The card, and the pictures that it shows, by their path in the dataset's folder."""
    from cards.dataset_plots import draw_plots

    plots = draw_plots(manifest)
    return render_dataset_card(manifest, samples, repository, figures=tuple(plots)), plots


def render_dataset_card(
    manifest: Mapping[str, Any],
    samples: Sequence[Mapping[str, Any]] = (),
    repository: str | None = None,
    figures: Sequence[str] = (),
) -> str:
    """The card in Markdown, first screen first: what it is, how big, which licence, how to load it.

    Args:
        manifest: The dataset's manifest as plain data (``Manifest.model_dump()``).
        samples: A few rows of the dataset, with skills, topic and text. Their text is printed as data.
        repository: Its name on the Hub, for the snippets; without one they load the folder itself.
        figures: Paths of the pictures in the folder, of those that ``dataset_plots`` draws.

    Raises:
        jinja2.UndefinedError: The manifest lacks a field; no card is better than one with a gap.
    """
    parts = _parts(manifest)
    return render(
        "dataset_card.md",
        m=manifest,
        parts=parts,
        whole=_part("whole", manifest["counts"], manifest),
        barren=[name.removeprefix("k") for name in manifest["counts"] if name not in manifest["configs"]],
        licences=_licences(manifest["licences"]),
        single=[part for part in parts if len(manifest["configs"][part.name]) == 1],
        samples=samples,
        figures=figures,
        hard=_hardest(manifest["skills"]),
        repository=repository,
        near=manifest["identity"].get("near_duplicates.threshold"),
        scripted=manifest["teacher"].startswith("scripted/"),
    )


def _hardest(skills: Mapping[str, Mapping[str, Any]]) -> list[HardSkill]:
    """The skills whose texts are rejected most, the worst first."""
    rows = []
    for name, counted in skills.items():
        if counted["rejects"]:
            reason = max(counted["rejects"], key=lambda one: (counted["rejects"][one], one))
            share = counted["kept"] / counted["generated"]
            row = (name, counted["generated"], share, counted["missed"], reason, counted["rejects"][reason])
            rows.append(HardSkill(*row))
    return sorted(rows, key=lambda row: (row.kept_share, row.name))[:HARDEST]


def _parts(manifest: Mapping[str, Any]) -> list[Part]:
    return [_part(name, folders, manifest) for name, folders in manifest["configs"].items()]


def _part(name: str, folders: Iterable[str], manifest: Mapping[str, Any]) -> Part:
    counts = [manifest["counts"][folder] for folder in folders]
    sums = [sum(c[field] for c in counts) for field in ("generated", "train", "validation")]
    return Part(name, ", ".join(folder.removeprefix("k") for folder in folders), *sums)


def _licences(rows: Mapping[str, int]) -> str:
    """The licence; of several how many rows each has."""
    if len(rows) == 1:
        return next(iter(rows))
    counted = ", ".join(f"{name} ({number(count)} rows)" for name, count in rows.items())
    return f"{counted}; the column `licence` has that of each row"
