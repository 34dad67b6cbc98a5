"""The words: no word in two classes, and no text or request outside the vocabulary."""

import random
from collections import Counter

from datasets_builder.miniature import corpus, lexicon
from datasets_builder.miniature.lexicon import CLASS_OF, SKILLS, TOPICS, vocabulary
from datasets_builder.miniature.teacher import draft


def test_no_word_is_in_two_classes() -> None:
    classes = [*lexicon._classes().values(), lexicon._LITERAL]
    counts = Counter(word for members in classes for word in set(members))
    assert [word for word, count in counts.items() if count > 1] == []
    assert [name for name, members in lexicon._classes().items() if len(set(members)) < len(members)] == []


def test_no_skill_or_topic_is_named_by_a_lexicon_word() -> None:
    assert set(CLASS_OF).isdisjoint([*SKILLS, *TOPICS])


def test_the_closed_pairs_alliterate_and_no_opposites_do() -> None:
    assert all(first[0] == second[0] != first for first, second in lexicon.ALLITERATING_PAIRS)
    assert all(first[0] != second[0] for first, second in lexicon.OPPOSITE_PAIRS)


def test_sizes() -> None:
    words = vocabulary()
    assert len(words) == len(set(words)) == 438
    assert (len(SKILLS), len(TOPICS)) == (32, 12)
    assert {":", *"12345678"} <= set(words)


def test_every_word_of_texts_and_requests_is_in_the_vocabulary() -> None:
    known, rng, topics = set(vocabulary()), random.Random(0), list(TOPICS)
    rows = [*corpus.headed(1500, SKILLS, topics, rng), *corpus.natural(1500, SKILLS, topics, rng)]
    rows += corpus.single_skill(1000, SKILLS, topics, rng)
    texts = [row.get("text") or " ".join(message["content"] for message in row["messages"]) for row in rows]
    texts += [draft(rng.sample(SKILLS, rng.randint(1, 8)), rng.choice(topics), rng) for _ in range(1000)]
    assert {word for text in texts for word in text.split()} <= known
