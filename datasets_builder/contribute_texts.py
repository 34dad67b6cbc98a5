"""Checks contributed texts and their marks: the arithmetic, the rules that a program decides, repeats and leaks.

A text leaks when it would teach what an evaluation asks: a held-out skill or topic, or what stands in the validation
split of a published dataset.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import polars as pl

from datasets_builder.contribute_files import Fault, show
from datasets_builder.contribute_forms import GradedFile, GradedText, Spot
from datasets_builder.decontaminate import DecontaminateConfig, Evaluated, met_combination, met_texts, read_evaluated
from datasets_builder.dedup import NearConfig, find_repeats
from datasets_builder.manifest import read_manifest
from datasets_builder.skillmix.catalogue import Catalogue, Partition, PartitionConfig
from datasets_builder.skillmix.errors import UsageError, near
from datasets_builder.skillmix.rubric import Marks, criteria, deduct, majority, names_a_skill, score, sentence_limit
from datasets_builder.skillmix.sentences import count_sentences

NEAR = NearConfig()
RUN = DecontaminateConfig.model_fields["words"].default  # words in a row that give away a text of the validation split


class Release:
    """A finished dataset that contributions are to join."""

    def __init__(self, folder: Path) -> None:
        manifest = read_manifest(folder)
        if manifest is None:
            raise UsageError(
                f"{show(folder)}: is no finished dataset (it has no manifest.json); dskill build makes one"
            )
        self.folder, self.manifest = folder, manifest

    @property
    def catalogue(self) -> str:
        """The name of its catalogue."""
        return str(self.manifest.identity["catalogue"])

    @property
    def partition(self) -> PartitionConfig:
        """How its skills are split."""
        names = PartitionConfig.model_fields
        found = {n: self.manifest.identity[key] for n in names if (key := f"partition.{n}") in self.manifest.identity}
        return PartitionConfig.model_validate(found)

    @cached_property
    def texts(self) -> list[tuple[str, str, str]]:
        """Of each row its split, its id and its text."""
        rows = pl.read_parquet(sorted(self.folder.glob("data/k*/*.parquet")), columns=["split", "id", "text"])
        return [(split, row, text) for split, row, text in rows.iter_rows()]

    @cached_property
    def validation(self) -> Evaluated | None:
        """What its validation split has, if there is one."""
        files = sorted(map(str, self.folder.glob("data/k*/validation-*.parquet")))
        return read_evaluated(DecontaminateConfig(files=tuple(files), words=RUN)) if files else None


def check_graded(graded: GradedFile, catalogues: Mapping[str, Catalogue], release: Release | None) -> Iterator[Fault]:
    """What is wrong with the texts of a file or shard; ``catalogues`` are those that its header may name."""
    name = graded.header.catalogue
    if name not in catalogues:
        cure = f"one of {', '.join(catalogues)}"
        yield graded.spot.fault("catalogue", f"unknown catalogue {name!r}{near(name, catalogues)}", cure)
        return
    here = release if release and release.catalogue == name else None
    partition = catalogues[name].partition(here.partition if here else None)
    first: dict[str, Spot] = {}
    for text, spot in graded.texts:
        if (other := first.setdefault(text.id, spot)) is not spot:
            yield spot.fault("id", f"{text.id!r} is the id of line {other.line} as well", "give every row its own")
        unknown = list(_check_names(text, spot, catalogues[name], partition))
        yield from unknown or _check_marks(text, spot, catalogues[name])
    yield from _check_repeats(graded.texts, here)
    if here and here.validation:
        yield from _check_leaks(graded.texts, here.validation)


def _check_names(text: GradedText, spot: Spot, catalogue: Catalogue, partition: Partition) -> Iterator[Fault]:
    """Skills and topic must be the catalogue's, and none held out."""
    if len(set(text.skills)) < len(text.skills):
        yield spot.fault("skills", "names a skill twice", "name k different skills")
    sides = (("skills", text.skills, catalogue.skills, partition.skills("train")),)
    for key, slugs, known, train in (*sides, ("topic", (text.topic,), catalogue.topics, partition.topics("train"))):
        kind = key.removesuffix("s")
        for slug in slugs:
            if slug not in known:
                yield spot.fault(key, f"unknown {kind} {slug!r}{near(slug, known)}", "see dskill catalogue")
            elif slug not in train:
                cure = "choose one of the train side: dskill catalogue --split train"
                yield spot.fault(key, f"{slug!r} is held out for evaluation", cure)


