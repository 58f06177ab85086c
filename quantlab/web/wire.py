"""HTTP as it comes over the wire: read in C, and a head of it has an end."""

from __future__ import annotations

from asyncio import TimerHandle
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

HEAD_BYTES = 1 << 16  # of the address and all headers
HEAD_S = 20.0  # until the last of them is there


class LabProtocol(HttpToolsProtocol):
    """Uvicorn's protocol on httptools, which alone would read a head without end.

    Who sends more is told so; who sends nothing is left, so that many of them cannot
    keep others out.
    """

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._read = 0  # bytes of a head that is not whole
        self._heads = 0  # that were whole
        self._is_in_head = True
        self._patience: TimerHandle | None = None
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        began_in_head, heads = self._is_in_head, self._heads
        super().data_received(data)
        if began_in_head and heads == self._heads:
            self._read += len(data)
            if self._read > HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._wait()

    def on_headers_complete(self) -> None:
        said = sum(len(name) + len(value) for name, value in self.headers)
        self._read = max(self._read, len(self.url) + said)
        if self._read > HEAD_BYTES:
            raise ValueError("The head is too large.")
        self._stop_waiting()
        self._is_in_head = False
        self._heads += 1
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._is_in_head, self._read = True, 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Say that the head is no HTTP, or that it is too large."""
        if self._read <= HEAD_BYTES:
            super().send_400_response(msg)
            return
        text = b"Address and headers may take 64 kB; send what is long as a body."
        about = b"content-type: text/plain; charset=utf-8\r\nconnection: close\r\n"
        length = b"content-length: %d\r\n\r\n" % len(text)
        self.transport.write(STATUS_LINE[431] + about + length + text)
        self.transport.close()

    def _wait(self) -> None:
        self._stop_waiting()
        self._patience = self.loop.call_later(HEAD_S, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
