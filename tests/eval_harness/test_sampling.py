"""Texts from a folder: the same whatever the batch, finished at their end, within their limits."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from datasets_builder.skillmix.errors import UsageError
from eval_harness.checkpoint import check_folder, digest_folder
from eval_harness.sampling import Request, Sampler, _choose


def make_requests(n: int, temperature: float = 0.7, max_tokens: int = 40) -> list[Request]:
    lines = [
        "write 1 on camping showing simile",
        "write 2 on library showing belief , simile , space",
        "write 1 on market",
    ]
    return [Request((("user", lines[i % 3]),), i, temperature, max_tokens) for i in range(n)]


def sample_in(sampler: Sampler, requests: list[Request], size: int) -> list[str]:
    return [reply.text for i in range(0, len(requests), size) for reply in sampler.sample(requests[i : i + size])]


@pytest.mark.parametrize("temperature", [0.7, 0.0])
def test_the_batch_does_not_change_a_text(checkpoint: Path, temperature: float) -> None:
    sampler, requests = Sampler(checkpoint), make_requests(64, temperature)
    alone = sample_in(sampler, requests, 1)
    assert alone == sample_in(sampler, requests, 7) == sample_in(sampler, requests, 64)
    assert len(set(alone)) > (30 if temperature else 2)


def test_texts_match_transformers_own_generation(checkpoint: Path) -> None:
    sampler = Sampler(checkpoint)
    for request, reply in zip(make_requests(3, 0.0), sampler.sample(make_requests(3, 0.0)), strict=True):
        ids = sampler.tokenizer(f"<bos> {request.messages[0][1]} :", add_special_tokens=False, return_tensors="pt")
        own = sampler.model.generate(**ids, do_sample=False, max_new_tokens=40)[0, ids["input_ids"].shape[1] :]
        assert reply.text == sampler.tokenizer.decode(own, skip_special_tokens=True)
        assert (reply.input_tokens, reply.output_tokens) == (ids["input_ids"].shape[1], len(own))


def test_a_text_ends_at_its_end_token_its_limit_or_the_context(checkpoint: Path) -> None:
    sampler = Sampler(checkpoint)
    ended = sampler.sample(make_requests(30))
    assert 5 < sum(reply.stop == "stop" for reply in ended) < 30
    assert all(reply.output_tokens < 40 for reply in ended if reply.stop == "stop")
    filling = [Request((("user", "write " * 230),), seed, 0.7, 1000) for seed in range(30)]
    full = [reply for reply in sampler.sample(filling) if reply.stop == "model_length"]
    assert full and all(reply.input_tokens + reply.output_tokens == 256 for reply in full)
    short = sampler.sample(make_requests(30, max_tokens=3))
    assert all(reply.output_tokens <= 3 and reply.stop in ("stop", "max_tokens") for reply in short)
    assert any(reply.stop == "max_tokens" for reply in short)
    too_long = Request((("user", "write " * 300),), 0, 0.7, 10)
    assert sampler.sample([too_long])[0] == ("", 302, 0, "model_length")


def test_chosen_tokens_follow_the_distribution() -> None:
    logits = torch.log(torch.tensor([0.5, 0.0, 0.3, 0.2])).expand(20_000, 4)
    draws = (torch.arange(20_000) + 0.5).double() / 20_000
    chosen = _choose(logits, torch.ones(20_000), draws)
    assert torch.bincount(chosen, minlength=4).tolist() == pytest.approx([10_000, 0, 6_000, 4_000], abs=2)
    assert _choose(logits[:1], torch.zeros(1), torch.tensor([0.99]).double()).item() == 0


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("config.json", "config.json is missing"),
        ("model.safetensors", "model.safetensors is missing"),
        ("tokenizer.json", "no tokenizer"),
    ],
)
def test_an_incomplete_folder_names_what_is_missing(
    tmp_path: Path, missing: str, message: str, make_checkpoint: Callable[..., Path]
) -> None:
    folder = make_checkpoint(tmp_path / "ck")
    check_folder(folder)
    (folder / missing).unlink()
    with pytest.raises(UsageError, match=message):
        check_folder(folder)


def test_an_adapter_and_a_missing_shard_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(UsageError, match="merge-lora"):
        check_folder(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors.index.json").write_text('{"weight_map": {"a": "model-1-of-2.safetensors"}}')
    with pytest.raises(UsageError, match=r"model-1-of-2.safetensors is missing"):
        check_folder(tmp_path)
    with pytest.raises(UsageError, match="no such checkpoint folder"):
        check_folder(tmp_path / "none")


def test_a_broken_checkpoint_is_one_line(tmp_path: Path, make_checkpoint: Callable[..., Path]) -> None:
    folder = make_checkpoint(tmp_path / "ck")
    (folder / "model.safetensors").write_bytes(b"cut off")
    with pytest.raises(UsageError, match="cannot be loaded") as caught:
        Sampler(folder)
    assert "\n" not in str(caught.value)


def test_weights_with_a_hole_are_refused(tmp_path: Path, make_checkpoint: Callable[..., Path]) -> None:
    file = make_checkpoint(tmp_path / "ck") / "model.safetensors"
    weights = load_file(file)
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(UsageError, match=r"weights lack 'model.layers.1.mlp.up_proj.weight'"):
        Sampler(file.parent)


def test_a_tokenizer_without_chat_template_is_refused(tmp_path: Path, make_checkpoint: Callable[..., Path]) -> None:
    folder = make_checkpoint(tmp_path / "ck")
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(UsageError, match="no chat template"):
        Sampler(folder)


def test_the_digest_follows_the_weights(checkpoint: Path, tmp_path: Path, make_checkpoint: Callable[..., Path]) -> None:
    same, other = make_checkpoint(tmp_path / "same"), make_checkpoint(tmp_path / "other", seed=1)
    assert digest_folder(checkpoint) == digest_folder(same) != digest_folder(other)


@pytest.mark.gpu
def test_a_gpu_writes_the_same_likeliest_texts(checkpoint: Path) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    requests = make_requests(64, 0.0)
    on_cpu, on_gpu = (Sampler(checkpoint, device).sample(requests) for device in ("cpu", "cuda"))
    same = sum(a.text == b.text for a, b in zip(on_cpu, on_gpu, strict=True))
    assert same >= 60  # float32 on both; rounding may turn a tie
