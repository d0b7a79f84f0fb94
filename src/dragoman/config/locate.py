"""Where keys stand in configuration files: see `dragoman.document.locate`."""

from __future__ import annotations

from dragoman.document.locate import Index, Key, locate

__all__ = ["Index", "Key", "locate"]
