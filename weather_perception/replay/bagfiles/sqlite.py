"""Reads the sqlite3 files of rosbag2, also those that an unclean stop left with a journal beside them."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from weather_perception.replay.bagfiles.base import BagFileError, Block, Channel, Record

MAGIC = b"SQLite format 3\0"


class SqliteFile:
    """A .db3 file; its messages are one block, which sqlite reads as a stream."""

    def __init__(self, path: Path) -> None:
        """Raises BagFileError if it is no sqlite3 file of rosbag2."""
        self.path = path
        self.channels: dict[int, Channel] = {}
        self.promised: dict[str, int] | None = None
        self.blocks: list[Block] = []
        self.notes: list[str] = []
        self._order = "ORDER BY timestamp"
        with closing(self._connect()) as database:
            try:
                rows = database.execute("SELECT id, name, type, serialization_format FROM topics").fetchall()
                self.channels = {key: Channel(*rest) for key, *rest in rows}
                block = self._count(database)
            except sqlite3.Error as error:
                raise BagFileError(
                    f"{path}: sqlite cannot read it ({error}); `sqlite3 {path.name} .recover` may save what is left"
                ) from error
        if block.counts:
            self.blocks.append(block)

    def read(self, block: Block, wanted: frozenset[int]) -> Iterator[Record]:
        """See `BagFile.read`."""
        marks = ", ".join("?" for _ in wanted)
        query = f"SELECT topic_id, timestamp, data FROM messages WHERE topic_id IN ({marks}) {self._order}"
        with closing(self._connect()) as database:
            try:
                for channel, time_ns, data in database.execute(query, sorted(wanted)):
                    yield Record(time_ns, self.channels[channel], bytes(data))
            except sqlite3.Error as error:
                raise BagFileError(
                    f"{self.path.name}: damaged ({error}); the messages before that were read"
                ) from error

    def _count(self, database: sqlite3.Connection) -> Block:
        """The messages of each topic; of a file that was cut, of those before the cut."""
        try:
            rows = database.execute(
                "SELECT topic_id, COUNT(*), MIN(timestamp), MAX(timestamp) FROM messages GROUP BY topic_id"
            ).fetchall()
        except sqlite3.DatabaseError as error:
            self._order = ""  # as they lie in the file: the index of times may be in the part that is missing
            self.notes.append(f"{self.path.name}: damaged or cut off ({error}); what is there was read")
            rows = self._count_to_the_cut(database)
        counts = {key: count for key, count, _, _ in rows if key in self.channels}
        return Block(min((row[2] for row in rows), default=0), max((row[3] for row in rows), default=0), counts, None)

    def _count_to_the_cut(self, database: sqlite3.Connection) -> list[tuple[int, int, int, int]]:
        found: dict[int, tuple[int, int, int, int]] = {}
        try:
            for key, time_ns in database.execute("SELECT topic_id, timestamp FROM messages"):
                _, count, first, last = found.get(key, (key, 0, time_ns, time_ns))
                found[key] = (key, count + 1, min(first, time_ns), max(last, time_ns))
        except sqlite3.DatabaseError:
            pass  # the cut
        return list(found.values())

    def _connect(self) -> sqlite3.Connection:
        """Open for reading, with the messages of a `-wal` file beside it."""
        uri = f"file:{quote(str(self.path.absolute()))}"
        database = sqlite3.connect(f"{uri}?mode=ro", uri=True)
        try:
            database.execute("PRAGMA writable_schema = ON")  # or sqlite refuses a file that was cut; it writes nothing
            database.execute("SELECT 1 FROM sqlite_master").fetchone()
        except sqlite3.OperationalError as error:
            database.close()
            wal = self.path.with_name(self.path.name + "-wal")
            if wal.exists() and wal.stat().st_size:
                raise BagFileError(
                    f"{self.path}: sqlite cannot read {wal.name} in this folder ({error}); "
                    "copy the recording to a folder that you may write to"
                ) from error
            database = sqlite3.connect(f"{uri}?immutable=1", uri=True)
        except sqlite3.DatabaseError as error:
            database.close()
            raise BagFileError(f"{self.path}: not a readable sqlite3 file ({error})") from error
        return database
