"""What makes sense, by the grammar and the rules beside it."""

import pytest

from datasets_builder.miniature.grammar import MAX_WORDS, makes_sense, split_sentences


@pytest.mark.parametrize(
    "text",
    [
        "the boat drifts .",
        "every bold bright boat drifts and this sail here sinks .",
        "but for the tide , the boat would no longer drift because either the sail or the mast sinks .",
        "oh , o tide , who could doubt that as the judge says , the boat drifts ?",
        "now the boat drifts , now the sail sinks .",
        "if the mast , not old but young , tilts , although the rope sways , the boat drifts .",
    ],
)
def test_makes_sense(text: str) -> None:
    assert makes_sense(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        (" \n", "blank"),
        (".", "no clause"),
        ("the boat drifts", "no full stop"),
        ("the boat drifts . the sail", "unfinished second sentence"),
        ("the boat drifts.", "full stop not a word of its own"),
        ("The boat drifts .", "upper case is not in the lexicon"),
        ("the NOUN VERB .", "names of classes are no words"),
        ("boat drifts .", "no determiner"),
        ("the boat drift .", "base form without would"),
        ("but for the tide , the boat drifts .", "would is missing"),
        ("the boat drifts ?", "a question that does not doubt"),
        ("who could doubt that the boat drifts .", "a doubt that is no question"),
        ("the boat drifts . the boat drifts .", "a sentence twice"),
        ("if the boat drifts , the boat drifts .", "tautology"),
        ("the boat drifts and drifts .", "a verb twice"),
        ("the boat drifts like a king like a thief .", "two adjuncts of a kind"),
        ("anna is glad that ben is glad that the boat drifts .", "two frames of a kind"),
        ("the boat drifts slowly , slowly softly , softly .", "two repetitions"),
        ("the boat drifts because the sail tilts because the mast sinks .", "two causes"),
    ],
)
def test_makes_no_sense(text: str, why: str) -> None:
    assert not makes_sense(text), why


def test_the_longest_sentence_has_max_words() -> None:
    start = "if the boat , not old but young , drifts , although the sail sinks , the mast tilts near the rope"
    longest, longer = f"{start} not unkindly .", f"{start} with a crash ."
    assert (len(longest.split()), len(longer.split())) == (MAX_WORDS, MAX_WORDS + 1)
    assert makes_sense(longest)
    assert not makes_sense(longer)


def test_sentences_are_split_at_full_stops_and_question_marks() -> None:
    sentences = split_sentences("the boat drifts . who could doubt that the sail tilts ? the mast")
    assert [sentence.words[-1] for sentence in sentences] == [".", "?", "mast"]
    assert sentences[0].line == " the NOUN VERB . "
