"""A page whose thread fails ends and says why."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

pytest.importorskip("viser", reason="viser is not installed (extra 'view')")

from world_model_ros.view.web.outlook_page import WebPage
from world_model_ros.view.web.page import Page


class Failing(Page):
    """Without a server: it is not what fails."""

    def __init__(self) -> None:
        self._closed, self._failure = threading.Event(), None
        self._server = SimpleNamespace(stop=lambda: None, get_host=lambda: "127.0.0.1", get_port=lambda: 0)
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        raise ZeroDivisionError("of a picture")


@pytest.mark.timeout(20)
def test_a_page_ends_with_what_ended_its_thread(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError, match="of a picture"):
        Failing().serve()
    assert "of a picture" in capsys.readouterr().err


class Growing:
    """A feed that has one outlook more at each look."""

    live = True

    def __init__(self) -> None:
        self._looks = 0

    @property
    def outlooks(self) -> tuple[SimpleNamespace, ...]:
        self._looks += 1
        return tuple(SimpleNamespace(now_ns=tick) for tick in range(self._looks))


def test_what_is_shown_is_one_of_the_outlooks_that_it_was_chosen_from() -> None:
    page = WebPage.__new__(WebPage)
    page._feed, page._at_ns, page._lock, page.playing = Growing(), 10**9, threading.Lock(), True
    for _ in range(5):
        outlooks, index = page._shown()
        assert index == len(outlooks) - 1
        assert page._advance(True) is False  # at the last one, however many come meanwhile
