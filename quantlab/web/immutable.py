"""A file that never changes: its hash is its ETag, and parts of it may be asked for."""

from __future__ import annotations

import re

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.http import content_disposition_header, parse_etags

from quantlab.web.problem import Problem

YEAR_S = 31_536_000
# Twenty digits and more are no size of a file.
ONE_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})")


def immutable_file(
    request: HttpRequest, content: bytes, *, sha256: str, media_type: str, name: str
) -> HttpResponseBase:
    """Answer 200, 206 for one range, 304 for a known ETag, 416 beyond the end.

    Several ranges at once and units other than bytes are ignored, as HTTP allows.
    """
    etag = f'"{sha256}"'
    headers = {
        "ETag": etag,
        "Cache-Control": f"private, max-age={YEAR_S}, immutable",
        "Accept-Ranges": "bytes",
        # Compressed on the way it would be other bytes than those of the hash.
        "Content-Encoding": "identity",
    }
    known = parse_etags(request.headers.get("If-None-Match", ""))
    if "*" in known or etag in [one.removeprefix("W/") for one in known]:
        return HttpResponse(status=304, headers=headers)
    headers["Content-Disposition"] = content_disposition_header(True, name) or ""
    wanted = _wanted(request, etag)
    if wanted is None:
        return HttpResponse(content, content_type=media_type, headers=headers)
    part = _part(*wanted, size=len(content))
    if not part:
        return _beyond(len(content))
    place = f"bytes {part.start}-{part.stop - 1}/{len(content)}"
    return HttpResponse(
        content[part.start : part.stop],
        status=206,
        content_type=media_type,
        headers=headers | {"Content-Range": place},
    )


def _wanted(request: HttpRequest, etag: str) -> tuple[str, str] | None:
    """Return first and last place as they were asked for; None for the whole file."""
    found = ONE_RANGE.fullmatch(request.headers.get("Range", "").strip())
    if not found or request.headers.get("If-Range", etag) != etag:
        return None
    first, last = found.groups()
    is_backwards = bool(first and last) and int(last) < int(first)
    return None if is_backwards or not (first or last) else (first, last)


def _part(first: str, last: str, *, size: int) -> range:
    """Return the places in the file; an empty range when there are none."""
    if not first:  # the last so many bytes
        return range(max(size - int(last), 0), size)
    end = min(int(last) + 1, size) if last else size
    return range(int(first), end)


def _beyond(size: int) -> JsonResponse:
    problem = Problem(
        status=416,
        code="range_not_satisfiable",
        message="The range lies beyond the end of the file.",
        advice=f"The file has {size} bytes.",
    )
    headers = {"Content-Range": f"bytes */{size}"}
    return JsonResponse(problem.document(), status=416, headers=headers)
