"""What a notebook sends: values as JSON, a file as a form."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import pandas as pd

JSON = "application/json"


def as_json(body: Mapping[str, Any]) -> bytes:
    """Return a body whose numbers and times may be those of numpy and pandas."""
    return json.dumps(body, default=_plain).encode()


def _plain(value: Any) -> Any:
    for way in ("isoformat", "tolist"):
        if hasattr(value, way):
            return getattr(value, way)()
    raise TypeError(f"{value!r} cannot be sent: it is no number, text, time or list.")


def as_form(fields: Mapping[str, Any], name: str, content: bytes) -> tuple[bytes, str]:
    """Return a form with a file, and its content type."""
    edge = secrets.token_hex(16)
    parts = [
        f'Content-Disposition: form-data; name="{field}"\r\n\r\n{_text(value)}'.encode()
        for field, value in fields.items()
        if value is not None
    ]
    head = f'Content-Disposition: form-data; name="file"; filename="{name}"'
    kind = "Content-Type: application/octet-stream"
    parts.append(f"{head}\r\n{kind}\r\n\r\n".encode() + content)
    begun = [f"--{edge}\r\n".encode() + part + b"\r\n" for part in parts]
    body = b"".join(begun) + f"--{edge}--\r\n".encode()
    return body, f"multipart/form-data; boundary={edge}"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, Mapping) else str(value)


def as_parquet(frame: pd.DataFrame) -> bytes:
    """Return a table of bars; times in its index become a column."""
    if isinstance(frame.index, pd.DatetimeIndex):
        frame = frame.rename_axis("datetime").reset_index()
    file = BytesIO()
    frame.to_parquet(file, index=False)
    return file.getvalue()
