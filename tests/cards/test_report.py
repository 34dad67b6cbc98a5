"""The report: one page that loads nothing, in which model text is data, with twins that hold the same numbers."""

import re
from pathlib import Path
from typing import Any

import pytest
from pages import Page
from pydantic import ValidationError

from cards.report import group_samples, render_table, table_rows, write_report
from cards.summary import Summary
from cards.templating import duration, fence, inline, percent, points


@pytest.fixture()
def html(summary: Summary, tmp_path: Path) -> str:
    return write_report(summary, tmp_path).read_text(encoding="utf-8")


def test_the_table_has_train_then_held_out(summary: Summary) -> None:
    head, *rows = table_rows(summary)
    assert head[1:] == [f"{side} k={k}" for side in ("train", "held-out") for k in range(1, 6)]
    assert [row[0] for row in rows] == ["base", "(1)", "(1,2)", "(1,2,3)"]
    assert rows[2][3] == "46 [42, 51]" and rows[0][7] == "40 [36, 45]"
    assert render_table(summary).splitlines()[4].startswith("| (1,2) | 91 [87, 96] | 68 [64, 73] |")


def test_a_cell_that_was_not_evaluated_is_a_dash(figures: dict[str, Any], tmp_path: Path) -> None:
    figures["cells"] = [c for c in figures["cells"] if (c["arm"], c["k"]) != ("(1)", 5)]
    summary = Summary.model_validate(figures)
    assert table_rows(summary)[2][5] == "–"
    assert write_report(summary, tmp_path).stat().st_size > 0


def test_the_page_loads_nothing(html: str) -> None:
    page = Page(html)
    assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object", "embed", "audio", "video"}
    for tag, attributes in page.tags:
        for name, value in attributes.items():
            if name in ("src", "href", "xlink:href", "action", "srcset"):
                assert (value or "").startswith("#"), (tag, name, value)
    assert "@import" not in html and not re.search(r"url\((?!#)", html)
    assert "default-src 'none'" in html


def test_the_page_is_well_formed_and_its_links_lead_somewhere(html: str) -> None:
    page = Page(html)
    assert page.open == []
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {a["href"][1:] for tag, a in page.tags if tag == "a" and a["href"]} <= set(ids)


def test_model_text_is_escaped(html: str, tmp_path: Path) -> None:
    assert "<script" not in html and "&lt;script&gt;alert(1)" in html
    report = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "````text\n<script>alert(1)" in report  # inside a fence longer than its own backticks


def test_marks_stand_beside_their_text_and_arms_side_by_side(summary: Summary, html: str) -> None:
    requests = group_samples(summary)
    assert [(r.side, len(r.skills)) for r in requests] == [("train", 2), ("train", 3), ("held-out", 3)]
    assert [sample.arm for sample in requests[0].samples] == ["base", "(1)", "(1,2)", "(1,2,3)"]
    assert 'title="antithesis: miss"' in html and 'title="antithesis: pass"' in html
    assert "1 of 5 missed" in html


@pytest.mark.parametrize(
    "wanted",
    [
        "2409.19808",
        "2310.17567",
        "skill missing",
        "0123456789ab",
        "taken from an earlier run",
        "3 min 07 s",
        "miniature/scripted",
        "prefers-color-scheme: dark",
        "00ff00ff00ff",
        "89 %",
    ],
)
def test_the_page_holds(html: str, wanted: str) -> None:
    assert wanted in html


def test_every_statement_is_on_both_pages(summary: Summary, html: str, tmp_path: Path) -> None:
    report = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert render_table(summary) in report
    assert "is not clearly above SFT(1)" in report and "is not clearly above SFT(1)" in html


def test_summary_json_reads_back(summary: Summary, tmp_path: Path) -> None:
    write_report(summary, tmp_path)
    assert Summary.model_validate_json((tmp_path / "summary.json").read_text(encoding="utf-8")) == summary


def test_the_same_summary_gives_the_same_files(summary: Summary, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_report(summary, tmp_path / name)
    names = ["full_marks.png", "full_marks.svg", "report.html", "report.md", "summary.json"]
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == names
    assert all((tmp_path / "a" / n).read_bytes() == (tmp_path / "b" / n).read_bytes() for n in names)


def test_a_bare_study_still_has_a_report(figures: dict[str, Any], tmp_path: Path) -> None:
    data = {"generated": 0, "kept": 0, "by_k": [{"k": 1, "generated": 0, "kept": 0, "mean_words": 0}], "rejects": {}}
    bare = figures | {"comparisons": [], "samples": [], "timings": [], "data": data}
    html = write_report(Summary.model_validate(bare), tmp_path).read_text(encoding="utf-8")
    assert "No paired differences were computed" in html and "No text was rejected" in html
    assert Page(html).open == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f["cells"].append(f["cells"][0]), "two cells"),
        (lambda f: f["samples"][0].update(arm="(4)"), "not in 'arms'"),
        (lambda f: f["cells"][0].update(full_marks=46), "less than or equal to 1"),
        (lambda f: f.update(titel="x"), "titel"),
    ],
)
def test_a_summary_that_does_not_add_up_is_refused(figures: dict[str, Any], change: Any, message: str) -> None:
    change(figures)
    with pytest.raises(ValidationError, match=message):
        Summary.model_validate(figures)


def test_numbers_are_printed_as_people_read_them() -> None:
    assert [percent(x) for x in (0, 0.003, 0.46, 0.996, 1)] == ["0", "0.3", "46", "100", "100"]
    assert [points(x) for x in (0.16, -0.02, 0.001, -0.001, 0)] == ["+16", "-2", "0", "0", "0"]
    assert [duration(x) for x in (0.42, 52.3, 187, 3599.7)] == ["0.4 s", "52 s", "3 min 07 s", "60 min 00 s"]


def test_untrusted_text_cannot_leave_its_place_in_markdown() -> None:
    assert fence("a ```` b").startswith("`````text\n")
    assert inline("a|b\n# c <img src=x> ![i](u)") == "a\\|b # c &lt;img src=x&gt; \\!\\[i\\](u)"
