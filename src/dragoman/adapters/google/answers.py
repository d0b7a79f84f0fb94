"""Answers read: `GenerateContentResponse`, of which a stream is a row.

Law: a signature is kept in a thought beside the part that it signs, named by that part's kind and
place (`call:0`, `text:1`, `alone`), because thoughts are what every client carries through its
history and what goes back to nobody but the model that signed.

Source: https://ai.google.dev/api/generate-content#generatecontentresponse (read 2026-11)
"""

from __future__ import annotations

from typing import Any

from dragoman.adapters.answer import Answer
from dragoman.adapters.google.errors import find_error
from dragoman.adapters.google.grounding import read_citations
from dragoman.adapters.google.model import NAME
from dragoman.types.event import FinishReason
from dragoman.types.message import Media, MediaKind, Unknown
from dragoman.types.usage import Usage
from dragoman.wire.annotations import read_logprobs
from dragoman.wire.ids import hashed_id
from dragoman.wire.json_text import encode_text
from dragoman.wire.tokens import TokenReader

FINISH_REASONS: dict[str, FinishReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "pause",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "ESCALATION": "content_filter",
    "PUP_LIMITED_DISABLED": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "MALFORMED_FUNCTION_CALL": "error",
    "MALFORMED_RESPONSE": "error",
    "UNEXPECTED_TOOL_CALL": "error",
    "TOO_MANY_TOOL_CALLS": "error",
    "MISSING_THOUGHT_SIGNATURE": "error",
    "NO_IMAGE": "other",
    "IMAGE_OTHER": "other",
    "OTHER": "other",
}
_UNSPECIFIED = frozenset({"FINISH_REASON_UNSPECIFIED", "BLOCKED_REASON_UNSPECIFIED", ""})

_BESIDE = frozenset({"thought", "thoughtSignature", "partMetadata", "videoMetadata"})
"""What stands in a part beside its one content."""


class AnswerReader:
    """Reads the pieces of one answer into `out`; a whole answer is one piece."""

    def __init__(self, out: Answer) -> None:
        self._out = out
        self._id: str | None = None
        self._count = {"text": 0, "media": 0, "call": 0}
        self._said: list[str] = []  # of the text that is being told
        self._signatures: dict[str, str] = {}  # of the thought that is being told
        self._telling = ""
        self.answered = False

    def read(self, value: Any) -> None:
        """Read one response. Raises: UpstreamError for an error in its place, ProtocolError."""
        if isinstance(value, list):
            for one in value:
                self.read(one)
            return
        if not isinstance(value, dict) or (
            "error" in value and "candidates" not in value and value["error"]
        ):
            raise find_error(value)
        out = self._out
        self._id = self._id or _text(value.get("responseId"))
        out.start(id=self._id, model=_text(value.get("modelVersion")))
        if (usage := read_usage(value.get("usageMetadata"))) is not None:
            out.usage(usage)
        feedback = _object(value.get("promptFeedback"))
        if reason := _word(feedback.get("blockReason")):
            out.finish("content_filter", raw=reason)
            if said := _text(feedback.get("blockReasonMessage")):
                out.warn(f"the prompt was blocked: {said}")
        for candidate in _objects(value.get("candidates")):
            if candidate.get("index") in (None, 0):
                self.answered = True
                self._candidate(candidate)
            else:
                out.warn("the upstream gave several answers: the first is taken")

    def _candidate(self, candidate: dict[str, Any]) -> None:
        logprobs = _logprobs(_object(candidate.get("logprobsResult")))
        behind: list[dict[str, str]] = []
        for part in _objects(_object(candidate.get("content")).get("parts")):
            logprobs = self._part(part, logprobs, behind)
        self._out.cite(*read_citations(candidate, "".join(self._said)))
        for signatures in behind:
            self._sign(signatures)
        reason = _word(candidate.get("finishReason"))
        if reason is None:
            return
        # A word that nobody knows, behind calls: they are whole, and wait for their results.
        unknown = "tool_calls" if self._count["call"] else reason
        self._out.finish(FINISH_REASONS.get(reason, unknown), raw=reason)
        if reason != "STOP" and (message := _text(candidate.get("finishMessage"))):
            self._out.warn(f"the upstream says of the ending: {message}")
        if (token := _text(candidate.get("continuationToken"))) is not None:
            self._out.meta({NAME: {"continuationToken": token}})

    def _part(
        self,
        part: dict[str, Any],
        logprobs: tuple[dict[str, Any], ...],
        behind: list[dict[str, str]],
    ) -> tuple[dict[str, Any], ...]:
        """Read a part; return the log probabilities that are still nobody's."""
        signature = _text(part.get("thoughtSignature"))
        if part.get("thought") is True:
            self._thought(part, signature)
        elif isinstance(text := part.get("text"), str):
            if text:
                self._place("text")
                self._said.append(text)
                self._out.text(text, logprobs)
                logprobs = ()
            if signature:
                place = f"text:{self._count['text'] - 1}" if text else "alone"
                behind.append({place: signature})
        elif "functionCall" in part:
            self._call(_object(part["functionCall"]), signature)
        elif (media := _media(part)) is not None:
            if signature:
                self._sign({f"media:{self._count['media']}": signature})
            self._place("media")
            self._out.part(media)
        elif any(name not in _BESIDE for name in part):
            self._place("")
            self._out.part(Unknown(NAME, encode_text(part)))
        elif signature:
            behind.append({"alone": signature})
        return logprobs

    def _thought(self, part: dict[str, Any], signature: str | None) -> None:
        text = _text(part.get("text"))
        if text:
            self._sign({}, text)
        if signature:
            self._sign({"thought": signature})
        if _media(part) is not None:
            self._out.warn("a picture among the model's thoughts is left out")

    def _call(self, call: dict[str, Any], signature: str | None) -> None:
        place = self._count["call"]
        if signature:
            self._sign({f"call:{place}": signature})
        self._place("call")
        arguments = call.get("args")
        self._out.tool_call(
            id=_text(call.get("id")) or (hashed_id(f"{self._id}/{place}") if self._id else None),
            name=_text(call.get("name")),
            arguments=arguments if isinstance(arguments, dict) else {},
        )

    def _sign(self, signatures: dict[str, str], text: str | None = None) -> None:
        """Tell a thought, or keep signatures in the one that is being told, or in one of theirs."""
        if self._telling != "reasoning":
            self._place("reasoning")
            self._signatures = {}
        self._signatures = {**self._signatures, **signatures}
        meta = {NAME: {"signatures": self._signatures}} if self._signatures else None
        self._out.reasoning(text, meta)

    def _place(self, kind: str) -> None:
        """Count a part that begins; texts that follow each other are one."""
        if kind != self._telling or kind not in ("text", "reasoning"):
            if kind in self._count:
                self._count[kind] += 1
            self._said = []
        self._telling = kind


