"""The look before publishing: a good folder passes, and each fault is told with its file and its cure."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from publish_folders import NAME, edit, make_dataset, make_model

from datasets_builder import preflight_data
from datasets_builder.manifest import Manifest, read_manifest
from datasets_builder.preflight import inspect_folder, require_sound
from datasets_builder.preflight_card import read_header
from datasets_builder.readme import header_of
from datasets_builder.skillmix.errors import UsageError

TRAIN = "data/k1/train-00000-of-00001.parquet"
REJECTS = "rejects/rejected.parquet"
KEY = "hf_" + "aB3" * 12  # no file of this repository holds what looks like a key
Change = Callable[[Path], Any]


def write(name: str, content: str | bytes = "text") -> Change:
    def change(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    return change


def card(old: str, new: str) -> Change:
    def change(folder: Path) -> None:
        text = (folder / "README.md").read_text()
        assert old in text
        (folder / "README.md").write_text(text.replace(old, new, 1))

    return change


def say(text: str) -> Change:
    return lambda folder: (folder / "README.md").open("a").write(f"\n{text}\n")


def manifest(change: Callable[[dict[str, Any]], Any]) -> Change:
    def apply(content: dict[str, Any]) -> dict[str, Any]:
        change(content)
        return content

    return lambda folder: edit(folder / "manifest.json", apply)


def column(name: str, value: str | None, file: str = TRAIN, row: int = 1) -> Change:
    """Replaces one value, and makes the manifest name the new file."""

    def change(folder: Path) -> None:
        table = pq.read_table(folder / file)
        values = table[name].to_pylist()
        values[row] = value
        place = table.schema.get_field_index(name)
        table = table.set_column(place, table.schema.field(name), pa.array(values, table.schema.field(name).type))
        pq.write_table(table, folder / file)
        rehash(folder, file)

    return change


def rehash(folder: Path, file: str) -> None:
    import hashlib

    digest = hashlib.sha256((folder / file).read_bytes()).hexdigest()
    edit(folder / "manifest.json", lambda content: content | {"files": content["files"] | {file: digest}})


def drop_column(folder: Path) -> None:
    pq.write_table(pq.read_table(folder / TRAIN).drop_columns(["topic"]), folder / TRAIN)
    rehash(folder, TRAIN)


def remove(name: str) -> Change:
    return lambda folder: (folder / name).unlink()


FAULTS: dict[str, tuple[Change, str]] = {
    "no card": (remove("README.md"), "README.md: is missing; dskill card writes it"),
    "no file": (remove(TRAIN), f"{TRAIN}: is missing, manifest.json names it"),
    "other file": (write(TRAIN, b"PAR1"), f"{TRAIN}: is no sound Parquet file"),
    "changed file": (
        lambda folder: pq.write_table(pq.read_table(folder / TRAIN), folder / TRAIN),
        f"{TRAIN}: is not the file that manifest.json names, its SHA-256 differs",
    ),
    "extra data": (write("data/k1/train-extra.parquet"), "train-extra.parquet: manifest.json does not name it"),
    "extra file": (write("notes.docx"), "notes.docx: does not belong into a dataset's folder; take it out"),
    "hidden file": (write(".DS_Store"), ".DS_Store: does not belong"),
    "git settings": (write(".gitignore", "*"), ".gitignore: does not belong"),
    "deep file": (write("data/k1/more/a.parquet"), "data/k1/more/a.parquet: does not belong"),
    "odd name": (write("a\x1b[2J.md"), r"a\x1b[2J.md: does not belong"),
    "empty file": (write("LICENSE", ""), "LICENSE: has 0 bytes"),
    "script": (write("load.py"), "load.py: is code, and a release has none"),
    "pickle": (write("data/k1/a.pkl"), "data/k1/a.pkl: may run code when it is loaded"),
    "link": (lambda folder: (folder / "NOTICE").symlink_to("/etc/hostname"), "NOTICE: is a link"),
    "linked folder": (lambda folder: (folder / "figures").symlink_to("/etc"), "figures: is a link"),
    "pipe": (lambda folder: os.mkfifo(folder / "NOTICE"), "NOTICE: is no plain file"),
    "not UTF-8": (write("NOTICE", b"caf\xe9"), "NOTICE: is not UTF-8 at byte 3"),
    "hidden character": (say("a\u202eb"), "holds the hidden character U+202E"),
    "broken JSON": (write("croissant.json", "{"), "croissant.json: is no JSON"),
    "token": (write("recipe.yml", f"# ok\nkey: {KEY}"), "recipe.yml:2: holds a Hub token"),
    "API key": (say("sk-ant-" + "api03-" + "x" * 30), "holds an API key"),
    "password": (say("https://me:" + "hunter22@example.org"), "holds a password in an address"),
    "private key": (write("NOTICE", "-----BEGIN " + "OPENSSH PRIVATE KEY-----"), "NOTICE:1: holds a private key"),
    "own secret": (say("correct horse battery"), "holds the value of MY_API_KEY"),
    "path": (write("recipe.yml", "a: 1\nout: /home/me/data"), "recipe.yml:2: holds a path of a machine"),
    "Windows path": (say(r"C:\Users\me"), "holds a Windows path"),
    "key in a text": (column("text", f"My key is {KEY}."), f"{TRAIN}: column text, row 1: holds a Hub token"),
    "path in a column": (column("recipe", "/home/x.yml"), f"{TRAIN}: column recipe, row 1: holds a path of a machine"),
    "no licence": (column("licence", None), f"{TRAIN}: row 1 has no licence"),
    "blank licence": (column("licence", " ", REJECTS), f"{REJECTS}: row 1 has no licence"),
    "no column": (drop_column, f"{TRAIN}: the columns are not those of a dataset (topic)"),
    "wrong count": (
        manifest(lambda content: content["counts"]["k1"].update(train=999)),
        "config k1: loads as {'train': ",
    ),
    "wrong rejects": (
        manifest(lambda content: content["counts"]["k1"].update(rejected=999)),
        "rejects: ",
    ),
    "odd manifest": (manifest(lambda content: content.update(extra=1)), "is no manifest of a dataset"),
    "placeholder": (say("[More Information Needed]"), "'[More Information Needed]' is a placeholder; fill it in"),
    "to do": (say("TODO: describe"), "'TODO' is a placeholder"),
    "template": (say("{{ name }}"), "'{{' is a placeholder"),
    "dead picture": (say("![plot](figures/none.png)"), "links to 'figures/none.png', which is not in the folder"),
    "other name": (card(NAME, "my-org/other"), f"README.md: does not name {NAME}, so what it"),
    "no header": (write("README.md", "# Mix\n\nText.\n"), "does not begin with a YAML header"),
    "misspelt key": (card("license:", "licence:"), "unknown key 'licence', did you mean 'license'?"),
    "odd licence": (card("license: cc-by-4.0", "license: CC BY"), "key 'license'"),
    "unnamed licence": (card("license: cc-by-4.0", "license: other"), "license: other needs license_name"),
    "odd size": (card("n<1K", "small"), "key 'size_categories.0'"),
    "doubled key": (card("language:", "license: mit\nlanguage:"), "key 'license' stands here twice"),
    "missing config": (card("config_name: k2\n  desc", "config_name: k9\n  desc"), "configs are k1, k9, k12, transcr"),
    "no default": (card("  default: true\n", ""), "the default config is [], manifest.json has 'k12'"),
    "glob": (card("data/k2/train-*.parquet", "data/k2/trial-*.parquet"), "config k2: load_dataset cannot read it"),
}  # fmt: skip


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_KEY", "correct horse battery")
    monkeypatch.setenv("MY_TOKEN_LIMIT", "short")


@pytest.fixture
def unloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves out the loading of configs, which takes long, where it is not what is tested."""
    monkeypatch.setattr(preflight_data, "check_config", lambda *_: ())


