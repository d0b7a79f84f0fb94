"""curl, which the docs and some outputs tell people to run."""

from __future__ import annotations

import shutil

import pytest

IS_HERE = shutil.which("curl") is not None
NOT_HERE = "there is no curl on this machine (Debian's package: curl)"
needs_curl = pytest.mark.skipif(not IS_HERE, reason=NOT_HERE)
