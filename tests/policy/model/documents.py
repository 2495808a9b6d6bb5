"""Policies as far as they can be read."""

import json

from .keys import OLD_NAMES
from .operators import OPERATORS, glob


def listed(value):
    return value if isinstance(value, list) else [value]


def scalars(value):
    """The texts of an element, or None if it cannot be read."""
    out = []
    for item in listed(value):
        if isinstance(item, bool):
            item = str(item).lower()
        if isinstance(item, (int, float)):
            item = json.dumps(item)
        if not isinstance(item, str):
            return None
        out.append(item)
    return out


class Test:
    def __init__(self, operator, key, values):
        self.id = json.dumps([operator, key.lower(), sorted(values)])
        self.quantifier, rest = "", operator
        for prefix in ("ForAllValues:", "ForAnyValue:"):
            if operator.startswith(prefix):
                self.quantifier, rest = prefix, operator[len(prefix):]
        self.word = rest
        self.if_exists = rest.endswith("IfExists")
        base = rest[:-8] if self.if_exists else rest
        self.negated = base in {"StringNotEquals", "StringNotEqualsIgnoreCase", "StringNotLike", "NumericNotEquals",
                                "DateNotEquals", "NotIpAddress", "ArnNotEquals", "ArnNotLike"}
        base = {"NotIpAddress": "IpAddress"}.get(base, base.replace("Not", "") if self.negated else base)
        self.base = {"ArnEquals": "ArnLike"}.get(base, base)
        self.known = self.base in OPERATORS
        self.key = OLD_NAMES.get(key.lower(), key.lower())
        self.values = sorted(set(values))


class Statement:
    """A statement as far as it can be read; `odd` is the doubt whether it has an effect at all."""

    ELEMENTS = {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"}

    def __init__(self, raw, version):
        odd = bool(set(raw) - self.ELEMENTS)
        self.effects = [raw.get("Effect")]
        if raw.get("Effect") not in ("Allow", "Deny"):
            odd, self.effects = True, ["Allow", "Deny"]
        self.variables = version == "2012-10-17"
        parts = {}
        for name in ("Principal", "Action", "Resource"):
            parts[name] = self.element(raw, name)
            odd |= parts[name][0] == "unread"
        (self.who, self.names), (self.what, self.actions), (self.which, self.resources) = (
            parts["Principal"], parts["Action"], parts["Resource"])
        if self.who == "none":
            odd, self.who = True, "unread"
        unknown = set(raw) - self.ELEMENTS
        # A misspelt element may be the missing one.
        self.what = "unread" if self.what == "none" and unknown else self.what
        self.which = "unread" if self.which == "none" and unknown else self.which
        self.tests, unread = self.conditions(raw.get("Condition"))
        odd |= unread
        sides = {k: v for k, v in raw.items() if k != "Sid"}
        if self.actions:
            sides["NotAction" if self.what == "out" else "Action"] = self.actions
        self.odd = ("statement", canonical(sides), self.variables and "${" in json.dumps(raw)) if odd else None

    def element(self, raw, name):
        yes, no = raw.get(name), raw.get("Not" + name)
        if name in raw and "Not" + name in raw:
            return "unread", None
        if name not in raw and "Not" + name not in raw:
            return "none", None
        mode, value = ("in", yes) if name in raw else ("out", no)
        read = self.principals(value) if name == "Principal" else scalars(value)
        if read is None:
            return "unread", None
        if name == "Action":
            read = [text.lower() for text in read]
        return mode, read

    @staticmethod
    def principals(value):
        if value == "*":
            return [("*", "*")]
        if not isinstance(value, dict) or set(value) - {"AWS", "Service", "Federated", "CanonicalUser"}:
            return None
        out = []
        for kind, texts in value.items():
            texts = scalars(texts)
            if texts is None:
                return None
            out += [(kind, text) for text in texts]
        return out

    @staticmethod
    def conditions(value):
        if value is None:
            return [], False
        if not isinstance(value, dict):
            return [], True
        tests = []
        for operator, keys in value.items():
            if not isinstance(keys, dict):
                return [], True
            for key, values in keys.items():
                values = scalars(values)
                if values is None:
                    return [], True
                tests.append(Test(operator, key, values))
        # AWS's documents contradict each other about an empty condition.
        return tests, not value or not all(value.values())

    def matches_action(self, action):
        if self.what == "unread":
            return True
        if self.what == "none":
            return False
        return any(glob(pattern, "kms:" + action.lower()) for pattern in self.actions) == (self.what == "in")


def canonical(value):
    """The text of an element: the order and the repetition of items, and the type of scalars, do not matter."""
    if isinstance(value, dict):
        return json.dumps({key: canonical(item) for key, item in sorted(value.items())})
    if isinstance(value, list):
        return json.dumps(sorted({text(item) for item in value}))
    return json.dumps([text(value)])


def text(value):
    """The text of an item."""
    if isinstance(value, (dict, list)):
        return canonical(value)
    return value if isinstance(value, str) else json.dumps(value)


class Policy:
    def __init__(self, raw):
        version = raw.get("Version")
        self.statements = []
        self.unread = {k: v for k, v in raw.items() if k not in ("Version", "Id", "Statement")}
        if version not in (None, "2012-10-17", "2008-10-17"):
            self.unread["Version"] = version
        items = listed(raw.get("Statement", []))
        if all(isinstance(item, dict) for item in items):
            self.statements = [Statement(item, version) for item in items]
        else:
            self.unread["Statement"] = raw["Statement"]

    def tests(self):
        return [test for statement in self.statements for test in statement.tests]

    def names(self):
        return [name for s in self.statements if s.who in ("in", "out") for name in s.names]
