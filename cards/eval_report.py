"""The report of evaluations: one self-contained report.html, with its twins report.md and report.json.

    write_eval_report(summarise_runs([read_run(folder)], ["tuned"]), Path("report"))

Both pages are made from the ``Report`` alone, so every figure on them stands in report.json.
"""

import hashlib
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

from cards.eval_findings import does_not_show, shows
from cards.eval_plots import inline_panels, write_eval_plots
from cards.eval_summary import Report, RunFigures
from cards.findings import listed
from cards.plots import TITLES, sides_of
from cards.published import PublishedTable
from cards.report import Column, columns
from cards.templating import TEMPLATES, number, render
from datasets_builder.skillmix.catalogue import Side, Split
from datasets_builder.skillmix.rubric import GENERAL
from eval_harness.agreement import Agreement
from eval_harness.breakdown import CategoryRate, SkillRate
from eval_harness.compare import CellComparison
from eval_harness.compare_command import verdict
from eval_harness.parrots import CLEAR
from eval_harness.raters import KINDS
from eval_harness.results import CellResult

METRICS = {"full marks": "full_marks_max", "all skills": "all_skills_max", "skills fraction": "skills_fraction_max"}


class HeatGroup(NamedTuple):
    """One category of the heat map with its skills; a rate for each column of the report, None where not asked."""

    side: Side
    category: str
    rates: list[CategoryRate | None]
    skills: list[tuple[str, list[SkillRate | None]]]


class AgreementGroup(NamedTuple):
    """The agreement of the same raters on the same texts."""

    title: str
    rows: list[Agreement]
    left_out: int  # single skills


class PublishedRows(NamedTuple):
    """A published table with our rows on top: (model, shares by k in the table's order, whether it is ours)."""

    table: PublishedTable
    ks: list[int]
    rows: list[tuple[str, list[tuple[float, ...] | None], bool]]


def write_eval_report(report: Report, folder: Path, bundles: Mapping[str, str] | None = None) -> Path:
    """Writes report.html, report.md, report.json and the plots into ``folder``; returns the path of report.html.

    Args:
        bundles: Pages below ``folder`` that show the logs, by the fingerprint of their run; linked from the page.
    """
    write_eval_plots(report, folder)
    (folder / "report.json").write_text(report.model_dump_json(indent=1) + "\n", encoding="utf-8")
    (folder / "report.md").write_text(render_markdown(report), encoding="utf-8")
    path = folder / "report.html"
    path.write_text(render_html(report, bundles or {}), encoding="utf-8")
    return path


def render_html(report: Report, bundles: Mapping[str, str]) -> str:
    """The page. Its policy lets no script run but its own, by its hash, and loads nothing."""
    script = (TEMPLATES / "eval_report.js").read_text(encoding="utf-8")
    digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return render(
        "eval_report.html",
        **_values(report),
        bundles=bundles,
        plots=inline_panels(report),
        script=script,
        script_hash=digest,
    )


def render_markdown(report: Report) -> str:
    """The same figures without the texts."""
    return render("eval_report.md", **_values(report))


def _values(report: Report) -> dict[str, Any]:
    shown = columns(report.cells)
    return {
        "report": report,
        "columns": shown,
        "sides": sides_of(report.cells),
        "titles": TITLES,
        "general": GENERAL,
        "lead": _lead(report),
        "several": any(cell.generations > 1 for cell in report.cells),
        "shows": shows(report),
        "does_not_show": does_not_show(report),
        "comparison_rows": _comparison_rows(report, shown),
        "heat": _heat(report),
        "agreement_groups": list(_agreement_groups(report.agreements)),
        "clear": CLEAR,
        "bounds": {row.k: row.bound for run in report.runs for row in run.parrots},
        "verdict": verdict,
        "published": [_published_rows(report, table) for table in report.published],
        "provenance": _provenance(report.runs),
        "result_files": [f"results-{run.fingerprint}.json" for run in report.runs],
    }


def _lead(report: Report) -> str:
    """What was measured."""
    ks = f"{report.ks[0]} to {report.ks[-1]}" if len(report.ks) > 1 else str(report.ks[0])
    graders = listed(sorted({run.provenance.grader for run in report.runs}))
    dates = sorted({run.provenance.created[:10] for run in report.runs})
    when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    runs = "One run" if len(report.runs) == 1 else f"{len(report.runs)} runs"
    unscored = sum(run.unscored for run in report.runs)
    return (
        f"{runs}, {number(report.texts)} short texts that should show k = {ks} language skills at once on a given "
        f"topic, graded by {graders} on {when}; {number(unscored)} unscored. Full marks: all k skills shown, on the "
        "topic, making sense, within the limit of sentences."
    )


def _comparison_rows(report: Report, shown: Sequence[Column]) -> list[tuple[str, list[CellComparison | None]]]:
    """("tuned against base", one cell a column)."""
    rows = []
    for comparison in report.comparisons:
        by_cell = {(cell.split, cell.k): cell for cell in comparison.cells}
        metric = next((cell.metric for cell in comparison.cells if cell.metric != "full_marks"), "")
        label = f"{comparison.b} against {comparison.a}{f', {metric}'.replace('_', ' ') if metric else ''}"
        rows.append((label, [by_cell.get((column.side, column.k)) for column in shown]))
    return rows


