"""A room's orders as tables for other systems: orders, their lines, payments, refunds.

    tables    the four tables, folded from the log           (pure)
    files     one file for each, as CSV, NDJSON or Parquet

Everything is from the log alone. Owns the tables and their files. Refuses to judge the log, which
is the auditor's business (`livestream.audit`), and to sum up (`livestream.report`).
"""

from livestream.export.files import FORMATS, Format, NoParquetError, write_files
from livestream.export.tables import TABLES, Exporter, Table, export_room

__all__ = [
    "FORMATS",
    "TABLES",
    "Exporter",
    "Format",
    "NoParquetError",
    "Table",
    "export_room",
    "write_files",
]
