"""The Jinja2 environments of all cards, and the filters that print numbers and untrusted text."""

import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = Path(__file__).resolve().parent / "templates"


def render(template: str, **values: Any) -> str:
    """One template of cards/templates; HTML is escaped, a value that is not given raises jinja2.UndefinedError."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=template.endswith(".html"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "percent": percent,
        "points": points,
        "duration": duration,
        "fence": fence,
        "inline": inline,
        "number": number,
    }
    return environment.get_template(template).render(values)


def percent(share: float) -> str:
    """A fraction as whole percent, "46"; one digit more below 1 %, so that 0.3 % is not printed as none."""
    return f"{100 * share:.1f}" if 0 < share < 0.0095 else f"{100 * share:.0f}"


def points(difference: float) -> str:
    """A difference of fractions as signed percentage points, "+16" or "-2"; never "-0"."""
    whole = round(100 * difference)
    return f"{whole:+d}" if whole else "0"


def number(count: int) -> str:
    """A count with its thousands grouped, "12,000"."""
    return f"{count:,}"


def duration(seconds: float) -> str:
    """Seconds as a person reads them: "0.4 s", "52 s", "3 min 07 s"."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def fence(text: str) -> str:
    """Untrusted text as a Markdown code block that it cannot leave: the fence outgrows any run of backticks inside."""
    ticks = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{ticks}text\n{text}\n{ticks}"


def inline(text: str) -> str:
    """Text for one Markdown line or table cell: one line, markup characters and HTML made harmless."""
    flat = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|!])", r"\\\1", flat)
