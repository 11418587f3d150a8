"""What the documentation says of the package is so: links lead somewhere, and what it lists is what is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
from setup_arguments import setup_arguments

from world_model_ros.bringup.options import SimulationOptions, launch_arguments
from world_model_ros.cli import COMMANDS
from world_model_ros.contract import topics
from world_model_ros.contract.schema import Target
from world_model_ros.contract.senses import Stream
from world_model_ros.gate.states import State

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/*.md", "models/*/README.md", "examples/*/README.md")
    for path in ROOT.glob(pattern)
)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def prose(path: Path) -> str:
    """A page without its code."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", lambda code: "_" * len(code[0]), text)


def anchors(path: Path) -> set[str]:
    """What a forge makes of the headings."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_to_a_file_and_a_heading(page: str) -> None:
    path = ROOT / page
    wrong = []
    for target in LINK.findall(prose(path)):
        if re.match(r"\w+:", target):
            continue
        name, _, anchor = target.partition("#")
        found = (path.parent / name).resolve() if name else path
        if not found.exists() or (anchor and anchor not in anchors(found)):
            wrong.append(target)
    assert wrong == []


def test_the_readme_is_two_screens() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 100
    assert max(map(len, lines)) <= 120
    assert len([line for line in lines if line.startswith("![")]) == 1


def test_the_page_of_the_architecture_has_every_room() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = text.partition("\n## Rooms")[2].partition("\n## ")[0]
    first = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    rooms = {path.parent.name for path in (ROOT / "world_model_ros").glob("*/__init__.py")}
    assert len(rooms) > 10
    assert {name for cell in first for name in re.findall(r"`(\w+)/`", cell)} == rooms


@pytest.mark.parametrize("page", PAGES)
def test_lines_of_a_page_are_at_most_120_characters_but_in_tables(page: str) -> None:
    lines = (ROOT / page).read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if len(line) > 120 and not line.startswith("|")] == []


def test_pictures_are_small_and_each_is_shown() -> None:
    shown = {
        ((ROOT / page).parent / target).resolve()
        for page in PAGES
        for target in LINK.findall((ROOT / page).read_text(encoding="utf-8"))
        if "images/" in target
    }
    pictures = {path.resolve() for path in (ROOT / "docs" / "images").iterdir()}
    assert pictures == shown
    assert max(path.stat().st_size for path in pictures) < 1.5e6


def test_the_page_of_topics_has_every_launch_argument_with_its_default() -> None:
    text = (ROOT / "docs" / "topics.md").read_text(encoding="utf-8")
    section = text.partition("## Launch arguments")[2].partition("\n## ")[0]
    rows = {name: said.strip(" `") for name, said in re.findall(r"^\| `(\w+)` \|([^|]*)\|", section, re.MULTILINE)}
    arguments = launch_arguments(SimulationOptions)
    assert rows.keys() == {argument.name for argument in arguments}
    for argument in arguments:
        said = float(rows[argument.name]) if isinstance(argument.default, float) else rows[argument.name]
        assert said == (argument.default if isinstance(argument.default, float) else argument.default_text)


def named_by_nodes(call: str) -> set[str]:
    """Names that nodes give to ``call``, as far as they are plain text; not those of benches and probes."""
    found: set[str] = set()
    for path in (ROOT / "world_model_ros" / "nodes").rglob("*.py"):
        if not re.search("probe|lab|faults", path.name):
            text = path.read_text(encoding="utf-8")
            found |= set(re.findall(call, text))
            table = re.search(r"^_?PARAMETERS[^{]*\{(.*?)^\}", text, re.MULTILINE | re.DOTALL)
            found |= set(re.findall(r'^    "(\w+)":', table[1], re.MULTILINE)) if table and "declare" in call else set()
    return found


def test_the_page_of_topics_has_every_parameter_topic_and_service_of_the_nodes() -> None:
    text = (ROOT / "docs" / "topics.md").read_text(encoding="utf-8")
    parameters = named_by_nodes(r'declare\w*\((?:self, )?"(\w+)"')
    assert len(parameters) > 15
    services = named_by_nodes(r'create_service\(\w+, "([\w/]+)"')
    found = {
        name
        for path in (ROOT / "world_model_ros" / "nodes").rglob("*.py")
        for name in re.findall(r'"((?:predicted|goal|candidates|gate|futures|shadow)/\w+)"', path.read_text("utf-8"))
    }
    found |= {name for name in vars(topics).values() if isinstance(name, str) and re.fullmatch(r"/?\w+/\w+", name)}
    assert {topics.GATE_STATE, "candidates/ranking", "gate/stop"} <= found
    assert {name for name in parameters | services | found if f"`{name}`" not in text} == set()


def test_the_page_of_commands_has_every_command_and_executable() -> None:
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^world-model ([\w-]+)", text, re.MULTILINE)) == set(COMMANDS)
    nodes = {name for name in setup_arguments()["entry_points"]["console_scripts"] if "_node = " in name}
    assert {name.partition(" ")[0] for name in nodes} == set(re.findall(r"`(\w+_node)`", text))


def test_every_table_of_results_has_a_command_and_a_commit() -> None:
    text = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    sections = re.split(r"^#+ ", text, flags=re.MULTILINE)
    with_table = [section for section in sections if "\n|---" in section]
    assert len(with_table) > 8
    for section in with_table:
        title = section.partition("\n")[0]
        assert re.search(r"^Commands?: ", section, re.MULTILINE), title
        assert re.search(r"Commits?:\s+`[0-9a-f]{7}`", section), title


def test_the_glossary_has_each_word_once_and_the_kinds_of_a_contract() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    heads = [
        word.strip().lower() for head in re.findall(r"^\*\*(.+?)\.\*\*", text, re.MULTILINE) for word in head.split(",")
    ]
    assert sorted(heads) == sorted(set(heads))
    entries = dict(re.findall(r"^\*\*(.+?)\.\*\*(.+?)(?:\n\n|\Z)", text, re.MULTILINE | re.DOTALL))
    for kind in get_args(Target.model_fields["kind"].annotation):
        assert kind in entries["Target"], kind
    for state in State:
        assert f"*{state.value}*" in entries["Gate state"], state
    for stream in get_args(get_args(Stream)[0]):
        (kind,) = get_args(stream.model_fields["kind"].annotation)
        assert kind in entries["Stream"], kind
