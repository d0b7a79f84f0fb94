"""Adapters that are described instead of programmed: a file in TOML or JSON, no code.

file        the description's tables, checked; everything that is wrong, with its place
template    what is sent: JSON with placeholders, and `scope`, what they stand for
json_path   where something stands in an answer, and `reading`, which puts it together
classes     the adapter's class that all of it makes
"""

from __future__ import annotations

from dragoman.adapters.described.classes import describe, describe_file

__all__ = ["describe", "describe_file"]
