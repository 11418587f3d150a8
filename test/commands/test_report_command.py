"""A bug report has what is needed, and neither a picture nor a name of who made it."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from world_model_ros.bags.health import bag_health
from world_model_ros.bags.storage.writer import BagWriter
from world_model_ros.check.diagnostics_log import DiagnosticsLog
from world_model_ros.cli import main
from world_model_ros.contract.contract import Contract
from world_model_ros.gate.statistics import GateStatistics

USER, ADDRESS = "carla.sample", "192.168.7.13"
PICTURE = np.random.default_rng(7).integers(0, 255, (128, 128, 3), dtype=np.uint8)


def state(name: str, cause: str, since_ns: int, **more: object) -> str:
    counts = {"accepted": 5, "refused": 2, "unarmed": 0, "not_owner": 1}
    return json.dumps({"state": name, "cause": cause, "since_ns": since_ns, "near": None, **counts, **more})


@pytest.fixture
def home(tmp_path: Path, contract: Contract) -> Path:
    """A person's folder with a contract, and a bag in which gate and nodes speak, and a camera sees."""
    folder = tmp_path / USER
    folder.mkdir()
    (folder / "my_arm.yaml").write_text(contract.text)
    refusal = {"rule": "position", "joint": "elbow_joint", "value": 3.0, "limit": 2.9}
    with BagWriter(folder / "bag", contract) as bag:
        make = bag.make
        for i in range(20):
            now = 10**12 + i * 10**8
            bag.write("camera/front/image_raw", "sensor_msgs/msg/Image", make.image(PICTURE, "rgb8", now, "front"), now)
            said = (
                state("tracking", "command", 10**12) if i < 10 else state("slowing", "silence", 2, last_refusal=refusal)
            )
            bag.write("gate/state", "std_msgs/msg/String", make.string(said), now)
        status = make.make(
            "diagnostic_msgs/msg/DiagnosticStatus",
            level=0,
            name="gate: x",
            message=f"of {socket.gethostname()} at {ADDRESS}, by {USER}",
            hardware_id=socket.gethostname(),
            values=[make.make("diagnostic_msgs/msg/KeyValue", key="model", value=str(folder / "models" / "mine"))],
        )
        array = make.make("diagnostic_msgs/msg/DiagnosticArray", header=make.header(now), status=[status])
        bag.write("/diagnostics", "diagnostic_msgs/msg/DiagnosticArray", array, now)
    return folder


