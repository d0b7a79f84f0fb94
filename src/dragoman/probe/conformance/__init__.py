"""Whether a provider does what callers count on: one list of cases, each tried by asking it.

    for result in Conformance(provider, env=os.environ, model="m1").run():
        print(result.name, result.verdict, result.detail)

Law: nothing is needed but a `Provider`, asked through `Client` as any caller would. So built-in
providers, a table of the user's and an adapter are examined alike, and the command line and the
pytest plugin run the same cases.
"""

from __future__ import annotations

from dragoman.probe.conformance.badge import badge_line, badge_svg
from dragoman.probe.conformance.case import VERDICTS, Case, Result, Verdict
from dragoman.probe.conformance.cases import CASES, find_cases
from dragoman.probe.conformance.report import Report
from dragoman.probe.conformance.run import Conformance

__all__ = [
    "CASES",
    "VERDICTS",
    "Case",
    "Conformance",
    "Report",
    "Result",
    "Verdict",
    "badge_line",
    "badge_svg",
    "find_cases",
]
