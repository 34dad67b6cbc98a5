"""Tiny random models, one a family: the real architecture and kind of tokenizer, with the family's own special tokens.

write_model("mistral-7b-instruct-v0.2", folder)      64 dimensions, two layers, a vocabulary of some 600 tokens
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

WORDS = (
    "A keeper of bees writes that the hive is a city of small clerks, and each clerk carries gold to the vault. "
    "Knots hold because rope remembers. If the rain comes, the garden drinks; the rain came, so the garden drank! "
    "Write a short text on sewing that shows metaphor and modus ponens, in at most two sentences. Text: it's done?"
)


class Family(NamedTuple):
    """An architecture of transformers, and how its tokenizer is made."""

    config: str
    byte_level: bool  # else pieces of words after the manner of SentencePiece
    bos: str | None
    eos: str
    pad: str | None
    special: Sequence[str] = ()


LLAMA2 = Family("LlamaConfig", False, "<s>", "</s>", None)
LLAMA3 = Family(
    "LlamaConfig",
    True,
    "<|begin_of_text|>",
    "<|eot_id|>",
    None,
    ("<|start_header_id|>", "<|end_header_id|>", "<|finetune_right_pad_id|>"),
)
CHATML = ("<|im_start|>", "<|endoftext|>")
FAMILIES = {
    "llama-2-13b-chat": LLAMA2,
    "mistral-7b-instruct-v0.2": LLAMA2._replace(config="MistralConfig"),
    "llama-3.2-1b-instruct": LLAMA3,
    "qwen2.5-1.5b-instruct": Family("Qwen2Config", True, None, "<|im_end|>", "<|endoftext|>", CHATML),
    "qwen3-4b-instruct-2507": Family("Qwen3Config", True, None, "<|im_end|>", "<|endoftext|>", CHATML),
    "smollm2-1.7b-instruct": Family("LlamaConfig", True, "<|im_start|>", "<|im_end|>", "<|im_end|>", CHATML),
    "gemma-3-1b-it": Family("Gemma3TextConfig", False, "<bos>", "<eos>", "<pad>", ("<start_of_turn>", "<end_of_turn>")),
}


def write_model(model: str, folder: Path, seed: int = 0) -> None:
    """Config, random weights and tokenizer of a model block's family."""
    import torch
    import transformers

    family, tokenizer = FAMILIES[model], write_tokenizer(model, folder)
    sizes: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "max_position_embeddings": 2048,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    torch.manual_seed(seed)
    config = getattr(transformers, family.config)(**sizes)
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)


def write_tokenizer(model: str, folder: Path) -> Any:
    """The family's tokenizer alone."""
    tokenizer = _tokenizer(FAMILIES[model])
    tokenizer.save_pretrained(folder)
    return tokenizer


def _tokenizer(family: Family) -> Any:
    """Trained on a few sentences; the normaliser and pre-tokenizer are those of the family's kind."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    unknown = None if family.byte_level else "<unk>"
    named = {"bos_token": family.bos, "eos_token": family.eos, "pad_token": family.pad, "unk_token": unknown}
    special = list(dict.fromkeys([*filter(None, named.values()), *family.special]))
    inner = Tokenizer(models.BPE(unk_token=unknown, byte_fallback=not family.byte_level))
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    if family.byte_level:
        inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        inner.decoder = decoders.ByteLevel()
    else:
        inner.pre_tokenizer = pre_tokenizers.Metaspace()  # while it is trained: no piece spans two words
        inner.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
        special += [f"<0x{byte:02X}>" for byte in range(256)]
        alphabet = []
    trainer = trainers.BpeTrainer(vocab_size=700, special_tokens=special, initial_alphabet=alphabet)
    inner.train_from_iterator([WORDS] * 3, trainer)
    if not family.byte_level:
        inner.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")  # has no effect: no blank is left
        start = [normalizers.Prepend("▁")] if family.pad is None else []  # Gemma marks no start of a text
        inner.normalizer = normalizers.Sequence([*start, normalizers.Replace(" ", "▁")])
    if family.bos and family is not FAMILIES["smollm2-1.7b-instruct"]:  # its tokenizer adds none
        pair = (family.bos, inner.token_to_id(family.bos))
        inner.post_processor = processors.TemplateProcessing(single=f"{family.bos} $A", special_tokens=[pair])
    given = {name: token for name, token in named.items() if token}
    return PreTrainedTokenizerFast(tokenizer_object=inner, clean_up_tokenization_spaces=False, **given)
