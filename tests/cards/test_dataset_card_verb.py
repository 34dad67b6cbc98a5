"""``dskill card FOLDER`` of a dataset: what was given stays, rows are counted against the release before."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from publish_folders import make_dataset

from cards.card_command import Options, make_card
from cards.dataset_notes import Notes, count_changes, read_notes
from datasets_builder.preflight import inspect_folder
from datasets_builder.skillmix.errors import UsageError

FIRST = Options(repository="some-lab/mix", release="v1.0.0", date="2026-03-01", note="First.")


def _faults(folder: Path, text: str) -> Path:
    path = folder / "faults.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_card_is_written_and_can_be_published(dskill: Any, tmp_path: Path) -> None:
    folder, faults = make_dataset(tmp_path / "data"), _faults(tmp_path, "- one | <b>\n\n- two\n")
    code, out, _ = dskill("card", folder, "--repository", "some-lab/mix", "--faults", faults)
    assert code == 0 and "README.md" in out and "croissant.json" in out
    assert inspect_folder(folder, "some-lab/mix").faults == ()
    assert read_notes(folder) == Notes(repository="some-lab/mix", faults=("one | <b>", "two"))
    assert "**Known fault:** one \\| &lt;b&gt;" in (folder / "README.md").read_text()


def test_what_is_not_given_again_stays_and_the_same_call_changes_nothing(tmp_path: Path) -> None:
    folder = make_dataset(tmp_path / "data")
    make_card(folder, FIRST)
    first = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    make_card(folder, Options())
    make_card(folder, FIRST)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == first


def test_the_changelog_counts_rows_against_the_release_before(tmp_path: Path) -> None:
    old, new = make_dataset(tmp_path / "old"), make_dataset(tmp_path / "new", "b")
    make_card(old, FIRST)
    make_card(new, Options(release="v2.0.0", date="2026-05-01", previous=old))
    newest, first = read_notes(new).releases
    assert (first.version, first.removed, newest.version) == ("v1.0.0", 0, "v2.0.0")
    assert (newest.added, newest.removed) == (count_changes(new, None)[0], first.added)
    assert read_notes(new).repository == "some-lab/mix"
    shutil.copytree(old, tmp_path / "same")
    assert count_changes(tmp_path / "same", old) == (0, 0)


WRONG: dict[str, tuple[Callable[[Path], Options], str]] = {
    "half a release": (lambda p: Options(release="v1.0.0"), "--release and --date go together"),
    "no version": (lambda p: Options(release="1.0", date="2026-03-01"), "key 'version'"),
    "no day": (lambda p: Options(release="v1.0.0", date="March"), "key 'date'"),
    "a note alone": (lambda p: Options(note="n"), "add --release and --date"),
    "no dataset before": (lambda p: FIRST._replace(previous=p), "is no finished dataset"),
    "no repository": (lambda p: Options(repository="mix"), "needs an owner"),
    "hostile repository": (lambda p: Options(repository='a/"b\n'), "key 'repository'"),
    "no faults file": (lambda p: Options(faults=p / "none"), "cannot be read"),
    "empty faults": (lambda p: Options(faults=_faults(p, " \n- \n")), "names no fault"),
    "a placeholder": (lambda p: Options(faults=_faults(p, "TODO")), "placeholder"),
    "of a model": (lambda p: Options(licence="MIT"), "--licence is for the card of a model"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_option_is_told_and_the_folder_stays(name: str, tmp_path: Path) -> None:
    folder = make_dataset(tmp_path / "data")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    options, fault = WRONG[name]
    with pytest.raises(UsageError, match=fault):
        make_card(folder, options(tmp_path))
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_folder_of_neither_is_refused(dskill: Any, tmp_path: Path) -> None:
    code, _, told = dskill("card", tmp_path)
    assert code == 2 and "neither the manifest.json" in told and "Traceback" not in told
