"""The principals that make requests, and the condition keys that follow from them (IAM UG, global condition context keys)."""

import itertools
import re

from .keys import FAR, OTHER, OWN

FREE = object()  # requests with any value of the key exist
ROOT, USER, SESSION, FEDERATED, SERVICE, PROVIDER = "root", "user", "session", "federated", "service", "provider"
# The documented values of aws:PrincipalArn are the ARNs of roles, users, federated users and root users.
NOBODY = "no identity"


class Principal:
    """Somebody who makes requests. The user of a federated session and the role of a session are known here."""

    def __init__(self, kind, account=None, name=None, role=None, session=None, user=None):
        self.kind, self.account, self.name, self.role, self.session, self.user = kind, account, name, role, session, user
        arn = lambda service, rest: f"arn:aws:{service}::{account}:{rest}"
        self.arn = self.own_arn = name
        if kind == ROOT:
            self.arn = self.own_arn = arn("iam", "root")
        elif kind == USER:
            self.arn = self.own_arn = arn("iam", f"user/{name}")
        elif kind == SESSION:  # `role` is the role's path and name
            self.arn, self.own_arn = arn("iam", f"role/{role}"), arn("sts", f"assumed-role/{role.split('/')[-1]}/{session}")
        elif kind == FEDERATED:
            self.arn = self.own_arn = arn("sts", f"federated-user/{name}")
            self.user_arn = arn("iam", f"user/{user}")
        self.is_identity = kind not in (SERVICE, PROVIDER)

    def __repr__(self):
        extra = f" of {self.user}" if self.kind == FEDERATED else f" of {self.role}" if self.kind == SESSION else ""
        return f"{self.own_arn}{extra}"

    def fact(self, key, world):
        """The values of a key that follow from the principal, None if its requests never have it, or FREE."""
        if key == "aws:resourceaccount":
            return (OWN,)
        if self.kind == SERVICE:
            return self.service_fact(key, world)
        if self.kind == PROVIDER:
            return FREE
        return self.identity_fact(key)

    def service_fact(self, key, world):
        if key == "aws:principalisawsservice":
            return ("true",)
        if key == "aws:principalservicename":
            return (self.name,)
        if key in ("kms:calleraccount", "kms:viaservice", "aws:username", "aws:principalorgid", "aws:principalorgpaths",
                   "aws:calledvia") or key.startswith("aws:principaltag/"):
            return None
        # Whether a service has these is not documented; S3 UG: services redact aws:SecureTransport between each other.
        choices = {"aws:principalarn": (None, (NOBODY,)), "aws:securetransport": (None, ("true",)),
                   "aws:principalaccount": (None, (OWN,), (OTHER,), (FAR,)), "aws:principaltype": (None, ("AWSService",), ("User",), ("Account",), ("AssumedRole",), ("FederatedUser",)),
                   "aws:userid": (None, (NOBODY,))}
        return world(("service has", key), choices[key]) if key in choices else FREE

    def identity_fact(self, key):
        if key == "aws:principalarn":
            return (self.arn,)
        if key in ("aws:principalaccount", "kms:calleraccount"):
            return (self.account,)
        if key == "aws:principaltype":
            return ({ROOT: "Account", USER: "User", SESSION: "AssumedRole", FEDERATED: "FederatedUser"}[self.kind],)
        if key == "aws:username":
            return (self.name.split("/")[-1],) if self.kind == USER else None
        if key == "aws:userid" and self.kind == ROOT:
            return (self.account,)
        if key == "aws:userid" and self.kind == FEDERATED:
            return (f"{self.account}:{self.name}",)
        if key == "aws:principalisawsservice":
            return ("false",)
        if key == "aws:securetransport":  # KMS takes TLS only
            return ("true",)
        if key in ("aws:principalservicename", "aws:sourcearn", "aws:sourceaccount"):
            return None
        return FREE


def parse(arn):
    """The kind, account and name of an identity of this partition, or None."""
    found = re.fullmatch(r"arn:aws:(iam|sts)::([0-9]{12}):(user|role|assumed-role|federated-user)/([^*?]+)", arn)
    if not found or (found[1] == "iam") != (found[3] in ("user", "role")) or found[4].endswith("/"):
        return None
    if found[4].count("/") != {"assumed-role": 1, "federated-user": 0}.get(found[3], found[4].count("/")):
        return None
    return {"user": USER, "role": "role", "assumed-role": SESSION, "federated-user": FEDERATED}[found[3]], found[2], found[4]


def account_of(text):
    """The account that a principal names, with or without its partition, or None."""
    found = re.fullmatch(r"(?:arn:aws:iam::)?([0-9]{12})(?(1)(?::root)?)", text)
    return found[1] if found and (len(text) == 12 or text.endswith(":root")) else None


# ---- how a statement matches -----------------------------------------------------------------------------------------

def match(statement, who, world):
    """'direct', 'account' or None: how a statement matches a principal (IAM UG, Principal and NotPrincipal)."""
    if statement.who == "unread":
        return "direct"
    names = set(statement.names)
    if statement.who == "out":
        return "direct" if not_principal(names, who, world) else None
    if ("*", "*") in names:
        return "direct" if who.kind != PROVIDER or world("providers call") else None
    star = ("AWS", "*") in names
    if who.kind == SERVICE:
        return "direct" if ("Service", who.name) in names or (star and world("AWS star has services")) else None
    if who.kind == PROVIDER:
        return "direct" if (star or ("Federated", who.name) in names) and world("providers call") else None
    if star or names_itself(names, who, world):
        return "direct"
    if any(kind == "AWS" and account_of(text) == who.account for kind, text in names):
        return "direct" if who.kind == ROOT else "account"
    return None


