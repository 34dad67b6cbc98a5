"""The plan of one sentence: clauses and noun phrases that skills are woven into, then put into words.

Example: a plan with one main clause, the addressee "tide" and a dependent clause reads
"o tide , the boat drifts because the sail tilts .".
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from datasets_builder.miniature.lexicon import PLAIN_ADJECTIVES, TOPICS, Verb

ADJECTIVE_RATE = 0.2  # noun phrases with a plain adjective, as in any text


@dataclass(slots=True)
class NounPhrase:
    """A noun and what belongs to it: "the boat", "this proud humble boat here", "the boat , not young but old ,"."""

    noun: str
    determiner: str = "the"
    adjectives: list[str] = field(default_factory=list)
    joiner: str = ""
    here: bool = False
    contrast: tuple[str, str] | None = None

    def render(self) -> str:
        """The phrase in words."""
        adjectives = _join(self.adjectives, self.joiner)
        words = " ".join(filter(None, [self.determiner, adjectives, self.noun, "here" if self.here else ""]))
        return f"{words} , not {self.contrast[0]} but {self.contrast[1]} ," if self.contrast else words


@dataclass(slots=True)
class Clause:
    """A subject and its verbs; adjuncts and dependent clauses follow only in a main clause."""

    subject: NounPhrase
    verbs: list[Verb]
    other_subject: NounPhrase | None = None
    joiner: str = ""
    continuation: str = ""
    opener: str = ""
    adjuncts: list[tuple[str, NounPhrase | None]] = field(default_factory=list)
    dependents: list[tuple[str, "Clause"]] = field(default_factory=list)

    def render(self, would: bool = False) -> str:
        """The clause in words, under "would" or not."""
        subject = self.subject.render()
        if self.other_subject:
            subject = f"either {subject} or {self.other_subject.render()}"
        verbs = _join([verb.base if would else verb.present for verb in self.verbs], self.joiner)
        parts = [self.opener, subject, "would" if would else "", self.continuation, verbs]
        for words, phrase in self.adjuncts:
            parts += [words, phrase.render() if phrase else ""]
        for link, clause in self.dependents:
            parts += [link, clause.render()]
        return " ".join(filter(None, parts))

    def noun_phrases(self) -> Iterator[NounPhrase]:
        """The noun phrases of this clause alone."""
        yield self.subject
        if self.other_subject:
            yield self.other_subject
        yield from (phrase for _, phrase in self.adjuncts if phrase)


class SentencePlan:
    """What one sentence will say: starts as a bare clause on the topic, grows by the devices put into it."""

    def __init__(self, topic: str, rng: random.Random) -> None:
        self.rng = rng
        self.words = TOPICS[topic]
        self._unused_nouns: list[str] = []
        self.cry = ""
        self.addressee = ""
        self.doubted = False
        self.frames: list[str] = []
        self.openings: list[tuple[str, Clause]] = []  # "if", "although"
        self.absent: NounPhrase | None = None  # "but for the tide , ..."
        self.main = [self.new_clause()]

    def new_noun(self) -> str:
        """A noun of the topic; none comes again before all have come."""
        if not self._unused_nouns:
            self._unused_nouns = self.rng.sample(self.words.nouns, len(self.words.nouns))
        return self._unused_nouns.pop()

    def new_phrase(self) -> NounPhrase:
        """A noun phrase with "the", now and then with an adjective."""
        adjectives = [self.rng.choice(PLAIN_ADJECTIVES)] if self.rng.random() < ADJECTIVE_RATE else []
        return NounPhrase(self.new_noun(), adjectives=adjectives)

    def new_clause(self) -> Clause:
        """A clause of one noun phrase and one verb of the topic."""
        return Clause(self.new_phrase(), [self.rng.choice(self.words.verbs)])

    def add_main_clause(self) -> bool:
        """Joins a second main clause; False if there are two already."""
        if len(self.main) == 2:
            return False
        self.main.append(self.new_clause())
        return True

    def clauses(self) -> list[Clause]:
        """All clauses, main and dependent."""
        return [*self.main, *(c for _, c in self.openings), *(c for main in self.main for _, c in main.dependents)]

    def noun_phrases(self) -> list[NounPhrase]:
        """All noun phrases, wherever they stand."""
        phrases = [phrase for clause in self.clauses() for phrase in clause.noun_phrases()]
        return [*phrases, self.absent] if self.absent else phrases

    def render(self) -> str:
        """The sentence in words."""
        parts = [f"{self.cry} ," if self.cry else "", f"o {self.addressee} ," if self.addressee else ""]
        parts += ["who could doubt that" if self.doubted else "", *self.rng.sample(self.frames, len(self.frames))]
        openings = [f"{link} {clause.render()} ," for link, clause in self.openings]
        if self.absent:
            openings.append(f"but for {self.absent.render()} ,")
        self.rng.shuffle(openings)
        parts += [*openings, self._render_main(), "?" if self.doubted else "."]
        return " ".join(filter(None, parts))

    def _render_main(self) -> str:
        for clause in self.main:
            self.rng.shuffle(clause.adjuncts)
        link = " , " if self.main[-1].opener else " and "
        return link.join(clause.render(would=self.absent is not None) for clause in self.main)


def _join(words: list[str], joiner: str) -> str:
    return (f" {joiner} " if joiner else " ").join(words)
