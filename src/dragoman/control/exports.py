"""`/organisations/{org}/export`: what an organisation has set up, as a configuration file."""

from __future__ import annotations

from litestar import Response, get
from litestar.openapi.datastructures import ResponseSpec

from dragoman.organisations.desk import Desk
from dragoman.organisations.export import export_organisation
from dragoman.organisations.organisations import Organisation

MEDIA_TYPE = "application/toml"


@get(
    "/organisations/{org:str}/export",
    opt={"least": "admin"},
    responses={
        200: ResponseSpec(
            str, generate_examples=False, media_type=MEDIA_TYPE, description="A file in TOML"
        )
    },
    sync_to_thread=True,
)
def export_set_up(desk: Desk, organisation: Organisation) -> Response[str]:
    """Write the organisation's providers, routes and guardrails as a configuration file.

    Tokens stay: the file names the variable that each is read from.
    """
    with desk.read() as connection:
        text = export_organisation(connection, organisation)
    name = f'attachment; filename="{organisation.name}.toml"'
    return Response(text, media_type=MEDIA_TYPE, headers={"content-disposition": name})


HANDLERS = (export_set_up,)
