"""/api/config: config.txt as a form, checked before it counts, with its difference, an audit row a line, and undo."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request

from mine_controller.api import form
from mine_controller.api.asks import Ascii, Problem
from mine_controller.api.bodies import Because, Edits, Line
from mine_controller.api.changes import Row, admin, changed, given_itself, rows_of
from mine_controller.api.reads import site_of
from mine_controller.api.writes import WHY, Wait
from mine_controller.config.edit import (
    EditError,
    changes,
    diff,
    edited_text,
    is_secret,
    previous,
    problem_lines,
    swap,
    undo,
)
from mine_controller.config.lines import decode, read
from mine_controller.config.load import build_config
from mine_controller.config.model import ConfigError
from mine_controller.config.source import Source, read_source, sha

router = APIRouter(prefix="/api/config", tags=["config"])


def _source(request: Request) -> Source:
    """config.txt as it lies there, also a broken one: this is where it is mended. Problem 503."""
    try:
        return read_source(site_of(request).path)
    except ConfigError as error:
        raise Problem(503, "config.txt can't be read", problems=problem_lines(error.problems)) from None


@router.get("", summary="config.txt as a form")
def get_config(request: Request) -> Ascii:
    """Role admin. Each written section with its options; of a secret only that it is written."""
    admin(request)
    source = _source(request)
    made = _judged(source, source.config)
    made |= {"sha": sha(source), "sections": form.form(read(decode(source.config)[0])), "kinds": form.kinds()}
    return Ascii(made | {"can_undo": previous(source.path).exists()})


@router.get("/sections/{title}", summary="One section as a form, written or not")
def get_section(request: Request, title: Line) -> Ascii:
    """Role admin. `title` as it stands in brackets: "temperature", "redfish pdu2"."""
    admin(request)
    try:
        return Ascii(form.section(read(decode(_source(request).config)[0]), " ".join(title.split())))
    except KeyError:
        raise Problem(404, f"nothing is called {title.partition(' ')[0][:40]!r}") from None


@router.post("/check", summary="What these lines would change, and whether it would check")
def check(request: Request, body: Edits) -> Ascii:
    """Role admin. Nothing is written."""
    admin(request)
    source = _source(request)
    try:
        after = _edited(source, body)
    except EditError as error:
        raise Problem(409, str(error)) from None
    made = _judged(source, after) | {"diff": list(diff(source.config, after))}
    return Ascii(made | {"changed": [_named(row) for row in rows_of(changes(source.config, after))]})


@router.patch("", summary="Write lines of config.txt", status_code=202)
def patch_config(request: Request, body: Edits, wait: Wait = False) -> Ascii:
    """Role admin. All of them or none; the text before is kept for undo."""
    admin(request)
    source = _source(request)

    def change() -> Sequence[Row]:
        after = _edited(source, body)
        if after != source.config:
            build_config(source._replace(config=after), {})
            swap(source, after)
        return rows_of(changes(source.config, after))

    return changed(request, change, body.reason or WHY, wait=wait)


@router.post("/undo", summary="The text before the last change; once more is redo", status_code=202)
def undo_config(request: Request, body: Because | None = None, wait: Wait = False) -> Ascii:
    """Role admin. As `minectl config undo`."""
    path, why = site_of(request).path, (body.reason if body is not None else "") or WHY
    return changed(request, lambda: rows_of(undo(path)), f"undone: {why}", wait=wait)


def _edited(source: Source, body: Edits) -> bytes:
    """The text with these lines. EditError: made on another config, or not to be done from here."""
    if body.sha != sha(source):
        raise EditError("config.txt or fleet.csv was changed meanwhile: load the form again")
    wanted = [(" ".join(one.section.split()), " ".join(one.option.split()), one.value) for one in body.changes]
    for title, option, value in wanted:
        if value is not None and form.here_only(title, option):
            raise EditError(f"{title}.{option} names a file of the controller: `minectl config set` there changes it")
        if value is not None and is_secret(title, option):
            given_itself(value)
    return edited_text(source.config, wanted)


def _judged(source: Source, text: bytes) -> dict[str, Any]:
    """Whether a text checks, with every problem or note."""
    try:
        config = build_config(source._replace(config=text), {})
    except ConfigError as error:
        return {"ok": False, "problems": problem_lines(error.problems), "notes": []}
    return {"ok": True, "problems": [], "notes": problem_lines(config.notes)}


def _named(row: Row) -> dict[str, str]:
    return dict(zip(("what", "old", "new"), row, strict=True))
