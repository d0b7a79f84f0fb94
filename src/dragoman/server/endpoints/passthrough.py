"""Images, audio, ranking, moderation: handed on to the provider, with the model's name there."""

from __future__ import annotations

from dragoman.engine.call import Call
from dragoman.engine.dialogue import Neighbour
from dragoman.server.admission.snapshot import Admission
from dragoman.server.endpoints.beside import Passing, Sent, begin_beside, hand_on, patient
from dragoman.server.endpoints.endpoint import Endpoint, check_coding
from dragoman.server.http.messages import Reply, Request
from dragoman.server.http.multipart import open_form
from dragoman.wire.envelope import open_envelope

JSON_PATHS = (
    "/images/generations",
    "/audio/speech",
    "/rerank",
    "/moderations",
)
FORM_PATHS = (
    "/images/edits",
    "/images/variations",
    "/audio/transcriptions",
    "/audio/translations",
)
"""Where clients send files. JSON is taken there as well: images can be named by URL."""
MEDIA_PATHS = ("/images/generations", "/images/edits", "/images/variations", "/audio/speech")
"""What is answered there is pictures or sound."""

_FORM = "multipart/form-data"


class PassThrough(Endpoint):
    """Hands requests on that nobody here understands, and measures what the answer tells."""

    def check(self, request: Request) -> None:
        """See `Endpoint.check`."""
        if self.path not in FORM_PATHS or media_type(request) != _FORM:
            super().check(request)
        else:
            check_coding(request)

    async def begin(self, body: bytes, request: Request, admission: Admission) -> Call:
        """See `Endpoint.begin`."""
        kind = "application/json"
        sent: Sent
        if self.path in FORM_PATHS and media_type(request) == _FORM:
            sent = form = open_form(body, request.headers["content-type"])
            kind = form.content_type
        else:
            sent = open_envelope(body)
        neighbour = Neighbour(self.path, content_type=kind, charged=True)
        dialogue = Passing(sent, neighbour, self.client)
        rails = dialogue.rails = admission.snapshot.outward
        if rails is not None and self.path in MEDIA_PATHS and (refused := rails.refuses_media):
            raise refused  # before it is made, and paid for
        options = patient(self.options(request))
        return begin_beside(
            admission, dialogue, sent.model, options, stream=sent.stream, heard=request.headers
        )

    async def answer(self, call: Call, reply: Reply) -> None:
        """See `Endpoint.answer`."""
        assert isinstance(call.dialogue, Passing)
        await hand_on(self, call, call.dialogue, reply)


def media_type(request: Request) -> str:
    """Say what kind a body is said to be of."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
