"""Where a request with pictures goes when a model cannot see."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from dragoman.errors import Unsupported
from dragoman.types.message import Media, Part, ToolResult
from dragoman.types.request import ChatRequest
from dragoman.types.route import Deployment


class Seeing(Protocol):
    """Whoever knows whether there are pictures."""

    @property
    def has_images(self) -> bool:
        """Whether a model must be able to see."""
        ...


def route_images(
    dialogue: Seeing, deployments: tuple[Deployment, ...], image: tuple[Deployment, ...]
) -> tuple[Deployment, ...]:
    """Choose the deployments for this request.

    With pictures: those that can see, or may (unknown abilities permit); if the first cannot, the
    image model and the steps kept for images come before the rest. Without: all but those steps.

    Raises: Unsupported when nobody can see.
    """
    if not _matters(deployments):
        return deployments
    if not dialogue.has_images:
        return tuple(d for d in deployments if d.when != "image")
    regular = [d for d in deployments if d.when != "image"]
    if regular and regular[0].sees:
        return tuple(d for d in regular if d.sees)
    special = [d for d in deployments if d.when == "image"] or list(image)
    able = tuple(_always(special)) + tuple(d for d in regular if d.sees)
    if not able:
        names = ", ".join(d.ref for d in regular)
        raise Unsupported(
            f"{names} cannot read images",
            param="messages",
            hint='name a model that can: image_model = "provider/model" at the route or at the top',
        )
    return able


def has_images(request: ChatRequest) -> bool:
    """Whether any message holds a picture, tool results included."""
    return any(_is_image(part) for message in request.messages for part in message.parts)


def _is_image(part: Part) -> bool:
    if isinstance(part, ToolResult):
        return any(_is_image(inner) for inner in part.parts)
    return isinstance(part, Media) and part.kind == "image"


def _always(deployments: Iterable[Deployment]) -> list[Deployment]:
    """Make special steps regular ones: their occasion is now."""
    from msgspec.structs import replace

    return [replace(d, when="always") for d in deployments if d.sees]


def _matters(deployments: tuple[Deployment, ...]) -> bool:
    """Whether pictures make a difference here: to find them, all of a request must be read."""
    return any(deployment.when == "image" or not deployment.sees for deployment in deployments)
