"""Reads the records that the reference implementation of SKILL-MIX writes (LeoYu/skill-mix): a folder of CSV files.

k3_s10_vdefault_r1/                              k, seed, version of the generation prompts, generation round
  gpt-4/records.csv                              one row a combination: k, skills, topic, .., text_0, .., text_1
  gpt-4/graded/by_gpt-4_on_text_1_2_gpt/         grader, column that was graded, grading round, version of its prompt
    records.csv                                  the same rows: .., points_0, .., true_sentence_lim_pt_0

Its aggregation skips a missing file and pads missing points with zeros at the end, so that points shift to the wrong
criterion. Here a missing round stops the import, and so do points that do not fit, unless they are to be unreadable.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from datasets_builder.skillmix.errors import UsageError, near
from eval_harness.draws import MAX_K, MIN_K
from eval_harness.foreign import ForeignText, Records
from eval_harness.records_csv import Row, read_csv
from eval_harness.skillmix_points import GRADES, read_point, read_vote

NAME = "records.csv"
LAYOUT = "k3_s10_vdefault_r1/<model>/graded/by_<grader>_on_text_1_<round>_<version>/records.csv"
COLUMNS = ("k", "skills", "topic")

_DRAW = re.compile(r"k(?P<k>\d{1,2})_s(?P<seed>\d{1,9})_v(?P<version>.+)_r(?P<round>\d{1,3})")
_GRADED = re.compile(r"by_(?P<grader>.+)_on_(?P<column>.+?_\d)(?:_(?P<round>\d{1,3}))?(?:_(?P<version>.+))?")


class Graded(NamedTuple):
    """One file of grades, and what its folders say of it."""

    path: Path
    k: int
    seed: int
    prompts: str
    generation: int
    model: str
    grader: str
    column: str
    vote: int
    rubric: str

    @property
    def setting(self) -> str:
        """What must be the same in all files of one k."""
        return f"seed {self.seed}, prompts {self.prompts}, column {self.column}, grading prompt {self.rubric}"


def read_skillmix(
    paths: Sequence[Path], model: str | None = None, grader: str | None = None, drop_unreadable: bool = False
) -> Records:
    """The records below ``paths``, of one model and one grader.

    Args:
        model, grader: Which, where there are several.
        drop_unreadable: Points that do not fit their row make an unreadable vote instead of stopping the import.

    Raises:
        UsageError: A file, round, row or point is missing, surplus or does not fit; names file and row.
    """
    files = find_graded(paths)
    files = _choose(files, "model", model)
    files = _choose(files, "grader", grader)
    by_k: dict[int, list[Graded]] = defaultdict(list)
    for file in files:
        by_k[file.k].append(file)
    rounds = [check_rounds(by_k[k]) for k in sorted(by_k)]
    copied = [[_copies(votes) for votes in one.values()] for one in rounds]
    votes = max(len(one) for found in rounds for one in found.values())
    same = votes > 1 and all(all(found) for found in copied)
    texts = [
        text
        for one in rounds
        for generation, found in one.items()
        for text in _read_round(generation, found[:1] if same else found, drop_unreadable)
    ]
    _check_alike(texts)
    return Records(
        model=files[0].model,
        grader=files[0].grader,
        texts=tuple(texts),
        votes=1 if same else votes,
        generations=max(len(one) for one in rounds),
        prompts="; ".join(sorted({f"{file.prompts}, graded by {file.rubric}" for file in files})),
        revise=not files[0].column.endswith("_0"),
        seed=files[0].seed,
        note=_tell_copies(sum(map(sum, copied)), sum(map(len, copied)), votes, same),
    )


def find_graded(paths: Iterable[Path]) -> list[Graded]:
    """Every file of grades below the paths, in a fixed order.

    Raises:
        UsageError: A path is not there, or leads to no file in the layout of the reference implementation.
    """
    files: list[Path] = []
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path}: no such file or folder")
        below = sorted(path.rglob(NAME)) if path.is_dir() else [path]
        found = [file for file in below if file.resolve().parent.parent.name == "graded"]
        if not found:
            raise UsageError(f"{path}: no graded records here; SKILL-MIX keeps them as {LAYOUT}")
        files += found
    return [_place(path) for path in dict.fromkeys(file.resolve() for file in files)]


def check_rounds(files: Sequence[Graded]) -> dict[int, list[Graded]]:
    """The files of one k by generation round, each with all its grading rounds in order.

    Raises:
        UsageError: Several settings or copies of a round, or a round is missing.
    """
    if len(settings := sorted({file.setting for file in files})) > 1:
        raise UsageError(
            f"{files[0].path}: k = {files[0].k} has records of {len(settings)} settings ({'; '.join(settings)}); "
            "import one at a time"
        )
    found: dict[tuple[int, int], Graded] = {}
    for file in files:
        other = found.setdefault((file.generation, file.vote), file)
        if other is not file:
            raise UsageError(f"{file.path}: the same round as {other.path}; name one of the two")
    generations, votes = max(g for g, _ in found), max(v for _, v in found)
    for generation in range(1, generations + 1):
        for vote in range(1, votes + 1):
            if (generation, vote) not in found:
                raise UsageError(
                    f"{files[0].path.parents[4]}: k = {files[0].k} lacks grading round {vote} of generation round "
                    f"{generation} (there are {generations} x {votes}); add the file, or leave out all of that round"
                )
    return {g: [found[g, v] for v in range(1, votes + 1)] for g in range(1, generations + 1)}


def _place(path: Path) -> Graded:
    """What the folders of a file say; its path is absolute, so that one from inside the layout will do."""
    parents = path.parents
    graded, draw = _GRADED.fullmatch(parents[0].name), None
    if graded and len(parents) > 3 and parents[1].name == "graded":
        draw = _DRAW.fullmatch(parents[3].name)
    if not graded or not draw or not MIN_K <= int(draw["k"]) <= MAX_K:
        raise UsageError(f"{path}: its folders do not say what it is; SKILL-MIX keeps it as {LAYOUT}")
    model, grader = parents[2].name, graded["grader"]
    if not (model + grader).isprintable():
        raise UsageError(f"{str(path)!r}: a folder's name has control characters; rename it")
    return Graded(
        path=path,
        k=int(draw["k"]),
        seed=int(draw["seed"]),
        prompts=draw["version"],
        generation=int(draw["round"]),
        model=model,
        grader=grader,
        column=graded["column"],
        vote=int(graded["round"] or 1),
        rubric=graded["version"] or "unknown",
    )


def _choose(files: list[Graded], what: str, wanted: str | None) -> list[Graded]:
    """The files of one model, or one grader."""
    known = sorted({str(getattr(file, what)) for file in files})
    if wanted is None and len(known) > 1:
        raise UsageError(f"the records are of {len(known)} {what}s ({', '.join(known)}); choose one with --{what}")
    if wanted is not None and wanted not in known:
        raise UsageError(f"--{what} {wanted}: no such records{near(wanted, known)} (there are: {', '.join(known)})")
    return [file for file in files if wanted in (None, getattr(file, what))]


def _read_round(generation: int, files: Sequence[Graded], drop_unreadable: bool) -> list[ForeignText]:
    """The texts of one generation round, with one vote from each grading round."""
    first = files[0]
    source = first.path.parents[2] / NAME
    written = read_csv(source, (*COLUMNS, first.column))
    grades = [read_csv(file.path, (*COLUMNS, *GRADES)) for file in files]
    for file, rows in zip(files, grades, strict=True):
        if len(rows) != len(written):
            raise UsageError(f"{file.path}: {len(rows)} rows, but {source} has {len(written)}; grade the round anew")
    texts = []
    for i, row in enumerate(written):
        place = f"{source} row {i + 1}"
        skills = _skills(row, first.k, place)
        votes = []
        for file, rows in zip(files, grades, strict=True):
            own = f"{file.path} row {i + 1}"
            if (_skills(rows[i], first.k, own), rows[i]["topic"].strip()) != (skills, row["topic"].strip()):
                raise UsageError(f"{own}: other skills or topic than {place}; the files are not of the same round")
            votes.append(read_vote(rows[i], skills, own, drop_unreadable))
        texts.append(
            ForeignText(
                place=place,
                key=f"{first.k}/{i}",
                split="all",
                generation=generation,
                skills=skills,
                topic=row["topic"].strip(),
                text=row[first.column].strip(),
                votes=tuple(votes),
                too_long=not read_point(grades[0][i]["true_sentence_lim_pt_0"], "true_sentence_lim_pt_0", place),
            )
        )
    return texts


def _skills(row: Row, k: int, place: str) -> tuple[str, ...]:
    skills = tuple(name.strip() for name in row["skills"].split(","))
    if row["k"].strip() != str(k):
        raise UsageError(f"{place}: column 'k' is {row['k']!r:.20}, but the folder says k = {k}")
    if len(skills) != k or "" in skills:
        raise UsageError(
            f"{place}: column 'skills' splits into {len(skills)} names at its commas, but k = {k}; a skill's name may "
            "hold no comma, so rename that skill in all records"
        )
    if len(set(skills)) != k:
        raise UsageError(f"{place}: column 'skills' names a skill twice")
    return skills


def _check_alike(texts: Sequence[ForeignText]) -> None:
    """Every generation round asks for the same combinations in the same rows; skills may stand in another order."""
    asked: dict[str, ForeignText] = {}
    rows: dict[tuple[str, int], set[str]] = defaultdict(set)
    for text in texts:
        first = asked.setdefault(text.key, text)
        if (sorted(text.skills), text.topic) != (sorted(first.skills), first.topic):
            raise UsageError(f"{text.place}: other skills or topic than {first.place}; rounds must ask for the same")
        rows[text.key.split("/")[0], text.generation].add(text.key)
    for (k, generation), keys in rows.items():
        if missing := rows[k, 1] ^ keys:
            raise UsageError(f"k = {k}: generation rounds 1 and {generation} differ by {len(missing)} rows")


def _copies(files: Sequence[Graded]) -> bool:
    """Whether all grading rounds of a generation round are one and the same file."""
    return len({hashlib.sha256(file.path.read_bytes()).digest() for file in files}) == 1


def _tell_copies(copied: int, rounds: int, votes: int, same: bool) -> str:
    if votes == 1 or not copied:
        return ""
    told = f"grading rounds 1 to {votes} are byte-identical in {copied} of {rounds} generation rounds"
    if same:
        return f"{told}: the votes are not independent, so they count as one vote"
    return f"{told}: the votes there are not independent, and agreement between them is overstated"
