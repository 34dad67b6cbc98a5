"""Configuration files: every fault of a user is one line with file, key and cure, and no file can do harm."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from datasets_builder.skillmix.config import MAX_BYTES, Strict, read_config, read_yaml
from datasets_builder.skillmix.errors import UsageError


class Draw(Strict):
    generations: int = Field(1, ge=1)


class Recipe(Strict):
    name: str
    draw: Draw = Draw()
    optional: Draw | None = None
    arms: dict[str, Draw] = Field(default_factory=dict)
    steps: tuple[Draw, ...] = ()


def _fault(folder: Path, content: str | bytes) -> str:
    """The message without the folder; it must be one line."""
    path = folder / "recipe.yml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageError) as caught:
        read_config(Recipe, path)
    message = str(caught.value)
    assert message.startswith(str(path)) and "\n" not in message
    return message.removeprefix(str(folder) + "/")


def test_a_good_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "r.yml").write_text("name: é\ndraw: {generations: 3}\narms:\n  '(1,2)': {generations: 2}\n", "utf-8")
    assert read_config(Recipe, tmp_path / "r.yml") == Recipe(
        name="é", draw=Draw(generations=3), arms={"(1,2)": Draw(generations=2)}
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("nmae: x", "recipe.yml: unknown key 'nmae', did you mean 'name'? (and 1 more)"),
        ("name: x\ndraw: {generatons: 2}", "unknown key 'draw.generatons', did you mean 'generations'?"),
        ("name: x\noptional: {generatons: 2}", "unknown key 'optional.generatons', did you mean 'generations'?"),
        ("name: x\narms: {a: {generatons: 2}}", "unknown key 'arms.a.generatons', did you mean 'generations'?"),
        ("name: x\nsteps: [{generatons: 2}]", "unknown key 'steps.0.generatons', did you mean 'generations'?"),
        ("name: x\nzzz: 1", "recipe.yml: unknown key 'zzz'"),
        ("draw: {}", "recipe.yml: key 'name' is missing"),
        ("name: x\ndraw: {generations: many}", "key 'draw.generations': Input should be a valid integer"),
        (
            "name: x\ndraw: {generations: 0}",
            "key 'draw.generations': Input should be greater than or equal to 1, got 0",
        ),
        ("name: x\n1: x", "key '1': Keys should be strings"),
        ("", "expected keys and values (name, draw, optional, arms, steps), got NoneType"),
        ("- a", "got list"),
    ],
)
def test_faults_of_content_name_the_key_and_the_cure(tmp_path: Path, content: str, message: str) -> None:
    assert message in _fault(tmp_path, content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name: x\nname: y", "recipe.yml:2: broken YAML: key 'name' stands here twice"),
        (
            "name: x\ndraw:\n  generations: 1\n  generations: 2",
            "recipe.yml:4: broken YAML: key 'generations' stands here twice",
        ),
        ("name: [a\ndraw: 1", "recipe.yml:2: broken YAML: "),
        ("name:\tx\n\tdraw: 1", "recipe.yml:"),
        ("name: x\n---\nname: y", "recipe.yml:2: broken YAML: "),
        ("name: x\n? [a, b]\n: c", "recipe.yml:2: broken YAML: a key must be one word or text"),
        ("{[a]: 1}", "recipe.yml:1: broken YAML: a key must be one word or text"),
        ("name: \x00", "recipe.yml: broken YAML: "),
        ("name: 2024-99-99", "recipe.yml: holds a value that cannot be read: month must be in 1..12"),
        ("name: 0x_", "recipe.yml: holds a value that cannot be read"),
        ("name: " + "9" * 5000, "recipe.yml: holds a value that cannot be read"),
        ("[" * 100_000, "recipe.yml: holds a value that cannot be read"),
        ("{a: " * 50_000, "recipe.yml: holds a value that cannot be read"),
        ("name: ä".encode("latin-1"), "cannot be read as UTF-8 text"),
        (b"\xff\xfe\x00", "cannot be read as UTF-8 text"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_broken_yaml_is_one_line(tmp_path: Path, content: str | bytes, message: str) -> None:
    assert message in _fault(tmp_path, content)


@pytest.mark.parametrize(
    "content",
    [
        "!!python/object/apply:os.system ['touch {}']",
        "!!python/name:os.system",
        "!mine x",
        "!!binary aGVsbG8=",
        "!!int foo",
        "!!timestamp x",
    ],
)
def test_tags_are_refused_and_run_nothing(tmp_path: Path, content: str) -> None:
    victim = tmp_path / "victim"
    assert "recipe.yml:1: broken YAML: tags (!name) are not allowed" in _fault(
        tmp_path, f"name: {content.format(victim)}"
    )
    assert not victim.exists()


def test_a_bomb_of_aliases_is_refused_before_it_grows(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    assert "recipe.yml:2: broken YAML: aliases (*name) are not allowed" in _fault(tmp_path, "\n".join(lines))


def test_a_file_too_large_is_not_read(tmp_path: Path) -> None:
    assert "larger than 1000000 bytes" in _fault(tmp_path, "#" * (MAX_BYTES + 1))


def test_a_missing_file_names_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "miniature.yml").touch()
    with pytest.raises(UsageError, match=r"minature\.yml: no such file, did you mean 'miniature\.yml'\?"):
        read_yaml(tmp_path / "minature.yml")
    with pytest.raises(UsageError, match=r"no such file$"):
        read_yaml(tmp_path / "none" / "x.yml")


def test_a_folder_and_an_impossible_path_are_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_yaml(tmp_path)
    with pytest.raises(UsageError, match="null byte"):
        read_yaml(Path("a\0b"))


def test_models_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Recipe(name="x").name = "y"  # type: ignore[misc]


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_any_bytes_give_a_recipe_or_one_line(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.yml"
    path.write_bytes(content)
    try:
        assert isinstance(read_config(Recipe, path), Recipe)
    except UsageError as error:
        assert str(path) in str(error)
