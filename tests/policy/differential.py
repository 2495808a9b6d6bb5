#!/usr/bin/env python3
"""`kmsctl policy eval` against independent implementations, on generated policies.

    python3 -m venv /tmp/peers && /tmp/peers/bin/pip install -r tests/policy/requirements.txt
    cargo build
    /tmp/peers/bin/python tests/policy/differential.py [--kmsctl target/debug/kmsctl] [--cases 1000] [--seed 1]

What each peer can answer is asked of both sides:

- moto (Apache-2.0), its evaluator of IAM policies: whether actions, resources, StringEquals conditions and explicit denies
  let one role of the key's account through.
- policyuniverse (Apache-2.0), its expansion of wildcards: which actions a statement allows.
- policyuniverse, its judgement of exposure: whether a policy lets strangers in.

A disagreement must be one of EXPLAINED; another one fails the run. Each explanation is a predicate on the case, so that it
covers nothing else, and must occur, so that it is not kept for a peer that has been mended.
"""

import argparse
import collections
import json
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from moto.iam.access_control import IAMPolicy, PermissionResult
from policyuniverse.expander_minimizer import all_permissions
from policyuniverse.policy import Policy
from policyuniverse.statement import Statement

OWN, OTHER = "111122223333", "999988887777"
KEY = f"arn:aws:kms:us-west-2:{OWN}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ROLE, STRANGER = f"arn:aws:iam::{OWN}:role/App", f"arn:aws:iam::{OTHER}:role/Stranger"
ACTIONS = ["CancelKeyDeletion", "CreateGrant", "Decrypt", "DescribeKey", "DisableKey", "Encrypt", "GenerateDataKey",
           "GenerateDataKeyWithoutPlaintext", "GetKeyPolicy", "GetPublicKey", "ListGrants", "PutKeyPolicy", "ReEncryptFrom",
           "ReEncryptTo", "RevokeGrant", "ScheduleKeyDeletion", "Sign", "TagResource", "UpdateAlias", "Verify"]
PATTERNS = ["kms:*", "*", "kms:De*", "kms:*Key", "kms:Get*", "kms:ReEncrypt*", "kms:?ign", "kms:GenerateDataKey*", "s3:*",
            "kms:List*", "KMS:Decrypt", "kms:decrypt", "kms:ReEncrypt", "kms:Create*", "kms:*Grant?"] + ["kms:" + a for a in ACTIONS]
RESOURCES = ["*"] * 5 + [KEY, KEY[:-4] + "*", f"arn:aws:kms:*:{OWN}:key/*", f"arn:aws:kms:us-west-2:{OWN}:alias/a",
                         "arn:aws:s3:::bucket", f"arn:aws:kms:us-west-2:{OTHER}:key/*", "arn:aws:kms:*"]
VIA = ["s3.us-west-2.amazonaws.com", "ec2.us-west-2.amazonaws.com", "rds.us-west-2.amazonaws.com"]


