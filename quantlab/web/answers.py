"""What answers of the API are made of, where a list has hundreds of them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Out(BaseModel):
    """A part of an answer, read from a document or an object as it is.

    Ninja's `Schema` looks each field up in Python, for templates' sake and that of
    related rows; of a page of runs that was a third of the time.
    """

    model_config = ConfigDict(from_attributes=True)
