"""Hooks of MkDocs: pages that stand elsewhere in the repository, and links that lead out of docs/."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[1]
# File of the repository -> page of the site.
ELSEWHERE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    **{
        f"{path.relative_to(ROOT).as_posix()}": f"{path.parent.relative_to(ROOT).as_posix()}.md"
        for folder in ("models", "examples")
        for path in sorted(ROOT.glob(f"{folder}/*/README.md"))
    },
}
_LINK = re.compile(r"(\]\()(?!\w+:|#)([^)\s#]+)(#[^)\s]*)?\)")


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that stand elsewhere."""
    for source, page in ELSEWHERE.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Lead links to pages of the site, and to the repository where there is no such page."""
    name = page.file.src_uri
    source = next((source for source, made in ELSEWHERE.items() if made == name), f"docs/{name}")

    def lead(link: re.Match[str]) -> str:
        start, target, anchor = link[1], link[2], link[3] or ""
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        if path in ELSEWHERE:
            path = ELSEWHERE[path]
        elif path.startswith("docs/"):
            path = path.removeprefix("docs/")
        elif (ROOT / path).exists():
            return f"{start}{config.repo_url}/blob/main/{path}{anchor})"
        return f"{start}{posixpath.relpath(path, posixpath.dirname(name) or '.')}{anchor})"

    return _LINK.sub(lead, markdown)
