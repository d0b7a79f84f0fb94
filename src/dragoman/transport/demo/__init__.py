"""The demo provider: a transport for `demo:` URLs that answers by itself, without network.

It takes the HTTP requests and gives the bytes of the `openai-completions` format, so that the real
parser, the retries and the timers run. It is deterministic: the same requests to a new transport
give the same bytes. No model is behind it, and its answers say so where they could be mistaken.

    from dragoman.transport.demo import DemoTransport

    transport = DemoTransport(sleep=lambda seconds: None)   # answers at once
"""

from __future__ import annotations

from dragoman.transport.demo.transport import AsyncDemoTransport, DemoTransport

__all__ = ["AsyncDemoTransport", "DemoTransport"]
