"""Decisions: the level of every request of a small universe, under two policies (KMS DG, key policies)."""

import functools
import itertools
import operator

from .keys import ACTIONS, CROSS, KEY_ARN, KEYS, OWN, SIBLING_ARN, WORDS, carries
from .operators import arn_resource, glob, met
from .principals import FREE, match, universe
from .values import candidates, variables_of
from .worlds import worlds

MOST = 2_000


class Space:
    """The contexts that two policies can distinguish. A set of contexts is an integer, with a bit for each."""

    def __init__(self, policies, key_arn):
        # What the ARN of the key says about its requests.
        self.of_key = {"aws:requestedregion": ("us-west-2",), "kms:multiregion": ("false",)} if key_arn else {}
        tests = [test for policy in policies for test in policy.tests()]
        self.keys = sorted({t.key for t in tests} | {key for t in tests for key in variables_of(t) if key in KEYS})
        values = [candidates(key, [t for t in tests if t.key == key], tests) for key in self.keys]
        self.complete = True
        size = 1
        for n, of_key in enumerate(values):
            if size * len(of_key) > MOST:
                values[n], self.complete = of_key[:2], False
            size *= len(values[n])
        self.contexts = list(itertools.product(*values))
        self.everything = (1 << len(self.contexts)) - 1
        self.masks = {}
        for n, context in enumerate(self.contexts):
            for key, value in zip(self.keys, context):
                of_key = self.masks.setdefault(key, {})
                of_key[value] = of_key.get(value, 0) | 1 << n

    def fact(self, key, who, action, world):
        """The values of a key that follow from the action, the key and the principal, or FREE."""
        if key not in KEYS or not carries(action, key):
            return None
        return self.of_key[key] if key in self.of_key else who.fact(key, world)

    def where(self, test, who, action, variables, world):
        """The contexts in which a request meets a test."""
        fact = self.fact(test.key, who, action, world)
        names = variables_of(test) if variables else set()
        if fact is FREE and not names:
            return sum(mask for v, mask in self.masks[test.key].items() if met(test, v, None, variables, world))
        free = [key for key in sorted(names | {test.key}) if self.fact(key, who, action, world) is FREE]
        out = 0
        for chosen in itertools.product(*(self.masks[key].items() for key in free)):
            given = {key: value for key, (value, _) in zip(free, chosen)}
            where = functools.reduce(operator.and_, (mask for _, mask in chosen), self.everything)
            lookup = lambda key: given[key] if key in given else self.fact(key, who, action, world)
            if where and met(test, lookup(test.key), lookup, variables, world):
                out |= where
        return out


def of_key(statement, world, key_arn):
    """Whether a statement is about the key (IAM UG, Resource). Without the ARN, a sibling may be the key."""
    if statement.which in ("none", "unread"):
        return statement.which == "unread"
    arn = key_arn or world("the key's ARN", (KEY_ARN, SIBLING_ARN))
    found = False
    for pattern in statement.resources:
        if pattern == "*":
            found = True
        elif "${" in pattern and statement.variables:
            found |= world(("resource", pattern))
        else:
            narrow, wide = arn_resource(pattern, arn), glob(pattern, arn)
            found |= narrow or (wide and world(("resource across colons", pattern)))
    return found == (statement.which == "in")


def levels(policy, who, action, space, world, key_arn):
    """The contexts in which a request has a level, from the lowest to the highest."""
    deny = direct = account = 0
    for statement in policy.statements:
        if not statement.matches_action(action):
            continue
        how = match(statement, who, world)
        if not how or not of_key(statement, world, key_arn):
            continue
        where = space.everything
        for test in statement.tests:
            where &= space.where(test, who, action, statement.variables, world)
            if not where:
                break
        for effect in statement.effects:
            here = where if not statement.odd or world((statement.odd, effect)) else 0
            if effect == "Deny":
                deny |= here
            elif how == "direct":
                direct |= here
            else:
                account |= here
    is_own = not who.is_identity or who.account == OWN
    if not is_own:
        account, direct = (account | direct, 0) if action in CROSS else (0, 0)
    allowed = direct & ~deny
    delegated = account & ~deny & ~direct
    return [deny, space.everything & ~deny & ~allowed & ~delegated, delegated, allowed]


def classes(policies):
    """Actions, one for each class that neither statements nor condition keys distinguish."""
    statements = [s for policy in policies for s in policy.statements]
    keys = {key for s in statements for t in s.tests for key in {t.key, *variables_of(t)} if key in KEYS}
    out = {}
    for action in ACTIONS:
        signature = (tuple(s.matches_action(action) for s in statements), tuple(carries(action, k) for k in sorted(keys)),
                     action in CROSS)
        out.setdefault(signature, action)
    return list(out.values())


class Difference:
    """How access differs: for certain in some request, possibly, and an example of each."""

    def __init__(self):
        self.certain, self.possible, self.complete = {}, {}, True

    def of_group(self, group, action, space, found):
        """Adds the worlds of all members: what all of them do is certain."""
        for direction in (0, 1):
            sets = [pair[direction] for pair in found]
            possible, certain = 0, space.everything
            for one in sets:
                possible |= one
                certain &= one
            for table, bits in ((self.possible, possible), (self.certain, certain)):
                if bits and direction not in table:
                    context = space.contexts[(bits & -bits).bit_length() - 1]
                    given = {k: v for k, v in zip(space.keys, context) if group[0].fact(k, lambda _, c: c[0]) is FREE}
                    table[direction] = (group, action, given)


def compare(old, new, key_arn=None):
    """The differences between two policies: direction 0 is a gain, 1 a loss."""
    space, out = Space([old, new], key_arn), Difference()
    out.complete = space.complete
    actions = classes([old, new])
    for group in universe([old, new]):
        for action in actions:
            found = []
            for who in group:
                def run(world):
                    before, after = (levels(p, who, action, space, world, key_arn) for p in (old, new))
                    pairs = itertools.product(range(4), range(4))
                    gain = loss = 0
                    for low, high in pairs:
                        gain |= before[low] & after[high] if low < high else 0
                        loss |= before[low] & after[high] if low > high else 0
                    return gain, loss
                results = worlds(run)
                if results is None:
                    out.complete = False
                    continue
                found += results
            if found:
                out.of_group(group, action, space, found)
    if old.unread != new.unread:
        out.possible.setdefault(0, "elements next to the statements")
        out.certain = {}
    return out


def decisions(policy, group, action, given, key_arn):
    """Every decision about a request that may be made: `given` lists the possible values of each key. None if unclear."""
    space, out = Space([policy], key_arn), set()
    where = space.everything
    for key, values in given.items():
        where &= functools.reduce(operator.or_, (space.masks[key][value] for value in values))
    for who in group:
        found = worlds(lambda world: levels(policy, who, action, space, world, key_arn))
        if found is None:
            return None
        out |= {WORDS[level] for of_world in found for level, bits in enumerate(of_world) if bits & where}
    return out
