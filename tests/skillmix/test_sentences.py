"""Sentences of natural English, and of the miniature's tokenised texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets_builder.skillmix.sentences import _count_tokenised, count_sentences

NATURAL = [
    ("One. two.", 2),  # three that the authors' own counter gets wrong
    ("A b. (See c.) D e.", 3),
    ("Hi... There it is.", 2),
    ("One", 1),
    ("It costs 3.50 today.", 1),
    ("Pi is 3.14159. It never ends.", 2),
    ("Dr. Smith paid $3.50 for it at 5 p.m. on Monday.", 1),
    ("Mr. and Mrs. Lee kept bees, wasps, etc. in Mt. Vernon.", 1),
    ("It cost approx. 5 dollars.", 1),
    ("At 3 a.m. Sunday it rang.", 1),
    ("We met at 5 p.m. He left.", 2),
    ("J. R. R. Tolkien wrote it. I read it.", 2),
    ("The U.S. and the E.U. agree. Fine.", 2),
    ("I live in the U.S. She lives in Rome.", 2),
    ("See fig. 3 and p. 4. Done.", 2),
    ("It is late, i.e. dark, e.g. like tar.", 1),
    ("Visit example.com or v2.0.1 today.", 1),
    ("He waited... and left.", 1),
    ("He waited… and waited. Then left.", 2),
    ("Once… Twice… Gone.", 3),
    ("One... two... three.", 1),
    ("Is it?! Yes… maybe. No!", 3),
    ("What a day!!! Really?", 2),
    ("“Stop!” he said.", 1),
    ('"Stop!" Tom said. Then he ran.', 2),
    ("“Where?” Mara asked. “Here.”", 2),
    ("He asked, “Why?” and left.", 1),
    ("He said, “Go. Now.” Then left.", 3),
    ('He said "Go." Then he left.', 2),
    ("“Really?” “Yes.”", 2),
    (
        "“If it rains, we stop. It rains. Therefore, we stop.” And if I win, fine.",
        4,
    ),  # no text hides in quotation marks
    ("'If it rains, we stop. It rains.' They stop.", 3),
    ("Reporter: “Is it true?”\nBeekeeper: “Yes, it is.”", 2),
    ("“The end.”", 1),
    ("'Tis fine. Don't go. The bees' hive hums.", 3),
    ("It was late (he was tired). He slept.", 2),
    ("I left. It was me. I fell.", 3),
    ("Then your lunge will miss. I step left.", 2),
    ("A line\nbroken in two. Yes.", 2),
    ("A first paragraph.\n\nA second one", 2),
    ("A poem without stops\n\nAnother verse", 2),
    ("- one thing\n- two things.\n- three.", 3),
    ("1. First item. 2. Second item.", 2),
    ("1. First item.\n2. Second item.\n3) Third", 3),
    ("If it is wet, then it is cold; it is wet; therefore, it is cold.", 1),
]
TOKENISED = [
    ("", 0),
    ("... ?!", 0),
    ("a boat drifts . who could doubt that ?", 2),
    ("a boat drifts . the tide sways", 2),
    ("this boat here drifts like a king .", 1),
    (". .", 0),
]


@pytest.mark.parametrize(("text", "sentences"), [*NATURAL, *TOKENISED])
def test_sentences_are_counted_as_a_reader_would(text: str, sentences: int) -> None:
    assert count_sentences(text) == sentences


@given(st.lists(st.sampled_from(["boat", "the", "drifts", ".", "?", "!", ",", "3"]), max_size=40))
def test_a_tokenised_text_is_counted_by_its_stops_alone(words: list[str]) -> None:
    assert count_sentences(" ".join(words)) == _count_tokenised(" ".join(words))


@given(st.text(max_size=200))
def test_any_text_is_counted(text: str) -> None:
    assert count_sentences(text) >= 0
    assert count_sentences(text) > 0 or not any(c.isascii() and c.isalnum() for c in text)
