"""The pytest plugin: `pytest --dragoman-provider NAME`, and fixtures. Registered as `dragoman`.

Every run of pytest loads this where Dragoman is installed, so nothing else is imported until it is
used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from dragoman.probe.conformance import Case, Conformance
    from dragoman.testing.fake import FakeProvider
    from dragoman.testing.reply import Replies
    from dragoman.testing.upstream import FaultyUpstream
    from dragoman.transport.cassette import Cassette

FOLDER = "cassettes"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("dragoman")
    group.addoption(
        "--dragoman-provider",
        action="append",
        default=[],
        metavar="NAME",
        help="run Dragoman's conformance cases over this provider; may be repeated",
    )
    group.addoption("--dragoman-model", metavar="MODEL", help="the model to try")
    group.addoption("--dragoman-config", metavar="FILE", help="the configuration to read")
    group.addoption(
        "--dragoman-record",
        action="store_true",
        help="record cassettes anew, in place of replaying them",
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Add the cases of the providers that were named."""
    for name in config.getoption("dragoman_provider"):
        items.extend(_Examined.from_parent(session, name=name, nodeid=name).collect())


class _Examined(pytest.Collector):
    """A provider that is examined."""

    def collect(self) -> list[_CaseItem]:
        """List its cases."""
        from dragoman.probe.conformance import find_cases

        return [_CaseItem.from_parent(self, name=case.name, case=case) for case in find_cases()]

    def setup(self) -> None:
        """Begin the examination."""
        import os

        from dragoman.probe.conformance import Conformance
        from dragoman.testing.conformance import find_provider

        file = self.config.getoption("dragoman_config")
        provider = find_provider(self.name, Path(file) if file else None)
        model = self.config.getoption("dragoman_model")
        self.examination: Conformance = Conformance(provider, env=os.environ, model=model)

    def teardown(self) -> None:
        """Close its connections."""
        if hasattr(self, "examination"):
            self.examination.close()


class _CaseItem(pytest.Item):
    """A case, as a test."""

    def __init__(self, *, case: Case, **rest: Any) -> None:
        super().__init__(**rest)
        self._case = case

    def runtest(self) -> None:
        """Try it."""
        from dragoman.testing.conformance import check

        assert isinstance(self.parent, _Examined)
        result = self.parent.examination.examine(self._case)
        self.user_properties.append(("dragoman", f"{result.verdict}: {result.detail}"))
        check(result)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Say where it stands: in no file."""
        name = self.parent.name if self.parent is not None else ""
        return self.config.rootpath, None, f"{name}: {self.name}"


@pytest.fixture(scope="class")
def dragoman_conformance(request: pytest.FixtureRequest) -> Iterator[Conformance]:
    """Examine the provider of a `ConformanceTests`, once for the class."""
    from dragoman.testing.conformance import examine_class

    with examine_class(request.cls) as examination:
        yield examination


@pytest.fixture
def fake_provider() -> Iterator[Callable[..., FakeProvider]]:
    """Answer without a network until the test ends: `fake = fake_provider("Hello!")`."""
    with ExitStack() as stack:

        def start(*replies: Replies) -> FakeProvider:
            from dragoman.testing.fake import FakeProvider

            return stack.enter_context(FakeProvider(*replies))

        yield start


@pytest.fixture
def faulty_upstream() -> Iterator[Callable[..., FaultyUpstream]]:
    """Start servers that end with the test: `upstream = faulty_upstream(rate_limited(), "Hi")`."""
    with ExitStack() as stack:

        def start(*replies: Replies) -> FaultyUpstream:
            from dragoman.testing.upstream import FaultyUpstream

            return stack.enter_context(FaultyUpstream(*replies))

        yield start


@pytest.fixture
def dragoman_cassette(request: pytest.FixtureRequest) -> Iterator[Cassette]:
    """Replay the test's own cassette, `cassettes/MODULE/TEST.jsonl` beside it, or record it."""
    from dragoman.testing.recording import cassette

    folder = request.path.parent / FOLDER / request.path.stem
    name = re.sub(r"[^\w.-]+", "-", request.node.name).strip("-")
    record = True if request.config.getoption("dragoman_record") else None
    with cassette(folder / f"{name}.jsonl", record=record) as tape:
        yield tape