def _check_marks(text: GradedText, spot: Spot, catalogue: Catalogue) -> Iterator[Fault]:
    """Votes lead to marks, marks to full marks, and what a program decides is decided so."""
    wanted = criteria(text.skills)
    if set(text.marks) != set(wanted):
        missing, other = set(wanted) - set(text.marks), set(text.marks) - set(wanted)
        what = f"lacks {', '.join(sorted(missing))}" if missing else f"has {', '.join(sorted(other))} too many"
        yield spot.fault("marks", what, f"give one mark for each of {', '.join(wanted)}")
        return
    if short := next((vote for vote in text.votes if vote is not None and len(vote) != len(wanted)), None):
        fault = f"a vote has {len(short)} marks, not {len(wanted)}"
        yield spot.fault("votes", fault, f"in the order {', '.join(wanted)}")
        return
    votes: list[Marks | None] = [None if vote is None else dict(zip(wanted, vote, strict=True)) for vote in text.votes]
    if (counted := majority(votes, text.skills)) is None:
        yield spot.fault("votes", "half of them or more could not be read", "leave the text out")
        return
    yield from _check_sums(text, spot, counted, catalogue)


def _check_sums(text: GradedText, spot: Spot, counted: Marks, catalogue: Catalogue) -> Iterator[Fault]:
    """The marks are what most votes give, less what a program takes away; full marks are all of them."""
    sentences, limit = count_sentences(text.text), sentence_limit(len(text.skills))
    named = names_a_skill(text.text, catalogue.names_of(text.skills))
    due = deduct(counted, text.skills, too_long=sentences > limit, named=named)
    for name, mark in due.items():
        if text.marks[name] == mark:
            continue
        because = "most votes give it" if mark else "the votes have no majority for it"
        if counted[name] and not mark:
            long = f"the text has {sentences} sentences, and k = {len(text.skills)} allows {limit}"
            because = long if name == "length" else "the text says the name of a skill that it is to show"
        yield spot.fault(("marks", name), f"is {_word(text.marks[name])}, but {because}", "mark it anew")
        return
    if text.full_marks != (full := score(due, text.skills).full_marks):
        fault = f"is {_word(text.full_marks)}, but {'all' if full else 'not all'} marks are true"
        yield spot.fault("full_marks", fault, "it is true when all k + 3 marks are")


def _check_repeats(texts: Sequence[tuple[GradedText, Spot]], release: Release | None) -> Iterator[Fault]:
    """No text repeats another of the file, or one of the dataset."""
    old = release.texts if release else []
    ids = [*(f"0 {i:08d}" for i in range(len(old))), *(f"1 {i:08d}" for i in range(len(texts)))]
    found = find_repeats(ids, [*(text for _, _, text in old), *(text.text for text, _ in texts)], NEAR)
    for (_, spot), repeat in zip(texts, found[len(old) :], strict=True):
        if repeat is None:
            continue
        alike = "the same as" if repeat.similarity is None else f"{repeat.similarity:.0%} the same as"
        if repeat.place < len(old):
            side, row, _ = old[repeat.place]
            other = f"row {row} of the dataset's {side} split"
        else:
            other = f"line {texts[repeat.place - len(old)][1].line}"
        yield spot.fault("text", f"is {alike} {other}", "write another, or leave it out")


def _check_leaks(texts: Sequence[tuple[GradedText, Spot]], validation: Evaluated) -> Iterator[Fault]:
    """Nothing of the validation split comes into the training split by a contribution."""
    runs = met_texts(validation, [text.text for text, _ in texts], RUN)
    for (text, spot), run in zip(texts, runs, strict=True):
        if met_combination(validation, text.skills, text.topic):
            fault = "these skills on this topic are in the dataset's validation split"
            yield spot.fault("skills", fault, "choose another topic, or leave it out")
        elif run:
            yield spot.fault("text", run.replace("a text in", "a validation text in"), "write another, or leave it out")


def _word(mark: bool) -> str:
    return str(mark).lower()  # as JSON has it
