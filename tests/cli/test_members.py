"""`dragoman members`: where the link of an invitation leads, however the gateway listens."""

from __future__ import annotations

import pytest

from tests.cli.running import Dragoman


@pytest.mark.parametrize(
    ("host", "base"),
    [
        ("127.0.0.1", "http://127.0.0.1:4400"),
        ("0.0.0.0", "http://127.0.0.1:4400"),
        ("::1", "http://[::1]:4400"),
        ("::", "http://[::1]:4400"),
    ],
)
def test_the_link_of_an_invitation_can_be_opened(dragoman: Dragoman, host: str, base: str) -> None:
    dragoman.configure(f'[server]\nhost = "{host}"\n')
    link = dragoman("members", "invite", "owner").out
    assert link.startswith(f"{base}/invitation#iv_")


def test_nobody_is_invited_to_an_address_that_is_not_known(dragoman: Dragoman) -> None:
    dragoman.configure("[server]\nport = 0\n")
    refused = dragoman("members", "invite", "owner")
    assert (refused.code, refused.out) == (2, "")
    assert "public_url" in refused.err
    assert not dragoman.database.exists()
