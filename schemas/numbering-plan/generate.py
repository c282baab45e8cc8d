#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Derives numbering_plan.csv from libphonenumber's metadata (README.md tells how to read it).

For each calling code all patterns of all its regions run side by side as automata, digit by digit.
Where every valid number that can still follow is of one region and type, the digits read so far
are a prefix of the plan. Where further digits cannot tell, because one valid number begins with
another of a different kind, the number of digits tells. Nothing is sampled.
"""

import argparse
import collections
import sys

import phonenumbers
from phonenumbers import PhoneMetadata
from phonenumbers.phonenumberutil import COUNTRY_CODE_TO_REGION_CODE

import digit_automaton as automaton

DIGITS = "0123456789"
WORLD = "001"
NANP = 1
AREA_CODE_DIGITS = 3  # of NANP
NANP_DIGITS = 10
UNKNOWN_REGION = "ZZ"
UNKNOWN_TYPE = "unknown"
NATIONAL_DIGITS_MAX = 17  # libphonenumber's own limit
DIGITS_CELL_MAX = 31  # in the CSV this many digits stand for any greater number too

# The library's order: the first of these whose pattern fits is the type.
SPECIAL_TYPES = (
    "premium_rate",
    "toll_free",
    "shared_cost",
    "voip",
    "personal_number",
    "pager",
    "uan",
    "voicemail",
)

# Where the plan departs from its source on purpose: (region, attribute, theirs, ours). A change at
# the source stops the generator, so that a correction is thought over and not forgotten.
CORRECTIONS = (
    # All toll-free numbers of +1 are US; theirs gives 1 800 14... to the Dominican Republic.
    ("DO", "leading_digits", "8001|8[024]9", "8[024]9"),
)

Outcome = collections.namedtuple("Outcome", "region type")
Row = collections.namedtuple("Row", "prefix lengths outcome")


class Region:
    """The patterns of one region, as positions in the state of its calling code."""

    def __init__(self, calling_code, name, shared, add_pattern):
        metadata = PhoneMetadata.metadata_for_region_or_calling_code(calling_code, name)
        self.name = name
        self.same_fixed_and_mobile = metadata.same_mobile_and_fixed_line_pattern
        self.descriptions = {}
        for kind in ("general_desc", "fixed_line", "mobile") + SPECIAL_TYPES:
            description = getattr(metadata, kind)
            if description is not None and description.national_number_pattern:
                pattern = automaton.parse(description.national_number_pattern)
                lengths = frozenset(description.possible_length)
                self.descriptions[kind] = (add_pattern(pattern), lengths)
        leading = corrected(name, "leading_digits", metadata.leading_digits)
        self.leading_digits = None
        if shared and leading is not None:
            self.leading_digits = add_pattern(
                automaton.cat(automaton.parse(leading), automaton.ANYTHING)
            )

    def type_of(self, matched, length):
        """The library's _number_type_helper(), None for unknown."""

        def fits(kind):
            position, lengths = self.descriptions.get(kind, (None, ()))
            return position in matched and (not lengths or length in lengths)

        if not fits("general_desc"):
            return None
        for kind in SPECIAL_TYPES:
            if fits(kind):
                return kind
        if fits("fixed_line"):
            either = self.same_fixed_and_mobile or fits("mobile")
            return "fixed_line_or_mobile" if either else "fixed_line"
        if not self.same_fixed_and_mobile and fits("mobile"):
            return "mobile"
        return None


