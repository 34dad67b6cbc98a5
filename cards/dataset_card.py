"""The body of a dataset's README.md, its pictures and croissant.json, from its manifest and the notes beside it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from cards.completeness import require_complete
from cards.dataset_facts import (
    NOT_THEIRS,
    is_scripted,
    tell_biases,
    tell_limits,
    tell_making,
    tell_misuse,
    tell_privacy,
)
from cards.dataset_notes import Notes
from cards.evidence import tabulate
from cards.templating import number, render, visible
from datasets_builder.manifest import Manifest
from datasets_builder.records import CONTRIBUTOR

HARDEST = 10  # skills in the table of those that are rejected most
CHARACTERS = 4  # of English prose to a token, as OpenAI's and Anthropic's documents count roughly


class Part(NamedTuple):
    """One config as a row of the card's table."""

    name: str
    ks: str
    generated: int
    train: int
    validation: int
    words: int
    tokens: int  # estimated; 0 where the manifest tells no characters

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
    manifest: Mapping[str, Any], samples: Sequence[Mapping[str, Any]] = (), notes: Notes | None = None
) -> tuple[str, dict[str, bytes]]:
    """The card, and the files that go with it, pictures and croissant.json, by their path in the dataset's folder."""
    from cards.croissant import FILE, dump_croissant
    from cards.dataset_plots import draw_plots

    notes, plots = notes or Notes(), draw_plots(manifest)
    body = render_dataset_card(manifest, samples, notes, figures=tuple(plots))
    croissant = {FILE: dump_croissant(Manifest.model_validate(manifest), notes)} if manifest["sizes"] else {}
    return body, plots | croissant


def render_dataset_card(
    manifest: Mapping[str, Any],
    samples: Sequence[Mapping[str, Any]] = (),
    notes: Notes | None = None,
    figures: Sequence[str] = (),
) -> str:
    """The card in Markdown, first screen first: what it is, how big, which licence, how to load it.

    Args:
        manifest: The dataset's manifest as plain data (``Manifest.model_dump()``).
        samples: A few rows of the dataset, with skills, topic and text. Their text is printed as data.
        notes: Its name on the Hub, for the snippets, which load the folder itself without one; faults, releases,
            evaluations.
        figures: Paths of the pictures in the folder, of those that ``dataset_plots`` draws.

    Raises:
        jinja2.UndefinedError: The manifest lacks a field; no card is better than one with a gap.
        DskillError: A placeholder stands in the card.
    """
    notes, parts = notes or Notes(), _parts(manifest)
    card = render(
        "dataset_card.md",
        m=manifest,
        notes=notes,
        parts=parts,
        whole=_part("whole", manifest["counts"], manifest),
        barren=[name.removeprefix("k") for name in manifest["counts"] if name not in manifest["configs"]],
        licences=_licences(manifest["licences"]),
        single=[part for part in parts if len(manifest["configs"][part.name]) == 1],
        samples=samples,
        example=_example(samples),
        figures=figures,
        hard=_hardest(manifest["skills"]),
        scripted=is_scripted(manifest),
        making=tell_making(manifest),
        cost=_cost(manifest["costs"]),
        evidence=tabulate(notes.evidence),
        biases=tell_biases(manifest),
        limits=tell_limits(manifest),
        privacy=tell_privacy(manifest),
        misuse=tell_misuse(),
        contributors=[(name, rows) for name, rows in manifest["contributors"].items() if name != CONTRIBUTOR],
        not_theirs=NOT_THEIRS,
    )
    return require_complete(card)


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
    folders = list(folders)
    counts = [manifest["counts"][folder] for folder in folders]
    generated, train, validation = (sum(c[field] for c in counts) for field in ("generated", "train", "validation"))
    lengths = [manifest["words"].get(folder, {}) for folder in folders]
    words = sum(int(length) * texts for found in lengths for length, texts in found.items())
    tokens = sum(manifest["characters"].get(folder, 0) for folder in folders) // CHARACTERS
    ks = ",\u00a0".join(folder.removeprefix("k") for folder in folders)
    return Part(name, ks, generated, train, validation, words, tokens)


def _licences(rows: Mapping[str, int]) -> str:
    """The licence; of several how many rows each has."""
    if len(rows) == 1:
        return next(iter(rows))
    counted = ", ".join(f"{name} ({number(count)} rows)" for name, count in rows.items())
    return f"{counted}; the column `licence` has that of each row"


def _example(samples: Sequence[Mapping[str, Any]]) -> str:
    """A whole row of the dataset as JSON; "" where the samples are no whole rows."""
    if not samples or "messages" not in samples[-1]:
        return ""
    row = {name: value for name, value in samples[-1].items() if name not in ("reason", "detail")}
    lines = [f" {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in row.items()]
    return visible("{\n" + ",\n".join(lines) + "\n}")


def _cost(costs: Sequence[Mapping[str, Any]] | None) -> str:
    """The sum in USD, with what is unknown told."""
    known = sum(cost["usd"] for cost in costs or () if cost["usd"] is not None)
    unknown = sorted({cost["model"] for cost in costs or () if cost["usd"] is None})
    if not unknown:
        return f"${known:,.2f}"
    return f"${known:,.2f} and what {' and '.join(unknown)} cost, whose price is unknown"
