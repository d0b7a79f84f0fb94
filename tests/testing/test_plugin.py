"""The pytest plugin in a project of somebody else's: a folder and a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from dragoman.probe.conformance import find_cases
from tests.probe.conformance.examined import DEFECTS, KEY, conforming
from tests.upstream.answers import chat
from tests.upstream.fault import FaultUpstream

Upstream = Callable[..., FaultUpstream]

COUNT = len(find_cases())


@dataclass
class Project:
    """A folder with tests; `run` runs pytest there, with no settings of ours."""

    folder: Path

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run(self, *arguments: str, **variables: str) -> tuple[int, str]:
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "UP_KEY": KEY,
            "PYTHONWARNINGS": "error",
            **variables,
        }
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
            cwd=self.folder,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout.decode()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    found = Project(tmp_path)
    found.write("pytest.ini", "[pytest]\nfilterwarnings = error\n")
    return found


def configure(project: Project, server: FaultUpstream) -> None:
    project.write(
        ".config/dragoman/config.toml",
        f'[providers.acme]\nbase_url = "{server.base_url}"\n'
        'api_key = "env:UP_KEY"\ndefault_model = "m1"\n',
    )


def counts(output: str) -> dict[str, int]:
    last = output.strip().splitlines()[-1]
    return {word: int(n) for n, word in re.findall(r"(\d+) (passed|failed|skipped|error)", last)}


# -------------------------------------------------------------------------- named on the line


def test_each_case_is_a_test_of_the_provider_that_is_named(
    project: Project, upstream: Upstream
) -> None:
    configure(project, upstream(conforming()))
    code, output = project.run("--dragoman-provider", "acme", "-v")
    assert (code, counts(output)) == (0, {"passed": COUNT})
    assert "acme::streamed_tools PASSED" in output


def test_case_that_fails_says_what_was_expected_and_seen(
    project: Project, upstream: Upstream
) -> None:
    configure(project, upstream(conforming(DEFECTS["two calls with one id"][0])))
    code, output = project.run("--dragoman-provider", "acme", "--dragoman-model", "m1")
    assert (code, counts(output)) == (1, {"failed": 1, "passed": COUNT - 1})
    assert "Two calls come in one answer, each with an id of its own." in output
    assert "Seen: two calls have the same id" in output
    assert "plugin.py" not in output


def test_what_is_not_offered_is_skipped_with_its_reason(
    project: Project, upstream: Upstream
) -> None:
    configure(project, upstream(conforming(DEFECTS["stop refused"][0])))
    code, output = project.run("--dragoman-provider", "acme", "-rs")
    assert (code, counts(output)) == (0, {"passed": COUNT - 1, "skipped": 1})
    assert "unsupported: 400: that is not supported" in output


def test_provider_that_is_not_there_is_said_plainly(project: Project) -> None:
    code, output = project.run("--dragoman-provider", "nobody")
    assert code == 1
    assert "there is no provider 'nobody'" in output
    assert "Fix: dragoman providers list" in output
    assert "conformance.py" not in output


def test_cases_stand_beside_a_projects_own_tests(project: Project, upstream: Upstream) -> None:
    configure(project, upstream(conforming()))
    project.write("test_own.py", "def test_own():\n    pass\n")
    code, output = project.run("--dragoman-provider", "acme", "--dragoman-provider", "demo")
    assert code == 1  # the demo's default model calls no function
    assert counts(output)["passed"] > COUNT + 10
    code, output = project.run()
    assert (code, counts(output)) == (0, {"passed": 1})


# --------------------------------------------------------------------------- the base class

SUITE = """
from dragoman.testing import ConformanceTests

class TestAcme(ConformanceTests):
    provider = {{"base_url": "{url}", "api_key": "env:UP_KEY"}}
    model = "m1"
    {more}
"""


def test_base_class_runs_every_case_in_the_authors_own_tests(
    project: Project, upstream: Upstream
) -> None:
    server = upstream(conforming())
    project.write("test_acme.py", SUITE.format(url=server.base_url, more='supports = {"tools"}'))
    code, output = project.run("-v")
    assert (code, counts(output)) == (0, {"passed": COUNT + 1})
    assert "test_acme.py::TestAcme::test_conforms[streamed_tools] PASSED" in output


def test_what_a_class_says_it_supports_must_be_passed(project: Project, upstream: Upstream) -> None:
    server = upstream(conforming(DEFECTS["stop refused"][0]))
    project.write("test_acme.py", SUITE.format(url=server.base_url, more='supports = {"stop"}'))
    code, output = project.run()
    assert (code, counts(output)) == (1, {"failed": 1, "passed": COUNT})
    assert "A stop sequence ends the answer" in output


def test_class_may_choose_its_cases_and_a_wrong_name_is_told(
    project: Project, upstream: Upstream
) -> None:
    server = upstream(conforming())
    more = 'cases = {"chat", "stream"}'
    project.write("test_acme.py", SUITE.format(url=server.base_url, more=more))
    code, output = project.run()
    assert (code, counts(output)) == (0, {"passed": 3, "skipped": COUNT - 2})
    project.write("test_acme.py", SUITE.format(url=server.base_url, more='supports = {"tolls"}'))
    code, output = project.run()
    assert code == 1
    assert "there are no such cases: ['tolls']" in output


# --------------------------------------------------------------------------------- fixtures


def test_fixtures_answer_without_a_network(project: Project) -> None:
    project.write(
        "test_greeting.py",
        """
import dragoman

def test_fake(fake_provider):
    fake = fake_provider("Hello!")
    assert dragoman.chat("demo/echo", "hi").text == "Hello!"
    assert len(fake.asked) == 1

def test_server(faulty_upstream):
    upstream = faulty_upstream("Hello!")
    assert dragoman.chat("m", "hi", base_url=upstream.base_url).text == "Hello!"

def test_fake_is_gone():
    assert dragoman.chat("demo/echo", "hi").text == "hi"
""",
    )
    assert project.run()[0] == 0


def test_cassette_of_a_test_stands_beside_it(project: Project, upstream: Upstream) -> None:
    server = upstream(chat("Hello!"))
    configure(project, server)
    project.write(
        "tests/test_greeting.py",
        """
import dragoman

def test_greets(dragoman_cassette):
    assert dragoman.chat("acme", "hi").text == "Hello!"
""",
    )
    assert project.run()[0] == 0
    assert project.run()[0] == 0
    assert project.run(CI="true")[0] == 0
    assert len(server.requests) == 1
    file = project.folder / "tests/cassettes/test_greeting/test_greets.jsonl"
    assert KEY not in file.read_text()
    assert project.run("--dragoman-record")[0] == 0
    assert len(server.requests) == 2
    assert len(file.read_text().splitlines()) == 1


def test_plugin_that_nobody_uses_loads_nothing_of_ours(project: Project) -> None:
    project.write(
        "test_light.py",
        """
import sys

def test_light():
    loaded = {name for name in sys.modules if name.startswith("dragoman")}
    assert loaded == {"dragoman", "dragoman.testing", "dragoman.testing.plugin"}
""",
    )
    code, output = project.run()
    assert code == 0, output
