"""When a request has come in: once the other end's TCP has acknowledged it (RFC 9293, 3.8)."""

from __future__ import annotations

import asyncio
import fcntl
import socket
import struct
import sys
import termios
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2

_PORTS = {"http": 80, "https": 443}
_FIRST_S, _SHARE = 0.001, 0.05  # between two looks: so long, or that share of the time so far


class Arrivals:
    """The connections of a client to one server, and what is on its way there.

    Nothing is known of a connection to a proxy, which acknowledges what it has yet to pass on, and
    of systems that do not tell.
    """

    def __init__(self, base_url: httpx2.URL) -> None:
        self._address = (
            base_url.raw_host.decode("ascii"),
            base_url.port or _PORTS[base_url.scheme],
        )
        self._sockets: list[socket.socket] = []

    @asynccontextmanager
    async def watch(self, came: Callable[[], None]) -> AsyncIterator[dict[str, Any]]:
        """The extensions of one request, which is sent within the block.

        ``came`` is called when the server's host has all of it, if that is known before the end.
        """
        looking: asyncio.Task[None] | None = None
        is_ours = False

        async def trace(event: str, told: dict[str, Any]) -> None:
            nonlocal looking, is_ours
            if event == "connection.connect_tcp.started":
                is_ours = (told["host"], told["port"]) == self._address
            elif event == "connection.connect_tcp.complete" and is_ours:
                self._sockets.append(told["return_value"].get_extra_info("socket"))
            elif event == "http11.send_request_body.complete" and self._sockets:
                looking = asyncio.ensure_future(self._look(came))

        try:
            yield {"trace": trace} if sys.platform == "linux" else {}
        finally:
            if looking is not None and not looking.cancel():
                looking.result()

    async def _look(self, came: Callable[[], None]) -> None:
        """Wait until all that had been sent by now is there.

        Which connection a request took nobody tells; it is one of those that wait for
        acknowledgements now, or has got its own already. What is sent later has another answer to
        wait for.
        """
        began = time.monotonic()
        self._sockets = [one for one in self._sockets if one.fileno() >= 0]
        waiting = [one for one in self._sockets if _is_on_its_way(one)]
        while waiting:
            await asyncio.sleep(max(_FIRST_S, (time.monotonic() - began) * _SHARE))
            waiting = [one for one in waiting if _is_on_its_way(one)]
        came()


def _is_on_its_way(connection: socket.socket) -> bool:
    """Whether bytes are not acknowledged yet (``SIOCOUTQ``, tcp(7)); not of what is closed."""
    if connection.fileno() < 0:
        return False
    told = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4))
    return bool(struct.unpack("i", told)[0])
