"""The report after the show: who came, what they did, what it brought, and whether it adds up.

    reading     reads log, attendance and ledger        (Redis)
    fold        the log, folded into notes              (pure, as all that follows)
    audience, timeline, reconcile                       the parts of the report
    figures     the report as one value, and its JSON
    text, csv                                           two of its forms
    html: sections, pieces, plots, markup               the third, a page
    words                                               how figures are spelt

Owns the figures and how they are shown. Refuses to judge the log, which is the auditor's business
(`livestream.audit`).
"""

from livestream.report.csv import csv_of
from livestream.report.figures import Report, TakingsReport, json_of
from livestream.report.fold import Reporter, report_of
from livestream.report.html import POLICY, STYLE_SOURCE, html_of
from livestream.report.reading import LogReader, read_surroundings, report_room
from livestream.report.surroundings import Surroundings
from livestream.report.text import text_of

__all__ = [
    "POLICY",
    "STYLE_SOURCE",
    "LogReader",
    "Report",
    "Reporter",
    "Surroundings",
    "TakingsReport",
    "csv_of",
    "html_of",
    "json_of",
    "read_surroundings",
    "report_of",
    "report_room",
    "text_of",
]