def _heat(report: Report) -> list[HeatGroup]:
    """The heat map: side by side and category by category, in each the skills that any run was asked for."""
    skills = [{(r.side, r.category, r.skill): r for r in column.skills} for column in report.columns]
    categories = [{(r.side, r.category): r for r in column.categories} for column in report.columns]
    order: tuple[Side, ...] = get_args(Side)
    groups = sorted({key for found in categories for key in found}, key=lambda key: (order.index(key[0]), key[1]))
    return [
        HeatGroup(
            side,
            category,
            [found.get((side, category)) for found in categories],
            [
                (name, [found.get((side, category, name)) for found in skills])
                for name in sorted({key[2] for found in skills for key in found if key[:2] == (side, category)})
            ],
        )
        for side, category in groups
    ]


def _agreement_groups(agreements: Sequence[Agreement]) -> Iterator[AgreementGroup]:
    for key in dict.fromkeys((a.texts, a.between, a.raters) for a in agreements):
        rows = [a for a in agreements if (a.texts, a.between, a.raters) == key]
        kept = [a for a in rows if a.criterion in KINDS]
        texts, between, raters = key
        who = (
            f"Between {len(raters)} votes of {raters[0].rpartition(', ')[0]}" if between == "votes" else listed(raters)
        )
        yield AgreementGroup(f"{who}, on texts of {texts}", kept, len(rows) - len(kept))


def _published_rows(report: Report, table: PublishedTable) -> PublishedRows:
    """Only the k that we evaluated, too."""
    own = [
        (f"{run.label}, {TITLES[side].lower()}", [run.cell(side, k) for k in table.ks])
        for run in report.runs
        for side in _sides_like(run, table.split)
    ]
    places = [place for place, k in enumerate(table.ks) if any(cells[place] for _, cells in own)]
    ours = [(name, [_in_order(cells[place], table) for place in places], True) for name, cells in own]
    ks = [table.ks[place] for place in places]
    theirs = [(name, [row.get(k) for k in ks], False) for name, row in table.rows.items()]
    return PublishedRows(table, ks, [row for row in [*ours, *theirs] if any(row[1])])


def _sides_like(run: RunFigures, split: Split) -> list[Split]:
    """The run's split of that name; every other where "all" is wanted and the run has none."""
    own = sides_of(run.cells)
    return [split] if split in own else own if split == "all" else []


def _in_order(cell: CellResult | None, table: PublishedTable) -> tuple[float, ...] | None:
    return None if cell is None else tuple(float(getattr(cell, METRICS[name])) for name in table.columns)


def _provenance(runs: Sequence[RunFigures]) -> list[tuple[str, list[str], bool]]:
    """(fact, its value for each run, whether the runs differ in what should be equal)."""
    facts = [_facts(run) for run in runs]
    own = {"model", "evaluated", "texts", "unscored", "votes that could not be read", "results file", "Inspect logs"}
    return [
        (name, values, name not in own and len(set(values)) > 1)
        for name in facts[0]
        if any(values := [found[name] for found in facts])
    ]


def _facts(run: RunFigures) -> dict[str, str]:
    p = run.provenance
    by = p.partition
    return {
        "model": run.model,
        "grader": p.grader,
        "evaluated": p.created,
        "origin": {"skillmix": "dskill eval", "regrade": "graded anew", "import": "imported"}[p.source],
        "note": p.note,
        "texts": number(run.texts),
        "unscored": _part(run.unscored, run.texts),
        "votes a text": str(p.votes),
        "votes that could not be read": _part(run.unreadable_votes, run.votes) if run.votes else "votes were not kept",
        "texts a combination": listed(sorted({str(cell.generations) for cell in run.cells})),
        "revised before grading": "yes" if p.revise else "no",
        "sentence limit": "max(1, k - 1)" if p.limit is None else str(p.limit),
        "naming a skill costs points": "yes" if p.name_deduction else "no",
        "temperature": "not recorded" if p.temperature is None else f"{p.temperature:g}",
        "seed": "not recorded" if p.seed is None else str(p.seed),
        "catalogue": f"{p.catalogue} ({p.catalogue_hash})" if p.catalogue_hash else p.catalogue,
        "prompts": p.prompts,
        "split of the skills": f"by {by.by}" + (f", train {by.train}, seed {by.seed}" if by.by != "category" else ""),
        "common skills": "drawn" if by.common else "not drawn",
        "topics": p.topics,
        "teacher": p.teacher or "",
        "results file": f"results-{run.fingerprint}.json",
        "Inspect logs": ", ".join(p.logs),
        "versions": ", ".join(f"{name} {version}" for name, version in sorted(p.versions.items())),
    }


def _part(count: int, whole: int) -> str:
    return f"{number(count)} of {number(whole)} ({100 * count / whole:.2g} %)"
