"""The TLS handshake of a client's connection."""

from __future__ import annotations

import trio


async def shake_hands(stream: trio.SSLStream[trio.SocketStream]) -> None:
    """Do the handshake, and close the stream if that fails. Raises what `do_handshake` does.

    Otherwise the socket stays open until the stream is collected, which may take long where
    somebody keeps the error.
    """
    try:
        await stream.do_handshake()
    except BaseException:
        with trio.CancelScope(shield=True):
            await trio.aclose_forcefully(stream)
        raise
