"""The pre-training text is mixed in at the share that the recipe states, counted on axolotl's own rows."""

import re
from pathlib import Path

import pytest
from offline import prepared, read
from tokenised import MIXED

from axolotl_configs.render import SHIPPED

CHUNK = 200  # rows, a few steps of training


@pytest.fixture(scope="module")
def is_document(tokenised: dict[str, Path]) -> list[bool]:
    """For each tokenised row whether it is pre-training text."""
    return [-100 not in row["labels"] for row in prepared(tokenised["mixed"], MIXED)]


def test_the_share_is_the_stated_one(is_document: list[bool]) -> None:
    stated = re.search(r"# (\d+) % of the rows are ([\d,]+) documents beside some ([\d,]+) texts", text())
    assert stated is not None
    percent, documents, texts = (int(number.replace(",", "")) for number in stated.groups())
    assert (sum(is_document), len(is_document)) == (documents, documents + texts)
    assert 100 * sum(is_document) / len(is_document) == pytest.approx(percent, abs=0.1)


def test_the_documents_lie_among_the_texts(is_document: list[bool]) -> None:
    """Even read in order: a run of rows without any of 10 % would come by chance once in a billion."""
    shares = [sum(is_document[i : i + CHUNK]) / CHUNK for i in range(0, len(is_document) - CHUNK, CHUNK)]
    assert min(shares) > 0 and max(shares) < 0.3


def test_every_recipe_mixes_as_this_one_does() -> None:
    for path in SHIPPED.rglob("*.yml"):
        if path.parent.name != "miniature":
            recipe = read(path.relative_to(SHIPPED).as_posix())
            *texts, documents = (entry["type"] for entry in recipe["datasets"])
            assert set(texts) == {"chat_template"} and documents == "completion"
            assert recipe["shuffle_merged_datasets"] is True


def text() -> str:
    """The recipe, as a person reads it."""
    return " ".join((SHIPPED / MIXED).read_text().split())
