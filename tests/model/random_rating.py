# SPDX-License-Identifier: Apache-2.0
"""Random rate decks, accounts and calls for comparing the processor with rating_model.py.

Values are drawn so that they meet: few prefixes that contain each other, times near the changes of
clocks and effective dates, rates that make halves.
"""

import csv
import datetime
import io
import json

# number -> (region, type), as everybody agrees
NUMBERS = {
    "+12125550100": ("US", "fixed_line_or_mobile"),
    "+14165550123": ("CA", "fixed_line_or_mobile"),
    "+18005550100": ("US", "toll_free"),
    "+18765550123": ("JM", "mobile"),
    "+17875550123": ("PR", "fixed_line_or_mobile"),
    "+19005550199": ("US", "premium_rate"),
    "+442071838750": ("GB", "fixed_line"),
    "+447911123456": ("GG", "mobile"),
    "+448001111111": ("GB", "toll_free"),
    "+449098790000": ("GB", "premium_rate"),
    "+33142685300": ("FR", "fixed_line"),
    "+33800123456": ("FR", "toll_free"),
    "+4930123456": ("DE", "fixed_line"),
    "+80012345678": ("001", "toll_free"),
    "+979123456789": ("001", "premium_rate"),
    "+870773111632": ("001", "mobile"),
    "+77011234567": ("KZ", "mobile"),
    "+79161234567": ("RU", "mobile"),
}
SHORT_NUMBERS = ("100", "*98", "611", "911", "112", "110")
ODD_CALLERS = ("", "anonymous", "+1", "Unavailable 7", "+12345678901234567")
PREFIXES = ("*", "*", "1", "12", "1212", "1800", "18765", "4", "44", "442", "44207", "4420718387",
            "447911", "33", "331", "33800", "49", "800", "979", "870", "7", "77", "7701", "1787")
ZONES = ("UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu",
         "America/St_Johns", "Africa/Casablanca", "America/Sao_Paulo", "Europe/Dublin",
         "Pacific/Apia")
COLUMNS = ("prefix", "rate", "category", "license", "origin", "description", "unit", "rate_unit",
           "interval_1", "interval_n", "connect_fee", "grace", "from_unit", "days", "from_time",
           "to_time", "effective_from", "effective_to", "min_charge", "max_charge")
CATEGORIES = ("toll_free_inbound", "fax_outbound", "fax_inbound", "toll_free_outbound",
              "premium_outbound", "international_outbound", "local_outbound", "local_inbound")
COUNTRIES = ("US", "CA", "GB", "FR", "PR", "DE", "JM")
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
ROUNDINGS = ("half_up", "up", "down", "half_even")


def iso(ms):
    moment = EPOCH + datetime.timedelta(milliseconds=ms)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03}Z"


def epoch_ms(*date):
    return int(datetime.datetime(*date, tzinfo=datetime.timezone.utc).timestamp()) * 1000


# Between these, rates begin and end, and most calls are made.
MARKS = tuple(epoch_ms(2026, month, 1) for month in range(1, 13))


def answer_time(random):
    kind = random.random()
    if kind < 0.4:  # near a change of clocks somewhere in the north or the south
        day = random.choice(((2026, 3, 8), (2026, 3, 29), (2026, 10, 25), (2026, 11, 1),
                             (2026, 4, 5), (2026, 10, 4), (2060, 3, 14), (2099, 11, 1)))
        return epoch_ms(*day) + random.randint(-12 * 3600, 24 * 3600) * 1000 + random.choice((0, 999))
    if kind < 0.5:
        return random.choice(MARKS) + random.choice((-1, 0, 1))
    if kind < 0.9:
        return random.randint(MARKS[0], MARKS[-1])
    return random.randint(epoch_ms(2000, 1, 2), epoch_ms(2099, 12, 1))


def amount(random):
    kind = random.random()
    if kind < 0.1:
        return random.choice(("0", "0.0", "0.00000001"))
    if kind < 0.11:
        return random.choice(("999999999.99999999", "12345678", "500000000.5"))
    if kind < 0.5:
        return f"0.{random.randint(0, 99999):05}"
    return f"{random.randint(0, 3)}.{random.randint(0, 99999999):08}"[: random.randint(3, 10)]


