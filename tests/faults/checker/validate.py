# SPDX-License-Identifier: Apache-2.0
"""Whether a decoded CDR makes sense: the reasons that need the record alone, in their order."""

import re

from .numbering import E164, SHORT

DAY_MS = 86_400_000
YEAR_2000_MS = 946_684_800_000
RECORD_MAX = 64 * 1024
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
TEXTS = (
    "cdr_id",
    "source",
    "account_id",
    "call_id",
    "user_id",
    "user_name",
    "department",
    "from_number",
    "to_number",
    "origin_country",
)
LIMITS = {
    "cdr_id": 64,
    "source": 64,
    "account_id": 64,
    "user_id": 256,
    "user_name": 256,
    "department": 256,
}


def size_of(text):
    return len(text) if text.isascii() else len(text.encode())


def is_number(text):
    return bool(E164.fullmatch(text) or SHORT.fullmatch(text))


def too_long(cdr, record_size):
    if record_size > RECORD_MAX or len(cdr["attributes"]) > 32:
        return True
    if any(cdr[name] and size_of(cdr[name]) > most for name, most in LIMITS.items()):
        return True
    return cdr["direction"] != "OUTBOUND" and size_of(cdr["from_number"]) > 64


def bad_text(cdr):
    parts = [cdr[name] for name in TEXTS if cdr[name]]
    for name, value in cdr["attributes"].items():
        parts += (name, value)
    return CONTROL.search("".join(parts)) is not None


def reason_of(cdr, record_size, clock_ms, tolerance_ms=2000):
    """The first reason that applies, or None."""
    start, answer, end = cdr["start_time"], cdr["answer_time"], cdr["end_time"]
    duration, pages = cdr["duration_ms"], cdr["pages"]
    outbound, fax = cdr["direction"] == "OUTBOUND", cdr["service"] == "FAX"
    if not all(cdr[name] for name in ("cdr_id", "source", "account_id", "to_number")):
        return "missing_field"
    if not cdr["from_number"] and cdr["direction"] != "INBOUND":
        return "missing_field"
    if too_long(cdr, record_size):
        return "field_too_long"
    if bad_text(cdr):
        return "invalid_text"
    if not is_number(cdr["to_number"]) or (outbound and not is_number(cdr["from_number"])):
        return "invalid_number"
    times = (start, end) if answer is None else (start, answer, end)
    if min(times) < YEAR_2000_MS or max(times) > clock_ms + DAY_MS:
        return "time_out_of_range"
    if start - (start if answer is None else answer) >= 1000:
        return "time_order"
    if (start if answer is None else answer) - end >= 1000:
        return "time_order"
    if not 0 <= duration <= 7 * DAY_MS:
        return "duration_out_of_range"
    if answer is None:
        if cdr["disposition"] == "ANSWERED" or duration or pages:
            return "answer_mismatch"
        return None
    if abs(duration - (end - answer)) > tolerance_ms:
        return "duration_mismatch"
    if cdr["disposition"] != "ANSWERED" and not (fax and cdr["disposition"] == "FAILED"):
        return "answer_mismatch"
    if pages < 0 or (pages and not fax):
        return "invalid_pages"
    return None
