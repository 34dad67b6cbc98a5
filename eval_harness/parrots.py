"""Beyond stochastic parrots: how much of a score a model cannot owe to texts that it has met.

Example: at k = 5 at most 7 % of all (skills, topic) stand in a corpus, but a model gets full marks on 12 %. Then at
least 0.05 of 0.12, 42 % of its successes, are combinations that were in no text it read.

Source: SKILL-MIX (arXiv 2310.17567), the section on capabilities beyond "stochastic parrots". paper: not stated are the
exact rates and corpus size behind its 0.07 at k = 5, so all three are the user's.
"""

from collections.abc import Iterable, Sequence

from pydantic import Field

from datasets_builder.skillmix.catalogue import Catalogue, Split
from datasets_builder.skillmix.combinations import Combination
from datasets_builder.skillmix.config import Strict
from datasets_builder.skillmix.errors import UsageError
from datasets_builder.skillmix.verifiers import Grader
from eval_harness.results import CellResult

CLEAR = 0.05  # full marks below which SKILL-MIX went on to no larger k; here the interval's lower end must pass it


class CorpusRates(Strict):
    """How often skills and topics occur in the texts that a model was trained on.

    ``skill_rate``: share of texts that show a given skill, mean over skills. ``topic_rate``: share of texts on a given
    topic, mean over topics. ``corpus_texts``: how many texts there are, each as long as an answer.
    """

    skill_rate: float = Field(ge=0, le=1)
    topic_rate: float = Field(ge=0, le=1)
    corpus_texts: float = Field(ge=0, allow_inf_nan=False)


class ParrotRow(Strict):
    """One cell beside the bound. ``novel`` is the least share of its successes that no corpus text can have held."""

    split: Split
    k: int
    full_marks: float
    bound: float
    novel: float
    low: float
    high: float


def corpus_bound(k: int, skill_rate: float, topic_rate: float, corpus_texts: float) -> float:
    """Highest chance that a drawn combination of k skills and a topic stands in a corpus: min(1, p_s^k p_t L).

    p_s^k p_t L is the expected number of texts that hold it, where skills and topic occur independently of each other,
    and no chance is larger than the expectation. Skills that attract each other make the bound too low; the mean rate
    in place of each skill's own does so, too, where rates differ much. With p_t about 1e-6, the paper has about 0.07
    at k = 5 and 0.001 at k = 6.

    Args:
        skill_rate: p_s, from 0 to 1.
        topic_rate: p_t, from 0 to 1.
        corpus_texts: L, a count.
    """
    return min(1.0, skill_rate**k * topic_rate * corpus_texts)


def novel_share(full_marks: float, bound: float) -> float:
    """Least share of the successes that are new combinations: max(0, (full_marks - bound) / full_marks), 0 for none.

    It grants the model every combination of the corpus, so it is a lower limit.
    """
    return (full_marks - bound) / full_marks if full_marks > bound else 0.0


def parrot_row(cell: CellResult, rates: CorpusRates) -> ParrotRow:
    """A cell's share of new combinations, with the ends that the Wilson interval of its full marks gives.

    The share grows with full marks, so its interval is that of full marks, transformed; the rates count as known.
    """
    bound = corpus_bound(cell.k, rates.skill_rate, rates.topic_rate, rates.corpus_texts)
    novel, low, high = (novel_share(share, bound) for share in (cell.full_marks, cell.low, cell.high))
    return ParrotRow(
        split=cell.split, k=cell.k, full_marks=cell.full_marks, bound=bound, novel=novel, low=low, high=high
    )


def saturation_point(cells: Sequence[CellResult], threshold: float = CLEAR) -> int | None:
    """The largest k with clear success: the lower end of the interval of full marks is above ``threshold``.

    None when no cell has it. The paper says "clear success" and gives no number; its runs stopped below 0.05, and the
    interval's lower end keeps a lucky handful of combinations from counting. Cells of one split belong together.
    """
    return max((cell.k for cell in cells if cell.low > threshold), default=None)


def measure_rates(texts: Iterable[str], catalogue: Catalogue, grader: Grader) -> CorpusRates:
    """The rates in a sample of a corpus whose skills and topics a program can tell; ``corpus_texts`` is the sample's.

    Raises:
        UsageError: There is no text.
    """
    skills, topics = tuple(sorted(catalogue.skills)), sorted(catalogue.topics)
    read = shown = on_topic = 0
    for text in texts:
        read += 1
        marks = grader(text, Combination(skills, topics[0]))
        shown += sum(marks[skill] for skill in skills)
        on_topic += sum(grader(text, Combination(skills[:1], topic))["topic"] for topic in topics)
    if not read:
        raise UsageError("no text to measure rates in; give a corpus with at least one")
    return CorpusRates(
        skill_rate=shown / (read * len(skills)), topic_rate=on_topic / (read * len(topics)), corpus_texts=read
    )
