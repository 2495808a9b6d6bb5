"""Values of condition keys that tests can tell apart."""

import datetime
import ipaddress
import itertools
import re

from .keys import ADDRESS, ALWAYS, BOOL, DATE, INTEGERS, KEYS, NUMBER, OTHER, OWN
from .operators import date, met, network, number

MOST_SINGLE, MOST_SETS = 48, 40


def variables_of(test):
    """The condition keys that the values of a test name as variables."""
    found = (re.findall(r"\$\{([^},]*)", value) for value in test.values)
    return {name.strip().lower() for names in found for name in names if ":" in name}


def texts(tests):
    """Texts that are named, that match patterns, and that match two patterns together."""
    patterns = [value for test in tests for value in test.values]
    pieces = {piece for pattern in patterns for piece in re.split(r"[*?]+", pattern) if piece and "${" not in piece}
    fillers = ["", "x", "a:b", *sorted(pieces)[:5]]
    out = {"zz", "", "true", "false"}
    for pattern in patterns:
        parts = re.split(r"([*?])", re.sub(r"\$\{[*?$]\}", lambda m: m[0][2], pattern))
        wild = parts[1::2]
        some = fillers if len(wild) < 3 else fillers[:2] if len(wild) < 5 else fillers[1:2]
        for chosen in itertools.product(*(["q", ":"] if c == "?" else some for c in wild)):
            out.add("".join(a + b for a, b in itertools.zip_longest(parts[::2], chosen, fillvalue="")))
        out |= {pattern, pattern.upper(), pattern.lower()}
    return out


def numbers(tests, whole):
    out = {"abc"} if not whole else set()
    for value in (v for test in tests for v in test.values):
        due = number(value)
        if due is not None:
            steps = (0, 1, -1) if whole else (0, 1, -1, 0.5)
            out |= {str(due + type(due)(str(step))) for step in steps}
            out |= {str(due // 1), str(due // 1 + 1)}
    return {v for v in out | {"3600"} if not whole or ("." not in v and not v.startswith("-"))}


def dates(tests):
    out = {"2001-01-01T00:00:00Z"}
    for due in (date(v) for test in tests for v in test.values):
        if due is not None:
            near = [due + datetime.timedelta(seconds=s) for s in (-1, 0, 1)]
            out |= {d.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ") for d in near}
    return out


def addresses(tests):
    out = {"203.0.113.9", "2001:db8::1"}
    for net in (network(v) for test in tests for v in test.values):
        if net is not None:
            first, last = int(net.network_address), int(net.broadcast_address)
            make = type(net.network_address)
            most = 2 ** net.max_prefixlen - 1
            out |= {str(make(n)) for n in (first - 1, first, last, last + 1) if 0 <= n <= most}
    return out


def raw(key, tests, everything):
    kind = KEYS[key][0]
    if kind == BOOL:
        return {"true", "false"}
    if kind == ADDRESS:
        return addresses(tests)
    if kind == DATE:
        return dates(tests)
    if kind == NUMBER:
        return numbers(tests, key in INTEGERS)
    out = texts(tests)
    bases = {test.base for test in tests}
    if any(base.startswith("Numeric") for base in bases):
        out |= numbers(tests, False)
    if any(base.startswith("Date") for base in bases):
        out |= dates(tests)
    if "IpAddress" in bases:
        out |= addresses(tests)
    if "Bool" in bases:
        out |= {"true", "false", "yes"}
    # A variable can make any value of one key the pattern of another.
    if any("${" in value for test in everything for value in test.values):
        out |= {v for test in everything for v in test.values if "${" not in v and len(v) < 20}
        out |= {"alice", "bob", "zed", "t-bob", OWN, OTHER, f"{OWN}:bob", "*", "b*"}
    return out


def signature(tests, values):
    """What tests say about values, whichever way doubts are answered. Values with one signature are alike."""
    out = []
    for answer in (0, -1):
        asked = []
        for test in tests:
            doubts = []
            world = lambda doubt, choices=(False, True): doubts.append(doubt[0]) or choices[answer]
            asked.append((met(test, values, lambda key: None, False, world), tuple(doubts)))
        out.append(tuple(asked))
    return tuple(out)


def candidates(key, tests, everything):
    """The values that requests have of a key: None, or a tuple."""
    single = sorted(raw(key, tests, everything))
    fixed = not any("${" in value for test in everything for value in test.values)
    if fixed:
        alike = {}
        for value in single:
            alike.setdefault(signature(tests, (value,)), (value,))
        out = list(alike.values())
    else:
        out = [(value,) for value in single][:24]
    out = out[:MOST_SINGLE]
    # Whether keys of other services have several values is not known; only set operators can tell.
    if KEYS[key][1] or (KEYS[key][1] is None and any(test.quantifier for test in tests)):
        sets = {}
        for size in (2, 3):
            for chosen in itertools.combinations([v for v, in out][:8], size):
                sets.setdefault(signature(tests, chosen), chosen)
        out += list(sets.values())[:MOST_SETS]
    return out + ([] if key in ALWAYS else [None])
