"""No card goes out with a gap: a blank of a template, or of its author, stops it."""

import re

from datasets_builder.preflight_card import PLACEHOLDERS
from datasets_builder.skillmix.errors import UsageError

FENCED = re.compile(r"^(`{3,})\w*\n.*?^\1$", re.DOTALL | re.MULTILINE)


def require_complete(card: str) -> str:
    """The card, with no run of blank lines.

    Raises:
        UsageError: A placeholder stands in it, outside the fenced texts, which are data.
    """
    if found := PLACEHOLDERS.search(FENCED.sub("", card).replace("\\", "")):
        raise UsageError(f"the card holds the placeholder {found[0]!r}; take it out of what the card is made of")
    return re.sub(r"\n{3,}", "\n\n", card).strip() + "\n"
