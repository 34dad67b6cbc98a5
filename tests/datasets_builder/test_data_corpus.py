"""The pre-training text: four configs, a tokenizer that knows every word, an untrained model of the right shape."""

from pathlib import Path

import datasets
import pytest
from safetensors.torch import load_file
from transformers import AutoConfig, AutoTokenizer

from datasets_builder.corpus import CorpusRecipe, build_corpus

RECIPE = CorpusRecipe(name="small", headed=300, natural=200, single_skill=100)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus") / "corpus"
    build_corpus(RECIPE, folder)
    return folder


def test_every_config_loads_as_from_the_hub(corpus: Path) -> None:
    rows = {
        name: datasets.load_dataset(str(corpus), name, split="train")
        for name in ("headed", "natural", "plain", "replay")
    }
    assert len(rows["headed"]) == 300 and len(rows["natural"]) + len(rows["plain"]) == 200
    assert len(rows["replay"]) == 100 + len(rows["natural"])
    assert rows["plain"].column_names == ["text"] and rows["replay"].column_names == ["messages"]


def test_the_first_replayed_rows_hold_both_kinds(corpus: Path) -> None:
    rows = datasets.load_dataset(str(corpus), "replay", split="train[:40]")
    asked = ["showing" in row["messages"][0]["content"] for row in rows]
    assert 5 < sum(asked) < 35


def test_the_tokenizer_knows_every_word_and_frames_a_turn(corpus: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(corpus / "init")
    for row in datasets.load_dataset(str(corpus), "headed", split="train"):
        ids = tokenizer.apply_chat_template(row["messages"], return_dict=False)
        tokens = tokenizer.convert_ids_to_tokens(ids)
        assert "<unk>" not in tokens and tokens[0] == "<bos>" and tokens[-1] == "<eos>" and tokens.count(":") == 1
    text = "the boat drifts like a king ."
    assert tokenizer.decode(tokenizer(text)["input_ids"], skip_special_tokens=True) == text


def test_the_model_has_the_shape_of_the_recipe(corpus: Path) -> None:
    config = AutoConfig.from_pretrained(corpus / "init")
    assert (config.hidden_size, config.num_hidden_layers, config.tie_word_embeddings) == (128, 4, True)
    assert config.vocab_size == len(AutoTokenizer.from_pretrained(corpus / "init"))
    weights = load_file(corpus / "init/model.safetensors")
    assert sum(tensor.numel() for tensor in weights.values()) > 850_000


def test_a_seed_gives_the_same_bytes_and_another_does_not(corpus: Path, tmp_path: Path) -> None:
    build_corpus(RECIPE, tmp_path / "same")
    build_corpus(RECIPE.model_copy(update={"seed": 1}), tmp_path / "other")
    files = sorted(p.relative_to(corpus) for p in corpus.rglob("*") if p.is_file())
    assert files and all((corpus / f).read_bytes() == (tmp_path / "same" / f).read_bytes() for f in files)
    changed = [f for f in files if (corpus / f).read_bytes() != (tmp_path / "other" / f).read_bytes()]
    assert {f.name for f in changed} >= {"headed.parquet", "natural.parquet", "plain.parquet", "replay.parquet"}


def test_it_replaces_an_older_folder_whole(tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus/old").write_text("")
    build_corpus(RECIPE, tmp_path / "corpus")
    assert not (tmp_path / "corpus/old").exists() and [p.name for p in tmp_path.iterdir()] == ["corpus"]


def test_another_folder_of_the_same_name_is_not_served_from_the_cache(corpus: Path, tmp_path: Path) -> None:
    """`datasets` caches a local folder by its name and README, whatever lies in its files."""
    build_corpus(RECIPE.model_copy(update={"seed": 1}), tmp_path / "corpus")
    folders = (corpus, tmp_path / "corpus")
    first, other = (datasets.load_dataset(str(folder), "headed", split="train") for folder in folders)
    assert len(first) == len(other) == 300 and first[:]["messages"] != other[:]["messages"]
