"""Text completions, as they were before there were messages: for models that have no template.

Source: https://platform.openai.com/docs/api-reference/completions (read 2026-11)
"""

from __future__ import annotations

from dragoman.engine.call import Call
from dragoman.engine.dialogue import Neighbour
from dragoman.server.admission.snapshot import Admission
from dragoman.server.endpoints.beside import Passing, begin_beside, hand_on
from dragoman.server.endpoints.endpoint import Endpoint
from dragoman.server.http.messages import Reply, Request
from dragoman.wire.envelope import open_envelope

PATH = "/completions"


class TextCompletions(Endpoint):
    """Relays text completions to providers that have them, streamed or not."""

    async def begin(self, body: bytes, request: Request, admission: Admission) -> Call:
        """See `Endpoint.begin`."""
        envelope = open_envelope(body)
        neighbour = Neighbour(PATH, countable=True, lengths=("max_tokens",))
        dialogue = Passing(envelope, neighbour, self.client, events_end=True)
        dialogue.rails = admission.snapshot.outward
        return begin_beside(
            admission,
            dialogue,
            envelope.model,
            self.options(request),
            stream=envelope.stream,
            heard=request.headers,
        )

    async def answer(self, call: Call, reply: Reply) -> None:
        """See `Endpoint.answer`."""
        assert isinstance(call.dialogue, Passing)
        await hand_on(self, call, call.dialogue, reply)
