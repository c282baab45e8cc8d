# SPDX-License-Identifier: Apache-2.0
"""Regular expressions over decimal digits, read one digit at a time.

The numbering plan is derived from number patterns exactly, so they are not sampled but run as
automata. A state *is* an expression, the one that the rest of the number has to match, and the
step by a digit is its Brzozowski derivative. Expressions are normalised and hash-consed: equal
states are the same object, so that states can be compared and memoised by identity.

Only what telephone metadata uses is understood: digits, \\d, classes, groups, alternatives and
bounded or unbounded repetition. Anything else is refused rather than misread.
"""

import functools

DIGITS = frozenset("0123456789")


class Expression:
    """One of: nothing (matches no string), empty (the empty string), digits, cat, alt, repeat."""

    __slots__ = ("kind", "parts", "nullable", "steps")

    def __init__(self, kind, parts, nullable):
        self.kind = kind
        self.parts = parts
        self.nullable = nullable
        self.steps = {}


_interned = {}


def _make(kind, parts, nullable):
    key = (kind, parts)
    found = _interned.get(key)
    if found is None:
        found = _interned[key] = Expression(kind, parts, nullable)
    return found


NOTHING = _make("nothing", (), False)
EMPTY = _make("empty", (), True)


def digits(chosen):
    chosen = frozenset(chosen)
    return _make("digits", chosen, False) if chosen else NOTHING


def cat(first, rest):
    if first is NOTHING or rest is NOTHING:
        return NOTHING
    if first is EMPTY:
        return rest
    if rest is EMPTY:
        return first
    if first.kind == "cat":
        return cat(first.parts[0], cat(first.parts[1], rest))
    return _make("cat", (first, rest), first.nullable and rest.nullable)


def alt(branches):
    flat = set()
    for branch in branches:
        if branch.kind == "alt":
            flat |= branch.parts
        elif branch is not NOTHING:
            flat.add(branch)
    if not flat:
        return NOTHING
    if len(flat) == 1:
        return flat.pop()
    return _make("alt", frozenset(flat), any(branch.nullable for branch in flat))


def repeat(inner, least, most):
    """most None: without end."""
    if most == 0 or inner is EMPTY:
        return EMPTY
    if inner is NOTHING:
        return EMPTY if least == 0 else NOTHING
    if (least, most) == (1, 1):
        return inner
    return _make("repeat", (inner, least, most), least == 0 or inner.nullable)


ANYTHING = repeat(digits(DIGITS), 0, None)


def step(expression, digit):
    """What the rest has to match after this digit; NOTHING when no match is left."""
    result = expression.steps.get(digit)
    if result is None:
        result = expression.steps[digit] = _derive(expression, digit)
    return result


def _derive(expression, digit):
    kind, parts = expression.kind, expression.parts
    if kind == "digits":
        return EMPTY if digit in parts else NOTHING
    if kind == "cat":
        first, rest = parts
        after_first = cat(step(first, digit), rest)
        return alt((after_first, step(rest, digit))) if first.nullable else after_first
    if kind == "alt":
        return alt(step(branch, digit) for branch in parts)
    if kind == "repeat":
        inner, least, most = parts
        left = repeat(inner, max(least - 1, 0), None if most is None else most - 1)
        return cat(step(inner, digit), left)
    return NOTHING


@functools.lru_cache(maxsize=None)
def parse(pattern):
    """The expression for a pattern that has to match the whole string."""
    expression, end = _parse_alternatives(pattern, 0)
    if end != len(pattern):
        raise ValueError(f"unbalanced ')' at {end} in pattern {pattern!r}")
    return expression


def _parse_alternatives(text, at):
    branches = []
    while True:
        branch, at = _parse_sequence(text, at)
        branches.append(branch)
        if at == len(text) or text[at] != "|":
            return alt(branches), at
        at += 1


def _parse_sequence(text, at):
    items = []
    while at < len(text) and text[at] not in "|)":
        item, at = _parse_item(text, at)
        least, most, at = _parse_repetition(text, at)
        items.append(repeat(item, least, most))
    result = EMPTY
    for item in reversed(items):
        result = cat(item, result)
    return result, at


def _parse_item(text, at):
    if text[at] in DIGITS:
        return digits(text[at]), at + 1
    if text.startswith("\\d", at):
        return digits(DIGITS), at + 2
    if text[at] == "[":
        end = text.index("]", at)
        return digits(_parse_class(text[at + 1 : end], text)), end + 1
    if text[at] == "(":
        at += 3 if text.startswith("(?:", at) else 1
        inner, end = _parse_alternatives(text, at)
        if end == len(text) or text[end] != ")":
            raise ValueError(f"missing ')' in pattern {text!r}")
        return inner, end + 1
    raise ValueError(f"unexpected {text[at]!r} at {at} in pattern {text!r}")


def _parse_class(body, text):
    chosen = set()
    at = 0
    while at < len(body):
        if body.startswith("\\d", at):
            chosen |= DIGITS
            at += 2
            continue
        low = high = body[at]
        at += 1
        if at + 1 < len(body) and body[at] == "-":
            high = body[at + 1]
            at += 2
        if low not in DIGITS or high not in DIGITS or low > high:
            raise ValueError(f"unexpected class [{body}] in pattern {text!r}")
        chosen.update(str(digit) for digit in range(int(low), int(high) + 1))
    return chosen


def _parse_repetition(text, at):
    if at == len(text):
        return 1, 1, at
    if text[at] == "?":
        return 0, 1, at + 1
    if text[at] == "*":
        return 0, None, at + 1
    if text[at] == "+":
        return 1, None, at + 1
    if text[at] != "{":
        return 1, 1, at
    end = text.index("}", at)
    least, comma, most = text[at + 1 : end].partition(",")
    if not comma:
        most = least
    return int(least), int(most) if most else None, end + 1