def read_usage(value: Any) -> Usage | None:
    """Read `usageMetadata`: here thoughts, and what tools read, are beside the totals.

    Source: https://ai.google.dev/api/generate-content#UsageMetadata (read 2026-11)
    """
    if not isinstance(value, dict):
        return None
    tokens = TokenReader()
    prompt = _sum(
        tokens.count(value.get("promptTokenCount")),
        tokens.count(value.get("toolUsePromptTokenCount")),
    )
    thoughts = tokens.count(value.get("thoughtsTokenCount"))
    said = tokens.count(value.get("candidatesTokenCount"))
    return tokens.usage(
        prompt,
        _sum(said, thoughts),
        cache_read=tokens.count(value.get("cachedContentTokenCount")),
        reasoning=thoughts,
    )


def _sum(first: int | None, second: int | None) -> int | None:
    return None if first is None and second is None else (first or 0) + (second or 0)


def _media(part: dict[str, Any]) -> Media | None:
    blob, file = _object(part.get("inlineData")), _object(part.get("fileData"))
    kind = _text(blob.get("mimeType")) or _text(file.get("mimeType"))
    family = (kind or "").partition("/")[0]
    media: MediaKind = family if family in ("image", "audio", "video") else "file"  # type: ignore[assignment]
    if data := _text(blob.get("data")):
        return Media(kind=media, media_type=kind or "application/octet-stream", data=data)
    if uri := _text(file.get("fileUri")):
        return Media(kind=media, media_type=kind, url=uri)
    return None


def _logprobs(result: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """Read log probabilities in the form that `types.Text` has."""
    if not result:
        return ()
    top = [_objects(_object(step).get("candidates")) for step in _list(result.get("topCandidates"))]
    chosen = _objects(result.get("chosenCandidates"))
    tokens = [
        {**_token(one), "top_logprobs": [_token(other) for other in others]}
        for one, others in zip(chosen, top + [[]] * (len(chosen) - len(top)), strict=False)
    ]
    return tuple(dict(token) for token in read_logprobs(tokens))


def _token(candidate: dict[str, Any]) -> dict[str, Any]:
    token, number = candidate.get("token"), candidate.get("logProbability")
    return {
        "token": token if isinstance(token, str) else "",
        "logprob": float(number) if isinstance(number, int | float) else 0.0,  # 0 is left out
    }


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) and value not in _UNSPECIFIED else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in _list(value) if isinstance(one, dict)]
