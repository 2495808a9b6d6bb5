"""Random policies, built from every element and operator, and changes of them."""

import copy

from model.keys import FAR, KEY_ARN, OTHER, OWN

ROOT = f"arn:aws:iam::{OWN}:root"
APP, OPS = f"arn:aws:iam::{OWN}:role/App", f"arn:aws:iam::{OWN}:role/p/Ops"
BOB, ALICE = f"arn:aws:iam::{OWN}:user/bob", f"arn:aws:iam::{OWN}:user/team/alice"
S1, T1 = f"arn:aws:sts::{OWN}:assumed-role/App/s1", f"arn:aws:sts::{OWN}:assumed-role/Temp/t1"
FED = f"arn:aws:sts::{OWN}:federated-user/bob"
ABROAD = f"arn:aws:iam::{OTHER}:role/Peer"
IDENTITIES = [ROOT, ROOT, OWN, APP, APP, OPS, BOB, BOB, ALICE, S1, T1, FED, ABROAD, f"arn:aws:iam::{OTHER}:root", OTHER,
              f"arn:aws-us-gov:iam::{OWN}:root", "AROAABCDEFGHIJKLMNOPQ", f"arn:aws:iam::{OTHER}:user/bob"]
SERVICES = ["logs.amazonaws.com", "s3.amazonaws.com"]
ACTIONS = ["kms:*", "*", "kms:Decrypt", "KMS:decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:CreateGrant", "kms:*Grant*",
           "kms:PutKeyPolicy", "kms:Describe*", "kms:TagResource", "kms:ScheduleKeyDeletion", "kms:Sign", "kms:Re?ncrypt*",
           "kms:ListKeys", "s3:*", "kms:SynchronizeMultiRegionKey", "kms:De*"]
RESOURCES = ["*"] * 4 + [KEY_ARN, f"arn:aws:kms:*:{OWN}:key/*", "arn:aws:kms:*", f"arn:aws:kms:us-west-2:{OTHER}:key/*",
                         "arn:aws:kms*key/1234*", "arn:aws:s3:::bucket", f"arn:aws:kms:us-west-?:{OWN}:key/1*"]
TEXTS = ["StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike", "StringNotLike"]
ARNS = ["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"]
NUMBERS = ["NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan",
           "NumericGreaterThanEquals"]
DATES = [name.replace("Numeric", "Date") for name in NUMBERS]
ODD = ["Moon", "BinaryEquals", "NullIfExists", "ForAnyValue:Null"]

PRINCIPAL_ARNS = [APP, OPS, BOB, FED, ROOT, ABROAD, f"arn:aws:iam::{OWN}:role/*", f"arn:aws:iam::{OWN}:role/A*", "arn:aws:iam::*:root",
                  "arn:aws:iam::*:role/App", f"arn:aws:iam::{OWN}:user/?ob", "*", f"arn:aws:iam::{OWN}:role/*/Temp",
                  f"arn:aws:iam::{OWN}:role/Temp", f"arn:aws:sts::{OWN}:federated-user/*", f"arn:aws:iam::{OWN}:*"]
