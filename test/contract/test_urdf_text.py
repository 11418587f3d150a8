"""A URDF file is text in the encoding that it declares; xacro is expanded, or named where it cannot be."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from world_model_ros.contract.urdf import text as module
from world_model_ros.contract.urdf.description import read_description
from world_model_ros.contract.urdf.text import urdf_text
from world_model_ros.core.errors import UserError

NAME = "Gr\N{LATIN SMALL LETTER E WITH ACUTE}ifer"
PLAIN = f'<robot name="{NAME}"><!-- 45\N{DEGREE SIGN} --><link name="a"/></robot>'
NAMESPACES = (
    "http://www.ros.org/wiki/xacro",
    "http://wiki.ros.org/xacro",
    "http://ros.org/wiki/xacro",
    "http://www.ros.org/xacro",
)
XACRO = """<?xml version="1.0"?>
<robot name="arm" xmlns:xacro="{}">
  <xacro:property name="reach" value="0.25"/>
  <xacro:macro name="segment" params="n"><link name="segment_${{n}}"/></xacro:macro>
  <xacro:segment n="0"/>
  <xacro:segment n="1"/>
  <joint name="bend" type="revolute"><parent link="segment_0"/><child link="segment_1"/>
    <origin xyz="${{2 * reach}} 0 0"/><axis xyz="0 1 0"/>
    <limit lower="${{-reach}}" upper="1" velocity="1" effort="1"/></joint>
</robot>"""


def written(tmp_path: Path, data: bytes, name: str = "r.urdf") -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    "data",
    [
        PLAIN.encode(),
        b'<?xml version="1.0"?>' + PLAIN.encode(),
        b"\xef\xbb\xbf" + PLAIN.encode(),
        PLAIN.encode("utf-16"),
        b"<?xml version='1.0' encoding='latin-1' standalone='yes'?>\n" + PLAIN.encode("latin-1"),
        b'<?xml version="1.0" encoding="ISO-8859-15"?>' + PLAIN.encode("iso-8859-15"),
        b'<?xml version="1.0" encoding="windows-1252"?>' + PLAIN.encode("cp1252"),
        b'\n  <?xml version="1.0"?>\n' + PLAIN.encode(),
    ],
)
def test_a_file_is_read_in_the_encoding_that_it_declares(tmp_path, data):
    path = written(tmp_path, data)
    assert read_description(path).name == NAME
    assert "<?xml" not in urdf_text(path)


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (PLAIN.encode("latin-1"), "got 'byte 0xe9 in line 1'; expected utf-8 text; a file in another encoding says so"),
        (b'<?xml version="1.0" encoding="klingon"?><robot name="r"/>', "encoding klingon"),
        (b"", "no element found"),
        (b"<robot name='r'>", "no element found"),
        (b"\x00\xff\x00", "byte 0xff"),
        (b"<robot><a:link/></robot>", "unbound prefix"),
    ],
)
def test_bytes_that_are_no_xml_are_refused_with_the_place(tmp_path, data, named):
    with pytest.raises(UserError, match=r"r\.urdf") as refused:
        urdf_text(written(tmp_path, data))
    assert named in str(refused.value)


def test_a_declared_encoding_of_several_bytes_a_sign_is_read(tmp_path):
    text = (
        '<?xml version="1.0" encoding="gb2312"?><robot name="\N{CJK UNIFIED IDEOGRAPH-673A}"><link name="a"/></robot>'
    )
    assert read_description(written(tmp_path, text.encode("gb2312"))).name == "\N{CJK UNIFIED IDEOGRAPH-673A}"


@pytest.mark.parametrize("address", NAMESPACES)
def test_a_namespace_that_is_only_declared_makes_no_xacro(tmp_path, address):
    text = f'<robot name="done" xmlns:xacro="{address}"><!-- <xacro:arm/> became this --><link name="a"/></robot>'
    assert read_description(written(tmp_path, text.encode())).name == "done"


@pytest.mark.parametrize(
    "text",
    [
        *(XACRO.format(address) for address in NAMESPACES),
        '<robot name="r"><xacro:include filename="x.xacro"/></robot>',  # no namespace at all
        '<robot name="r"><link name="${prefix}base"/></robot>',
        '<robot name="r"><link name="a"><visual><mesh filename="$(find x)/m"/></visual></link></robot>',
    ],
)
def test_xacro_is_known_by_any_of_its_marks_and_where_it_cannot_be_expanded_the_answer_says_how(
    tmp_path, text, monkeypatch
):
    monkeypatch.setattr(module, "find_spec", lambda name: None)  # as on a machine without the package
    with pytest.raises(UserError, match="pip install xacro") as refused:
        urdf_text(written(tmp_path, text.encode()))
    assert "xacro FILE" in str(refused.value)


needs_xacro = pytest.mark.skipif(importlib.util.find_spec("xacro") is None, reason="needs the extra 'xacro'")


@needs_xacro
@pytest.mark.parametrize("address", NAMESPACES)
def test_xacro_is_expanded_where_the_package_is_there(tmp_path, address):
    path = written(tmp_path, XACRO.format(address).encode(), "arm.urdf.xacro")
    found = read_description(path)
    assert found.links == ("segment_0", "segment_1")
    assert found.commanded[0].limit.position == (-0.25, 1.0)


@needs_xacro
@pytest.mark.parametrize(
    ("text", "named"),
    [
        (XACRO.format(NAMESPACES[0]).replace("2 * reach", "2 * range_of_x"), "range_of_x"),
        ('<robot name="r"><xacro:include filename="x.xacro"/></robot>', "xacro"),
        (f'<robot name="r" xmlns:xacro="{NAMESPACES[0]}"><xacro:include filename="lost.xacro"/></robot>', "lost.xacro"),
        ('<robot name="r"><link name="$(find no_such_package)/x"/></robot>', "no_such_package"),
    ],
)
def test_xacro_that_cannot_be_expanded_is_one_line_with_the_reason(tmp_path, text, named):
    with pytest.raises(UserError, match="xacro") as refused:
        urdf_text(written(tmp_path, text.encode()))
    assert named in str(refused.value)
