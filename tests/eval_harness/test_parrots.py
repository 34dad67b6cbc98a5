"""The bound of SKILL-MIX on what a corpus can hold, and what it says of a score."""

import random

import pytest

from datasets_builder.miniature.corpus import write_natural
from datasets_builder.skillmix.catalogue import load_catalogue
from datasets_builder.skillmix.combinations import Combination
from datasets_builder.skillmix.errors import UsageError
from datasets_builder.skillmix.verifiers import load_grader
from eval_harness.parrots import (
    CorpusRates,
    corpus_bound,
    measure_rates,
    novel_share,
    parrot_row,
    saturation_point,
)
from eval_harness.results import CellResult
from eval_harness.stats import wilson


def cell(k: int, successes: int, n: int = 100) -> CellResult:
    low, high = wilson(successes, n)
    share = successes / n
    zeros = dict.fromkeys(("all_skills", "all_skills_max", "skills_fraction", "sf_low", "sf_high"), 0.0)
    counts = {"generations": 1, "n_combinations": n, "n_texts": n, "unscored": 0, "unscored_combinations": 0}
    return CellResult(
        **{"split": "all", "k": k, "full_marks": share, "low": low, "high": high, "full_marks_max": share},
        **{**zeros, **counts, "skills_fraction_max": 0.0, "shotgun": None, "skills": {}, "rows": ()},
    )


def test_the_papers_numbers() -> None:
    """0.07 at k = 5 and 0.001 at k = 6 fix p_s = 1/70; 0.12 against 0.07 is 0.42, "more than a third"."""
    rates = {"skill_rate": 1 / 70, "topic_rate": 1e-6, "corpus_texts": 0.07e6 * 70**5}
    assert corpus_bound(5, **rates) == pytest.approx(0.07)
    assert corpus_bound(6, **rates) == pytest.approx(0.001)
    assert novel_share(0.12, 0.07) == pytest.approx(0.417, abs=0.001)
    row = parrot_row(cell(5, 12), CorpusRates(**rates))
    assert (row.bound, row.novel) == (pytest.approx(0.07), pytest.approx(0.417, abs=0.001))
    assert row.low == 0.0 < row.novel < row.high < 1  # of 100 combinations: the paper's third is not certain


def test_the_bound_is_a_probability_and_falls_with_k() -> None:
    assert corpus_bound(1, 0.5, 0.5, 1e12) == 1.0
    bounds = [corpus_bound(k, 0.1, 1e-3, 1e6) for k in range(1, 9)]
    assert bounds == sorted(bounds, reverse=True) and bounds[-1] == pytest.approx(1e-5)
    assert corpus_bound(3, 0.1, 1e-3, 0) == 0.0


@pytest.mark.parametrize(("full_marks", "bound", "share"), [(0, 0, 0), (0, 0.5, 0), (0.3, 0.3, 0), (0.3, 0, 1)])
def test_novel_share_at_its_ends(full_marks: float, bound: float, share: float) -> None:
    assert novel_share(full_marks, bound) == share


def test_the_bound_holds_in_a_corpus_that_is_drawn() -> None:
    """10 skills and 4 topics, independent: the share of triples that some text holds never passes the bound."""
    rng, skills, topics, texts = random.Random(0), 10, 4, 300
    corpus = [({s for s in range(skills) if rng.random() < 0.2}, rng.randrange(topics)) for _ in range(texts)]
    triples = [rng.sample(range(skills), 3) for _ in range(100)]
    held = [any(set(t) <= shown and topic == on for shown, on in corpus) for t in triples for topic in range(topics)]
    bound = corpus_bound(3, 0.2, 1 / topics, texts)
    assert 0.25 < sum(held) / len(held) < bound


def test_saturation_is_the_last_k_whose_interval_is_above_the_threshold() -> None:
    cells = [cell(1, 90), cell(2, 60), cell(3, 12), cell(4, 9)]
    assert saturation_point(cells) == 3  # 9 of 100 are .048 at least, 12 are .070
    assert saturation_point(cells, threshold=0.5) == 2  # 60 of 100 are .502 at least
    assert saturation_point(cells[3:]) is None and saturation_point([]) is None


def test_rates_of_the_miniature_corpus() -> None:
    catalogue, grader, rng = load_catalogue("miniature"), load_grader("miniature"), random.Random(0)
    skills, topics = sorted(catalogue.skills), sorted(catalogue.topics)
    texts = [write_natural(1, skills, rng.choice(topics), rng) for _ in range(120)]
    rates = measure_rates(texts, catalogue, grader)
    assert rates.corpus_texts == 120
    assert rates.topic_rate == pytest.approx(1 / len(topics))  # each text is on one topic
    by_hand = [sum(grader(text, Combination((skill,), topics[0]))[skill] for text in texts) for skill in skills]
    assert rates.skill_rate == pytest.approx(sum(by_hand) / (120 * len(skills)))
    assert 0.02 < rates.skill_rate < 0.1  # one or two of 32 devices a sentence
    with pytest.raises(UsageError, match="no text to measure"):
        measure_rates([], catalogue, grader)