IDENTITY_KEYS = {
    "aws:PrincipalArn": (ARNS * 2 + TEXTS, PRINCIPAL_ARNS),
    "aws:PrincipalAccount": (TEXTS, [OWN, OTHER, FAR, "1111*", "*"]),
    "kms:CallerAccount": (TEXTS, [OWN, OTHER, FAR, "4444*"]),
    "aws:PrincipalType": (TEXTS, ["User", "Account", "AssumedRole", "FederatedUser", "*User"]),
    "aws:username": (TEXTS, ["bob", "alice", "b*", "Bob"]),
    "aws:userid": (TEXTS, [OWN, f"{OWN}:bob", "*:bob", f"{OWN}*"]),
    "aws:PrincipalIsAWSService": (["Bool"], ["true", "false"]),
    "aws:PrincipalServiceName": (TEXTS, [*SERVICES, "*.amazonaws.com"]),
    "aws:PrincipalOrgID": (TEXTS, ["o-1", "o-2", "o-*"]),
    "aws:PrincipalOrgPaths": (TEXTS, ["o-1/r/*", "o-1/r/ou/"]),
    "aws:SourceArn": (ARNS + TEXTS, ["arn:aws:s3:::b", "arn:aws:s3:::*", "arn:aws:logs:us-west-2:111122223333:log-group:a"]),
    "aws:SourceAccount": (TEXTS, [OWN, OTHER]),
    "aws:SecureTransport": (["Bool"], ["true", "false"]),
}
REQUEST_KEYS = {
    "kms:ViaService": (TEXTS, ["s3.us-west-2.amazonaws.com", "ec2.us-west-2.amazonaws.com", "s3.*", "*.us-west-2.*", "S3.us-west-2.amazonaws.com"]),
    "aws:PrincipalTag/team": (TEXTS + ["Bool", "BinaryEquals"], ["red", "blue", "r*", "*d", "true", "cmVk", "", "Red"]),
    "aws:PrincipalTag/level": (["NumericEquals", "NumericLessThan", "NumericGreaterThanEquals", "StringEquals", "Bool"], ["5", "7.5", "05", "true"]),
    "aws:SourceVpce": (TEXTS, ["vpce-1", "vpce-2", "vpce-*"]),
    "aws:ViaAWSService": (["Bool"], ["true", "false"]),
    "aws:CalledVia": (TEXTS, ["athena.amazonaws.com", "cloudformation.amazonaws.com", "*"]),
    "aws:MultiFactorAuthPresent": (["Bool"], ["true", "false"]),
    "aws:RequestedRegion": (TEXTS, ["us-west-2", "eu-west-1", "us-*"]),
    "aws:ResourceAccount": (TEXTS, [OWN, OTHER]),
    "aws:TagKeys": (TEXTS, ["team", "level"]),
    "kms:EncryptionContext:app": (TEXTS, ["a", "b", "a*", "?"]),
    "kms:EncryptionContextKeys": (TEXTS, ["app", "tier", "*"]),
    "kms:GrantIsForAWSResource": (["Bool"], ["true", "false"]),
    "kms:GrantOperations": (TEXTS, ["Decrypt", "Encrypt"]),
    "kms:KeySpec": (TEXTS, ["SYMMETRIC_DEFAULT", "RSA_2048", "RSA_*"]),
    "kms:CustomerMasterKeySpec": (TEXTS, ["SYMMETRIC_DEFAULT", "RSA_*"]),
    "kms:MultiRegion": (["Bool"], ["true", "false"]),
    "kms:RequestAlias": (TEXTS, ["alias/a", "alias/*"]),
    "kms:ResourceAliases": (TEXTS, ["alias/a", "alias/*"]),
    "cognito-identity.amazonaws.com:amr": (TEXTS, ["x", "y", "x*"]),
}
ORDERED_KEYS = {
    "aws:MultiFactorAuthAge": (NUMBERS, ["300", "3600", "299", "3600.5"]),
    "kms:ScheduleKeyDeletionPendingWindowInDays": (NUMBERS, ["7", "8", "30"]),
    "aws:CurrentTime": (DATES, ["2026-01-01T00:00:00Z", "2026-01-01", "2027-01-01T12:00:00Z", "1767225600"]),
    "aws:TokenIssueTime": (DATES, ["2026-01-01T00:00:00Z", "2026-06-01"]),
    "aws:SourceIp": (["IpAddress", "NotIpAddress"], ["10.0.0.0/8", "10.1.0.0/16", "10.0.0.1", "10.0.0.1/32", "0.0.0.0/0", "2001:db8::/32"]),
    "aws:PrincipalTag/level": (NUMBERS, ["5", "7.5", "-1"]),
}
VARIABLES = ["${aws:username}", "${AWS:UserName}", "t-${aws:username}", "${aws:PrincipalTag/team}", "${aws:PrincipalAccount}", "${aws:userid}",
             "${aws:username, 'bob'}", "${*}", "r${*}d", "${aws:PrincipalTag/team}*", "${broken", "${aws:PrincipalArn}", "${kms:ViaService}"]
VARIABLE_KEYS = {
    "aws:PrincipalTag/team": (TEXTS, ["bob", "red", "t-bob"]), "kms:EncryptionContext:app": (TEXTS, ["bob", "a"]),
    "aws:PrincipalAccount": (TEXTS, [OWN]), "aws:PrincipalArn": (ARNS + TEXTS, [BOB, APP]),
}


def sample(rng, values, most):
    picked = rng.sample(values, min(len(values), rng.choice([1, 1, 1, 2, 2, 3][:most + 3])))
    return picked[0] if len(picked) == 1 and rng.random() < 0.6 else picked


def principal(rng, focus=None):
    roll = rng.random()
    if roll < 0.08:
        return "*"
    if roll < 0.2:
        return {"AWS": rng.choice(["*", ["*"]])}
    if roll < 0.34:
        return {"Service": sample(rng, SERVICES, 2)}
    out = {"AWS": sample(rng, sorted(set(focus or IDENTITIES)), 3)}
    if roll > 0.95:
        out["Service"] = sample(rng, SERVICES, 2)
    if roll > 0.98:
        out["Federated"] = "cognito-identity.amazonaws.com"
    return out