def names_itself(names, who, world):
    if ("AWS", who.own_arn) in names and who.kind != ROOT:
        return True
    if who.kind == SESSION:
        return ("AWS", who.arn) in names
    if who.kind == FEDERATED and ("AWS", who.user_arn) in names:
        return world("users name their sessions")
    return False


def not_principal(names, who, world):
    """Whether a NotPrincipal matches. AWS documents who certainly is exempt; who is listed partly "might" not be."""
    if ("*", "*") in names:
        return False
    star = ("AWS", "*") in names
    if who.kind == SERVICE:
        return ("Service", who.name) not in names and not (star and world("AWS star has services"))
    if who.kind == PROVIDER:
        return not star and world(("provider listed", who.name) if ("Federated", who.name) in names else "providers call")
    if star:
        return False
    account = any(kind == "AWS" and account_of(text) == who.account for kind, text in names)
    if who.kind == ROOT:
        return not account
    own = {text for kind, text in names if kind == "AWS" and text in who.names()}
    others = [text for kind, text in names if kind == "AWS" and (parse(text) or (0, 0))[1] == who.account]
    if account and who.complete() and set(who.complete()) <= own:
        return False
    if own or (account and not others):
        return world(("not principal", repr(who), account, frozenset(own)))
    return True


def names_of(self):
    if self.kind == SESSION:
        return {self.own_arn, self.arn}
    return {self.own_arn, self.user_arn} if self.kind == FEDERATED else {self.own_arn}


Principal.names = names_of
# The names that certainly exempt a principal, next to its account. Nothing is documented for federated sessions.
Principal.complete = lambda self: self.names() if self.kind in (USER, SESSION) else set()


# ---- the universe ----------------------------------------------------------------------------------------------------

def fillings(pattern, fillers=("x", "p/x", "")):
    """Texts that match a pattern."""
    parts = re.split(r"([*?])", pattern)
    wild = parts[1::2]
    if len(wild) > 4:
        fillers = fillers[:1]
    choices = [["q"] if c == "?" else fillers for c in wild]
    for chosen in itertools.product(*choices):
        yield "".join(a + b for a, b in itertools.zip_longest(parts[::2], chosen, fillvalue=""))


def mentioned(policies):
    """The ARNs that principals and conditions mention, patterns filled in; and the accounts."""
    arns, accounts, users, services = set(), {OWN, OTHER, FAR}, set(), {"sns.amazonaws.com"}
    for policy in policies:
        for test in policy.tests():
            if test.key == "aws:principalarn":
                for value in test.values:
                    for filled in {value.replace("*", a, 1) for a in (OWN, OTHER, FAR)} | {value}:
                        arns.update(fillings(filled))
            if test.key in ("aws:principalaccount", "kms:calleraccount"):
                filled = (value.replace("*", "9" * (13 - len(value)), 1) for value in test.values)
                accounts.update(value for value in filled if re.fullmatch("[0-9]{12}", value))
                # An account that no condition names.
                accounts.update({"222233334444"} if FAR in test.values else ())
            if test.key == "aws:username":
                texts = {text for value in test.values for text in (value, value.lower(), value.upper(), *fillings(value, ("x",)))}
                users.update(text for text in texts if text and "$" not in text)
            if test.key == "aws:principalservicename":
                services.update(v for v in test.values if v.endswith(".amazonaws.com") and "*" not in v)
    return arns, accounts, users, services


def universe(policies):
    """Groups of principals. The members of a group have the same name; which of them exists is not known."""
    named = [name for policy in policies for name in policy.names()]
    arns, accounts, users, services = mentioned(policies)
    listed = {text for kind, text in named if kind == "AWS"}
    roles = {text for text in listed if (parse(text) or [0])[0] == "role"}
    accounts |= {account_of(text) for text in listed if account_of(text)}
    identities = {found for found in map(parse, listed | arns) if found}
    accounts |= {account for _, account, _ in identities}
    own_users = {(account, name) for kind, account, name in identities if kind == USER}
    for account in sorted(accounts):
        yield [Principal(ROOT, account)]
        for name in sorted({"zed", *users, *(f"team/{name}" for name in users)} | {n for a, n in own_users if a == account}):
            yield [Principal(USER, account, name)]
            # A session of this user whose name no policy has.
            yield [Principal(FEDERATED, account, "unnamed", user=name)]
        for name in sorted({"Zed"} | {n for k, a, n in identities if (k, a) == ("role", account)}):
            yield [Principal(SESSION, account, role=name, session="unnamed")]
    for kind, account, name in sorted(identities):
        if kind == FEDERATED:
            owners = sorted({n for a, n in own_users if a == account} | {"zed"})
            yield [Principal(FEDERATED, account, name, user=user) for user in owners]
        if kind == SESSION:
            role, session = name.split("/")
            yield [Principal(SESSION, account, role=r, session=session) for r in role_paths(account, role, roles, arns)]
    services |= {text for kind, text in named if kind == "Service"}
    yield from ([Principal(SERVICE, name=name)] for name in sorted(services))
    yield from ([Principal(PROVIDER, name=text)] for kind, text in sorted(set(named)) if kind == "Federated")


def role_paths(account, role, roles, arns):
    """The paths and names that the role of a session can have: the one that policies name, or any."""
    start = f"arn:aws:iam::{account}:role/"
    known = {arn[len(start):] for arn in roles if arn.startswith(start) and arn.split("/")[-1] == role}
    if len(known) == 1:
        return sorted(known)
    tails = {arn[len(start):] for arn in arns if arn.startswith(start)}
    paths = {tail.rsplit("/", 1)[0] + "/" for tail in tails if "/" in tail} | {tail + "/" for tail in tails}
    return sorted(known | {role} | {path + role for path in paths | {"q/"}})
