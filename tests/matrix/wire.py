"""Passes on what comes to an address to the same ports of loopback: `python -m tests.matrix.wire ADDRESS PORT…`."""

import asyncio
import sys
from contextlib import suppress


async def main(address: str, ports: list[int]) -> None:
    """Until it is killed."""
    for port in ports:
        await asyncio.start_server(lambda there, back, port=port: _join(there, back, port), address, port)
    print("ready", flush=True)
    await asyncio.Event().wait()


async def _join(there: asyncio.StreamReader, back: asyncio.StreamWriter, port: int) -> None:
    here, on = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.gather(_pass_on(there, on), _pass_on(here, back))


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    with suppress(ConnectionError):
        target.close()
        await target.wait_closed()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], [int(port) for port in sys.argv[2:]]))
