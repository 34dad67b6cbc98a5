"""What 300 recorded answers of a real LLM show about our reader, screens and duplicates; with --out, also as a dataset.

    python tests/benchmarks/study_recorded.py RECORDED.csv [--out folder]

The file has the columns of tests/data/recorded_texts.csv, which is an excerpt of it.
"""

import argparse
import re
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

from pysbd import Segmenter

sys.path.insert(0, str(Path(__file__).parents[1] / "datasets_builder"))
sys.path.insert(0, str(Path(__file__).parents[1] / "llm"))

import polars as pl
from recorded import build_recorded, names_of, read_recorded, slug_of, to_requests

from datasets_builder.dedup import NearConfig, Repeat, describe, find_repeats
from datasets_builder.manifest import read_manifest
from datasets_builder.skillmix.reading import read_text
from datasets_builder.skillmix.rubric import names_a_skill, sentence_limit
from datasets_builder.skillmix.sentences import count_sentences

Answers = list[dict[str, str]]
NEAR = 0.7  # similarity of near-duplicates
MAX_TOLD = 40  # differences that are listed one by one
NOTICE = (  # the rest of the card is that of a build, and not all of it true of these texts
    "> **A study, not to be published.** These are recorded answers of others (Apache-2.0, tests/data/README.md);"
    " they are ungraded, their combinations were not drawn, and the sentence limit was lifted.\n\n"
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
    """The answers through ``dskill build``: first as they are, then with the sentence limit lifted, into ``out``.

    They are ungraded: the grader behind the loopback server gives full marks to all.
    """
    with tempfile.TemporaryDirectory() as folder:
        code, _ = build_recorded(Path(folder), answers, NEAR)
    lines = [f"dskill build: exit code {code}, for the reason that it gives above"]
    out.mkdir(parents=True)
    code, dataset = build_recorded(out, answers, NEAR, limit=99)
    card = dataset / "README.md"
    card.write_text(card.read_text(encoding="utf-8").replace("\n# ", f"\n{NOTICE}# ", 1), encoding="utf-8")
    manifest = read_manifest(dataset)
    assert manifest is not None
    kept = sum(counts.kept for counts in manifest.counts.values())
    lines.append(f"with the limit lifted: exit code {code}; {kept} kept, rejected {manifest.rejects}; {dataset}")
    return lines + compare_folder(answers, dataset)


def compare_folder(answers: Answers, dataset: Path) -> list[str]:
    """Whether each reply arrived word for word, and each text is what its author's answer holds."""
    replies = {row["id"]: row["reply_generate"] for row in pl.read_parquet(dataset / "transcripts").to_dicts()}
    arrived = Counter(replies.values()) == Counter(answer["raw_completion"] for answer in answers)
    texts = [row for path in dataset.glob("data/*/*.parquet") for row in pl.read_parquet(path).to_dicts()]
    theirs = {answer["raw_completion"]: answer["completion"].strip() for answer in answers}
    pairs = [(row["text"], theirs[replies[row["id"]]]) for row in texts]
    alike = sum(ours == their for ours, their in pairs)
    bare = sum(ours == their.strip(QUOTES) != their for ours, their in pairs)
    return [
        f"  replies word for word in transcripts: {'all' if arrived else 'NOT all'} {len(replies)}",
        f"  texts in the folder as by the authors: {alike} of {len(texts)}, without quotation marks {bare} more",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recorded", type=Path)
    parser.add_argument("--out", type=Path, help="builds them, through HTTP, as a dataset in this new folder")
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
