"""Reads a URDF file as XML text, in the encoding that it declares; expands xacro if a xacro package is installed."""

from __future__ import annotations

import codecs
import re
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

from world_model_ros.core.errors import UserError

HINT = "the output of `xacro FILE`, or what the topic robot_description carries"
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([\w.:-]+)["']""")
_DECLARATION = re.compile(r"^\s*<\?xml.*?\?>", re.DOTALL)
_SUBSTITUTED = re.compile(r"\$\{|\$\((?:find|arg|eval|env|optenv|anon|dirname|cwd)\b")
_PREFIX = re.compile(r"<xacro:\w")  # also where nothing declares the prefix


def urdf_text(path: Path) -> str:
    """The XML of a URDF file, without a declaration. A xacro file is expanded with its default arguments.

    Raises:
        UserError: no such file, bytes that are no text in the encoding that its first line declares, no XML, or xacro
            that cannot be expanded here.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError("urdf", str(path), f"a URDF file ({error.strerror})") from error
    text = _DECLARATION.sub("", _decoded(data, path)).strip()
    try:
        mark = _left(ElementTree.fromstring(text))
    except (ElementTree.ParseError, ValueError) as error:
        if _PREFIX.search(text) is None:
            raise UserError(f"urdf: {path}", str(error), f"a URDF: {HINT}") from error
        mark = "<xacro:"
    return text if mark is None else _expanded(path, mark)


def _decoded(data: bytes, path: Path) -> str:
    declared = _DECLARED.match(data)
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    encoding = encoding or (declared[1].decode() if declared else "utf-8")
    try:
        return data.decode(encoding)
    except LookupError as error:
        legal = "an encoding that Python knows, such as UTF-8"
        raise UserError(f"urdf: {path}", f"encoding {encoding}", legal) from error
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        legal = f"{encoding} text" + (
            "" if declared else """; a file in another encoding says so first: <?xml version="1.0" encoding="..."?>"""
        )
        raise UserError(f"urdf: {path}", f"byte 0x{data[error.start]:02x} in line {line}", legal) from error


def _left(root: ElementTree.Element) -> str | None:
    """What of a tree only xacro understands, the first such thing; its namespace goes by several addresses."""
    for each in root.iter():
        namespace, _, tag = str(each.tag).rpartition("}")
        if "xacro" in namespace.lower():
            return f"<xacro:{tag}>"
        for value in each.attrib.values():
            if _SUBSTITUTED.search(value):
                return value
    return None


def _expanded(path: Path, mark: str) -> str:
    """What the package xacro makes of a file that has ``mark`` in it; ROS has one, pip has `xacro` and `xacrodoc`."""
    name = next((each for each in ("xacro", "xacrodoc") if find_spec(each) is not None), None)
    if name is None:
        raise UserError(
            f"urdf: {path}",
            f"{mark}, which is xacro",
            f"a plain URDF, {HINT}; or the package xacro here: pip install xacro",
        )
    try:
        if name == "xacro":
            import xacro

            text = str(xacro.process_file(str(path)).toxml())
        else:
            from xacrodoc import XacroDoc

            text = str(XacroDoc.from_file(str(path)).to_urdf_string())
    except (Exception, SystemExit) as error:  # whatever a macro does
        what = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"urdf: {path}", f"{mark}: xacro: {what}", f"a file that xacro can expand, or {HINT}"
        ) from error
    text = _DECLARATION.sub("", text).strip()
    left = _left(ElementTree.fromstring(text))
    if left is not None:
        raise UserError(f"urdf: {path}", f"{left} is left after xacro", f"a plain URDF: {HINT}")
    return text
