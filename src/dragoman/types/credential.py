"""Secrets, and where they come from."""

from __future__ import annotations

from typing import Any, Literal, NoReturn, TypeAlias

from msgspec import Struct


class Secret:
    """A text that shows itself to nobody: `repr`, `str`, JSON and pickle reveal nothing.

    Example:
        key = Secret("sk-…")
        headers["authorization"] = f"Bearer {key.reveal()}"
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself. Call this only where it goes onto the wire."""
        return self._text

    @property
    def last_four(self) -> str:
        """Enough to recognise a long secret by; nothing of a short one."""
        return self._text[-4:] if len(self._text) >= 12 else ""

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(("secret", self._text))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled")


SourceKind: TypeAlias = Literal["literal", "env", "file", "keyring", "cmd", "template", "stored"]


class CredentialSource(Struct, frozen=True):
    """Where a secret is to be found; resolved only when its provider is used.

    `literal`: `value` is the Secret itself. `env`: a variable's name; `optional` then means that an
    unset one is passed over. `file`: a path, absolute. `keyring`: a name. `cmd`: a command line.
    `template`: text with `${VAR}` and `${VAR:-default}`. `stored`: the credential store's name.
    `place` tells people where this was written.
    """

    kind: SourceKind
    value: Any  # Secret for `literal` and `template`, else str
    place: str | None = None
    optional: bool = False

    def __str__(self) -> str:
        """The reference as it was written; a literal is never shown."""
        if self.kind == "literal":
            return "(configured directly)"
        if self.kind == "template":
            return _masked_template(self.value.reveal())
        return f"{self.kind}:{self.value}"


def _masked_template(text: str) -> str:
    """Show a template when it is nothing but a reference, else only that there is one."""
    whole = text.startswith("${") and text.endswith("}") and text.count("${") == 1
    return text.split(":-", 1)[0].rstrip("}") + "}" if whole else "(configured directly)"


class Credential(Struct, frozen=True):
    """A resolved secret. `label` names it in records and never reveals it."""

    secret: Secret
    label: str