def windows(random):
    """Lists of (days, from_time, to_time) that cover the week once."""
    step = random.choice((1, 15, 60))
    a, b = sorted(random.sample(range(step, 1440, step), 2))
    first, second = (f"{m // 60:02}:{m % 60:02}" for m in (a, b))
    return random.choice((
        [("", "", "")],
        [("*", first, second), ("*", second, first)],
        [("mon-fri", "", ""), ("sat,sun", "00:00", "24:00")],
        [("fri-mon", first, first), ("tue-thu", first, first)],
        [("mon-fri", first, second), ("mon-thu", second, first), ("fri", second, "24:00"),
         ("sat-sun", "00:00", "24:00"), ("mon", "00:00", first)],
        [("*", f"{h:02}:00", f"{h + 1:02}:00") for h in range(24)],
    ))


def price_cells(random, unit):
    cells = {"rate": amount(random)}
    chances = {
        "rate_unit": lambda: random.choice((1, 6, 7, 13, 59, 60, 100, 3600, 999983, 1000000)),
        "interval_1": lambda: random.choice((1, 6, 10, 30, 60, 61, 300)),
        "interval_n": lambda: random.choice((1, 6, 10, 30, 60, 61, 300)),
        "connect_fee": lambda: amount(random),
        "grace": lambda: random.choice((0, 1, 3, 6, 10, 60)),
        "min_charge": lambda: amount(random),
        "max_charge": lambda: amount(random),
    }
    for name, draw in chances.items():
        if random.random() < (0.15 if name in ("min_charge", "max_charge") else 0.5):
            cells[name] = str(draw())
    if unit == "page":
        for name in ("interval_1", "interval_n"):
            if name in cells:
                cells[name] = str(random.randint(1, 5))
    return cells


def prefix(random):
    if random.random() < 0.5:
        return random.choice(PREFIXES)
    digits = random.choice(tuple(NUMBERS))[1:]
    return digits[: random.randint(1, len(digits))]


def rate_rows(random):
    """The rows of one rate."""
    fax = random.random() < 0.3
    key = {
        "prefix": prefix(random),
        "category": random.choice(("", "*") + CATEGORIES) if not fax
        else random.choice(("fax_outbound", "fax_inbound", "toll_free_inbound", "*")),
        "license": random.choice(("", "", "", "", "*", "talk", "contact_center", "sell")),
        "origin": random.choice(("", "*") * 5 + COUNTRIES),
        "unit": random.choice(("page", "page", "second", "")) if fax else random.choice(("", "second")),
    }
    if random.random() < 0.3:
        key["effective_from"] = iso(random.choice(MARKS))
    if random.random() < 0.2:
        key["effective_to"] = iso(random.choice(MARKS) + random.choice((0, 1)))
    if random.random() < 0.07:
        return [{**key, "rate": "blocked"}]
    rows = []
    for days, from_time, to_time in windows(random):
        tiers = [0] + random.sample((1, 5, 20, 60, 90, 120, 600, 3600), random.choice((0, 0, 1, 3)))
        for from_unit in tiers:
            rows.append({**key, **price_cells(random, key["unit"]), "days": days,
                         "from_time": from_time, "to_time": to_time,
                         "from_unit": "" if from_unit == 0 else str(from_unit)})
    return rows


def key_of(row):
    return tuple(row.get(name) or default for name, default in
                 (("category", "*"), ("license", "*"), ("origin", "*"), ("prefix", ""),
                  ("effective_from", "")))


def deck_text(random, rows):
    """As CSV: shuffled rows and columns, columns that say nothing perhaps left out."""
    columns = [name for name in COLUMNS
               if name in ("prefix", "rate") or any(row.get(name) for row in rows)
               or random.random() < 0.3]
    random.shuffle(columns)
    random.shuffle(rows)
    out = io.StringIO()
    end = random.choice(("\n", "\r\n"))
    writer = csv.DictWriter(out, columns, restval="", lineterminator=end, extrasaction="ignore",
                            quoting=random.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL)))
    writer.writeheader()
    writer.writerows(rows)
    return random.choice(("", "\ufeff")) + out.getvalue()


def deck(random, rates_max=70):
    rates = {}
    for _ in range(random.randint(1, rates_max)):
        rows = rate_rows(random)
        rates.setdefault(key_of(rows[0]), rows)
    if random.random() < 0.5:  # with what nothing else fits
        row = {**price_cells(random, "second"), "prefix": "*"}
        rates.setdefault(key_of(row), [row])
    return deck_text(random, [row for rows in rates.values() for row in rows])


