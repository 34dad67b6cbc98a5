"""What 300 recorded answers of a real LLM show about our reader, screens and duplicates; with --out, also as a dataset.

    python tests/benchmarks/study_recorded.py RECORDED.csv [--out folder]

The file has the columns of tests/data/recorded_texts.csv, which is an excerpt of it.
"""

import argparse
import re
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pysbd import Segmenter

sys.path.insert(0, str(Path(__file__).parents[1] / "datasets_builder"))

from recorded import names_of, read_recorded, run_recorded, slug_of, to_requests

from datasets_builder.dataset import Manifest, Origin, account, write_dataset
from datasets_builder.dedup import NearConfig, Repeat, describe, find_repeats
from datasets_builder.skillmix.reading import read_text
from datasets_builder.skillmix.rubric import names_a_skill, sentence_limit
from datasets_builder.skillmix.sentences import count_sentences

Answers = list[dict[str, str]]
MAX_TOLD = 40  # differences that are listed one by one
NOTICE = (  # the rest of the card, and the licence column, are those of a build, and not true of these texts
    "> **A study, not to be published.** These are recorded answers of others (Apache-2.0, tests/data/README.md);"
    " they are ungraded, and the sentence limit was lifted. Licence, grades and limit below are not theirs.\n\n"
)
QUOTES = "\"'\u201c\u201d\u2018\u2019"
PYSBD = Segmenter(language="en", clean=False)


def by_full_stop(text: str) -> int:
    """The simplest rule: a full stop, question or exclamation mark before a space or the end."""
    return sum(any(map(str.isalnum, piece)) for piece in re.split(rf"(?<=[.?!])[{QUOTES})]*(?:\s+|$)", text))


def by_plain_pysbd(text: str) -> int:
    """pysbd without any preparation: what stands inside quotation marks is one sentence to it."""
    return sum(any(map(str.isalnum, piece)) for piece in PYSBD.segment(text))


def by_clause(text: str) -> int:
    """As the full stop, and a semicolon ends a sentence, too: the strictest that a grader might be."""
    return by_full_stop(text.replace(";", "."))


SPLITTERS: dict[str, Callable[[str], int]] = {
    "ours": count_sentences,
    "full stop": by_full_stop,
    "plain pysbd": by_plain_pysbd,
    "clause": by_clause,
}


def compare_reading(answers: Answers) -> list[str]:
    """How many answers are read as their authors read them, and every difference, by its kind."""
    kinds: defaultdict[str, list[str]] = defaultdict(list)
    for answer in answers:
        ours, theirs = read_text(answer["raw_completion"]), answer["completion"].strip()
        if ours != theirs:
            kinds[_difference(ours or "", theirs)].append(answer["id"])
    same = len(answers) - sum(map(len, kinds.values()))
    lines = [f"read as by the authors: {same} of {len(answers)}"]
    return lines + [f"  {kind}: {len(ids)} ({', '.join(ids)})" for kind, ids in sorted(kinds.items())]


def _difference(ours: str, theirs: str) -> str:
    if ours == theirs.strip(QUOTES):
        return "we take off the quotation marks around the whole text"
    if ours.split() == theirs.split():
        return "spaces at the end of a line"
    return f"another text: {ours!r} beside {theirs!r}"


def compare_splitters(answers: Answers, texts: list[str]) -> list[str]:
    """Texts over the limit max(1, k - 1) by each splitter, and where one counts otherwise than ours."""
    lines = ["over the limit max(1, k - 1), and mean number of sentences:"]
    counts = {name: [splitter(text) for text in texts] for name, splitter in SPLITTERS.items()}
    for name, counted in counts.items():
        lines.append(f"  {name:<12} " + ", ".join(_by_k(answers, counted)))
    for name in [name for name in SPLITTERS if name != "ours"]:
        pairs = zip(answers, counts["ours"], counts[name], strict=True)
        changed = [f"{answer['id']} {ours} not {other}" for answer, ours, other in pairs if ours != other]
        told = ", ".join(changed) if len(changed) <= MAX_TOLD else "too many to list"
        lines.append(f"  ours counts otherwise than {name} in {len(changed)}: {told}")
    return lines


