"""How the teacher puts a skill into the plan of a sentence: one placer for each skill.

Example: ``place("simile", plan)`` gives a main clause of the plan the adjunct "like a king".
"""

from collections.abc import Callable, Mapping

from datasets_builder.miniature import lexicon
from datasets_builder.miniature.plan import Clause, NounPhrase, SentencePlan

Placer = Callable[[SentencePlan], bool]  # False when the plan has no room

# Skills that bring clauses and noun phrases; placed first, so that the others have more to work on.
STRUCTURAL = (
    "anaphora",
    "disjunction",
    "conditional",
    "concession",
    "counterfactual",
    "causality",
    "time",
    "space",
    "comparison",
)
_MAX_FRAMES = 3
_MAX_OPENINGS = 2
_LIST_LENGTH = 3


def place(skill: str, plan: SentencePlan) -> bool:
    """Puts a skill into the plan, with a further main clause if it needs room; False when there is none."""
    placer = _PLACERS[skill]
    return placer(plan) or (plan.add_main_clause() and placer(plan))


def placing_order(skill: str) -> int:
    """Sort key: structural skills in their order, then all others."""
    return STRUCTURAL.index(skill) if skill in STRUCTURAL else len(STRUCTURAL)


def _adjunct(template: str, *choices: tuple[str, ...], phrase: bool = False) -> Placer:
    """An adjunct to a main clause, its slots filled from closed lists, with a noun phrase after it or not."""

    def put(plan: SentencePlan) -> bool:
        words = template.format(*(plan.rng.choice(choice) for choice in choices))
        plan.rng.choice(plan.main).adjuncts.append((words, plan.new_phrase() if phrase else None))
        return True

    return put


def _frame(template: str, *choices: tuple[str, ...]) -> Placer:
    """A frame before the whole sentence: "it is said that"."""

    def put(plan: SentencePlan) -> bool:
        if len(plan.frames) == _MAX_FRAMES:
            return False
        plan.frames.append(template.format(*(plan.rng.choice(choice) for choice in choices)))
        return True

    return put


def _opening(link: str) -> Placer:
    """A dependent clause before the main one."""

    def put(plan: SentencePlan) -> bool:
        if not _has_room_for_opening(plan):
            return False
        plan.openings.append((link, plan.new_clause()))
        return True

    return put


def _dependent(*links: str) -> Placer:
    """A dependent clause after a main one."""

    def put(plan: SentencePlan) -> bool:
        plan.rng.choice(plan.main).dependents.append((plan.rng.choice(links), plan.new_clause()))
        return True

    return put


def _adjective_pair(pairs: tuple[tuple[str, str], ...], *, either_order: bool) -> Placer:
    """Two adjectives side by side before a noun."""

    def put(plan: SentencePlan) -> bool:
        if not (phrases := _undescribed(plan)):
            return False
        pair = list(plan.rng.choice(pairs))
        plan.rng.choice(phrases).adjectives = plan.rng.sample(pair, 2) if either_order else pair
        return True

    return put


def _list(joiner: str) -> Placer:
    """Three verbs of one clause or three adjectives of one noun phrase, joined by ``joiner``."""

    def put(plan: SentencePlan) -> bool:
        clauses, phrases = [clause for clause in plan.clauses() if len(clause.verbs) == 1], _undescribed(plan)
        if clauses and (not phrases or plan.rng.random() < 0.5):
            _list_verbs(plan, plan.rng.choice(clauses), joiner)
        elif phrases:
            phrase = plan.rng.choice(phrases)
            phrase.adjectives, phrase.joiner = plan.rng.sample(lexicon.PLAIN_ADJECTIVES, _LIST_LENGTH), joiner
        return bool(clauses or phrases)

    return put


def _list_verbs(plan: SentencePlan, clause: Clause, joiner: str) -> None:
    others = [verb for verb in plan.words.verbs if verb not in clause.verbs]
    clause.verbs += plan.rng.sample(others, _LIST_LENGTH - 1)
    plan.rng.shuffle(clause.verbs)
    clause.joiner = joiner


def _has_room_for_opening(plan: SentencePlan) -> bool:
    return len(plan.openings) + (plan.absent is not None) < _MAX_OPENINGS


def _undescribed(plan: SentencePlan) -> list[NounPhrase]:
    """Noun phrases whose adjectives carry no device."""
    return [phrase for phrase in plan.noun_phrases() if len(phrase.adjectives) <= 1]


