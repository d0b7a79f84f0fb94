"""The models that can be asked, as OpenAI's API lists them, or as Anthropic's does."""

from __future__ import annotations

from collections.abc import Mapping

from dragoman.server.http import JSON_HEADERS, Reply, Request
from dragoman.server.snapshot import Admission
from dragoman.wire.json_text import encode


async def list_models(request: Request, reply: Reply, admission: Admission) -> None:
    """List the models of providers that can be used."""
    del request
    registry = admission.snapshot.registry
    rows = [_row(provider.name, info.id) for provider, info in registry.models()]
    await reply.send(200, JSON_HEADERS, encode({"object": "list", "data": rows}))


async def show_model(request: Request, reply: Reply, admission: Admission) -> None:
    """Show one model. Raises: UnknownModel."""
    ref = request.path.removeprefix("/v1").removeprefix("/models/")
    found = admission.snapshot.registry.resolve(ref).deployments[0]
    await reply.send(200, JSON_HEADERS, encode(_row(found.provider.name, found.model)))


def _row(provider: str, model: str) -> Mapping[str, object]:
    return {"id": f"{provider}/{model}", "object": "model", "created": 0, "owned_by": provider}
