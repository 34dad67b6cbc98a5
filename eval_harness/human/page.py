"""The page as a Gradio app: one component, whose script and whose screens stand in the files beside this one.

A screen comes as HTML that Jinja escaped; Gradio's own template language never sees a text, since it would run it.
"""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from datasets_builder.skillmix.errors import DskillError, OutsideError, UsageError
from eval_harness.human.session import HERE, Answer, Desk, Place, Screen

if TYPE_CHECKING:
    from gradio import Blocks

GRADIO = "gradio>=6.31,<7"
LOCALHOST = "127.0.0.1"
TITLE = "Which skills does a text show?"


def build_page(desk: Desk, annotator: str = "") -> "Blocks":
    """The page; it begins at once for ``annotator`` where the name is given, and asks for it otherwise.

    Raises:
        OutsideError: Gradio is not installed.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported: nothing is sent to anybody
    try:
        import gradio
    except ImportError:
        raise OutsideError(f'the page needs Gradio: pip install "{GRADIO}"') from None

    def begin(request: object) -> dict[str, Any]:
        return _answer(desk, lambda: desk.open(Place.model_validate(request).annotator))

    def save(request: object) -> dict[str, Any]:
        return _answer(desk, lambda: desk.save(Answer.model_validate(request)))

    def back(request: object) -> dict[str, Any]:
        return _answer(desk, lambda: desk.back(Place.model_validate(request)))

    page = gradio.Blocks(title=TITLE, analytics_enabled=False)
    with page:
        gradio.HTML(
            html_template=(HERE / "shell.html").read_text(encoding="utf-8"),
            js_on_load=(HERE / "page.js").read_text(encoding="utf-8"),
            apply_default_css=False,
            server_functions=[begin, save, back],
            annotator=annotator,
        )
    return page


def launch(page: "Blocks", host: str | None = LOCALHOST, port: int | None = None) -> str:
    """Serves the page, gives its address and goes on at once. ``host`` None leaves it to Gradio's settings.

    Raises:
        UsageError: The port is taken.
    """
    from gradio.themes import Base, Font

    fonts = [Font("system-ui"), Font("sans-serif")]  # a plain name would be loaded from the server, others from outside
    try:
        _, address, _ = page.launch(
            server_name=host,
            server_port=port,
            share=False,
            quiet=True,
            prevent_thread_lock=True,
            theme=Base(font=fonts, font_mono=[Font("ui-monospace"), Font("monospace")]),
            css=(HERE / "page.css").read_text(encoding="utf-8"),
            footer_links=[],
            run_history=False,
            enable_monitoring=False,
            mcp_server=False,
            ssr_mode=False,
            pwa=False,
            max_file_size=1,  # byte: the page takes no files
        )
    except OSError as error:
        raise UsageError(f"--port {port}: {' '.join(str(error).split())[:150]}; leave it out for a free one") from None
    return str(address)


def _answer(desk: Desk, act: Callable[[], Screen]) -> dict[str, Any]:
    """The next screen as the page's script reads it, or one line that says what is wrong and names no folder."""
    try:
        return act()._asdict()
    except DskillError as error:
        return {"error": str(error).replace(f"{desk.folder}{os.sep}", "")}
    except ValidationError:
        return {"error": "the page sent what it cannot have meant; load it again"}
