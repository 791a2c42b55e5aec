"""/docs: the paths of the service as one page, made from its own OpenAPI document; no script, no other host."""

from collections.abc import Iterable
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

STYLE = """\
:root{color-scheme:light dark;--line:#8886;--quiet:#666}
@media(prefers-color-scheme:dark){:root{--quiet:#aaa}}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1rem;overflow-wrap:anywhere}
h1,h2{line-height:1.2}details{border:1px solid var(--line);border-radius:.4rem;margin:.4rem 0;padding:.4rem .8rem}
summary{cursor:pointer}code,pre{font:14px/1.4 ui-monospace,monospace}pre{overflow:auto}
.verb{display:inline-block;min-width:4.2rem;font-weight:700}.quiet{color:var(--quiet)}
table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid var(--line);padding:.2rem .5rem;text-align:left;
vertical-align:top}
"""
INTRO = """\
<p>Reading is open on this machine unless the service asks for a token. Whatever changes something needs
<code>Authorization: Bearer TOKEN</code> (<code>minectl tokens add NAME</code>), only files a request, and answers 202
with its number; a tick starts at once and judges it. With <code>?wait=1</code> the answer waits for that tick:
200 done, 409 refused. Errors are <code>{"error": "one sentence"}</code>.
The document for programs is <a href="/openapi.json">openapi.json</a>.</p>
<pre>curl -X POST -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \\
  -d '{"value": "off", "for_s": 1800, "reason": "drill"}' http://127.0.0.1:5000/api/debug/power-signal?wait=1</pre>
"""
router = APIRouter(include_in_schema=False)
Tree = dict[str, Any]


@router.get("/docs")
def get_docs(request: Request) -> HTMLResponse:
    """The page."""
    return HTMLResponse(page(request.app.openapi()))


@router.get("/docs/style.css")
def get_style() -> Response:
    """Its looks."""
    return Response(STYLE, media_type="text/css")


def page(tree: Tree) -> str:
    """The page of an OpenAPI document."""
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>minectl over HTTP</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<link rel="icon" href="/icon.svg" type="image/svg+xml">'
        '<link rel="stylesheet" href="/docs/style.css"></head><body><main>'
    )
    title = f'<h1>{escape(tree["info"]["title"])} <span class="quiet">{escape(tree["info"]["version"])}</span></h1>'
    return f"{head}{title}{INTRO}{''.join(_groups(tree))}</main></body></html>"


def _groups(tree: Tree) -> Iterable[str]:
    groups: dict[str, list[str]] = {}
    for path, verbs in tree["paths"].items():
        for verb, about in verbs.items():
            groups.setdefault(about.get("tags", ["other"])[0], []).append(_path(tree, path, verb, about))
    for name, parts in groups.items():
        yield f"<section><h2>{escape(name)}</h2>{''.join(parts)}</section>"


def _path(tree: Tree, path: str, verb: str, about: Tree) -> str:
    fields = [*_parameters(tree, about), *_body(tree, about)]
    rows = "".join(f"<tr><td><code>{one}</code></td><td>{kind}</td><td>{told}</td></tr>" for one, kind, told in fields)
    table = f"<table><tr><th>field</th><th>type</th><th>about</th></tr>{rows}</table>" if rows else ""
    told = escape(about.get("description", ""))
    return (
        f'<details><summary><span class="verb">{escape(verb.upper())}</span> <code>{escape(path)}</code> '
        f'<span class="quiet">{escape(about.get("summary", ""))}</span></summary><p>{told}</p>{table}</details>'
    )


def _parameters(tree: Tree, about: Tree) -> Iterable[tuple[str, str, str]]:
    for one in about.get("parameters", ()):
        told = one.get("description", "") + (" (needed)" if one.get("required") else "")
        yield escape(f"{one['name']} ({one['in']})"), escape(_kind(tree, one["schema"])), escape(told)


def _body(tree: Tree, about: Tree) -> Iterable[tuple[str, str, str]]:
    content = about.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    schema = _found(tree, next((one for one in content.get("anyOf", ()) if "$ref" in one), content))
    for name, one in schema.get("properties", {}).items():
        told = one.get("description", "") + (" (needed)" if name in schema.get("required", ()) else "")
        yield escape(name), escape(_kind(tree, one)), escape(told)


def _found(tree: Tree, schema: Tree) -> Tree:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: Tree = tree["components"]["schemas"][name] if name else schema
    return found


def _kind(tree: Tree, schema: Tree) -> str:
    """In one or a few words."""
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_kind(tree, one) for one in schema["anyOf"] if one.get("type") != "null"))
    if "$ref" in schema:
        return ", ".join(_found(tree, schema).get("properties", {}))
    kind = str(schema.get("type", "any"))
    return f"list of {_kind(tree, schema['items'])}" if kind == "array" and "items" in schema else kind