def reported(home: Path, out: Path, *words: str) -> dict[str, str]:
    environment = {**os.environ, "HOME": str(home), "USER": USER, "LOGNAME": USER}
    command = [sys.executable, "-m", "world_model_ros.cli", "report", "--robot", str(home / "my_arm.yaml"), "--json"]
    done = subprocess.run(
        [*command, "--out", str(out), *words], env=environment, capture_output=True, text=True, timeout=110
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    with zipfile.ZipFile(out) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    assert {name.rpartition("/")[2] for name in files} == set(told["files"])
    return {name.rpartition("/")[2]: data.decode("utf-8") for name, data in files.items()}


def test_a_report_has_checks_versions_and_hashes_and_no_name_and_no_picture(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.zip"
    files = reported(home, out, "--bag", str(home / "bag"), "--model", "tabletop_arm")
    wanted = {"README.txt", "versions.json", "contract.yaml", "contract.json", "model.json", "check_contract.txt"}
    assert set(files) == wanted | {"check_model.txt", "check_bag.txt", "bag.json", "not_made.txt"}
    assert files["not_made.txt"].startswith("latency.txt: ")  # nothing moves in this bag
    whole = "\n".join(files.values())
    for name in (str(home), str(home.parent), USER, ADDRESS, "pytest-of"):
        assert name.lower() not in whole.lower(), name
    assert not re.search(rf"\b{re.escape(socket.gethostname())}\b", whole, re.IGNORECASE)
    assert out.stat().st_size < 60_000  # twenty pictures of 48 kB that cannot be packed are in the bag
    assert PICTURE[0].tobytes() not in b"".join(text.encode() for text in files.values())
    bag = json.loads(files["bag.json"])
    assert bag["topics"]["/camera/front/image_raw"] == {"type": "sensor_msgs/msg/Image", "count": 20}
    assert bag["gate"]["entered"] == {"tracking (command)": 1, "slowing (silence)": 1}
    assert bag["gate"]["refusals_seen"] == {"position": 1}
    assert bag["diagnostics"]["gate: x"]["said"] == {"of <host> at <address>, by <user>": 1}
    assert bag["diagnostics"]["gate: x"]["values"] == {"model": "<path>/mine"}
    assert len(json.loads(files["contract.json"])["sha256"]) == 64
    assert json.loads(files["versions.json"])["rmw"].startswith("rmw_")
    assert "weights.bin" in json.loads(files["model.json"])["sha256"]
    assert "is complete" in files["check_contract.txt"]
    for name in files:
        assert f"{name}: " in files["README.txt"] or name == "README.txt"


def test_names_stay_where_that_is_asked_for(home: Path, tmp_path: Path) -> None:
    files = reported(home, tmp_path / "report.zip", "--with-names")
    assert str(home / "my_arm.yaml") in files["check_contract.txt"]
    assert "as they are" in files["README.txt"]


def test_what_cannot_be_made_costs_itself_alone(home: Path, tmp_path: Path) -> None:
    files = reported(home, tmp_path / "report.zip", "--bag", str(home / "no_such_bag"), "--model", "no_such_model")
    assert {"bag.json", "model.json", "check_model.txt"} & set(files) == set()
    assert "no_such_model" in files["not_made.txt"]
    assert "bag.json:" in files["not_made.txt"]
    assert USER not in files["not_made.txt"]
    assert "contract.json" in files


def test_an_error_that_was_not_foreseen_costs_its_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is broken is why a report is made."""

    def broken(_: str) -> None:
        raise ZeroDivisionError("of a library")

    monkeypatch.setattr("world_model_ros.core.installation.versions.versions", broken)
    out = tmp_path / "report"
    assert main(["report", "--robot", "tabletop_arm", "--out", str(out)]) == 0
    capsys.readouterr()
    assert "versions.json: ZeroDivisionError('of a library')" in (out / "not_made.txt").read_text(encoding="utf-8")
    assert (out / "check_contract.txt").is_file()
    assert not (out / "versions.json").exists()


def test_nothing_is_overwritten(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "report.zip"
    out.write_text("mine")
    assert main(["report", "--robot", str(home / "my_arm.yaml"), "--out", str(out)]) == 2
    assert "does not exist yet" in capsys.readouterr().err
    assert out.read_text() == "mine"


def test_a_folder_is_made_where_the_name_is_no_zip(home: Path, tmp_path: Path) -> None:
    assert main(["report", "--robot", str(home / "my_arm.yaml"), "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "versions.json").is_file()


def test_health_of_a_bag_without_gate_is_empty(arm_bag: Path) -> None:
    found = bag_health(arm_bag)
    assert found["gate"]["messages"] == 0
    assert found["diagnostics"] == {}
    assert found["topics"]


def test_a_gate_is_counted_by_what_it_enters_not_by_how_often_it_says_so() -> None:
    gate = GateStatistics()
    for _ in range(3):
        gate.add(state("holding", "arm", 1))
    gate.add(state("tracking", "command", 2, near="table and fingertip"))
    gate.add("not json")
    gate.add('{"state": "tracking"}')
    report = gate.report()
    assert (report["messages"], report["unreadable"]) == (4, 2)
    assert report["entered"] == {"holding (arm)": 1, "tracking (command)": 1}
    assert report["near"] == {"table and fingertip": 1}
    assert report["commands"]["refused"] == 2


def test_diagnostics_keep_the_last_values_and_no_hardware_id() -> None:
    log = DiagnosticsLog()
    for level, value in ((b"\x00", "1"), (b"\x01", "2")):
        pair = SimpleNamespace(key="cycle_ms", value=value)
        status = SimpleNamespace(name="gate", level=level, message="holding", hardware_id="lab7", values=[pair])
        log.add(SimpleNamespace(status=[status]))
    assert log.report() == {
        "gate": {"levels": {"ok": 1, "warn": 1}, "said": {"holding": 2}, "values": {"cycle_ms": "2"}}
    }
