"""Licences by their SPDX names, such as CC-BY-4.0: checked in recipes, and as the Hub wants them in a card's header."""

import re
from collections.abc import Collection
from typing import Annotated

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from pydantic import AfterValidator

DEFAULT = "CC-BY-4.0"
HUB = {  # SPDX -> the name on the Hub, for what data is given away under; anything else is "other" there
    "CC0-1.0": "cc0-1.0",
    "CC-BY-3.0": "cc-by-3.0",
    "CC-BY-4.0": "cc-by-4.0",
    "CC-BY-SA-3.0": "cc-by-sa-3.0",
    "CC-BY-SA-4.0": "cc-by-sa-4.0",
    "CC-BY-NC-4.0": "cc-by-nc-4.0",
    "CC-BY-NC-SA-4.0": "cc-by-nc-sa-4.0",
    "CC-BY-ND-4.0": "cc-by-nd-4.0",
    "CC-BY-NC-ND-4.0": "cc-by-nc-nd-4.0",
    "CDLA-Permissive-1.0": "cdla-permissive-1.0",
    "CDLA-Permissive-2.0": "cdla-permissive-2.0",
    "CDLA-Sharing-1.0": "cdla-sharing-1.0",
    "ODC-By-1.0": "odc-by",
    "ODbL-1.0": "odbl",
    "PDDL-1.0": "pddl",
    "Apache-2.0": "apache-2.0",
    "MIT": "mit",
}


def check_licence(name: str) -> str:
    """The name as SPDX spells it, for any case; ValueError for what is none, or for several joined by AND or OR."""
    try:
        if not re.fullmatch(r"[\w.+-]+", name):
            raise InvalidLicenseExpression
        return canonicalize_license_expression(name)
    except InvalidLicenseExpression:
        raise ValueError(f"no licence that SPDX knows, such as {DEFAULT} or CC0-1.0") from None


Licence = Annotated[str, AfterValidator(check_licence)]


def header_of_licences(names: Collection[str]) -> dict[str, str]:
    """The keys of a card's header; a header names one licence, so of several it sends the reader to the rows."""
    if len(names) > 1:
        return {
            "license": "other",
            "license_name": "several",
            "license_details": f"{', '.join(sorted(names))}; the column licence has that of each row",
        }
    (name,) = names
    if name in HUB:
        return {"license": HUB[name]}
    link = f"https://spdx.org/licenses/{name}.html"
    return {"license": "other", "license_name": name.lower(), "license_link": link}