def test_a_whole_folder_passes(tmp_path: Path) -> None:
    release = inspect_folder(make_dataset(tmp_path), NAME)
    assert release.faults == () and release.configs == ("k1", "k2", "k12", "transcripts")
    assert release.kind == "dataset" and release.size == sum(path.stat().st_size for path in tmp_path.rglob("*.*"))
    assert read_header((tmp_path / "README.md").read_text(), "dataset").model_dump()["license"] == "cc-by-4.0"


@pytest.mark.parametrize("name", FAULTS)
def test_fault(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    change, message = FAULTS[name]
    if not message.startswith("config "):
        request.getfixturevalue("unloaded")
    change(make_dataset(tmp_path))
    faults = inspect_folder(tmp_path, NAME).faults
    assert any(message in fault for fault in faults), faults
    assert not any(KEY in fault or "correct horse" in fault for fault in faults), "what was found is not repeated"
    assert all("\n" not in fault and fault.isprintable() for fault in faults)


def test_first_fault_stops_and_counts_the_others(tmp_path: Path, unloaded: None) -> None:
    make_dataset(tmp_path)
    for name in ("a.py", "b.pkl"):
        write(name)(tmp_path)
    with pytest.raises(UsageError, match=re.escape("a.py: is code")) as stop:
        require_sound(inspect_folder(tmp_path, NAME))
    assert str(stop.value).endswith("(and 1 more; --dry-run lists them)")


def test_digest_names_content_and_paths(tmp_path: Path, unloaded: None) -> None:
    first = inspect_folder(make_dataset(tmp_path / "a"), NAME).digest
    assert inspect_folder(make_dataset(tmp_path / "b"), NAME).digest == first
    (tmp_path / "b/NOTICE").write_text("x")
    assert inspect_folder(tmp_path / "b", NAME).digest != first


@pytest.mark.parametrize("content", [None, "text"])
def test_neither_dataset_nor_model(content: str | None, tmp_path: Path) -> None:
    folder = tmp_path / "x"
    if content:
        write("README.md")(folder)
    with pytest.raises(UsageError, match="dskill build --out FOLDER"):
        inspect_folder(folder, NAME)


def test_header_of_the_builder_fits_our_schema(tmp_path: Path) -> None:
    found = read_manifest(make_dataset(tmp_path))
    assert isinstance(found, Manifest) and {*header_of(found)} >= {"license", "configs", "size_categories"}


MODEL_FAULTS: dict[str, tuple[Change, str]] = {
    "training arguments": (write("training_args.bin"), "training_args.bin: may run code when it is loaded"),
    "torch weights": (write("pytorch_model.bin"), "weights are published as safetensors only"),
    "optimizer": (write("optimizer.pt"), "optimizer.pt: may run code"),
    "log": (write("debug.log"), "debug.log: does not belong into a model's folder"),
    "code": (write("modeling_x.py"), "modeling_x.py: is code"),
    "remote code": (
        lambda folder: edit(folder / "config.json", lambda content: content | {"auto_map": {"AutoModel": "x.Y"}}),
        "config.json: key 'auto_map' asks for code",
    ),
    "no weights": (remove("model.safetensors"), "model.safetensors: is missing"),
    "broken weights": (write("model.safetensors", b"\xff" * 64), "model.safetensors: is no sound safetensors file"),
    "missing part": (
        write("model.safetensors.index.json", json.dumps({"weight_map": {"a": "model-00001-of-00002.safetensors"}})),
        "model-00001-of-00002.safetensors: is not in the folder",
    ),
    "no tokenizer": (remove("tokenizer.json"), "tokenizer.json: is missing"),
    "no type": (lambda folder: edit(folder / "config.json", lambda _: {}), "config.json: key 'model_type' is missing"),
    "path": (
        lambda folder: edit(folder / "config.json", lambda content: content | {"_name_or_path": "/home/ada/base"}),
        "config.json:1: holds a path of a machine",
    ),
    "no base": (card("datasets: [dskill/mix]\n", ""), "key 'datasets' is missing"),
    "no card": (remove("README.md"), "README.md: is missing"),
    "checkpoints": (write("checkpoint-10/config.json", "{}"), "checkpoint-10/config.json: does not belong"),
}


@pytest.mark.parametrize("name", MODEL_FAULTS)
def test_model_fault(name: str, tmp_path: Path) -> None:
    change, message = MODEL_FAULTS[name]
    change(make_model(tmp_path))
    faults = inspect_folder(tmp_path, NAME).faults
    assert any(message in fault for fault in faults), faults


def test_a_whole_model_passes(tmp_path: Path) -> None:
    release = inspect_folder(make_model(tmp_path), NAME)
    assert (release.kind, release.faults, release.configs) == ("model", (), ())
