"""Base of the web pages: a server, and a thread that keeps the page up to date."""

from __future__ import annotations

import threading
import traceback
from abc import ABC, abstractmethod

import viser


class Page(ABC):
    """Base of pages. A subclass builds what is shown, gives `_run`, and then starts the thread.

    Args:
        label: title of the page.
        host, port: to listen on.
    """

    def __init__(self, label: str, host: str, port: int) -> None:
        self._server = viser.ViserServer(host, port, label=label, verbose=False)
        self._server.gui.configure_theme(dark_mode=True, show_logo=False, show_share_button=False)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._failure: Exception | None = None

    @property
    def url(self) -> str:
        return f"http://{self._server.get_host()}:{self._server.get_port()}"

    def serve(self) -> None:
        """Print where the page is, and close it once that is interrupted; raises what ended its thread."""
        print(f"{self.url}  (Ctrl-C ends)", flush=True)
        try:
            while not self._closed.wait(0.5):
                pass
        finally:
            self.close()
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        self._closed.set()
        self._thread.join()
        self._server.stop()

    def _work(self) -> None:
        try:
            self._run()
        except Exception as error:  # a page that stands still for ever would look as if nothing happened
            traceback.print_exc()
            self._failure = error
            self._closed.set()

    @abstractmethod
    def _run(self) -> None:
        """Keep the page up to date until it is closed."""
