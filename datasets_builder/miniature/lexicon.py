"""The words of the miniature world and the class of each: data, no rules.

Example: ``CLASS_OF["boat"] == "NOUN"``, ``CLASS_OF["drift"] == "BASE"``, ``CLASS_OF["because"] == "because"``.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Verb(NamedTuple):
    """Two forms of one verb: "the boat drifts", "the boat would drift"."""

    present: str
    base: str


class TopicWords(NamedTuple):
    """The words that belong to one topic and to no other."""

    nouns: tuple[str, ...]
    verbs: tuple[Verb, ...]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _verbs(forms: str) -> tuple[Verb, ...]:
    return tuple(Verb(*form.split("/")) for form in _words(forms))


def _topic(nouns: str, verbs: str) -> TopicWords:
    return TopicWords(_words(nouns), _verbs(verbs))


def _pairs(pairs: str) -> tuple[tuple[str, str], ...]:
    return tuple((first, second) for first, _, second in (pair.partition("/") for pair in _words(pairs)))


TOPICS: Mapping[str, TopicWords] = {
    "sailing": _topic(
        "boat sail mast rope deck harbor wave tide",
        "drifts/drift sinks/sink tilts/tilt sways/sway",
    ),
    "gardening": _topic(
        "rose hedge seed soil fern lawn tulip pond",
        "blooms/bloom grows/grow wilts/wilt sprouts/sprout",
    ),
    "cooking": _topic(
        "soup bread pan stove cake ladle pepper dough",
        "simmers/simmer rises/rise burns/burn bubbles/bubble",
    ),
    "music": _topic(
        "drum flute piano song melody cello harp ballad",
        "plays/play swells/swell fades/fade resounds/resound",
    ),
    "weather": _topic(
        "storm cloud rain wind fog frost hail sun",
        "gathers/gather passes/pass clears/clear thickens/thicken",
    ),
    "astronomy": _topic(
        "star moon planet comet lens galaxy rocket telescope",
        "orbits/orbit shines/shine glows/glow spins/spin",
    ),
    "painting": _topic(
        "brush canvas portrait fresco mural pigment sketch palette",
        "dries/dry cracks/crack gleams/gleam peels/peel",
    ),
    "railway": _topic(
        "train track ticket signal bridge carriage platform whistle",
        "departs/depart arrives/arrive halts/halt rattles/rattle",
    ),
    "camping": _topic(
        "tent fire lamp trail forest hill pack stream",
        "flickers/flicker smokes/smoke collapses/collapse bends/bend",
    ),
    "library": _topic(
        "book page shelf desk poem letter map scroll",
        "opens/open closes/close ages/age rustles/rustle",
    ),
    "football": _topic(
        "ball goal referee team helmet pitch coach fan",
        "scores/score bounces/bounce rolls/roll charges/charge",
    ),
    "market": _topic(
        "coin stall cart price merchant bag penny fruit",
        "falls/fall shifts/shift doubles/double drops/drop",
    ),
}

# The first two lines are literary and rhetorical; then reasoning, theory of mind, pragmatics, physical.
SKILLS = _words(
    "simile alliteration onomatopoeia personification hyperbole oxymoron apostrophe ecphonesis "
    "epizeuxis polysyndeton asyndeton erotema antithesis anaphora litotes parenthesis "
    "causality conditional concession counterfactual comparison disjunction universal "
    "belief emotion purpose evidence presupposition deixis authority space time"
)

HUMAN_VERBS = _verbs(
    "whispers/whisper dreams/dream laughs/laugh weeps/weep sings/sing prays/pray smiles/smile complains/complain"
)
PLAIN_ADJECTIVES = _words(
    "cool dull fair fresh grim heavy lovely modest narrow plain "
    "pretty rough silver smooth steep tender thick thin vast warm wide wooden"
)
ALLITERATING_PAIRS = _pairs("bold/bright calm/clean deep/dark green/grand huge/hard little/light pale/pink round/red")
OPPOSITE_PAIRS = _pairs("proud/humble strong/weak young/old loud/quiet rich/poor hot/icy bitter/sweet cruel/kind")
VEHICLES = _words("lantern feather thief king ghost child mountain river mirror soldier dancer snake")
NAMES = _words("anna ben clara david emma frank grace henry")
SOUNDS = _words("crash hiss buzz bang splash thud clang pop")
EXPERTS = _words("doctor teacher judge captain")
COMPARATIVES = _words("louder faster prouder higher better deeper")
UNMANNERS = _words("unkindly ungently unwisely unhappily")
MANNERS = _words("slowly softly gladly sadly")
PLACES = _words("behind under above beside near")
TIMES = ("before", "after")
DEEDS = _words("warn help please surprise")
CRIES = _words("alas ah oh behold")
OPENERS = _words("now thus there then")
AGES = _words("million thousand hundred")
ASIDES = ("so they say", "strange to tell", "believe me", "i confess")
CONTINUATIONS = ("still", "no longer", "once again")

FUNCTION_WORDS = _words(
    "a although and as because but could doubt either every for glad here if is it like not o or said says than that "
    "the this thinks to who with would wrongly years ( ) , . ?"
)
REQUEST_WORDS = (*_words("write on showing :"), *(str(limit) for limit in range(1, 9)))

TOPIC_OF: Mapping[str, str] = {
    word: topic
    for topic, words in TOPICS.items()
    for word in (*words.nouns, *(f for verb in words.verbs for f in verb))
}
HUMAN_WORDS = frozenset(form for verb in HUMAN_VERBS for form in verb)


def _classes() -> dict[str, Sequence[str]]:
    """Words by class; the words of asides, continuations and FUNCTION_WORDS are each a class of their own."""
    verbs = [verb for words in TOPICS.values() for verb in words.verbs] + list(HUMAN_VERBS)
    pairs = (*ALLITERATING_PAIRS, *OPPOSITE_PAIRS)
    return {
        "NOUN": [noun for words in TOPICS.values() for noun in words.nouns],
        "VERB": [verb.present for verb in verbs],
        "BASE": [verb.base for verb in verbs],
        "ADJ": [*PLAIN_ADJECTIVES, *(word for pair in pairs for word in pair)],
        "VEHICLE": VEHICLES,
        "NAME": NAMES,
        "SOUND": SOUNDS,
        "EXPERT": EXPERTS,
        "COMPARATIVE": COMPARATIVES,
        "UNMANNER": UNMANNERS,
        "MANNER": MANNERS,
        "PLACE": PLACES,
        "TIME": TIMES,
        "DEED": DEEDS,
        "CRY": CRIES,
        "OPENER": OPENERS,
        "AGE": AGES,
    }


UNKNOWN = "UNKNOWN"  # the class of every word that the lexicon does not have
_LITERAL = dict.fromkeys([*FUNCTION_WORDS, *(word for phrase in (*ASIDES, *CONTINUATIONS) for word in _words(phrase))])
CLASS_OF: Mapping[str, str] = {
    **{word: name for name, members in _classes().items() for word in members},
    **{word: word for word in _LITERAL},
}


def vocabulary() -> list[str]:
    """Every word that a text or a request can contain, once each, in a stable order; no special tokens."""
    return list(dict.fromkeys([*REQUEST_WORDS, *TOPICS, *SKILLS, *CLASS_OF]))