def condition(rng, keys, variables=False):
    key = rng.choice(sorted(keys))
    operators, values = keys[key]
    operator = rng.choice(operators)
    if rng.random() < 0.1:
        operator, values = "Null", ["true", "false", True, False]
    elif rng.random() < 0.04:
        operator = rng.choice(ODD)
    else:
        if rng.random() < 0.16:
            operator += "IfExists"
        if rng.random() < (0.5 if key in ("aws:PrincipalOrgPaths", "aws:CalledVia", "aws:TagKeys", "kms:EncryptionContextKeys",
                                         "kms:GrantOperations", "kms:ResourceAliases", "cognito-identity.amazonaws.com:amr") else 0.07):
            operator = rng.choice(["ForAllValues:", "ForAnyValue:"]) + operator
    if variables and operator != "Null" and rng.random() < 0.8:
        values = values + VARIABLES
    if rng.random() < 0.02:
        values = [*values, "yes"] if rng.random() < 0.7 else [[]]
        return operator, key, values[-1] if values != [[]] else []
    return operator, key, sample(rng, values, 3)


def conditions(rng, keys, most=2, variables=False):
    out = {}
    for _ in range(rng.choice([1, 1, 1, 2][:most + 2])):
        operator, key, values = condition(rng, keys, variables)
        out.setdefault(operator, {})[key] = values
    return out


def statement(rng, profile):
    out = {"Effect": "Deny" if rng.random() < profile.get("deny", 0.3) else "Allow"}
    element = "NotPrincipal" if rng.random() < profile.get("not", 0.03) else "Principal"
    out[element] = principal(rng, profile.get("who"))
    out["NotAction" if rng.random() < 0.05 else "Action"] = sample(rng, profile.get("actions", ACTIONS), 3)
    if rng.random() > 0.01:
        out["NotResource" if rng.random() < profile.get("resources", 0) * 0.2 else "Resource"] = (
            sample(rng, RESOURCES, 2) if rng.random() < profile.get("resources", 0.04) else "*")
    if rng.random() < profile.get("conditions", 0.4):
        out["Condition"] = conditions(rng, profile["keys"], variables=profile.get("variables", False))
    if rng.random() < 0.1:
        out["Sid"] = rng.choice(["a", "b"])
    if rng.random() < profile.get("odd", 0.0):
        damage(rng, out)
    return out


def damage(rng, out):
    """Makes a statement malformed."""
    kind = rng.randrange(9)
    if kind == 0:
        out["Effect"] = rng.choice(["DENY", "allow", "Denied"])
    elif kind == 1:
        out["Principal"] = rng.choice([BOB, [BOB], "alice", 5])
    elif kind == 2:
        out["Action"] = rng.choice([{"kms:Decrypt": True}, [["kms:Decrypt"]], {}, None])
    elif kind == 3:
        out[rng.choice(["Conditions", "Princpal", "action", "Comment"])] = rng.choice([{"StringEquals": {"kms:ViaService": "s3"}}, "x", "y"])
    elif kind == 4:
        out.pop("Principal", None)
    elif kind == 5:
        out["Condition"] = rng.choice([{}, {"StringEquals": {}}, [], "x", {"Bool": "x"}])
    elif kind == 6:
        out["NotAction"] = "kms:Sign"
    elif kind == 7:
        out["Resource"] = rng.choice([{"a": 1}, [["*"]], 1])
    else:
        out["Principal"] = {"aws": BOB}


FEW = ["kms:Decrypt", "kms:*", "kms:CreateGrant", "kms:PutKeyPolicy", "kms:Encrypt"]
PROFILES = {
    "principals": {"keys": IDENTITY_KEYS, "conditions": 0.15},
    "identity keys": {"keys": IDENTITY_KEYS, "conditions": 0.8, "actions": FEW},
    "request keys": {"keys": REQUEST_KEYS, "conditions": 0.8},
    "ordered keys": {"keys": ORDERED_KEYS, "conditions": 0.85, "actions": FEW + ["kms:ScheduleKeyDeletion"]},
    "not principal": {"keys": IDENTITY_KEYS, "conditions": 0.15, "not": 0.5, "deny": 0.7, "actions": FEW,
                      "who": [ROOT, APP, BOB, S1, T1, OPS, FED, ABROAD, f"arn:aws:iam::{OTHER}:root"]},
    "variables": {"keys": VARIABLE_KEYS, "conditions": 0.9, "variables": True, "actions": FEW},
    "resources": {"keys": REQUEST_KEYS, "conditions": 0.1, "resources": 0.8, "actions": FEW},
    "malformed": {"keys": REQUEST_KEYS, "conditions": 0.3, "odd": 0.5, "actions": FEW},
    "one key": {"keys": None, "conditions": 0.95, "actions": FEW, "who": [ROOT, APP, BOB]},
    "mixed": {"keys": {**IDENTITY_KEYS, **REQUEST_KEYS, **ORDERED_KEYS}, "conditions": 0.5, "not": 0.08, "resources": 0.1, "odd": 0.03},
}


