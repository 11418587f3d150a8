"""Makes `diagnostic_msgs/DiagnosticArray` messages; the one way all nodes report their health."""

from __future__ import annotations

from collections.abc import Mapping

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

OK: bytes = DiagnosticStatus.OK
WARN: bytes = DiagnosticStatus.WARN
ERROR: bytes = DiagnosticStatus.ERROR
STALE: bytes = DiagnosticStatus.STALE


def status(
    name: str, level: bytes, message: str, values: Mapping[str, object], hardware_id: str = ""
) -> DiagnosticStatus:
    """One status.

    Args:
        name: what is reported on, ``<node>: <part>``.
        level: `OK`, `WARN`, `ERROR` or `STALE`.
        message: a sentence for people.
        values: measurements by name with the unit in the name; floats are written with six digits.
        hardware_id: robot name, if it is about one.
    """
    pairs = [KeyValue(key=key, value=_text(value)) for key, value in values.items()]
    return DiagnosticStatus(name=name, level=level, message=message, hardware_id=hardware_id, values=pairs)


def diagnostics(stamp: Time, *statuses: DiagnosticStatus) -> DiagnosticArray:
    """The message for `/diagnostics`: all statuses of a node at one time.

    Example: ``publisher.publish(diagnostics(clock.now().to_msg(), status("gate", OK, "holding", {"refused": 0})))``
    """
    message = DiagnosticArray(status=list(statuses))
    message.header.stamp = stamp
    return message


def _text(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
