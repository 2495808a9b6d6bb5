"""Condition operators, and whether a request meets a test (IAM UG, condition operators and set operators)."""

import base64
import datetime
import functools
import ipaddress
import re
from decimal import Decimal

OPERATORS = {"StringEquals", "StringEqualsIgnoreCase", "StringLike", "NumericEquals", "NumericLessThan",
             "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals", "DateEquals", "DateLessThan",
             "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals", "Bool", "BinaryEquals", "IpAddress", "ArnLike",
             "Null"}
ORDER = {"Equals": lambda a, b: a == b, "LessThan": lambda a, b: a < b, "LessThanEquals": lambda a, b: a <= b,
         "GreaterThan": lambda a, b: a > b, "GreaterThanEquals": lambda a, b: a >= b}
STAR, ONE = "\ue000", "\ue001"  # `${*}` and `${?}`: the characters, not the wildcards


@functools.lru_cache(100_000)
def glob(pattern, text):
    out = "".join({"*": ".*", "?": "."}.get(c) or re.escape(plain(c)) for c in pattern)
    return bool(re.fullmatch(out, text, re.S))


def plain(text):
    return text.replace(STAR, "*").replace(ONE, "?")


def arn_like(pattern, text):
    fields, values = pattern.split(":", 5), text.split(":", 5)
    if len(fields) != 6:
        return None
    return len(values) == 6 and all(glob(f, v) for f, v in zip(fields, values))


@functools.lru_cache(10_000)
def arn_resource(pattern, arn):
    """A star that ends a field of a resource matches colons too; other wildcards may not (IAM UG, Resource)."""
    out = ""
    for n, c in enumerate(pattern):
        ends = n + 1 == len(pattern) or pattern[n + 1] == ":"
        out += {"*": ".*" if ends else "[^:]*", "?": "[^:]"}.get(c) or re.escape(c)
    return bool(re.fullmatch(out, arn, re.S))


def number(text):
    return Decimal(text) if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text) else None


def date(text):
    if re.fullmatch("[0-9]+", text) and len(text) != 4:
        return datetime.datetime.fromtimestamp(int(text), datetime.timezone.utc)
    try:
        text = text + "T00:00:00Z" if len(text) == 10 else text
        return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z")
    except ValueError:
        return None


def network(text):
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


@functools.lru_cache(200_000)
def compare(base, expected, value):
    """Whether a value of the request matches a value of the policy; None if that is not documented."""
    if base == "StringEquals":
        return plain(expected) == value
    if base == "StringEqualsIgnoreCase":
        return plain(expected).lower() == value.lower()
    if base == "StringLike":
        return glob(expected, value)
    if base == "ArnLike":
        return arn_like(expected, value)
    if base == "Bool":
        due = expected.lower()
        return None if due not in ("true", "false") else due == value.lower()
    if base == "BinaryEquals":
        return expected == value if binary(expected) and binary(value) else None
    if base == "IpAddress":
        due, given = network(expected), network(value)
        return None if due is None else given is not None and given.version == due.version and given.subnet_of(due)
    family = "Numeric" if base.startswith("Numeric") else "Date"
    parse = number if family == "Numeric" else date
    due, given = parse(expected), parse(value)
    if due is None:
        return None
    return given is not None and ORDER[base[len(family):]](given, due)


def binary(text):
    try:
        return base64.b64encode(base64.b64decode(text, validate=True)).decode() == text
    except ValueError:
        return False


def typed(test, value):
    """Whether the value of the request is of the operator's type."""
    if test.base.startswith("Numeric"):
        return number(value) is not None
    if test.base.startswith("Date"):
        return date(value) is not None
    return test.base != "IpAddress" or network(value) is not None


def expand(text, lookup, world):
    """The policy's value with its variables replaced; None if a variable has no value, and False if it is not known."""
    out, rest = "", text
    while "${" in rest:
        before, rest = rest.split("${", 1)
        out += before
        if "}" not in rest:
            return False
        name, rest = rest.split("}", 1)
        if name in ("*", "?", "$"):
            out += {"*": STAR, "?": ONE}.get(name, "$")
            continue
        name, _, default = name.partition(",")
        default = default.strip()
        if default and not (len(default) > 1 and default[0] == default[-1] == "'"):
            return False
        if ":" not in name:
            return False
        values = lookup(name.strip().lower())
        if values is None:
            if not default:
                return None
            out += default[1:-1]
        elif len(values) != 1 or any(c in values[0] for c in "*?"):
            return False
        else:
            out += values[0]
    return out + rest


def met(test, values, lookup, variables, world):
    """Whether a request meets a test: `values` are those of its key, or None if it does not have the key.

    Requests are judged one by one, so a doubt needs no name for the request's value.
    """
    if not test.known or not test.values or (test.base == "Null" and (test.if_exists or test.quantifier)):
        return world(("test", test.id))
    if test.base == "Null":
        answers = [{"true": values is None, "false": values is not None}.get(text.lower()) for text in test.values]
        return any(answers) or (None in answers and world(("test", test.id)))
    if values is None:
        return test.if_exists or test.quantifier == "ForAllValues:" or (not test.quantifier and test.negated)
    text = test.base in ("StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnLike")

    def one(value):
        answers = []
        for expected in test.values:
            if variables and text and "${" in expected:
                due = expand(expected, lookup, world)
                answer = None if due is False else due is not None and compare(test.base, due, value)
            else:
                answer = compare(test.base, expected, value)
            answers.append(world(("value", test.base, expected)) if answer is None else answer)
        if test.negated and not any(answers) and not typed(test, value):
            return world(("type", test.base))
        return any(answers) != test.negated

    if not any(values):  # an empty text is no value to set operators
        if test.quantifier:
            return test.quantifier == "ForAllValues:"
    if test.quantifier == "ForAllValues:":
        return all(one(value) for value in values)
    if test.quantifier == "ForAnyValue:":
        return any(one(value) for value in values)
    if len(values) > 1:
        return world(("several", test.id))
    return one(values[0])