def policy(rng, name):
    profile = PROFILES[name]
    if name == "one key":
        key = rng.choice(sorted({**IDENTITY_KEYS, **REQUEST_KEYS, **ORDERED_KEYS}))
        profile = {**profile, "keys": {key: {**IDENTITY_KEYS, **REQUEST_KEYS, **ORDERED_KEYS}[key]}}
    out = {"Version": rng.choice(["2012-10-17"] * 9 + ["2008-10-17"])}
    out["Statement"] = [statement(rng, profile) for _ in range(rng.choice([1, 2, 2, 3, 3, 4]))]
    if rng.random() < 0.3:
        out["Statement"].insert(0, {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "kms:*", "Resource": "*"})
    if rng.random() < profile.get("odd", 0) * 0.05:
        out["Version"] = "2013-10-17"
    return out, profile


def listed(value):
    return list(value) if isinstance(value, list) else [value]


def change(rng, old, profile):
    """A policy that differs a little, or only in its text."""
    new = copy.deepcopy(old)
    for _ in range(rng.choice([1, 1, 1, 2])):
        rng.choice([rewrite, rewrite, replace_statement, replace_part, replace_part, replace_part, drop, version])(rng, new, profile)
    return new


def version(rng, new, _):
    if rng.random() < 0.3:
        new["Version"] = "2008-10-17" if new["Version"] == "2012-10-17" else "2012-10-17"


def drop(rng, new, _):
    if len(new["Statement"]) > 1:
        new["Statement"].pop(rng.randrange(len(new["Statement"])))


def replace_statement(rng, new, profile):
    made = statement(rng, profile)
    if rng.random() < 0.5:
        new["Statement"].append(made)
    else:
        new["Statement"][rng.randrange(len(new["Statement"]))] = made


def replace_part(rng, new, profile):
    """Takes one element of a statement from another."""
    target, source = rng.choice(new["Statement"]), statement(rng, {**profile, "conditions": 1})
    part = rng.choice(["Effect", "Principal", "Action", "Condition", "Condition", "Condition", "Resource", "value", "value"])
    if part == "value" and isinstance(target.get("Condition"), dict) and target["Condition"]:
        operator = rng.choice(sorted(target["Condition"]))
        keys = target["Condition"][operator]
        if isinstance(keys, dict) and keys:
            key = rng.choice(sorted(keys))
            pool = profile["keys"].get(key, (None, ["x"]))[1]
            keys[key] = sample(rng, pool, 3)
            if rng.random() < 0.4:
                other = rng.choice(profile["keys"].get(key, ([operator], 0))[0])
                target["Condition"].setdefault(other, {})[key] = target["Condition"][operator].pop(key)
                target["Condition"] = {k: v for k, v in target["Condition"].items() if v}
        return
    for name in (part, "Not" + part):
        target.pop(name, None)
        if name in source:
            target[name] = source[name]


def rewrite(rng, new, _):
    """Changes the text of a policy, and mostly not what it decides."""
    statements = new["Statement"]
    target = rng.choice(statements)
    kind = rng.randrange(7)
    if kind == 0:
        rng.shuffle(statements)
    elif kind == 1:
        statements.append(copy.deepcopy(target))
    elif kind in (2, 3) and isinstance(target.get("Action"), (str, list)) and len(listed(target["Action"])) > 1:
        actions = listed(target["Action"])
        statements.append({**copy.deepcopy(target), "Action": actions[1:]})
        target["Action"] = actions[:1]
    elif kind in (2, 3, 4) and isinstance(target.get("Principal"), dict) and len(listed(target["Principal"].get("AWS", []))) > 1:
        names = listed(target["Principal"]["AWS"])
        statements.append({**copy.deepcopy(target), "Principal": {"AWS": names[1:]}})
        target["Principal"] = {"AWS": names[:1]}
    elif kind == 5 and isinstance(target.get("Condition"), dict):
        split_values(rng, statements, target)
    else:
        target["Sid"] = rng.choice(["a", "b", "c d"])


def split_values(rng, statements, target):
    for operator, keys in target["Condition"].items():
        for key, values in keys.items() if isinstance(keys, dict) else ():
            if isinstance(values, list) and len(values) > 1:
                other = copy.deepcopy(target)
                other["Condition"][operator][key] = values[1:]
                target["Condition"][operator][key] = values[:1]
                statements.append(other)
                return


def pair(rng, name):
    """Two policies: mostly one and a change of it."""
    old, profile = policy(rng, name)
    if rng.random() < 0.1:
        return old, policy(rng, name)[0]
    return old, change(rng, old, profile)
