"""A page as a file: made at once or not at all."""

from pathlib import Path
from uuid import uuid4


def write_page(path: Path, page: str) -> None:
    """Write *page* to *path*, in the place of what was there; raises `OSError`."""
    draft = path.with_name(f".{path.name}-{uuid4().hex[:8]}")
    try:
        draft.write_text(page, encoding="utf-8", newline="\n")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
