"""Configuration: files, variables and calls, merged into one immutable Config."""

from __future__ import annotations

from dragoman.config.config import Config, LoadedFile
from dragoman.config.layers import load
from dragoman.config.secrets import Secrets, key_variable

__all__ = ["Config", "LoadedFile", "Secrets", "key_variable", "load"]
