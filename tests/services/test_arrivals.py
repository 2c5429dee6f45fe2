"""When requests have come in, by what the kernel knows of real connections."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import httpx2
import pytest

from synthdata.services import arrivals
from synthdata.services.arrivals import Arrivals

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
#: What a server does with a connection before it reads a request, and after that.
Do = Callable[[list[str]], Awaitable[object]]


async def nothing(_: list[str]) -> None:
    pass


async def known(told: list[str]) -> None:
    """Wait until it is known that the request has come in."""
    while not told or told[-1] != "came":
        await asyncio.sleep(0.001)


async def exchange(sizes: list[int], before: Do, after: Do, proxied: bool = False) -> list[str]:
    """What is told, in order, of requests with bodies of these sizes on one connection."""
    loop, told = asyncio.get_running_loop(), list[str]()
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.setblocking(False)

        async def serve() -> None:
            connection, _ = await loop.sock_accept(listening)
            with connection:
                for size in sizes:
                    await before(told)
                    data = b""
                    while len(data.partition(b"\r\n\r\n")[2]) < size:
                        data += await loop.sock_recv(connection, 1 << 16)
                    await after(told)
                    told.append("answered")
                    await loop.sock_sendall(connection, ANSWER)

        here = f"http://127.0.0.1:{listening.getsockname()[1]}"
        url, proxy = ("http://there.example", here) if proxied else (here, None)
        serving = asyncio.ensure_future(serve())
        async with httpx2.AsyncClient(proxy=proxy, trust_env=False, timeout=60) as client:
            watched = Arrivals(httpx2.URL(url))
            for size in sizes:
                async with watched.watch(lambda: told.append("came")) as extensions:
                    await client.post(url, content=bytes(size), extensions=extensions)
        await serving
    return told


def test_it_is_known_before_the_reply_on_connections_new_and_old() -> None:
    """The server answers only after that."""
    told = asyncio.run(exchange([100, 100, 100], nothing, known))
    assert told == ["came", "answered"] * 3


def test_what_a_server_has_no_room_for_has_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """A megabyte, of which it reads nothing until the client has looked twenty times."""
    look = arrivals._is_on_its_way
    found: list[bool] = []

    def counted(connection: socket.socket) -> bool:
        found.append(look(connection))
        return found[-1]

    async def late(told: list[str]) -> None:
        while len(found) < 20:
            await asyncio.sleep(0.001)
        assert told == []
        assert all(found)

    monkeypatch.setattr(arrivals, "_is_on_its_way", counted)
    assert asyncio.run(exchange([1 << 20], late, known)) == ["came", "answered"]


def test_what_a_proxy_has_is_not_known_to_be_there() -> None:
    async def while_(told: list[str]) -> None:
        for _ in range(20):
            await asyncio.sleep(0.001)

    assert asyncio.run(exchange([100, 100], nothing, while_, proxied=True)) == ["answered"] * 2
