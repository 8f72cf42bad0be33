# SPDX-License-Identifier: MIT
"""WebSocket clients: what any program that echoes is asked, and how to run it."""
import asyncio
import os

import websockets

import wire


def run(coroutine):
    """Runs it to its end, within the deadline of all tests."""
    return asyncio.run(asyncio.wait_for(coroutine, wire.DEADLINE))


def connect(url, **more):
    """A client that has no keep-alive of its own, so that only what a test sends goes over the connection."""
    return websockets.connect(url, **{"ping_interval": None, "max_size": None, **more})


async def echoes(url, messages, **more):
    """Sends each message and waits for its echo."""
    async with connect(url, **more) as client:
        for message in messages:
            await client.send(message)
            answer = await client.recv()
            assert answer == message, (str(message)[:80], str(answer)[:80], len(message), len(answer))


async def echoes_at_once(url, clients, messages):
    """So many clients, each with so many messages of its own under way."""
    async def one(number):
        async with connect(url) as client:
            sent = [f"{number} {index} " + "x" * (index * 97 % 5000) for index in range(messages)]
            await asyncio.gather(*(client.send(message) for message in sent))
            assert [await client.recv() for _ in sent] == sent
    await asyncio.gather(*(one(number) for number in range(clients)))


async def is_answered_to_pings(url):
    async with connect(url) as client:
        for payload in (b"", b"abc", os.urandom(125)):
            await (await client.ping(payload))


async def closing(url, message=None, code=1000, reason=""):
    """(code, reason) with which a connection ends: as a message asks the other side to, or as we begin it."""
    async with connect(url) as client:
        if message is not None:
            await client.send(message)
            await client.wait_closed()
        else:
            await client.close(code, reason)
        return client.close_code, client.close_reason


async def refused(url, **more):
    """The status with which a handshake is refused."""
    try:
        async with connect(url, **more):
            return 101
    except websockets.exceptions.InvalidHandshake as failure:
        response = getattr(failure, "response", failure)
        return response.status_code
