"""What a graph runs on is what was asked for, or an error that names what is legal."""

from __future__ import annotations

from pathlib import Path

import pytest

from world_model_ros.bundle.provider import PROVIDERS, Provider, provider_named
from world_model_ros.core.errors import UserError


@pytest.mark.parametrize(
    ("asked", "legal"),
    [
        ("gpu", "'auto', 'cpu', 'cuda', 'tensorrt'"),
        ("cpu:fp16", "'spin'"),
        ("cpu:spin=2", "without a value"),
        ("tensorrt:cache", "cache=VALUE"),
        ("tensorrt:cache=no_such_folder", "a folder that exists"),
        ("cuda:device=first", "the number of a GPU"),
        ("cuda:fp16", "'graph', 'tf32', 'strict', 'device'"),
    ],
)
def test_a_mistake_in_a_provider_names_what_is_legal(asked: str, legal: str) -> None:
    with pytest.raises(UserError, match=f"provider: got {asked!r}") as raised:
        provider_named(asked)
    assert legal in str(raised.value)


def test_a_provider_is_written_as_it_is_read() -> None:
    assert str(provider_named("cpu:spin")) == "cpu:spin"
    assert provider_named("cpu:spin").options == {"spin": True}


def test_cuda_is_exact_unless_asked_otherwise() -> None:
    (name, options), cpu = Provider("cuda").sequence()
    assert name == PROVIDERS["cuda"]
    assert cpu == (PROVIDERS["cpu"], {})
    assert options == {"device_id": "0", "use_tf32": "0", "enable_cuda_graph": "0"}
    quicker = Provider("cuda", {"tf32": True, "graph": True, "device": "1"}).sequence()[0][1]
    assert quicker == {"device_id": "1", "use_tf32": "1", "enable_cuda_graph": "1"}


def test_tensorrt_keeps_its_engines_where_it_is_told_and_falls_back_to_cuda(tmp_path: Path) -> None:
    sequence = Provider("tensorrt", {"fp16": True, "graph": True, "cache": str(tmp_path)}).sequence()
    assert [name for name, _ in sequence] == [PROVIDERS["tensorrt"], PROVIDERS["cuda"], PROVIDERS["cpu"]]
    engine = sequence[0][1]
    assert engine["trt_fp16_enable"] == engine["trt_cuda_graph_enable"] == engine["trt_engine_cache_enable"] == "1"
    assert engine["trt_engine_cache_path"] == str(tmp_path)