class Kmsctl:
    def __init__(self, binary):
        self.binary = binary

    def decide(self, document, principal, action, context=(), unknown=()):
        args = [self.binary, "policy", "eval", "-", "--key-arn", KEY, "--principal", principal, "--action", action,
                "--format", "json"]
        args += [part for pair in context for part in ("--context", "=".join(pair))]
        args += [part for key in unknown for part in ("--unknown-context", key)]
        done = subprocess.run(args, input=json.dumps(document), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{args}\n{json.dumps(document)}\n{done.stderr}")
        return json.loads(done.stdout)["decision"]


def some(rng, values, most):
    picked = rng.sample(values, rng.randint(1, most))
    return picked[0] if len(picked) == 1 and rng.random() < 0.5 else picked


def as_list(value):
    return value if isinstance(value, list) else [value]


# ---- moto: actions, resources, StringEquals, explicit denies ---------------------------------------------------------

def moto_case(rng):
    statements = []
    for _ in range(rng.randint(1, 4)):
        statement = {"Effect": rng.choice(["Allow", "Allow", "Allow", "Deny"]), "Principal": {"AWS": ROLE},
                     rng.choice(["Action"] * 4 + ["NotAction"]): some(rng, PATTERNS, 3), "Resource": rng.choice(RESOURCES)}
        if rng.random() < 0.3:
            statement["Condition"] = {"StringEquals": {"kms:ViaService": some(rng, VIA, 2)}}
        statements.append(statement)
    context = [("kms:ViaService", rng.choice(VIA))] if rng.random() < 0.6 else []
    return {"Version": "2012-10-17", "Statement": statements}, rng.choice(ACTIONS), context


def moto_answer(document, action, context):
    policy = IAMPolicy({"policy_document": json.dumps(document)})
    given = policy.is_action_permitted("kms:" + action, KEY, None, dict(context))
    return "allowed" if given == PermissionResult.PERMITTED else "denied"


def patterns(document):
    return [p for s in document["Statement"] for p in as_list(s.get("Action") or s.get("NotAction"))]


def fails(document, context):
    """Whether a condition of a statement does not hold."""
    given = dict(context).get("kms:ViaService")
    wanted = (s.get("Condition", {}).get("StringEquals", {}).get("kms:ViaService") for s in document["Statement"])
    return any(values is not None and given not in as_list(values) for values in wanted)


MOTO = [
    # IAM User Guide, Action: "the prefix and the action name are case insensitive". moto compares them as they are.
    ("moto: actions are compared with their case",
     lambda d, a, c: any(p.lower() == "kms:decrypt" and p != "kms:Decrypt" for p in patterns(d)) and a == "Decrypt"),
    # IAM User Guide, Action: `?` stands for one character. moto makes a regular expression of it: "the m is optional".
    ("moto: `?` is a regular expression's",
     lambda d, a, c: a in ("Sign", "CreateGrant", "ListGrants", "RevokeGrant") and any("?" in p for p in patterns(d))),
    # IAM User Guide, Condition: a statement whose condition does not hold does not apply. moto takes it for an explicit deny.
    ("moto: a condition that fails denies", lambda d, a, c: c and fails(d, c)),
    # IAM User Guide, condition operators: "if the key is not in the request, the values do not match". moto lets it pass.
    ("moto: a condition on an absent key holds", lambda d, a, c: not c and fails(d, c)),
]

# ---- policyuniverse: wildcards ---------------------------------------------------------------------------------------

# Actions of an IAM policy only, which a key policy does not decide; kmsctl says "iam-only" (KMS Developer Guide, permissions).
IAM_ONLY = {"connectcustomkeystore", "createcustomkeystore", "createkey", "deletecustomkeystore", "describecustomkeystores",
            "disconnectcustomkeystore", "generaterandom", "listaliases", "listkeys", "listretirablegrants", "retiregrant",
            "updatecustomkeystore"}


def expansion_case(rng):
    action = rng.choice(["Action", "Action", "NotAction"])
    listed = some(rng, [p for p in PATTERNS if p != "s3:*"], 3)
    return {"Effect": "Allow", "Principal": {"AWS": ROLE}, action: listed, "Resource": "*"}


EXPANSION = [
    # IAM User Guide, Action: `?` stands for one character. The peer keeps the pattern as it is.
    ("policyuniverse: `?` matches nothing",
     lambda s, a: a in ("sign", "listgrants") and any("?" in p for p in as_list(s.get("Action") or s.get("NotAction")))),
]

# ---- policyuniverse: exposure ----------------------------------------------------------------------------------------

CONDITIONS = [
    None,
    {"StringEquals": {"kms:CallerAccount": OWN}},
    {"StringEqualsIfExists": {"kms:CallerAccount": OWN}},
    {"StringNotEquals": {"kms:CallerAccount": OWN}},
    {"StringEquals": {"aws:PrincipalAccount": [OWN]}},
    {"StringLike": {"aws:PrincipalAccount": "1111*"}},
    {"StringEquals": {"kms:ViaService": VIA[0]}},
    {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{OWN}:role/app-*"}},
    {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/app-*"}},
    {"ArnNotLike": {"aws:PrincipalArn": f"arn:aws:iam::{OWN}:role/app-*"}},
    {"StringEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}},
    {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}},
    {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}},
    {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
    {"ForAllValues:StringEquals": {"aws:PrincipalAccount": OWN}},
    {"ForAnyValue:StringEquals": {"aws:PrincipalAccount": OWN}},
]
PRINCIPALS = ["*", {"AWS": "*"}, {"AWS": ["*"]}, {"AWS": OWN}, {"AWS": ROLE}, {"AWS": f"arn:aws:iam::{OWN}:root"}]


def exposure_case(rng):
    statements = []
    for _ in range(rng.randint(1, 2)):
        statement = {"Effect": "Allow", "Principal": rng.choice(PRINCIPALS), "Action": "kms:Decrypt", "Resource": "*"}
        condition = rng.choice(CONDITIONS)
        if condition:
            statement["Condition"] = condition
        statements.append(statement)
    if rng.random() < 0.25:
        statements.append({"Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*",
                           "Condition": {"StringNotEquals": {"aws:PrincipalAccount": OWN}}})
    return {"Version": "2012-10-17", "Statement": statements}


def exposed(kmsctl, document):
    """Whether some stranger gets in, who chooses what he can; the organization and the network are not his to choose."""
    chosen = [("kms:ViaService", VIA[0]), ("aws:MultiFactorAuthPresent", "true"), ("aws:SourceIp", "198.51.100.7"),
              ("aws:PrincipalOrgID", "o-zzzzzzzzzz")]
    # One is named like the roles that are let in, one is of an account whose number begins like the key's.
    strangers = (STRANGER, STRANGER.replace("Stranger", "app-stranger"), STRANGER.replace(OTHER, "111199998888"))
    return {kmsctl.decide(document, who, "Decrypt", chosen) for who in strangers} != {"denied"}


EXPOSURE = [
    # The peer looks at single statements; a Deny of all other accounts closes the policy (IAM User Guide, evaluation logic).
    ("policyuniverse: denies are not looked at", lambda d: any(s["Effect"] == "Deny" for s in d["Statement"])),
]


def judge(name, table, case, ours, theirs, tally, log):
    tally[name, "cases"] += 1
    if ours == theirs:
        tally[name, "agree"] += 1
        return
    for reason, covers in table:
        if covers(*case):
            tally[name, reason] += 1
            return
    log.append(f"{name}: kmsctl {ours}, peer {theirs}\n  {json.dumps(case)}")


def main():
    parser = argparse.ArgumentParser(description="kmsctl policy eval against its peers")
    parser.add_argument("--kmsctl", default="target/debug/kmsctl")
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    kmsctl, rng = Kmsctl(args.kmsctl), random.Random(args.seed)
    tally, log = collections.Counter(), []
    peer_actions = sorted(a.split(":")[1] for a in all_permissions if a.startswith("kms:"))
    with ThreadPoolExecutor(2) as pool:
        cases = [moto_case(rng) for _ in range(args.cases)]
        for case, ours in zip(cases, pool.map(lambda c: kmsctl.decide(c[0], ROLE, c[1], c[2]), cases)):
            judge("moto", MOTO, case, ours, moto_answer(*case), tally, log)

        statements = [expansion_case(rng) for _ in range(max(args.cases // 20, 1))]
        pairs = [(s, a) for s in statements for a in peer_actions if a not in IAM_ONLY]
        wrap = lambda s: {"Version": "2012-10-17", "Statement": [s]}
        answers = pool.map(lambda p: kmsctl.decide(wrap(p[0]), ROLE, p[1]), pairs)
        expanded = {json.dumps(s): Statement(s).actions_expanded for s in statements}
        for (statement, action), ours in zip(pairs, answers):
            theirs = "allowed" if f"kms:{action}" in expanded[json.dumps(statement)] else "denied"
            judge("wildcards", EXPANSION, (statement, action), ours, theirs, tally, log)

        documents = [exposure_case(rng) for _ in range(args.cases)]
        for document, ours in zip(documents, pool.map(lambda d: exposed(kmsctl, d), documents)):
            theirs = Policy(document).is_internet_accessible()
            judge("exposure", EXPOSURE, (document,), ours, theirs, tally, log)
    for (name, what), count in sorted(tally.items()):
        print(f"{name:10} {count:6} {what}")
    for line in log[:20]:
        print(line, file=sys.stderr)
    missing = [reason for table in (MOTO, EXPANSION, EXPOSURE) for reason, _ in table
               if not any(what == reason for _, what in tally)]
    for reason in missing:
        print(f"never seen: {reason}", file=sys.stderr)
    print(f"{len(log)} disagreements are not explained")
    return 1 if log or missing else 0


if __name__ == "__main__":
    sys.exit(main())
