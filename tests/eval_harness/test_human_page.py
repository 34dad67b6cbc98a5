"""The page in a real browser, by keyboard alone."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from human_runs import HOSTILE, SECRETS, make_run

from datasets_builder.skillmix.errors import OutsideError
from eval_harness.human.labels import read_labels, read_saved
from eval_harness.human.page import build_page, launch
from eval_harness.human.sampling import draw_plan
from eval_harness.human.session import Desk
from eval_harness.results import EvalRun, write_run

Run = Callable[..., tuple[int, str, str]]
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ("no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-sync", "disable-background-networking")
NARROW = {"width": 390, "height": 844}


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    return tmp_path / "labels"


@pytest.fixture
def serve(labels: Path) -> Iterator[Callable[..., str]]:
    """Serves a run's texts on a free port; stops with the test."""
    pytest.importorskip("gradio")
    pages = []

    def start(run: EvalRun, annotator: str = "") -> str:
        page = build_page(Desk(draw_plan(run, 100, 0, 0.5), labels), annotator)
        pages.append(page)
        return launch(page)

    yield start
    for page in pages:
        page.close(verbose=False)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.exists():
        pytest.skip("no chromium")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=[f"--{flag}" for flag in FLAGS])
        yield chromium
        chromium.close()


def visit(browser: Any, url: str, **options: Any) -> Any:
    """A page in a browser context of its own, with all that came over the network."""
    page = browser.new_context(**options).new_page()
    page.set_default_timeout(10_000)  # ms
    page.addresses, page.payloads = [], []
    page.on("request", lambda request: page.addresses.append(request.url))
    page.on("requestfinished", lambda request: page.payloads.append(request))
    page.goto(url)
    return page


