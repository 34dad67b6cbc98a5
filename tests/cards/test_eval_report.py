"""The report of evaluations: a page of report.json alone, in which what models and contributors wrote is data."""

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from eval_runs import CELLS, UNSCORED, change_rows, make_run
from pages import Page

from cards.eval_report import render_html, render_markdown, write_eval_report
from cards.eval_samples import LONGEST_TEXT, SAMPLES
from cards.eval_summary import Report, summarise_runs
from cards.templating import percent, points, unbroken, visible
from datasets_builder.skillmix.errors import UsageError
from eval_harness.agreement import agree_runs
from eval_harness.audit import audit_run, find_reference
from eval_harness.parrots import CorpusRates
from eval_harness.results import EvalRun

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)></svg>",
    '"><b onmouseover="alert(1)">x',
    "{{ 7 * 7 }} {% include 'page.css' %}",
    "--></style></script><!-- ]]>",
    "a\x00b\x1b[31mc\x07\u202ed\u2066e\u200bf",
    "| cell | ![x](http://example.org/x.png) `````",
]
EVIL = "".join(HOSTILE)


def html_of(report: Report) -> str:
    return render_html(report, {})


@lru_cache
def three() -> Report:
    return summarise_runs([make_run(0.2), make_run(0.5), make_run(0.8)], ["base", "one", "two"])


def hostile_run() -> EvalRun:
    """Every text, topic and fact that others write is hostile."""
    run = make_run(0.5, text=EVIL, grader=EVIL, note=EVIL, teacher=EVIL, source="import", versions={EVIL: EVIL})
    cells = [
        cell.model_copy(update={"rows": tuple(row.model_copy(update={"topic": EVIL}) for row in cell.rows)})
        for cell in run.cells
    ]
    return run.model_copy(update={"model": f"mock/{EVIL}", "cells": tuple(cells)})


