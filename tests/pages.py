"""Pages and regions as a browser asks for them, without one."""

from __future__ import annotations

import re


def page(client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


def region(client, address: str, name: str):
    """Ask as htmx does for the region with this id."""
    headers = {"HX-Request": "true", "HX-Target": name}
    return client.get(address, headers=headers)


def polls(html: str, name: str) -> bool:
    """Return whether the region with this id asks again by itself."""
    [opening] = re.findall(rf'(?s)<\w+ id="{name}".*?>', html)
    return "every" in opening