def press(page: Any, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def wait_done(page: Any, count: int) -> None:
    page.wait_for_function(f"document.querySelector('.count')?.textContent.startsWith('{count} of')")


def test_keyboard_only_and_a_reload_resumes(serve: Any, browser: Any, labels: Path) -> None:
    page = visit(browser, serve(make_run({2: ["First text.", "Second text.", "Third text."]})))
    page.wait_for_selector(".door input:focus")
    page.keyboard.type("Ada")
    press(page, "Enter")
    wait_done(page, 0)
    press(page, "1", "n", "Enter")  # two are still open: nothing is saved
    assert "Mark this one too" in page.inner_text("output")
    press(page, "Backspace", "y", "u", "1", "c")  # back to the second question; then a note
    page.keyboard.type("n1c note")
    press(page, "Enter")
    wait_done(page, 1)
    page.reload()
    wait_done(page, 1)
    press(page, "0", "0", "1", "1", "Enter")
    wait_done(page, 2)
    press(page, "Backspace")
    page.wait_for_selector("input[value=no]:checked")
    press(page, "ArrowUp", "1", "Enter")  # the first question of the second text, again
    page.wait_for_function("!document.querySelector('input:checked')")
    press(page, "s")
    page.wait_for_selector(".end")
    found = read_labels(labels)
    texts = [
        page.item
        for page in draw_plan(make_run({2: ["First text.", "Second text.", "Third text."]}), 100, 0, 0.5).order("ada")
    ]
    marks = {
        (texts.index(item), criterion): mark
        for item, criterion, mark in found.filter(found["criterion"] != "length")[
            "item", "criterion", "mark"
        ].iter_rows()
    }
    assert marks == {
        (0, "metaphor"): True, (0, "modus-ponens"): True, (0, "sense"): True,
        (1, "metaphor"): True, (1, "modus-ponens"): False, (1, "topic"): True, (1, "sense"): True,
    }  # fmt: skip
    assert set(read_saved(labels).filter(item=texts[0])["note"]) == {"n1c note"}
    assert found["seconds"].is_between(0, 60).all()


def test_hostile_text_stays_text(serve: Any, browser: Any) -> None:
    page = visit(browser, serve(make_run({1: [HOSTILE]}), "ada"))
    page.wait_for_selector("blockquote")
    assert page.inner_text("blockquote") == HOSTILE
    assert page.title() == "Which skills does a text show?"
    assert page.locator("blockquote *").count() == 0


def test_nothing_tells_the_model_and_nothing_is_fetched_from_elsewhere(
    serve: Any, browser: Any, tmp_path: Path
) -> None:
    run = make_run()
    results = write_run(run, tmp_path)
    url = serve(run, "ada")
    page = visit(browser, url)
    for done in range(4):
        wait_done(page, done)
        press(page, *"1111", "Enter")
    page.wait_for_selector(".end")
    assert [address for address in page.addresses if not address.startswith((url, "data:", "blob:"))] == []
    sent = [
        request for request in page.payloads if request.resource_type in ("document", "fetch", "xhr", "eventsource")
    ]
    bodies = [page.content(), json.dumps(page.addresses)]
    bodies += [f"{request.post_data} {request.response().text()}" for request in sent if "heartbeat" not in request.url]
    assert len(bodies) > 6 and any("Text 1 of 2 skills" in body for body in bodies)
    assert [secret for secret in (*SECRETS[:5], str(tmp_path)) for body in bodies if secret in body] == []
    with pytest.raises(OSError):  # 403 or 404
        urlopen(f"{url}gradio_api/file={results}")


def test_it_is_readable_on_a_phone_in_light_and_dark(serve: Any, browser: Any) -> None:
    url = serve(make_run({3: ["A long text that goes on. " * 12] * 2}))
    for scheme in ("light", "dark"):
        mark_on_a_phone(visit(browser, url, viewport=NARROW, color_scheme=scheme, has_touch=True), scheme)


def mark_on_a_phone(page: Any, scheme: str) -> None:
    page.fill("input[name=annotator]", scheme)
    page.tap("button.primary")
    page.wait_for_selector(".question")
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    for criterion in ("metaphor", "modus-ponens", "red-herring", "topic", "sense"):
        page.tap(f"[data-criterion={criterion}] .choice:nth-child(2)")
    assert page.locator("blockquote").is_visible() and page.evaluate("scrollY") > 0  # the text stays in sight
    box = page.locator(".text").bounding_box()
    assert box["y"] >= 0 and box["height"] <= 0.4 * NARROW["height"]
    background, colour = (
        page.evaluate(f"getComputedStyle(document.querySelector('{at}')).{what}")
        for at, what in [("body", "backgroundColor"), (".desk", "color")]
    )
    assert (sum(channels(background)) < sum(channels(colour))) == (scheme == "dark")
    page.tap("button.primary")
    wait_done(page, 1)


def channels(colour: str) -> list[float]:
    return [float(part) for part in colour[colour.index("(") + 1 : -1].replace(",", " ").split()[:3]]


def test_a_bad_name_is_one_line_on_the_page(serve: Any, browser: Any, labels: Path) -> None:
    page = visit(browser, serve(make_run()))
    page.wait_for_selector(".door input:focus")
    page.keyboard.type("../ada")
    press(page, "Enter")
    page.wait_for_function("document.querySelector('output').textContent.includes('use letters a to z')")
    assert not labels.exists()


def test_an_error_on_the_page_does_not_name_the_folder(tmp_path: Path) -> None:
    pytest.importorskip("gradio")
    folder = tmp_path / "labels-of-hush-13b"
    page = build_page(Desk(draw_plan(make_run(), 4, 0, 0), folder))
    server = next(block for block in page.blocks.values() if hasattr(block, "begin"))
    folder.mkdir()
    (folder / "bob.parquet").write_bytes(b"nothing")
    assert server.begin({"annotator": "ada"})["error"].startswith("bob.parquet: broken")
    assert "load it again" in server.save({"annotator": "ada", "marks": []})["error"]
    assert "load it again" in server.back([1])["error"]


def test_without_gradio_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, labels: Path) -> None:
    monkeypatch.setitem(__import__("sys").modules, "gradio", None)
    with pytest.raises(OutsideError, match=r'pip install "gradio>=6\.31,<7"'):
        build_page(Desk(draw_plan(make_run(), 4, 0, 0), labels))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none", "--annotator", "ada"], "no such results file"),
        (["run", "--annotator", "../ada"], "use letters a to z"),
        (["run", "--port", "{taken}"], "--port"),
    ],
)
def test_mistakes_are_one_line(dskill: Run, tmp_path: Path, arguments: list[str], message: str) -> None:
    pytest.importorskip("gradio")
    write_run(make_run(), tmp_path / "run")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        run, *rest = (argument.format(taken=taken.getsockname()[1]) for argument in arguments)
        code, _, err = dskill("annotate", tmp_path / run, *rest, "--out", tmp_path / "out")
    assert code == 2 and message in err and len(err.strip().splitlines()) == 1, err


def test_the_command_writes_a_space(dskill: Run, tmp_path: Path) -> None:
    write_run(make_run(), tmp_path / "run")
    code, out, err = dskill("annotate", tmp_path / "run", "--space", tmp_path / "space")
    assert code == 0 and "a Space of 4 texts" in " ".join(out.split()), err
    assert (tmp_path / "space" / "plan.json").is_file() and not (tmp_path / "labels").exists()


def test_the_server_calls_nobody(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    look_up = socket.getaddrinfo

    def note(host: Any, *args: Any, **options: Any) -> Any:
        asked.append(host)
        return look_up(host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", note)
    assert b"gradio" in urlopen(serve(make_run())).read()
    time.sleep(0.3)  # what Gradio would report, it reports from a thread
    assert set(asked) == {"127.0.0.1"}
