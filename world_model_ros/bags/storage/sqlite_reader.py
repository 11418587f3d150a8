"""Reads rosbag2's SQLite bags (``.db3``) read-only, including the write-ahead log that a killed recorder leaves."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rosbags.interfaces import Connection, MessageDefinition

from world_model_ros.bags.storage.channels import channel, definition
from world_model_ros.core.errors import UserError

# SQLite keeps anything in any column; these are messages.
_WHOLE = "typeof(data) = 'blob' AND typeof(timestamp) IN ('integer', 'real')"


class SqliteFile:
    """Reads like a rosbags reader. A row that is no message costs itself alone.

    Args:
        path: ``.db3`` file.

    Attributes:
        connections: with the number of their messages. message_count: of all of them.
        start_time, end_time: bag time of the first, and one after the last message, ns.
        damage: what of the file, and next to it, could not be read.

    Raises:
        UserError: it is no bag of rosbag2. sqlite3.Error: no database.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damage: list[str] = []
        self._database = self._open()
        try:
            self._check_tables()
            query = f"SELECT topic_id, COUNT(*), MIN(timestamp), MAX(timestamp) FROM messages WHERE {_WHOLE} "
            found = self._database.execute(query + "GROUP BY topic_id").fetchall()
            self.connections = self._topics({topic: count for topic, count, _, _ in found})
            (stored,) = self._database.execute("SELECT COUNT(*) FROM messages").fetchone()
        except BaseException:
            self._database.close()
            raise
        listed = {each.id for each in self.connections}
        known = [row for row in found if row[0] in listed]
        self.message_count = sum(count for _, count, _, _ in known)
        self.start_time = int(min((first for _, _, first, _ in known), default=0))
        self.end_time = int(max((last for _, _, _, last in known), default=-1)) + 1
        self._leave_out(stored - sum(count for _, count, _, _ in found), "that have no bytes or no time")
        self._leave_out(sum(row[1] for row in found) - self.message_count, "of topics that the file does not list")

    def close(self) -> None:
        self._database.close()

    def messages(self, connections: Collection[Connection]) -> Iterator[tuple[Connection, int, bytes]]:
        """Connection, bag time in ns, serialised message, in order of bag time."""
        wanted = {each.id: each for each in connections}
        places = ",".join("?" * len(wanted))
        query = f"SELECT topic_id, timestamp, data FROM messages WHERE topic_id IN ({places}) AND {_WHOLE} "
        query += "ORDER BY timestamp"
        for topic, stamp_ns, data in self._database.execute(query, list(wanted)):
            yield wanted[topic], int(stamp_ns), bytes(data)

    def _open(self) -> sqlite3.Connection:
        """With the log next to it, if there is one and it can be read; as a file that does not change otherwise."""
        if self._beside("-journal"):
            self._say("-journal", "may be missing or broken", "was undoing a change when it ended")
        if self._beside("-wal"):
            try:
                return self._with_log()
            except sqlite3.Error as error:
                self._say("-wal", "is missing", f"cannot be read ({error})")
        return _connect(self.path, "immutable=1")

    def _with_log(self) -> sqlite3.Connection:
        """Without locks, and with the index of the log in memory rather than in a file next to it."""
        database = _connect(self.path, "mode=ro&vfs=unix-none")
        try:
            database.execute("PRAGMA locking_mode=EXCLUSIVE")
            database.execute("SELECT COUNT(*) FROM messages").fetchone()
        except sqlite3.Error:
            database.close()
            raise
        return database

    def _beside(self, end: str) -> bool:
        file = self.path.with_name(self.path.name + end)
        return file.is_file() and file.stat().st_size > 0

    def _say(self, end: str, lost: str, why: str) -> None:
        name = self.path.name
        self.damage.append(f"{name}: what was recorded last {lost}: {name}{end} {why}")

    def _leave_out(self, count: int, which: str) -> None:
        if count:
            self.damage.append(f"{self.path.name}: {count} messages {which} are left out")

    def _check_tables(self) -> None:
        if not {"topics", "messages"} <= self._tables():
            raise UserError("bag", str(self.path), "an SQLite bag of rosbag2, with tables topics and messages")

    def _tables(self) -> set[str]:
        return {name for (name,) in self._database.execute("SELECT name FROM sqlite_master WHERE type='table'")}

    def _topics(self, counts: Mapping[Any, int]) -> list[Connection]:
        schemas: dict[str, MessageDefinition] = {}
        if "message_definitions" in self._tables():
            for row in self._rows("message_definitions"):
                text = str(row.get("encoded_message_definition") or "")
                schemas[str(row["topic_type"])] = definition(str(row.get("encoding")), text)
        return [self._channel(row, schemas, counts) for row in self._rows("topics")]

    def _channel(
        self, row: dict[str, Any], schemas: dict[str, MessageDefinition], counts: Mapping[Any, int]
    ) -> Connection:
        kind = str(row["type"])
        return channel(
            int(row["id"]),
            str(row["name"]),
            str(row.get("serialization_format") or "cdr"),
            (kind, schemas.get(kind, definition("", ""))),
            str(row.get("offered_qos_profiles") or ""),
            self,
            str(row.get("type_description_hash") or ""),
            counts.get(row["id"], 0),
        )

    def _rows(self, table: str) -> list[dict[str, Any]]:
        """Of a table whose columns depend on the version of rosbag2."""
        found = self._database.execute(f"SELECT * FROM {table} ORDER BY id")
        names = [each[0] for each in found.description]
        return [dict(zip(names, row)) for row in found]


def _connect(path: Path, how: str) -> sqlite3.Connection:
    database = sqlite3.connect(f"file:{quote(str(path.absolute()))}?{how}", uri=True, check_same_thread=False)
    database.text_factory = lambda data: data.decode(errors="replace")
    return database