def test_the_page_is_made_of_the_json_twin_alone(tmp_path: Path) -> None:
    html = write_eval_report(three(), tmp_path).read_text(encoding="utf-8")
    again = Report.model_validate_json((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert render_html(again, {}) == html
    assert render_markdown(again) == (tmp_path / "report.md").read_text(encoding="utf-8")


def test_the_numbers_of_the_tables_are_those_of_the_twin() -> None:
    report = three()
    main, differences, metrics, *_ = Page(html_of(report)).tables
    for run, row in zip(report.runs, main[2:], strict=True):
        shown = [cell.split() for cell in row[1:]]
        assert shown == [[percent(c.full_marks), f"{percent(c.low)}–{percent(c.high)}"] for c in run.cells]
    for comparison, row in zip(report.comparisons, differences[2:], strict=True):
        assert [cell.split()[0] for cell in row[1:]] == [points(c.difference) for c in comparison.cells]
        for c, cell in zip(comparison.cells, row[1:], strict=True):
            assert f"+{c.gained} \N{MINUS SIGN}{c.lost}" in cell
    rows = [row for row in metrics[2:] if len(row) > 1]
    cells = [cell for key in CELLS for run in report.runs if (cell := run.cell(*key))]
    assert [(row[1].split()[0], row[4].strip(), row[9].strip()) for row in rows] == [
        (percent(c.full_marks), percent(c.all_skills), str(c.n_texts)) for c in cells
    ]


def test_mean_and_best_stand_side_by_side() -> None:
    report = summarise_runs([make_run(0.5, generations=2)], ["one"])
    cell = report.runs[0].cells[0]
    assert (cell.full_marks, cell.full_marks_max) == (0.25, 0.5)
    assert re.search(r"<b>25</b><small>\d+–\d+</small><small class=\"best\">best 50</small>", html_of(report))


def test_nothing_hostile_leaves_its_place(tmp_path: Path) -> None:
    run = hostile_run()
    report = summarise_runs([run, make_run(0.5)], ["<b>a</b>\x1b[2J", "plain"])
    html = write_eval_report(report, tmp_path).read_text(encoding="utf-8")
    page = Page(html)
    assert page.open == []
    tags = [tag for tag, _ in page.tags]
    assert tags.count("script") == 1 and not set(tags) & {"img", "iframe", "link", "object", "embed", "base"}
    names = {name for tag, attributes in page.tags for name in attributes}
    assert not [name for name in names if name.startswith("on")]
    for tag, attributes in page.tags:
        for name in ("src", "href", "xlink:href", "action"):
            assert (attributes.get(name) or "#").startswith("#"), (tag, attributes)
    assert "{{ 7 * 7 }}" in html and "&lt;script&gt;alert(1)" in html
    for name in ("report.html", "report.md", "full_marks.svg"):
        assert (text := (tmp_path / name).read_text(encoding="utf-8")) == visible(text), name
    assert "![x]" not in (tmp_path / "report.md").read_text(encoding="utf-8")


def test_only_the_own_script_may_run() -> None:
    html = html_of(three())
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in html
    assert "unsafe-eval" not in html and not re.search(r"url\((?!#)|@import", html)


def test_links_lead_somewhere_and_ids_are_unique() -> None:
    page = Page(html_of(three()))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {a["href"][1:] for tag, a in page.tags if tag == "a" and a["href"]} <= set(ids)


def test_one_run_has_no_optional_section() -> None:
    html = html_of(summarise_runs([make_run(0.5, {("train", 1): 10})], ["one"]))
    assert not re.search(r'id="(differences|judges|published)"', html)
    assert 'id="skills"' in html and "Saturation point" in html and "p<sub>s</sub>" not in html
    assert Page(html).open == []


def test_every_optional_section_appears_when_given() -> None:
    run = make_run(0.5)
    report = summarise_runs(
        [run],
        ["one"],
        agreements=agree_runs([run], ["grader"]),
        audits=[audit_run(run, find_reference("miniature", run))],
        corpus=CorpusRates(skill_rate=0.1, topic_rate=1e-6, corpus_texts=5e7),
    )
    html = html_of(report)
    assert "miniature against miniature" in html and "Between 3 votes of grader" in html
    assert "L = 5e+07" in html and "in the corpus, at most" in html
    assert 'id="published"' in html and "Not comparable" in html and "GPT-4" in html
    markdown = render_markdown(report)
    assert "PPI++" in markdown and "Krippendorff" in markdown and "not comparable" in markdown


def test_published_rows_keep_to_our_k_and_to_our_splits() -> None:
    report = summarise_runs([make_run(0.5, {("train", 3): 20})], ["one"])
    assert [table.name for table in report.published] == ["SKILL-MIX leaderboard"]  # the paper's figure is on held-out
    table = next(t for t in Page(html_of(report)).tables if t[0][0].strip() == "model")
    assert [cell.strip() for cell in table[0]] == ["model", "k=3"]
    assert [cell.strip() for cell in table[1]] == ["one, train skills (this report)", "50 / 75 / 67"]
    assert ["GPT-4", "66 / 66 / 88"] in [[cell.strip() for cell in row] for row in table]


def test_a_run_that_does_not_match_is_shown_and_not_compared() -> None:
    runs = [make_run(0.2), make_run(0.5), make_run(0.8, grader="mock/other")]
    report = summarise_runs(runs, ["base", "one", "other"])
    assert [c.b for c in report.comparisons] == ["one"] and list(report.refused) == ["other"]
    assert "other is not compared with base" in (html := html_of(report)) and "mock/other" in html


def test_the_baseline_may_be_any_run() -> None:
    report = summarise_runs([make_run(0.2), make_run(0.5), make_run(0.8)], ["a", "b", "c"], baseline="b")
    assert [(c.b, c.a) for c in report.comparisons] == [("a", "b"), ("c", "b")]
    with pytest.raises(UsageError, match="no run has that label"):
        summarise_runs([make_run(0.2)], ["a"], baseline="z")


@pytest.mark.parametrize("labels", [["a"], ["a", "a"], ["a", " "], ["a", "b" * 41]])
def test_labels_that_do_not_name_the_runs_are_refused(labels: list[str]) -> None:
    with pytest.raises(UsageError, match="label"):
        summarise_runs([make_run(0.2), make_run(0.5)], labels)


def test_missing_and_unreadable_votes_are_told() -> None:
    none = make_run(0.5, votes=0)
    report = summarise_runs([none], ["one"])
    assert report.runs[0].votes == 0
    assert (html := html_of(report)).count("Votes were not kept") == len(report.samples)
    assert "votes were not kept" in html
    unread = change_rows(make_run(0.5), 0, votes=(None, None, {}), **UNSCORED)
    run = summarise_runs([unread], ["one"]).runs[0]
    assert (run.votes, run.unreadable_votes, run.unscored) == (180, 2, 1)
    html = html_of(summarise_runs([unread], ["one"]))
    assert 'data-verdict="unscored"' in html and "2 of 180 (1.1 %)" in html


def test_samples_hold_every_verdict_and_say_what_is_left_out() -> None:
    run = change_rows(make_run(0.01, {("train", 2): 900}), 0, **UNSCORED, text="y" * (LONGEST_TEXT + 5))
    report = summarise_runs([run], ["one"])
    assert len(report.samples) == SAMPLES
    assert {sample.verdict for sample in report.samples} == {"full marks", "missed", "unscored"}
    html = html_of(report)
    assert "360 of 900 texts" in html and f"The other 540 are in results-{run.fingerprint}.json" in html
    assert "5 characters more are in the results file" in html


def test_a_large_run_stays_a_small_page(tmp_path: Path) -> None:
    run = make_run(0.5, {("train", 2): 750, ("held-out", 3): 750}, text="a long text of two thousand letters " * 60)
    assert write_eval_report(summarise_runs([run], ["one"]), tmp_path).stat().st_size < 3_000_000


def test_the_same_runs_give_the_same_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_eval_report(three(), tmp_path / name)
    names = ["full_marks.png", "full_marks.svg", "report.html", "report.json", "report.md"]
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == names
    assert all((tmp_path / "a" / n).read_bytes() == (tmp_path / "b" / n).read_bytes() for n in names)


def test_another_catalogue_gives_no_table_of_skills() -> None:
    report = summarise_runs([make_run(0.5, catalogue_hash="0" * 12)], ["one"])
    assert report.columns == () and 'id="skills"' not in html_of(report)


def test_what_hides_or_steers_is_made_visible() -> None:
    assert visible("a\x1b[31m\u202eb\r\nc\td\u200d") == "a\ufffd[31m\ufffdb\nc\td\u200d"
    assert unbroken("46 % at k = 3 of 5") == "46\u00a0% at k\u00a0=\u00a03 of 5"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api")
    if not (chromium := Path("/usr/bin/chromium")).exists():
        pytest.skip("no chromium")
    flags = ("no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-sync")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(chromium), args=[f"--{flag}" for flag in flags])
        yield opened
        opened.close()


def visit(browser: Any, path: Path, **options: Any) -> Any:
    """The page, with all that it complained of and asked for."""
    page = browser.new_context(**options).new_page()
    page.complaints = []
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("request", lambda request: page.complaints.append(request.url) if request.url != path.as_uri() else None)
    page.on("dialog", lambda dialog: page.complaints.append(dialog.message))
    page.goto(path.as_uri())
    return page


def test_texts_are_filtered_in_a_browser(browser: Any, tmp_path: Path) -> None:
    runs = [change_rows(make_run(0.2), 0, **UNSCORED), make_run(0.5)]
    page = visit(browser, write_eval_report(summarise_runs(runs, ["base", "one"]), tmp_path))
    count, cards = page.locator("#count"), page.locator(".sample:visible")
    assert (count.inner_text(), cards.count()) == ("12 of 120 texts", 12)
    page.get_by_role("button", name="Show more").click()
    assert cards.count() == 24
    page.select_option("select[name=verdict]", "unscored")
    assert (count.inner_text(), cards.count()) == ("1 of 1 texts", 1)
    page.select_option("select[name=verdict]", "full marks")
    page.select_option("select[name=run]", label="one")
    page.select_option("select[name=cell]", "held-out-2")
    assert count.inner_text() == "10 of 10 texts" and not page.get_by_role("button", name="Show more").is_visible()
    assert page.complaints == []


@pytest.mark.parametrize("width", [390, 1280])
def test_hostile_texts_run_nothing_and_fit_the_window(browser: Any, tmp_path: Path, width: int) -> None:
    path = write_eval_report(summarise_runs([hostile_run(), make_run(0.5)], ["a" * 40, "plain"]), tmp_path)
    page = visit(browser, path, viewport={"width": width, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.complaints == []
