"""A tiny untrained Llama over the miniature's words, saved as a checkpoint folder."""

from collections.abc import Callable
from pathlib import Path

import pytest

CHAT = "<bos> {{ messages | map(attribute='content') | join(' ') }} :"


def save_checkpoint(folder: Path, width: int = 32, layers: int = 2, seed: int = 0) -> Path:
    """A randomly initialised checkpoint with a word-level tokenizer and a chat template."""
    import torch
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    from datasets_builder.miniature.lexicon import CLASS_OF, SKILLS, TOPICS

    own = ["<pad>", "<bos>", "<eos>", "<unk>", "write", "on", "showing", ":", "1", "2", "3", "4"]
    words = dict.fromkeys([*own, *CLASS_OF, *SKILLS, *TOPICS])
    model = WordLevel({word: index for index, word in enumerate(words)}, unk_token="<unk>")
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = WhitespaceSplit()
    special = {"pad_token": "<pad>", "bos_token": "<bos>", "eos_token": "<eos>", "unk_token": "<unk>"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, chat_template=CHAT, **special).save_pretrained(folder)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(words),
        hidden_size=width,
        intermediate_size=3 * width,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=256,
        tie_word_embeddings=True,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        initializer_range=0.2,
    )
    untrained = LlamaForCausalLM(config)
    untrained.generation_config.eos_token_id = [2, *range(100, 110)]  # so that texts end after some 40 words, unevenly
    untrained.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One tiny checkpoint for all tests."""
    return save_checkpoint(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(scope="session")
def make_checkpoint() -> Callable[..., Path]:
    """Saves further checkpoints, to be broken."""
    return save_checkpoint


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads another's answers, nor writes into the user's cache."""
    monkeypatch.setenv("INSPECT_CACHE_DIR", str(tmp_path / "cache"))
