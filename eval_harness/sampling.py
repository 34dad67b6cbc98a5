"""Samples texts from a small causal language model: batched, with a key-value cache that drops finished rows.

A text depends on its own request (prompt, seed, settings) and never on the others in the batch: each row draws from
its own random stream, one number a token, and takes the token where the cumulative probability passes it.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache
from transformers.utils import logging

from datasets_builder.skillmix.errors import UsageError

CROWDED = 0.8  # share of live rows below which finished ones are dropped from the cache; dropping copies the cache

Stop = Literal["stop", "max_tokens", "model_length"]


class Request(NamedTuple):
    """One text to sample; ``temperature`` 0 takes the likeliest token."""

    messages: tuple[tuple[str, str], ...]  # (role, content), oldest first
    seed: int
    temperature: float
    max_tokens: int


class Reply(NamedTuple):
    """One sampled text, with its size in tokens (the end-of-text token counts) and why it ended."""

    text: str
    input_tokens: int
    output_tokens: int
    stop: Stop


class Sampler:
    """A checkpoint folder in memory, in float32 so that the batch does not change a text."""

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        """Loads model and tokenizer from disk alone; code and pickles in the folder are never run.

        Raises:
            UsageError: The files cannot be loaded, or the tokenizer has no chat template.
        """
        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        try:
            self.tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True, padding_side="left")
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, dtype=torch.float32, output_loading_info=True
            )
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            raise UsageError(f"{folder}: cannot be loaded: {' '.join(str(error).split())[:200]}") from None
        model, info = loaded
        if info["missing_keys"]:  # transformers would fill them with random numbers and go on
            raise UsageError(
                f"{folder}: weights lack {min(info['missing_keys'])!r}; the training or the copy was cut off"
            )
        if not self.tokenizer.chat_template:
            raise UsageError(f"{folder}: the tokenizer has no chat template; add chat_template.jinja as in training")
        if self.tokenizer.pad_token is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        self.model = model.to(device).eval()
        self.context: int | None = getattr(model.config, "max_position_embeddings", None)
        self.ends = _end_tokens(self.model.generation_config.eos_token_id, self.tokenizer.eos_token_id)

    @torch.inference_mode()
    def sample(self, requests: Sequence[Request]) -> list[Reply]:
        """One reply a request, in order."""
        torch.set_num_threads(1)  # more are up to 13 times slower for a small model on a busy machine
        prompts = [self._render(request) for request in requests]
        batch = self.tokenizer(prompts, add_special_tokens=False, padding=True, return_tensors="pt")
        inputs = batch["attention_mask"].sum(1)
        room = torch.tensor([self._room(request, int(size)) for request, size in zip(requests, inputs, strict=True)])
        tokens = self._continue(batch["input_ids"], batch["attention_mask"], requests, room)
        return [
            self._read(row, int(size), int(space), request)
            for row, size, space, request in zip(tokens, inputs, room, requests, strict=True)
        ]

    def _render(self, request: Request) -> str:
        messages = [{"role": role, "content": content} for role, content in request.messages]
        return str(self.tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False))

    def _room(self, request: Request, size: int) -> int:
        """New tokens that fit: as asked, within the model's context."""
        return max(0, min(request.max_tokens, (self.context or 2**31) - size))

    def _continue(self, ids: Tensor, mask: Tensor, requests: Sequence[Request], room: Tensor) -> Tensor:
        """New tokens, shape (rows, longest room); a row is meaningless beyond its first end token or its room."""
        steps, device = int(room.max()), self.model.device
        draws = torch.stack([_draws(request, steps) for request in requests]).to(device)
        heat = torch.tensor([request.temperature for request in requests], device=device)
        tokens = torch.full((len(requests), steps), self.ends[0].item())
        live, ends = torch.arange(len(requests)), self.ends.to(device)
        cache, ids, mask, done = DynamicCache(config=self.model.config), ids.to(device), mask.to(device), room == 0
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        for step in range(steps):
            out = self.model(
                input_ids=ids,
                attention_mask=mask,
                position_ids=positions,
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            )
            chosen = _choose(out.logits[:, -1], heat[live], draws[live, step])
            tokens[live, step] = chosen.cpu()
            done[live] |= torch.isin(chosen, ends).cpu() | (room[live] == step + 1)
            kept = (~done[live]).nonzero()[:, 0]
            if not len(kept):
                break
            if len(kept) < CROWDED * len(live):
                cache.batch_select_indices(kept.to(device))
                live, chosen, mask, positions = live[kept], chosen[kept], mask[kept], positions[kept]
            ids, positions = chosen[:, None], positions[:, -1:] + 1
            mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
        return tokens

    def _read(self, row: Tensor, size: int, room: int, request: Request) -> Reply:
        ended = torch.isin(row[:room], self.ends).nonzero()[:, 0]
        used = int(ended[0]) + 1 if len(ended) else room
        stop: Stop = "stop" if len(ended) else "max_tokens" if room == request.max_tokens else "model_length"
        text = self.tokenizer.decode(row[:used], skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return Reply(str(text).strip(), size, used, stop)


def _choose(logits: Tensor, temperature: Tensor, draw: Tensor) -> Tensor:
    """Next tokens by the inverse of the cumulative distribution; the likeliest where the temperature is 0."""
    warm = temperature.clamp(min=1e-6)[:, None]
    passed = torch.softmax(logits.double() / warm, dim=-1).cumsum(dim=-1)
    sampled = (passed <= draw[:, None] * passed[:, -1:]).sum(dim=-1)
    return torch.where(temperature > 0, sampled.clamp(max=logits.shape[-1] - 1), logits.argmax(dim=-1))


def _draws(request: Request, steps: int) -> Tensor:
    """Uniform numbers in [0, 1), one a token, from the request alone."""
    key = hashlib.blake2b(repr((request.seed, request.messages)).encode(), digest_size=8).digest()
    return torch.from_numpy(np.random.default_rng(int.from_bytes(key)).random(steps))


def _end_tokens(*found: int | Sequence[int] | None) -> Tensor:
    flat = {token for ends in found if ends is not None for token in ([ends] if isinstance(ends, int) else ends)}
    return torch.tensor(sorted(flat) or [-1])
