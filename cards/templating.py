"""The Jinja2 environments of all cards, and the filters that print numbers and untrusted text."""

import re
import unicodedata
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = Path(__file__).resolve().parent / "templates"
JOINERS = "\n\t\u200c\u200d"  # control and format characters that writing needs: Persian and emoji join by the last two
_HIDDEN = ("Cc", "Cf", "Cs")  # control, format, surrogate


def render(template: str, **values: Any) -> str:
    """One template of cards/templates; HTML is escaped, a value that is not given raises jinja2.UndefinedError.

    No value reaches a page with characters that steer a terminal or hide text.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=template.endswith(".html"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_finalize,
    )
    environment.filters |= {
        "percent": percent,
        "points": points,
        "duration": duration,
        "fence": fence,
        "inline": inline,
        "number": number,
        "coefficient": coefficient,
        "p_value": p_value,
        "unbroken": unbroken,
        "about": about,
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


def about(count: int) -> str:
    """An estimate to two digits, "320,000"."""
    return number(int(float(f"{count:.2g}")))


def coefficient(value: float | None) -> str:
    """A share or coefficient to two digits, "0.82"; a dash where there is none."""
    return "–" if value is None else f"{value:.2f}".replace("-0.00", "0.00")


def p_value(p: float | None) -> str:
    """A p value as it is written in a sentence: "p = 0.03", "p < 0.001"; "" where there is none."""
    return "" if p is None else "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def unbroken(text: str) -> str:
    """A sentence whose "k = 3" and "46 %" do not fall apart at the end of a line."""
    return re.sub(r"(?<=\d) (?=%)|(?<=\bk) (?==)|(?<=\bk =) (?=\d)", "\u00a0", text)


def duration(seconds: float) -> str:
    """Seconds as a person reads them: "0.4 s", "52 s", "3 min 07 s"."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def visible(text: str) -> str:
    """Text in which control characters, turns of direction and invisible characters show as replacement marks."""
    plain = text.replace("\r\n", "\n")
    return "".join(c if c in JOINERS or unicodedata.category(c) not in _HIDDEN else "\ufffd" for c in plain)


def fence(text: str, language: str = "text") -> str:
    """Untrusted text as a Markdown code block that it cannot leave: the fence outgrows any run of backticks inside."""
    ticks = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{ticks}{language}\n{text}\n{ticks}"


def inline(text: str) -> str:
    """Text for one Markdown line or table cell: one line, markup characters and HTML made harmless."""
    flat = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|!~$])", r"\\\1", flat)


def _finalize(value: Any) -> Any:
    """Every text but markup that a template itself declared safe, or made."""
    return visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
