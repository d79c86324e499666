"""One file for each table: CSV, NDJSON, or Parquet.

    csv       RFC 4180, UTF-8 with a byte order mark, a header; an empty cell is nothing. A text
              that a spreadsheet would take for a formula gets an apostrophe before it.
    ndjson    one JSON object a line; null is nothing
    parquet   typed columns; needs the extra `parquet` (pyarrow)

A file is there whole or not at all. Owns the forms. Refuses to know what a column means.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal, get_args

from livestream.export.tables import TABLES, Exporter, Row, Table

Format = Literal["csv", "ndjson", "parquet"]
FORMATS: Final = get_args(Format)
#: Rows that Parquet keeps in memory at once: 50,000 x about 500 bytes = 25 MB.
ROWS_PER_GROUP: Final = 50_000
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


class NoParquetError(Exception):
    """Parquet was asked for and its library is not installed; the message is one line."""


def write_files(exporter: Exporter, room: str, directory: Path, form: Format) -> list[Path]:
    """Write `<room>.<table>.<form>` for every table; the paths.

    Raises:
        NoParquetError: see there; nothing is written.
        OSError: the directory cannot be written to.
    """
    write = {"csv": _write_csv, "ndjson": _write_ndjson, "parquet": _write_parquet}[form]
    if form == "parquet":
        _arrow()
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for table in TABLES:
        path = directory / f"{room.replace(':', '_')}.{table}.{form}"
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        try:
            write(draft, table, exporter.rows(table))
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        paths.append(path)
    return paths


def _write_csv(path: Path, table: Table, rows: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(TABLES[table])
        writer.writerows([_cell(value) for value in row.values()] for row in rows)


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return f"'{value}"
    return value


def _write_ndjson(path: Path, table: Table, rows: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")


def _write_parquet(path: Path, table: Table, rows: Iterable[Row]) -> None:
    arrow, parquet = _arrow()
    kinds = {str: arrow.string(), int: arrow.int64(), bool: arrow.bool_()}
    schema = arrow.schema([(name, kinds[kind]) for name, kind in TABLES[table].items()])
    waiting = iter(rows)
    with parquet.ParquetWriter(path, schema) as writer:
        while group := list(islice(waiting, ROWS_PER_GROUP)):
            writer.write_table(arrow.Table.from_pylist(group, schema=schema))


def _arrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise NoParquetError(
            "Parquet needs pyarrow: pip install 'livestream-engine[parquet]'"
        ) from None
    return pyarrow, parquet
