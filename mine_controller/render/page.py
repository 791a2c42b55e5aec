"""The page as text: templates filled with a view. jinja2 with autoescape always on and its byte code kept."""

import os
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mine_controller.render.files import found, mark

if TYPE_CHECKING:
    from jinja2 import BytecodeCache, Environment

SHA256_BYTES = 32


def render(shown: dict[str, Any], own: Path | None = None, kept: Path | None = None, name: str = "index.html") -> str:
    """The page `name` for a view. `own`: the owner's templates, looked at first. `kept`: folder for byte code.

    A jinja2.TemplateError says what is wrong with a template of the owner.
    """
    folders = [str(folder) for folder in (own, found("templates")) if folder is not None and folder.is_dir()]
    return _environment(tuple(folders), str(kept) if kept is not None else "").get_template(name).render(shown)


@cache
def _environment(folders: tuple[str, ...], kept: str) -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - heavy, and a tick may not draw

    made = Environment(
        loader=FileSystemLoader(folders),
        autoescape=True,
        undefined=StrictUndefined,
        bytecode_cache=_byte_code(kept),
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    www = found("www")  # what the service lays over the pages, where this installation has it
    made.globals |= {"service": (www / "service.js").is_file(), "service_style": (www / "service.css").is_file()}
    made.globals["mark"] = mark(www)
    return made


def _byte_code(kept: str) -> "BytecodeCache | None":
    """A cache of compiled templates, or None where its folder isn't ours alone: the page is then compiled each time."""
    if not kept:
        return None
    try:
        Path(kept).mkdir(mode=0o700, parents=True, exist_ok=True)
        about = Path(kept).stat()
    except OSError:
        return None
    if about.st_uid != os.geteuid() or about.st_mode & 0o022 or not os.access(kept, os.W_OK):
        return None  # byte code is run: only what nobody else could have put there
    return _cache(Path(kept))


def _cache(folder: Path) -> "BytecodeCache":
    """Byte code in files, each behind its hash: the library runs, or stumbles over, what a power cut left half written
    or another version of it made, and doesn't draw where the disk takes no file."""
    from jinja2 import compiler  # noqa: PLC0415 - see `_environment`
    from jinja2.bccache import Bucket, BytecodeCache  # noqa: PLC0415 - the same

    about = Path(compiler.__file__).stat()
    maker = f"{about.st_size} {about.st_mtime_ns} ".encode()

    class Hashed(BytecodeCache):
        def load_bytecode(self, bucket: Bucket) -> None:
            with suppress(OSError):  # none yet
                raw = _file(bucket).read_bytes()
                if sha256(maker + raw[SHA256_BYTES:]).digest() == raw[:SHA256_BYTES]:
                    bucket.bytecode_from_string(raw[SHA256_BYTES:])

        def dump_bytecode(self, bucket: Bucket) -> None:
            code = bucket.bytecode_to_string()
            draft = _file(bucket).with_suffix(".draft")
            try:
                draft.write_bytes(sha256(maker + code).digest() + code)
                draft.replace(_file(bucket))
            except OSError:  # it is compiled again next time
                with suppress(OSError):
                    draft.unlink()

    def _file(bucket: Bucket) -> Path:
        return folder / f"{bucket.key}.code"

    return Hashed()
