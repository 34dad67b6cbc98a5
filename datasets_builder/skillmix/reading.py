"""Reads the text out of an author's reply; ``read_marks`` stands in reading_marks.py and is handed on from here.

Example: ``**Revised text:** The hive hums like a choir. Explanation: ...`` holds ``The hive hums like a choir.``
"""

import json
import re

from datasets_builder.skillmix.reading_marks import read_marks, without_thoughts

__all__ = ["read_marks", "read_text", "refuses"]

MAX_REFUSAL = 800  # characters; who goes on for longer has written something

_DECOR = r"[\s>#*_]*"
_NOUN = r"(?:text|answer|passage|version|revision|revised|response|output|paragraph|rewrite)"
_OWN = r"(?:(?:final|revised|new|updated|improved|edited|rewritten|shortened|my|the|your)\s+)*"
_BEGIN = re.compile(
    rf"^{_DECOR}{_OWN}{_NOUN}(?:\s*\([^)\n]*\))?\s*[*_]*\s*[:\uff1a][*_ \t]*"  # Text: | **Revised text (2 sentences):**
    rf"|^(?:#+\s*|\*\*){_OWN}{_NOUN}[*_ \t]*$"  # ## Revised text
    r"|^(?:sure|certainly|of course|okay|ok|absolutely|here(?:['’]s| is| are)|below is)\b[^\n]{0,160}:[*_ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_AFTERWORD = (
    r"(?:explanations?|rationale|analysis|justification|commentary|comments?|notes?|breakdown|reasoning"
    r"|(?:skills?|devices?|techniques?|changes|revisions?)(?: (?:shown|used|included|made|explained|explanation))?"
    r"|how (?:the|each|it|this|these)\b[^\n:]{0,60}|why (?:the|each|it|this)\b[^\n:]{0,60}"
    r"|(?:original|previous|first) (?:text|version|draft|passage)|(?:word|sentence) count)"
)
_END = re.compile(
    rf"^{_DECOR}\(?{_AFTERWORD}\s*[*_]*\s*[:\uff1a]"
    rf"|^(?:#+\s*|\*\*){_AFTERWORD}[*_ \t]*$"
    r"|^\s*(?:-{3,}|\*{3,}|_{3,})\s*$"
    r"|\n\s*\n\s*(?=[-*•]\s|\d[.)]\s)"  # a list below the text tells where its skills are
    r"|\n\s*\n\s*(?=(?:in )?(?:this|the) (?:revised |final |above |new )?(?:text|passage|version|revision|paragraph)\b)"
    r"|\n\s*\n\s*(?=(?:i hope|i have|i['’]ve|let me know|feel free|would you like|please let)\b)"
    r"|(?<=[.!?…\"”'’*])\s+\**(?:Explanation|Rationale)\**\s*:",
    re.IGNORECASE | re.MULTILINE,
)
_FENCED = re.compile(r"```[\w-]*[ \t]*\n(.*?)\n?[ \t]*```", re.DOTALL)
_TAGGED = re.compile(r"<(text|answer|passage)>(.*?)</\1>", re.DOTALL | re.IGNORECASE)
_BLANK = " \t\r\n\u200b\u200c\u2060\ufeff"  # what strip() leaves has no width
_PAIRS = (("“", "”"), ('"', '"'), ("«", "»"), ("**", "**"), ("*", "*"), ("`", "`"))
_THIS = r"(?:this|that|such|your|these|the (?:requested|text|passage|request)|(?:an?y? )?(?:text|passage|content))\b"
_REFUSAL = re.compile(
    r"^[\s*_#]*(?:(?:i(?:['’]m| am) )?(?:(?:very|so|really|truly) )?sorry[,.;:!—–-]*\s*(?:but\s+)?"
    r"|(?:my |i )?apolog\w+[^.\n]{0,40}[,.]\s*(?:but\s+)?|unfortunately,?\s*|no[,.]\s*"
    r"|as an? (?:ai|language model)[^.\n]{0,60}?,\s*)*"
    r"(?:i(?:['’]m| am)? (?:can(?:no|['’])t|can not|won['’]t|will not|not able to|unable to"
    r"|not comfortable|don['’]t feel comfortable|do not feel comfortable)\s+(?:\w+ ){0,2}?"
    rf"(?:(?:help|assist)(?:ing)?(?: you)?(?:\s+with\b|\s*[.,!]|\s*$)|comply|fulfil|do (?:that|this)\b"
    rf"|(?:writ|creat|generat|produc|compos|provid|complet|revis|continu|answer|respond)\w*\s+(?:to |with )?{_THIS})"
    r"|i (?:must|have to|need to) (?:respectfully )?(?:decline|refuse)\b"
    r"|(?:this|your|the) request (?:violates|goes against))",
    re.IGNORECASE,
)


def read_text(reply: str | None) -> str | None:
    """The text in an author's reply, or None where there is none: an empty reply, or a refusal.

    It is what stands after the last heading such as "Text:" and before the explanation, without fences and enclosing
    quotation marks. A reply without any heading is the text as a whole.
    """
    if refuses(reply):
        return None
    body = without_thoughts(reply or "").replace("\r\n", "\n").strip()
    tagged = _TAGGED.findall(body)
    body = tagged[-1][1] if tagged else _from_json(body) or _between_headings(body)
    text = _unwrap(body)
    empty = _BEGIN.fullmatch(text) or not any(char.isalnum() for char in text)  # a heading with nothing below it
    return None if empty else text


def refuses(reply: str | None) -> bool:
    """Whether the author declines to write, instead of writing."""
    body = without_thoughts(reply or "").strip()
    return len(body) <= MAX_REFUSAL and bool(_REFUSAL.match(body)) and not _BEGIN.search(body)


def _between_headings(body: str) -> str:
    """After the last heading that announces a text, before the first one that explains it."""
    begins = [match.end() for match in _BEGIN.finditer(body) if body[match.end() :].strip()]
    text = body[begins[-1] if begins else 0 :].strip()
    fenced = _FENCED.match(text) or (None if begins else _FENCED.search(text))
    if fenced:
        return fenced[1]
    text = re.sub(r"^\s*(?:-{3,}|\*{3,})\s*\n", "", text)
    ends = [match.start() for match in _END.finditer(text) if text[: match.start()].strip()]
    return text[: ends[0]] if ends else text


def _from_json(body: str) -> str | None:
    """The text in ``{"text": "..."}``, which some models answer to any request."""
    fenced = _FENCED.fullmatch(body)
    try:
        content = json.loads(fenced[1] if fenced else body)
    except (ValueError, RecursionError):
        return None
    found = [value for key, value in content.items() if _BEGIN.match(f"{key}:")] if isinstance(content, dict) else []
    return found[-1] if found and isinstance(found[-1], str) else None


def _unwrap(text: str) -> str:
    """Without the quotation marks, emphasis or quote prefix around the whole of it."""
    lines = [line.strip() for line in text.strip(_BLANK).splitlines()]
    if lines and all(line.startswith(">") for line in lines if line):
        lines = [line.removeprefix(">").strip() for line in lines]
    text = "\n".join(lines).strip()
    for opening, closing in _PAIRS:
        inner = text[len(opening) : -len(closing)]
        wrapped = len(text) >= len(opening + closing) and text.startswith(opening) and text.endswith(closing)
        if wrapped and opening not in inner and closing not in inner:
            return _unwrap(inner)
    return text