def _undetermined(plan: SentencePlan) -> list[NounPhrase]:
    """Noun phrases whose determiner carries no device."""
    return [phrase for phrase in plan.noun_phrases() if phrase.determiner == "the"]


def _put_apostrophe(plan: SentencePlan) -> bool:
    plan.addressee = plan.new_noun()
    return True


def _put_ecphonesis(plan: SentencePlan) -> bool:
    plan.cry = plan.rng.choice(lexicon.CRIES)
    return True


def _put_erotema(plan: SentencePlan) -> bool:
    plan.doubted = True
    return True


def _put_personification(plan: SentencePlan) -> bool:
    clause = plan.rng.choice(plan.clauses())
    clause.verbs[plan.rng.randrange(len(clause.verbs))] = plan.rng.choice(lexicon.HUMAN_VERBS)
    return True


def _put_presupposition(plan: SentencePlan) -> bool:
    plan.rng.choice(plan.clauses()).continuation = plan.rng.choice(lexicon.CONTINUATIONS)
    return True


def _put_anaphora(plan: SentencePlan) -> bool:
    plan.add_main_clause()
    opener = plan.rng.choice(lexicon.OPENERS)
    for clause in plan.main:
        clause.opener = opener
    return True


def _put_antithesis(plan: SentencePlan) -> bool:
    clauses = [clause for clause in plan.clauses() if clause.other_subject is None]
    if not clauses:
        return False
    first, second = plan.rng.sample(plan.rng.choice(lexicon.OPPOSITE_PAIRS), 2)
    plan.rng.choice(clauses).subject.contrast = (first, second)
    return True


def _put_disjunction(plan: SentencePlan) -> bool:
    clauses = [clause for clause in plan.clauses() if clause.subject.contrast is None]
    if not clauses:
        return False
    plan.rng.choice(clauses).other_subject = plan.new_phrase()
    return True


def _put_counterfactual(plan: SentencePlan) -> bool:
    if not _has_room_for_opening(plan):
        return False
    plan.absent = plan.new_phrase()
    return True


def _put_universal(plan: SentencePlan) -> bool:
    if phrases := _undetermined(plan):
        plan.rng.choice(phrases).determiner = "every"
    return bool(phrases)


def _put_deixis(plan: SentencePlan) -> bool:
    if not (phrases := _undetermined(plan)):
        return False
    phrase = plan.rng.choice(phrases)
    phrase.determiner, phrase.here = "this", True
    return True


_PLACERS: Mapping[str, Placer] = {
    "simile": _adjunct("like a {}", lexicon.VEHICLES),
    "onomatopoeia": _adjunct("with a {}", lexicon.SOUNDS),
    "hyperbole": _adjunct("for a {} years", lexicon.AGES),
    "litotes": _adjunct("not {}", lexicon.UNMANNERS),
    "parenthesis": _adjunct("( {} )", lexicon.ASIDES),
    "epizeuxis": _adjunct("{0} , {0}", lexicon.MANNERS),
    "purpose": _adjunct("to {} {}", lexicon.DEEDS, lexicon.NAMES),
    "space": _adjunct("{}", lexicon.PLACES, phrase=True),
    "comparison": _adjunct("{} than", lexicon.COMPARATIVES, phrase=True),
    "belief": _frame("{} wrongly thinks that", lexicon.NAMES),
    "emotion": _frame("{} is glad that", lexicon.NAMES),
    "evidence": _frame("it is said that"),
    "authority": _frame("as the {} says ,", lexicon.EXPERTS),
    "conditional": _opening("if"),
    "concession": _opening("although"),
    "counterfactual": _put_counterfactual,
    "causality": _dependent("because"),
    "time": _dependent(*lexicon.TIMES),
    "alliteration": _adjective_pair(lexicon.ALLITERATING_PAIRS, either_order=False),
    "oxymoron": _adjective_pair(lexicon.OPPOSITE_PAIRS, either_order=True),
    "polysyndeton": _list("and"),
    "asyndeton": _list(","),
    "personification": _put_personification,
    "presupposition": _put_presupposition,
    "apostrophe": _put_apostrophe,
    "ecphonesis": _put_ecphonesis,
    "erotema": _put_erotema,
    "anaphora": _put_anaphora,
    "disjunction": _put_disjunction,
    "antithesis": _put_antithesis,
    "universal": _put_universal,
    "deixis": _put_deixis,
}
