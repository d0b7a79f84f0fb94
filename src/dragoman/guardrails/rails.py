"""Guardrails, compiled: what they do to a request, and to an answer as it comes."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from msgspec.structs import replace

from dragoman.errors import ConfigError, GuardrailBlocked, ProtocolError
from dragoman.guardrails.body import rewrite_answer, rewrite_fields
from dragoman.guardrails.check import Check, compile_guardrail
from dragoman.guardrails.json_text import JsonText, Looking
from dragoman.guardrails.window import Window
from dragoman.types.guardrail import Direction, Finding, Guardrail

UNSEEN = "media"
"""What was found where nobody could look."""
GRACE_S = 0.05
PER_CHARACTER_S = 2e-6
"""The CPU that all patterns that are hurried may take together: so much, and more with the text.
Fifty usual ones take a tenth of it."""


class Blocked(NamedTuple):
    """Why something was refused."""

    rule: Guardrail
    what: str
    where: Direction

    @property
    def error(self) -> GuardrailBlocked:
        """Say it, without what was found."""
        side = "request" if self.where == "in" else "answer"
        return GuardrailBlocked(
            f"the guardrail '{self.rule.name}' refused the {side}: {self.what}",
            hint="whoever runs the gateway can say what it is for",
        )


class Inspected(NamedTuple):
    """What became of a request: the fields that changed, what was found, whether it is refused."""

    changed: Mapping[str, Any]
    findings: Sequence[Finding]
    blocked: Blocked | None


class Rails:
    """An organisation's guardrails, in their order. Raises: ConfigError that names the guardrail.

    `fingerprint` changes with what answers they let through.

    Example:
        rails = Rails([Guardrail(name="keys", kind="secrets")])
        rails.inspect({"messages": [{"role": "user", "content": "sk-…"}]}).changed
    """

    def __init__(self, rules: Iterable[Guardrail]) -> None:
        checks = [compile_guardrail(rule) for rule in rules]
        names = [check.rule.name for check in checks]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ConfigError(f"guardrail '{twice}' stands twice", hint="Rename one.")
        self._in = tuple(check for check in checks if "in" in check.rule.where)
        self._out = tuple(check for check in checks if "out" in check.rule.where)
        self.fingerprint = repr([replace(check.rule, place=None) for check in checks])

    @property
    def looks_in(self) -> bool:
        """Whether requests are looked at."""
        return bool(self._in)

    @property
    def looks_out(self) -> bool:
        """Whether answers are looked at."""
        return bool(self._out)

    @property
    def refuses_media(self) -> GuardrailBlocked | None:
        """Say why answers that cannot be looked at are refused; None: they are not."""
        screen = self.screen()
        screen.unseen()
        return None if screen.blocked is None else screen.blocked.error

    def inspect(self, fields: Mapping[str, Any], *, files: bool = False) -> Inspected:
        """Look at the fields of a request, whatever its language. `files`: it has some, too."""
        line = _Line(self._in, "in")
        if files:
            line.unseen()
        changed = rewrite_fields(fields, line)
        return Inspected({} if line.blocked else changed, line.findings, line.blocked)

    def screen(self) -> Screen:
        """Start looking at an answer."""
        return Screen(self._out)

    def any_screen(self) -> Screen:
        """Start looking at a text, whichever way it goes."""
        return Screen((*self._out, *(check for check in self._in if check not in self._out)))


def too_deep() -> ProtocolError:
    """Make the error that says why an answer cannot be looked at."""
    return ProtocolError("the answer is nested too deep for guardrails to look at")


class Screen:
    """Looks at one answer: several texts, told apart by `key`, each of which may come in pieces.

    Once `blocked` is set nothing more comes out.
    """

    def __init__(self, checks: Sequence[Check]) -> None:
        self._line = _Line(checks, "out")
        self._open: dict[Hashable, Looking] = {}

    @property
    def blocked(self) -> Blocked | None:
        """Why the answer is refused."""
        return self._line.blocked

    @property
    def findings(self) -> Sequence[Finding]:
        """What has been found so far."""
        return self._line.findings

    def feed(self, key: Hashable, text: str, *, json: bool = False) -> str:
        """Take a piece of a text, give out what may go out; `json` says that the text is JSON."""
        if self.blocked is not None:
            return ""
        if key not in self._open:
            self._open[key] = self._line.json() if json else self._line.text()
        return self._open[key].feed(text)

    def close(self, key: Hashable) -> str:
        """Say that a text has ended; give out its rest."""
        looking = self._open.pop(key, None)
        return "" if looking is None or self.blocked is not None else looking.close()

    def whole(self, text: str, *, json: bool = False) -> str:
        """Look at a text that comes in one piece."""
        return self._line.whole_json(text) if json else self._line.whole(text)

    def answer(self, value: Any) -> Any:
        """Look at an answer of any endpoint, in JSON; the very same object if nothing changed.

        Raises: ProtocolError for one that is too deep: what nobody has looked at goes nowhere.
        """
        try:
            return rewrite_answer(value, self._line)
        except RecursionError:
            raise too_deep() from None

    def beside(self, value: Any) -> Any:
        """Look at what stands beside a text, and mostly repeats it: nothing is counted twice.

        Raises: ProtocolError; see `answer`.
        """
        if not value:
            return value
        self._line.repeats = True
        try:
            return self.answer(value)
        finally:
            self._line.repeats = False

    def unseen(self) -> None:
        """Take note of something that cannot be looked at."""
        self._line.unseen()


class _Denied(Exception):
    """A match that ends everything."""


class _Line:
    """All checks of one direction, one behind the other, and what they found.

    While it `repeats`, what is found is counted where it was not before.
    """

    repeats = False

    def __init__(self, checks: Sequence[Check], where: Direction) -> None:
        self._checks = checks
        self._where = where
        self._counts: dict[tuple[int, str], int] = {}
        self._limits = [
            (number, limit)
            for number, check in enumerate(checks)
            if (limit := check.limit_bytes) is not None
        ]
        self._size = 0
        self._left_s = GRACE_S
        self.blocked: Blocked | None = None

    @property
    def findings(self) -> list[Finding]:
        found = []
        for (number, what), count in sorted(self._counts.items()):
            rule = self._checks[number].rule
            action = "deny" if what == UNSEEN else rule.action
            found.append(Finding(rule.name, self._where, action, what, count, rule.mode))
        return found

    def windows(self) -> list[Window]:
        return [
            Window(
                pattern,
                partial(self._met, number, pattern.label),
                partial(self._spent, number) if check.rule.hurried else None,
            )
            for number, check in enumerate(self._checks)
            for pattern in check.patterns
        ]

    def unseen(self) -> None:
        """Take note of what cannot be looked at: strict guardrails refuse it."""
        for number, check in enumerate(self._checks):
            if check.rule.strict:
                self._count(number, UNSEEN)
                if check.rule.mode == "enforce" and self.blocked is None:
                    what = "it holds what cannot be looked at: media, files or tokens"
                    self.blocked = Blocked(check.rule, what, self._where)

    def text(self) -> Looking:
        """Begin a text."""
        return _Text(self)

    def json(self) -> Looking:
        """Begin a text that is JSON."""
        return JsonText(self.text, lambda: self.blocked is not None)

    def whole(self, text: str) -> str:
        looking = self.text()
        return looking.feed(text) + looking.close()

    def whole_json(self, text: str) -> str:
        """Look at a text that is JSON; the very same text when nothing was found in it."""
        before = self._counts.copy()
        looking = self.json()
        said = looking.feed(text) + looking.close()
        return text if self._counts == before and self.blocked is None else said

    def push(self, windows: Sequence[Window], text: str) -> str:
        if self.blocked is not None:
            return ""
        if not text.isascii():  # half a character is none, and the engine takes no such text
            text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        self._left_s += len(text) * PER_CHARACTER_S
        fitting, too_long = self._measure(text)
        out = self._through(windows, fitting, 0)
        self.blocked = self.blocked or too_long
        return out

    def finish(self, windows: Sequence[Window]) -> str:
        out = []
        for at, window in enumerate(windows):
            if self.blocked is not None:
                break
            try:
                rest = window.close()
            except _Denied:
                rest = window.before
            out.append(self._through(windows, rest, at + 1))
        return "".join(out)

    def _through(self, windows: Sequence[Window], text: str, first: int) -> str:
        """Pass text through the windows; what stands before a refused match still goes out."""
        for window in windows[first:]:
            try:
                text = window.feed(text)
            except _Denied:
                text = window.before
        return text

    def _met(self, number: int, what: str) -> str | None:
        """Note a match, and say what is to stand instead."""
        rule = self._checks[number].rule
        self._count(number, what)
        if rule.mode == "shadow":
            return None
        if rule.action == "deny":
            # Of what one piece holds, the check that comes last sees what stands before the others.
            self.blocked = Blocked(rule, f"it holds a {what}", self._where)
            raise _Denied
        return f"[{what} removed]" if rule.replacement is None else rule.replacement

    def _spent(self, number: int, seconds: float) -> bool:
        """Note how long it took to look; False, or a refusal, when there is no time for more."""
        self._left_s -= seconds
        if self._left_s >= 0:
            return True
        rule = self._checks[number].rule
        if seconds:
            self._count(number, "text that takes too long")
        if rule.mode == "shadow":
            return False
        self.blocked = Blocked(rule, "its patterns take too long to be looked for", self._where)
        raise _Denied

    def _measure(self, text: str) -> tuple[str, Blocked | None]:
        """Count what comes: how much of it may pass, and why the rest may not."""
        if not self._limits or self.repeats:
            return text, None
        data = text.encode("utf-8", "replace")
        before, self._size = self._size, self._size + len(data)
        fitting, blocked = len(data), None
        for number, limit in self._limits:
            if not before <= limit < self._size:
                continue
            rule = self._checks[number].rule
            self._count(number, "text that is too long")
            if rule.mode == "enforce" and limit - before < fitting:
                fitting = limit - before
                blocked = Blocked(rule, f"it is longer than {limit} bytes", self._where)
        return data[:fitting].decode("utf-8", "ignore"), blocked

    def _count(self, number: int, what: str) -> None:
        count = self._counts.get((number, what), 0)
        self._counts[number, what] = max(count, 1) if self.repeats else count + 1


class _Text:
    """One text on its way past all checks."""

    def __init__(self, line: _Line) -> None:
        self._line = line
        self._windows = line.windows()

    def feed(self, text: str) -> str:
        return self._line.push(self._windows, text)

    def close(self) -> str:
        return self._line.finish(self._windows)
