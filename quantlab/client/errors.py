"""What a lab refused, for a notebook."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


class LabError(Exception):
    """What the lab refused, and what to do about it.

    Attributes
    ----------
    status : int
        Of HTTP; 0 if no lab answered.
    code, message, advice : str
    fields : dict of str to str
        What is wrong with each value that was sent.
    """

    def __init__(self, status: int, error: Mapping[str, Any]) -> None:
        self.status = status
        self.code = str(error.get("code") or "unknown")
        self.message = str(error.get("message") or "The lab gave no reason.")
        self.advice = str(error.get("advice") or "")
        wrong = (error.get("details") or {}).get("errors") or []
        self.fields = {one["field"]: one["message"] for one in wrong if "field" in one}
        super().__init__(" ".join(filter(None, (self.message, self.advice))))


def error_in(content: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(content)["error"]
    except (ValueError, KeyError, TypeError):
        return {"message": "What answers there is no lab."}
    return found if isinstance(found, Mapping) else {}
