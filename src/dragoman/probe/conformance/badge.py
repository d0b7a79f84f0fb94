"""A badge for a page: how many cases passed, as a small picture and as a line of Markdown."""

from __future__ import annotations

from html import escape

from dragoman.probe.conformance.report import Report

_LABEL = "dragoman"
_COLORS = {"good": "#3a7d34", "fair": "#9a6700", "poor": "#b02a30"}
"""White text on each has a contrast of at least 4.5 (WCAG 2.2, 1.4.3)."""
_CHARACTER = 6.6
_MARGIN = 12
_HEIGHT = 20


def badge_svg(report: Report) -> str:
    """Draw the badge: an SVG that loads nothing from anywhere."""
    words = _words(report)
    left = round(len(_LABEL) * _CHARACTER) + _MARGIN
    right = round(len(words) * _CHARACTER) + _MARGIN
    title = escape(f"{report.provider}: {_sentence(report)}")
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="{_HEIGHT}" role="img" \
aria-label="{title}">
<title>{title}</title>
<rect width="{left + right}" height="{_HEIGHT}" rx="3" fill="{_COLORS[_grade(report)]}"/>
<path d="M3 0h{left - 3}v{_HEIGHT}H3a3 3 0 0 1-3-3V3a3 3 0 0 1 3-3z" fill="#444"/>
<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">
<text x="{left / 2:g}" y="14">{_LABEL}</text>
<text x="{left + right / 2:g}" y="14">{escape(words)}</text>
</g>
</svg>
"""


def badge_line(report: Report, file: str) -> str:
    """Write the Markdown that shows the badge; `file` is where the picture is."""
    text = f"{report.provider}: {_sentence(report)}"
    for mark in "\\[]":
        text = text.replace(mark, f"\\{mark}")
    target = file if file.isascii() and not set(file) & set(" ()<>") else f"<{file}>"
    return f"![{text}]({target})"


def _words(report: Report) -> str:
    return f"{report.passed}/{report.total} passed"


def _sentence(report: Report) -> str:
    rest = "" if report.complete else ", broken off"
    return f"{report.passed} of {report.total} conformance cases passed{rest}"


def _grade(report: Report) -> str:
    if not report.ok:
        return "poor"
    return "good" if report.passed == report.total and report.complete else "fair"
