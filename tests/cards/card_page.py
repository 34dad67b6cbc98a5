"""A card as the page that a reader sees: Markdown as the Hub reads it, with colours and widths like the Hub's."""

import html
import re
import subprocess
import tempfile
from pathlib import Path

from markdown_it import MarkdownIt

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
]
LIGHT = ":root { --ground: #fff; --ink: #1f2937; --line: #d1d5db; --code: #f3f4f6; --link: #2563eb }"
DARK = ":root { --ground: #0b0f19; --ink: #d1d5db; --line: #374151; --code: #111827; --link: #60a5fa }"
STYLE = """
body { background: var(--ground); color: var(--ink); font: 16px/1.6 sans-serif }
body { max-width: 1012px; margin: 0 auto; padding: 24px }
a { color: var(--link) } img { max-width: 100% } h2 { border-bottom: 1px solid var(--line); padding-bottom: 4px }
pre, code { background: var(--code); font: 13px/1.5 monospace } pre { padding: 12px; overflow-x: auto }
table { display: block; overflow-x: auto; border-collapse: collapse; font-size: 14px }
td, th { border: 1px solid var(--line); padding: 4px 10px }
blockquote { border-left: 4px solid var(--line); margin-left: 0; padding-left: 16px }
"""


def body_of(readme: str) -> str:
    """A README below its header."""
    return re.sub(r"\A---\n.*?\n---\n", "", readme, flags=re.DOTALL)


def to_html(markdown: str) -> str:
    """The card's HTML; raw HTML passes, as it does on the Hub before its own filter."""
    return str(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(markdown))


def shoot(readme: Path, out: Path, *, width: int, height: int, dark: bool = False) -> None:
    """A picture of the page, of a folder's README with its figures."""
    style, base = (DARK if dark else LIGHT) + STYLE, html.escape(readme.parent.as_uri())
    page = f"<!doctype html><meta charset=utf-8><base href='{base}/'>"
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "card.html"
        file.write_text(f"{page}<style>{style}</style>{to_html(body_of(readme.read_text()))}")
        size = f"--window-size={width},{height}"
        command = [
            str(CHROMIUM),
            *FLAGS,
            f"--user-data-dir={place}/profile",
            size,
            f"--screenshot={out}",
            file.as_uri(),
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
