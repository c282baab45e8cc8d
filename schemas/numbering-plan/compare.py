#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares a numbering plan lookup with libphonenumber on random valid numbers.

The numbers are spread evenly over every region and type, made from the library's patterns by a
generator of its own (Python's regular expression parser), and judged by the library itself, so
nothing of generate.py is trusted.
"""

import argparse
import collections
import random
import re
import subprocess
import sys

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberType
from phonenumbers.phonenumberutil import COUNTRY_CODE_TO_REGION_CODE

KINDS = (
    "fixed_line mobile toll_free premium_rate shared_cost personal_number voip pager uan voicemail"
).split()
REGION_AGREEMENT_MIN = 0.999
TYPE_AGREEMENT_MIN = 0.995
TRIES_PER_NUMBER = 50
REPEAT_MAX = 20  # of an unbounded repetition

Comparison = collections.namedtuple("Comparison", "numbers region_differs type_differs")


def random_match(tree, rng):
    """A random string that the parsed regular expression matches."""
    text = ""
    for operator, argument in tree:
        name = str(operator)
        if name == "LITERAL":
            text += chr(argument)
        elif name == "IN":
            text += rng.choice(class_digits(argument))
        elif name == "BRANCH":
            text += random_match(rng.choice(argument[1]), rng)
        elif name == "SUBPATTERN":
            text += random_match(argument[-1], rng)
        elif name == "MAX_REPEAT":
            least, most, inner = argument
            for _ in range(rng.randint(least, min(int(most), REPEAT_MAX))):
                text += random_match(inner, rng)
        else:
            raise ValueError(f"unexpected {name} in a number pattern")
    return text


def class_digits(members):
    chosen = set()
    for operator, argument in members:
        if str(operator) == "LITERAL":
            chosen.add(chr(argument))
        elif str(operator) == "RANGE":
            chosen.update(chr(code) for code in range(argument[0], argument[1] + 1))
        else:  # CATEGORY: \d
            chosen.update("0123456789")
    return sorted(chosen)


def patterns():
    """(calling code, parsed pattern, lengths) of every region and type that has one."""
    for code, regions in sorted(COUNTRY_CODE_TO_REGION_CODE.items()):
        for region in regions:
            metadata = PhoneMetadata.metadata_for_region_or_calling_code(code, region)
            for kind in KINDS:
                description = getattr(metadata, kind)
                if description is not None and description.national_number_pattern:
                    tree = re._parser.parse(description.national_number_pattern)
                    yield code, tree, description.possible_length


def judged(number):
    """(region, type) as the library sees it, None when it is not valid as it stands."""
    parsed = phonenumbers.parse(number)
    if phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) != number:
        return None  # digits after the calling code were taken for a national prefix
    kind = phonenumbers.number_type(parsed)
    if kind == PhoneNumberType.UNKNOWN:
        return None
    region = phonenumbers.region_code_for_number(parsed)
    return region, PhoneNumberType.to_string(kind).lower()


def random_valid_numbers(count, seed):
    """Exactly count (number, (region, type)), in turn from every pattern that gives any."""
    rng = random.Random(seed)
    sources = list(patterns())
    while count > 0:
        for source in list(sources):
            found = random_valid_number(source, rng)
            if found is None:
                sources.remove(source)
                continue
            yield found
            count -= 1
            if count == 0:
                return


def random_valid_number(source, rng):
    code, tree, lengths = source
    for _ in range(TRIES_PER_NUMBER):
        national = random_match(tree, rng)
        if lengths and len(national) not in lengths:
            continue
        number = f"+{code}{national}"
        truth = judged(number)
        if truth is not None:
            return number, truth
    return None


def looked_up(command, numbers):
    """(region, type) of each number, from a program that prints number,region,type."""
    run = subprocess.run(
        command, input="".join(number + "\n" for number in numbers), text=True, capture_output=True
    )
    if run.returncode != 0:
        raise RuntimeError(f"{command} ended with {run.returncode}: {run.stderr.strip()}")
    lines = run.stdout.splitlines()
    if len(lines) != len(numbers):
        raise RuntimeError(f"{len(numbers)} numbers in, {len(lines)} lines out")
    result = []
    for number, line in zip(numbers, lines):
        echoed, region, kind = line.rsplit(",", 2)
        if echoed != number:
            raise RuntimeError(f"{number} came back as {echoed}")
        result.append((region, kind))
    return result


def compare(command, count, seed):
    """Differences are lists of (number, the library's (region, type), the plan's)."""
    pairs = list(random_valid_numbers(count, seed))
    found = looked_up(command, [number for number, _ in pairs])
    region_differs, type_differs = [], []
    for (number, truth), ours in zip(pairs, found):
        if ours[0] != truth[0]:
            region_differs.append((number, truth, ours))
        if ours[1] != truth[1]:
            type_differs.append((number, truth, ours))
    return Comparison(len(pairs), region_differs, type_differs)


def describe(name, differs, count):
    print(f"{name}: {100 * (1 - len(differs) / count):.3f} % of {count} agree")
    shown = collections.defaultdict(list)
    for number, truth, ours in differs:
        shown[truth, ours].append(number)
    for (truth, ours), numbers in sorted(shown.items(), key=lambda entry: -len(entry[1]))[:20]:
        print(f"  {len(numbers)} x {','.join(truth)} is {','.join(ours)}, as {numbers[0]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("command", nargs="+", help="the lookup, such as: tollstream numbers")
    arguments = parser.parse_args()
    result = compare(arguments.command, arguments.count, arguments.seed)
    print(f"phonenumbers {phonenumbers.__version__}, seed {arguments.seed}")
    describe("region", result.region_differs, result.numbers)
    describe("type", result.type_differs, result.numbers)
    if len(result.region_differs) > (1 - REGION_AGREEMENT_MIN) * result.numbers:
        sys.exit("too few regions agree")
    if len(result.type_differs) > (1 - TYPE_AGREEMENT_MIN) * result.numbers:
        sys.exit("too few types agree")


if __name__ == "__main__":
    main()