class CallingCode:
    """All national numbers of one calling code. A state is what the patterns still need, as a
    tuple of (position, expression) without those that no longer match."""

    def __init__(self, code):
        self.code = code
        self.names = COUNTRY_CODE_TO_REGION_CODE[code]
        patterns = []

        def add_pattern(expression):
            patterns.append(expression)
            return len(patterns) - 1

        shared = len(self.names) > 1
        self.regions = [Region(code, name, shared, add_pattern) for name in self.names]
        self.start = tuple(enumerate(patterns))
        self._steps = {}
        self._below = {}

    def main_region(self):
        return UNKNOWN_REGION if self.code == NANP else self.names[0]

    def digits_before_deciding(self):
        """How many national digits have to be in use before a prefix may stand for all that
        follows, unused numbers included. An area code of +1 must be known to be in use; elsewhere
        the first two digits; the world's codes have one use each."""
        if self.code == NANP:
            return AREA_CODE_DIGITS
        return 0 if self.names == (WORLD,) else 2

    def steps(self, state):
        """The states after each of the ten digits."""
        result = self._steps.get(state)
        if result is None:
            result = []
            for digit in DIGITS:
                stepped = ((at, automaton.step(pattern, digit)) for at, pattern in state)
                result.append(tuple(pair for pair in stepped if pair[1] is not automaton.NOTHING))
            self._steps[state] = result
        return result

    def outcome(self, state, length):
        """Of the number that ends here, None when it is not valid: the library's
        region_code_for_number() and number_type()."""
        matched = {at for at, pattern in state if pattern.nullable}
        for region in self.regions:
            if region.leading_digits is not None and region.leading_digits not in matched:
                continue
            kind = region.type_of(matched, length)
            if kind is not None:
                return Outcome(region.name, kind)
            if region.leading_digits is not None:
                return None
        return None

    def below(self, state, length):
        """What the valid numbers are that begin like this: how many of each (length, outcome), and
        whether one of them begins with another that has a different outcome."""
        key = (state, length)
        result = self._below.get(key)
        if result is None:
            found, tangled = collections.Counter(), False
            if state and length < NATIONAL_DIGITS_MAX:
                for following in self.steps(state):
                    more, more_tangled = self.below(following, length + 1)
                    found.update(more)
                    tangled |= more_tangled
            own = self.outcome(state, length)
            if own is not None:
                tangled |= any(outcome != own for _, outcome in found)
                found[length, own] += 1
            result = self._below[key] = (found, tangled)
        return result

    def rows(self):
        result = []
        self._decide(str(self.code), self.start, 0, None, result)
        return result

    def _decide(self, prefix, state, length, inherited_region, rows):
        """Adds the rows for all numbers that begin with prefix."""
        found, tangled = self.below(state, length)
        if not found:
            return
        if length >= self.digits_before_deciding():
            outcomes = {outcome for _, outcome in found}
            if len(outcomes) == 1 and not self._is_local_form(found):
                rows.append(Row(prefix, (), outcomes.pop()))
                return
            if len(outcomes) == 1 or tangled and self._only_length_decides(state, length):
                self._add_lengths(prefix, length, self._widened(found, length), rows)
                return
        region = self._region_of_unused(found, length) or inherited_region
        if region != inherited_region:
            rows.append(Row(prefix, (), Outcome(region, UNKNOWN_TYPE)))
            inherited_region = region
        own = self.outcome(state, length)
        if own is not None:
            self._add_lengths(prefix, length, {length: own}, rows)
        for digit, following in zip(DIGITS, self.steps(state)):
            self._decide(prefix + digit, following, length + 1, inherited_region, rows)

    def _region_of_unused(self, found, length):
        """The region of numbers that begin like this but are not in use, None if it is that of a
        shorter prefix: of a calling code the main one, of an area code of +1 the one with the most
        numbers, of other prefixes the one that all numbers in use have."""
        if length == 0:
            return self.main_region()
        numbers = collections.Counter()
        for (_, outcome), count in found.items():
            numbers[outcome.region] += count
        if self.code == NANP:
            return numbers.most_common(1)[0][0] if length == AREA_CODE_DIGITS else None
        return min(numbers) if len(numbers) == 1 else None

    def _only_length_decides(self, state, length):
        """True when numbers of one length are of one kind, and no next digit would do instead."""
        found, _ = self.below(state, length)
        if len({digits for digits, _ in found}) < len(found):
            return False
        if self.outcome(state, length) is not None:
            return True
        following = (self.below(after, length + 1) for after in self.steps(state))
        return all(tangled for more, tangled in following if more)

    def _is_local_form(self, found):
        """Numbers of +1 shorter than an area code's: they must not stand for the area code."""
        return self.code == NANP and all(digits != NANP_DIGITS for digits, _ in found)

    def _widened(self, found, length):
        """Outcome by number of digits, where a length that no valid number has counts as the
        nearest that one has. Not so for +1, whose numbers have one length but for a few."""
        valid = {digits: outcome for digits, outcome in found}
        if self.code == NANP:
            return valid
        nearest = lambda digits: min(valid, key=lambda other: (abs(other - digits), other))
        longest = DIGITS_CELL_MAX - len(str(self.code))
        return {at: valid[nearest(at)] for at in range(length, longest + 1)}

    def _add_lengths(self, prefix, length, by_length, rows):
        by_outcome = collections.defaultdict(list)
        for digits, outcome in sorted(by_length.items()):
            by_outcome[outcome].append(digits - length + len(prefix))
        for outcome, lengths in by_outcome.items():
            rows.append(Row(prefix, tuple(lengths), outcome))


def corrected(region, attribute, theirs):
    for name, what, expected, ours in CORRECTIONS:
        if (name, what) == (region, attribute):
            if theirs != expected:
                sys.exit(
                    f"{name}.{what} is now {theirs!r}, not {expected!r}: "
                    "review CORRECTIONS in generate.py"
                )
            return ours
    return theirs


def lengths_cell(lengths):
    """(8, 9, 10, 12) -> "8-10 12"."""
    runs = []
    for digits in lengths:
        if runs and runs[-1][1] == digits - 1:
            runs[-1][1] = digits
        else:
            runs.append([digits, digits])
    return " ".join(f"{low}-{high}" if low < high else str(low) for low, high in runs)


def folded(rows):
    """CSV lines: prefixes that differ in the last digit only share a line. Of the rows of one
    prefix, those with lengths come first: the reader takes the first that fits."""
    last_digits = collections.defaultdict(str)
    for row in rows:
        stem, last = row.prefix[:-1], row.prefix[-1]
        last_digits[stem, not row.lengths, row.lengths, row.outcome] += last
    order = lambda entry: (entry[0][0], entry[0][1], entry[1], entry[0][2])
    for (stem, _, lengths, outcome), last in sorted(last_digits.items(), key=order):
        prefix = stem + (last if len(last) == 1 else f"[{last}]")
        yield f"{prefix},{lengths_cell(lengths)},{outcome.region},{outcome.type}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", help="the CSV to write")
    arguments = parser.parse_args()
    rows = []
    for code in sorted(COUNTRY_CODE_TO_REGION_CODE):
        rows += CallingCode(code).rows()
    lines = list(folded(rows))
    with open(arguments.output, "w", encoding="ascii", newline="\n") as output:
        output.write(f"# phonenumbers {phonenumbers.__version__}, Apache-2.0\n")
        output.write("prefix,digits,region,type\n")
        output.writelines(line + "\n" for line in lines)
    print(f"{arguments.output}: {len(rows)} prefixes in {len(lines)} lines")


if __name__ == "__main__":
    main()