def doubtful_deck(random):
    """A deck of one rate whose windows and tiers may leave gaps or overlap; times in quarters."""
    times = [f"{m // 60:02}:{m % 60:02}" for m in range(0, 1440, 15)]
    rows = []
    if random.random() < 0.5:  # nearly right
        rows = rate_rows(random)
        prefix = rows[0]["prefix"]
        for row in rows:
            row["prefix"] = prefix
        if rows and random.random() < 0.7:
            index = random.randrange(len(rows))
            change = random.choice(("drop", "double", "window", "tier", "unit", "to"))
            if change == "drop" and len(rows) > 1:
                del rows[index]
            elif change == "double":
                rows.append({**rows[index], "rate": amount(random)})
            elif change == "window":
                rows[index] = {**rows[index], "to_time": random.choice(times)}
            elif change == "tier":
                rows[index] = {**rows[index], "from_unit": "60"}
            elif change == "unit":
                rows[index] = {**rows[index], "unit": random.choice(("page", "second"))}
            else:
                rows[index] = {**rows[index], "effective_to": iso(MARKS[3])}
    else:
        for _ in range(random.randint(1, 3)):
            rows.append({"prefix": "44", "rate": "0.01", "from_unit": random.choice(("", "", "60")),
                         "days": random.choice(("", "mon-fri", "sat,sun", "sun-sat", "fri-mon")),
                         "from_time": random.choice(["", "", "08:00", "20:00"]),
                         "to_time": random.choice(["", "", "08:00", "20:00"])})
    return deck_text(random, rows)


def account(random):
    fields = {"country": random.choice(COUNTRIES)}
    if random.random() < 0.4:
        fields["local_zone"] = random.sample(COUNTRIES, random.randint(1, 4))
    if random.random() < 0.3:
        fields["emergency_numbers"] = ["110", "+33142685300"][: random.randint(0, 2)]
    return fields


def duration_ms(random):
    kind = random.random()
    if kind < 0.05:
        return 0
    if kind < 0.6:
        return random.randint(1, 200_000)
    if kind < 0.95:
        return random.choice((1, 6, 30, 59, 60, 61, 90, 120, 600)) * 1000 + random.choice((-1, 0, 1))
    if kind < 0.9995:
        return random.randint(1, 7200_000)
    return random.randint(1, 7 * 86400_000)


def call(random, number):
    """A valid CDR in the model's form."""
    service = random.choice(("VOICE", "VOICE", "VOICE", "FAX"))
    direction = random.choice(("OUTBOUND",) * 6 + ("INBOUND",) * 3 + ("INTERNAL",))
    pool = tuple(NUMBERS)
    to_number = random.choice(pool + SHORT_NUMBERS if random.random() < 0.3 else pool)
    caller = random.choice(pool + SHORT_NUMBERS + ODD_CALLERS) if direction == "INBOUND" \
        else random.choice(pool + SHORT_NUMBERS)
    answered = random.random() < 0.95
    start = answer_time(random)
    duration = duration_ms(random) if answered else 0
    return {
        "cdr_id": f"call-{number}",
        "source": "model",
        "account_id": "anybody",
        "license": random.choice(("TALK", "CONTACT_CENTER", "SELL")),
        "service": service,
        "direction": direction,
        "from_number": caller,
        "to_number": to_number,
        "origin_country": random.choice((None, None) + COUNTRIES),
        "start_time": start,
        "answer_time": start if answered else None,
        "end_time": start + duration,
        "duration_ms": duration,
        "pages": random.randint(0, 9) if answered and service == "FAX" else 0,
        "disposition": "ANSWERED" if answered else random.choice(("BUSY", "NO_ANSWER", "FAILED")),
    }


def call_json(random, cdr):
    """The same as a line for the calculator, in one of the ways that it may be written."""
    fields = dict(cdr)
    for name in ("start_time", "answer_time", "end_time"):
        if fields[name] is not None and random.random() < 0.5:
            fields[name] = iso(fields[name])
    for name in ("license", "service", "direction", "disposition"):
        if random.random() < 0.5:
            fields[name] = fields[name].lower()
    for name in ("origin_country", "answer_time", "pages"):
        if not fields[name] and random.random() < 0.5:
            del fields[name]
    return json.dumps(fields)
