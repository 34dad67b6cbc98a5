"""Counts the rows of a dataset as they are written: by k, by reason, by skill, by topic, by length."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from datasets_builder.manifest import Counts, SkillCounts, TopicCounts


class Tally:
    """The figures of a manifest, of the records that were added."""

    def __init__(self) -> None:
        self.kept: Counter[tuple[int, str]] = Counter()  # by k and side
        self.rejects: Counter[tuple[int, str]] = Counter()  # by k and reason
        self.licences: Counter[str] = Counter()
        self.contributors: Counter[str] = Counter()  # of the kept rows
        self._skills: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._reasons: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._topics: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._words: defaultdict[int, Counter[int]] = defaultdict(Counter)
        self._characters: Counter[int] = Counter()

    def add(self, record: Mapping[str, Any]) -> None:
        """Counts one record, with its ``reason``."""
        reason, k = record["reason"], record["k"]
        self.licences[record["licence"]] += 1
        self._topics[record["topic"]].update(["generated"] if reason else ["generated", "kept"])
        for skill in record["skills"]:
            self._skills[skill].update(["generated"] if reason else ["generated", "kept"])
            if reason:
                self._reasons[skill][reason] += 1
        for given in record["marks"]:
            if given["criterion"] in record["skills"] and not given["mark"]:
                self._skills[given["criterion"]]["missed"] += 1
        if reason:
            self.rejects[k, reason] += 1
        else:
            self.kept[k, record["split"]] += 1
            self.contributors[record["contributor"]] += 1
            self._words[k][len(record["text"].split())] += 1
            self._characters[k] += sum(len(message["content"]) for message in record["messages"])

    def counts(self) -> dict[str, Counts]:
        """Rows by k, as k1, k2, ..."""
        out: Counter[int] = Counter()
        for (k, _), number in self.rejects.items():
            out[k] += number
        return {
            f"k{k}": Counts(
                generated=self.kept[k, "train"] + self.kept[k, "validation"] + out[k],
                train=self.kept[k, "train"],
                validation=self.kept[k, "validation"],
                rejected=out[k],
            )
            for k in sorted({k for k, _ in self.kept} | out.keys())
        }

    def reasons(self) -> dict[str, int]:
        """Rejected rows by reason."""
        sums: Counter[str] = Counter()
        for (_, reason), number in self.rejects.items():
            sums[reason] += number
        return dict(sorted(sums.items()))

    def skills(self) -> dict[str, SkillCounts]:
        """What became of the rows that asked for each skill."""
        return {
            skill: SkillCounts(
                generated=counted["generated"],
                kept=counted["kept"],
                missed=counted["missed"],
                rejects=dict(sorted(self._reasons[skill].items())),
            )
            for skill, counted in sorted(self._skills.items())
        }

    def topics(self) -> dict[str, TopicCounts]:
        """What became of the rows on each topic."""
        return {
            topic: TopicCounts(generated=counted["generated"], kept=counted["kept"])
            for topic, counted in sorted(self._topics.items())
        }

    def words(self) -> dict[str, dict[int, int]]:
        """By k: how many kept texts have so many words (pieces between spaces)."""
        return {f"k{k}": dict(sorted(lengths.items())) for k, lengths in sorted(self._words.items())}

    def characters(self) -> dict[str, int]:
        """By k: characters of the kept rows' messages, request and text, which is what is trained on."""
        return {f"k{k}": count for k, count in sorted(self._characters.items())}
