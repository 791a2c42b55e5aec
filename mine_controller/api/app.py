"""The service put together: paths, the guard around them, and what each failure is answered with."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException

from mine_controller import __version__
from mine_controller.api import bandset, debug, docs, pages, reads, search, settings, strategy, writes
from mine_controller.api.asks import Ascii, Desk, Problem
from mine_controller.api.guard import SAFE, STOP, Guard, Terms
from mine_controller.api.pages import Pages
from mine_controller.api.search import Jobs, Start
from mine_controller.api.site import Site
from mine_controller.config.edit import problem_lines
from mine_controller.config.model import ConfigError
from mine_controller.ops.profiles import ProfileError
from mine_controller.store.db import StoreTrouble

ABOUT = "Reads what the last tick left, and files requests that the next tick judges. No path reaches a device."
ANSWERS = {
    "401": "no valid token",
    "403": "the token is not enough, or a page of another place asks",
    "404": "nobody, or nothing, is called that",
    "409": "refused, with the reason",
    "421": "the Host is no name of this machine",
    "422": "what was sent is not understood",
    "429": "too often; Retry-After says when again",
    "503": "the database or the config can't be read",
}


def create(
    path: Path, terms: Terms, *, now: Callable[[], float] = time.monotonic, searching: Start | None = None
) -> Guard:
    """The ASGI application for the site of this config.txt, with the pages of its www/ at /. ConfigError."""
    site = Site(path)
    app = FastAPI(
        title="minectl", version=__version__, description=ABOUT, docs_url=None, redoc_url=None, lifespan=_lifespan,
        default_response_class=Ascii,
    )  # fmt: skip
    for part in (reads.router, writes.router, debug.router, strategy.router, bandset.router, settings.router):
        app.include_router(part)
    for part in (search.router, reads.watch, docs.router, pages.router):
        app.include_router(part)
    app.mount("/", Pages(directory=site.config().paths.www, html=True, check_dir=False))
    guard = Guard(app, site, terms, now)
    app.state.site, app.state.desk, app.state.jobs, app.state.guard = site, Desk(site), Jobs(searching), guard
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    _answer_failures(app)
    return guard


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    app.state.jobs.end()
    await app.state.guard.denials.tell_rest(over=True)


def _openapi(app: FastAPI) -> dict[str, Any]:
    """The document, with the token and the failures that every path shares."""
    if app.openapi_schema is None:
        tree = get_openapi(title=app.title, version=app.version, description=ABOUT, routes=app.routes)
        schemes = {"token": {"type": "http", "scheme": "bearer"}}
        tree.setdefault("components", {})["securitySchemes"] = schemes
        for verbs in tree["paths"].values():
            for verb, about in verbs.items():
                if verb.upper() not in SAFE:
                    about["security"] = [{"token": []}]
                about["responses"] |= {code: {"description": told} for code, told in ANSWERS.items()}
        app.openapi_schema = tree
    return app.openapi_schema


def _answer_failures(app: FastAPI) -> None:
    """One sentence each; nothing that was sent is sent back."""

    @app.exception_handler(Problem)
    def problem(_: Request, error: Problem) -> Ascii:
        return Ascii(error.body, error.status)

    @app.exception_handler(RequestValidationError)
    def misread(request: Request, error: RequestValidationError) -> Ascii:
        if request.url.path == STOP:
            return debug.stopped(request, debug.said_with(error.body))
        wrong = [{"where": ".".join(str(part) for part in one["loc"]), "what": one["msg"]} for one in error.errors()]
        told = "what was sent is not understood"
        if isinstance(error.body, bytes):  # curl -d calls everything a form
            told += ": a body is JSON, and is called so by Content-Type: application/json"
        return Ascii({"error": told, "problems": wrong[:20]}, 422)

    @app.exception_handler(HTTPException)
    def unknown(request: Request, error: HTTPException) -> Ascii:
        if (request.url.path, error.status_code) == (STOP, 400):  # a body that is no text, or nested without end
            return debug.stopped(request, "")
        return Ascii({"error": str(error.detail)}, error.status_code, dict(error.headers or {}))

    @app.exception_handler(StoreTrouble)
    def no_store(_: Request, error: StoreTrouble) -> Ascii:
        return Ascii({"error": f"{error.text}; `minectl doctor` tells what helps"}, 503)

    @app.exception_handler(ConfigError)
    def no_config(_: Request, error: ConfigError) -> Ascii:
        told = problem_lines(error.problems)
        return Ascii({"error": "config.txt is broken, and no last good one is kept", "problems": told}, 503)

    @app.exception_handler(ProfileError)
    def no_profiles(_: Request, error: ProfileError) -> Ascii:
        return Ascii({"error": str(error)}, 503)