def _by_k(answers: Answers, counted: list[int]) -> list[str]:
    parts = []
    for k in sorted({int(answer["k"]) for answer in answers}):
        mine = [count for answer, count in zip(answers, counted, strict=True) if int(answer["k"]) == k]
        over = sum(count > sentence_limit(k) for count in mine)
        parts.append(f"k = {k}: {over} of {len(mine)} over {sentence_limit(k)}, mean {sum(mine) / len(mine):.2f}")
    return parts


def find_named(answers: Answers, texts: list[str]) -> list[str]:
    """Texts that say the name of a skill: of one they were asked for, or of any."""
    names = sorted({name for answer in answers for name in names_of(answer)})
    own = [a["id"] for a, text in zip(answers, texts, strict=True) if names_a_skill(text, names_of(a))]
    any_name = [a["id"] for a, text in zip(answers, texts, strict=True) if names_a_skill(text, names)]
    whole = sum(names_a_skill(a["raw_completion"], names_of(a)) for a in answers)
    return [
        f"texts that name a skill: {len(own)} one they show {own or ''}, {len(any_name)} any {any_name or ''}",
        f"  (of the whole answers, with their explanations, {whole} name one)",
    ]


def find_near(answers: Answers, texts: list[str]) -> list[str]:
    """Near-duplicates at several thresholds, and the most alike pairs."""
    ids = [answer["id"] for answer in answers]
    lines = ["near-duplicates, by words in a run and threshold:"]
    for words in (2, 3, 5):
        found = {
            t: find_repeats(ids, texts, NearConfig(threshold=t, words=words)) for t in (0.3, 0.5, 0.6, 0.7, 0.8, 0.9)
        }
        counts = ", ".join(f"{t}: {sum(repeat is not None for repeat in repeats)}" for t, repeats in found.items())
        lines.append(f"  {words} words  {counts}")
    alike = find_repeats(ids, texts, NearConfig(threshold=0.5, words=3))
    pairs: list[tuple[int, Repeat]] = [(i, repeat) for i, repeat in enumerate(alike) if repeat]
    for i, repeat in sorted(pairs, key=lambda pair: -(pair[1].similarity or 1)):
        lines += [f"  {ids[i]} {describe(repeat, ids)}", f"    {texts[i]}", f"    {texts[repeat.place]}"]
    return lines


def build(answers: Answers, out: Path) -> list[str]:
    """The answers as a dataset, ungraded (every grade is full marks) and with the sentence limit lifted."""
    from cards.dataset_card import make_dataset_card

    with tempfile.TemporaryDirectory() as folder:
        asked, rows, catalogue, prompts = run_recorded(Path(folder) / "catalogue", answers, NearConfig(), limit=99)
    origin = Origin("recorded/gpt-5", "none/full-marks", prompts.version, "recorded", 0, 0.05)
    identity = {"catalogue": "recorded", "revise": False}

    def card(manifest: Manifest, samples: Sequence[Mapping[str, Any]]) -> tuple[str, dict[str, bytes]]:
        body, plots = make_dataset_card(manifest.model_dump(), samples)
        return NOTICE + body, plots

    manifest = write_dataset(out, account(asked, rows), origin, catalogue, identity, card)
    return [f"{out}: {sum(c.kept for c in manifest.counts.values())} kept, rejected {manifest.rejects}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recorded", type=Path)
    parser.add_argument("--out", type=Path, help="writes them as a dataset, the sentence limit lifted")
    options = parser.parse_args()
    answers = read_recorded(options.recorded)
    texts = [read_text(answer["raw_completion"]) or "" for answer in answers]
    combinations = Counter((tuple(sorted(row["skills"])), row["topic"]) for row in to_requests(answers))
    topics = {slug_of(answer["topic"]) for answer in answers}
    print(f"{len(answers)} answers to {len(combinations)} combinations on {len(topics)} topics")
    parts = [compare_reading(answers), compare_splitters(answers, texts), find_named(answers, texts)]
    parts += [find_near(answers, texts), build(answers, options.out) if options.out else []]
    print("\n".join(line for part in parts for line in part))


if __name__ == "__main__":
    main()
