"""What is trained, by axolotl's own tokens: each answer and the token that ends it, in every turn; no more."""

from pathlib import Path
from typing import Any

import pytest
from offline import ANSWER, conversation, prepared, read, recipe_of
from tiny_models import FAMILIES
from tokenised import DOCUMENTS, ROWS, TURNS

from axolotl_configs.blocks import load_block, names


def tokenizer_of(folder: Path, model: str) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder / read(recipe_of(model))["base_model"])


def trained_spans(row: dict[str, list[int]]) -> list[list[int]]:
    """Runs of neighbouring tokens that have a label."""
    spans: list[list[int]] = []
    open_span = False
    for token, label in zip(row["input_ids"], row["labels"], strict=True):
        assert label in (-100, token)
        if label != -100 and not open_span:
            spans.append([])
        open_span = label != -100
        if open_span:
            spans[-1].append(token)
    return spans


def test_every_chat_template_in_use_has_its_family_here() -> None:
    used = {load_block("models", name).chat_template for name in names("models")}
    assert used == {load_block("models", name).chat_template for name in FAMILIES}


@pytest.mark.parametrize("model", FAMILIES)
def test_only_the_answers_and_their_ends_are_trained(tokenised: dict[str, Path], model: str) -> None:
    tokenizer, end = tokenizer_of(tokenised[model], model), load_block("models", model).end_of_turn
    rows = [row for row in prepared(tokenised[model], recipe_of(model)) if -100 in row["labels"]]
    assert len(rows) == 3 * ROWS
    found = []
    for row in rows:
        spans = trained_spans(row)
        assert all(span[-1] == tokenizer.convert_tokens_to_ids(end) for span in spans)
        found.append([tokenizer.decode(span[:-1]).strip() for span in spans])
    answers = (conversation(100_000 * k + i, TURNS)[1::2] for k in (1, 2, 3) for i in range(ROWS))
    assert sorted(found) == sorted([turn["content"] for turn in turns] for turns in answers)


@pytest.mark.parametrize("model", FAMILIES)
def test_a_row_is_the_template_and_nothing_else(tokenised: dict[str, Path], model: str) -> None:
    """One start of text, each request in its place, and no end of turn that is not the template's."""
    tokenizer, end = tokenizer_of(tokenised[model], model), load_block("models", model).end_of_turn
    for row in prepared(tokenised[model], recipe_of(model)):
        if -100 not in row["labels"]:
            continue
        ids = row["input_ids"]
        if tokenizer.bos_token_id is not None and tokenizer.bos_token not in read(recipe_of(model))["eot_tokens"]:
            starts = ids.count(tokenizer.bos_token_id)
            assert starts == _starts(model), tokenizer.decode(ids)
        text = tokenizer.decode(ids)
        assert text.count("Write on knots,") == text.count(ANSWER) == TURNS
        ends = ids.count(tokenizer.convert_tokens_to_ids(end))  # of answers, or of all turns; Qwen2.5 adds its own
        assert ends in (TURNS, 2 * TURNS, 2 * TURNS + 1)


def _starts(model: str) -> int:
    """LLaMA-2 starts the text anew at each request; ChatML's start is the start of every turn."""
    if model == "llama-2-13b-chat":
        return TURNS
    return 2 * TURNS if model.startswith("smollm2") else 1


@pytest.mark.parametrize("model", FAMILIES)
def test_a_document_is_trained_whole_in_windows(tokenised: dict[str, Path], model: str) -> None:
    tokenizer = tokenizer_of(tokenised[model], model)
    bare = [row for row in prepared(tokenised[model], recipe_of(model)) if -100 not in row["labels"]]
    assert len(bare) > DOCUMENTS and max(len(row["input_ids"]) for row in bare) == 1024
    text = " ".join(tokenizer.decode(row["input_ids"]) for row in bare)
    assert all(f"Document {i}:" in text for i in range(DOCUMENTS))
