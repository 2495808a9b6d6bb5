#!/usr/bin/env python3
"""`kmsctl policy diff` and `kmsctl policy eval` against the model of AWS's documents in `model/`, on random policies.

    cargo build
    python3 tests/policy/reference.py [--kmsctl target/debug/kmsctl] [--pairs 2000] [--requests 1000] [--seed 1]

A pair of policies disagrees if kmsctl says

- "same" although some request is decided differently, or could be where AWS's documents leave it open,
- "changed" although no request certainly is,
- "gain" although a request certainly loses, or the other way round,

and a request disagrees if kmsctl's certain decision is not the model's in every world. Each fails the run. An "unknown" that the
model can decide is counted, because only proofs may be called certain.
"""

import argparse
import collections
import functools
import json
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import time

import generate
from model.decision import Space, classes, compare, decisions
from model.documents import Policy
from model.keys import KEY_ARN, OWN
from model.principals import FEDERATED, FREE, PROVIDER, SESSION, Principal, mentioned, role_paths, universe


class Kmsctl:
    def __init__(self, binary, folder):
        self.binary, self.folder = binary, folder

    def run(self, args, text):
        done = subprocess.run([self.binary, "policy", *args, "--format", "json"], input=text, capture_output=True, text=True,
                              check=False, timeout=60)
        if done.returncode != 0:
            raise RuntimeError(f"{args}\n{text}\n{done.stderr}")
        return json.loads(done.stdout)

    def diff(self, number, old, new, key_arn):
        path = os.path.join(self.folder, f"{number}.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(old, file)
        where = ["--key-arn", key_arn] if key_arn else ["--account", OWN, "--partition", "aws"]
        try:
            return self.run(["diff", path, "-", *where], json.dumps(new))
        finally:
            os.remove(path)


def judge(answer, found):
    """The class of an answer, and whether it is a disagreement."""
    access, change = answer["access"], answer["change"]
    if access == "same":
        if found.possible:
            return "wrong same", True
        return "same", False
    if access == "changed":
        if not found.possible and found.complete:
            return "phantom change", True
        if not found.certain and found.complete:
            return "change that is only possible", True
        wrong = {"gain": 1, "loss": 0}.get(change)
        if wrong in found.certain:
            return f"wrong direction: {change}", True
        return "changed", False
    if not found.complete:
        return "unknown, model incomplete", False
    if found.certain:
        return "unknown, certain to the model", False
    return ("unknown", False) if found.possible else ("unknown, same to the model", False)


def one_pair(kmsctl, seed, only, number):
    rng = random.Random(f"{seed} {number}")
    name = only or rng.choice(list(generate.PROFILES))
    old, new = generate.pair(rng, name)
    key_arn = KEY_ARN if rng.random() < 0.5 else None
    answer = kmsctl.diff(number, old, new, key_arn)
    found = compare(Policy(old), Policy(new), key_arn)
    kind, wrong = judge(answer, found)
    return name, kind, wrong, (number, old, new, key_arn, answer, found)


# ---- policy eval -----------------------------------------------------------------------------------------------------

def asked(rng, policy):
    """The principal of a request in words, the options about it, and everybody it can be."""
    group = rng.choice(list(universe([policy])))
    who = rng.choice(group)
    if who.kind == FEDERATED:
        return who.own_arn, [], [w for g in universe([policy]) for w in g if w.own_arn == who.own_arn]
    if who.kind != SESSION:
        return who.own_arn, [], [who]
    if rng.random() < 0.4:
        return who.own_arn, ["--role-arn", who.arn], [who]
    if rng.random() < 0.5:
        # A role stands for any of its sessions.
        sessions = {w.session for g in universe([policy]) for w in g if w.kind == SESSION and w.arn == who.arn}
        return who.arn, [], [Principal(SESSION, who.account, role=who.role, session=s) for s in sorted(sessions | {"any"})]
    listed = {text for kind, text in policy.names() if kind == "AWS"}
    roles = {text for text in listed if ":role/" in text}
    return who.own_arn, [], [Principal(SESSION, who.account, role=role, session=who.session)
                             for role in role_paths(who.account, who.role.split("/")[-1], roles, mentioned([policy])[0])]


def context(rng, space, who, action):
    """The values of keys that a request may have, and the options that say so; None if they contradict each other."""
    given, options = {}, []
    drawn = dict(zip(space.keys, rng.choice(space.contexts)))
    for key, value in drawn.items():
        if space.fact(key, who, action, lambda doubt, choices: choices[0]) is not FREE:
            continue
        everything = list(space.masks[key])
        if key == "aws:userid":
            value = value or ("zz",)
            if value not in space.masks[key]:
                return None
        if key == "kms:encryptioncontextkeys" and value is None and drawn.get("kms:encryptioncontext:app"):
            return None
        if rng.random() < 0.12:
            given[key] = everything
            options += ["--unknown-context", key]
        elif key == "kms:grantisforawsresource" and value is None:
            # Whether a direct request has it as `false` is not documented.
            direct = who.is_identity and not drawn.get("kms:viaservice")
            given[key] = [v for v in everything if v in (None, ("false",))] if direct else everything
        else:
            given[key] = [value]
            options += [part for text in value or () for part in ("--context", f"{key}={text}")]
    if "kms:viaservice" in given and len(given["kms:viaservice"]) > 1 and "kms:grantisforawsresource" in given:
        return None
    return given, options


def one_request(kmsctl, seed, only, number):
    rng = random.Random(f"request {seed} {number}")
    name = only or rng.choice(list(generate.PROFILES))
    raw, _ = generate.policy(rng, name)
    policy, key_arn = Policy(raw), KEY_ARN if rng.random() < 0.5 else None
    words, options, group = asked(rng, policy)
    action = rng.choice(classes([policy]))
    found = context(rng, Space([policy], key_arn), group[0], action)
    # No user has a wildcard in the name, and nothing is said about whom a provider federates.
    if found is None or policy.unread or group[0].kind == PROVIDER or "*" in words or any(kind == "Federated" for kind, _ in policy.names()):
        return name, "skipped", False, (number, raw, words, action, options, None, None)
    given, more = found
    where = ["--key-arn", key_arn] if key_arn else ["--account", OWN, "--partition", "aws"]
    args = ["eval", "-", "--principal", words, "--action", action, *where, *options, *more]
    answer = kmsctl.run(args, json.dumps(raw))["decision"]
    due = decisions(policy, group, action, given, key_arn)
    kind, wrong = answer, False
    if due is None:
        kind = "model incomplete"
    elif answer != "unknown" and due != {answer}:
        kind, wrong = f"wrong: {answer}", True
    elif answer == "unknown" and len(due) == 1:
        kind = "unknown, decided by the model"
    return name, kind, wrong, (number, raw, words, action, [*options, *more, *where], answer, due)


def show_request(case):
    number, raw, words, action, options, answer, due = case
    print(f"request {number}: {words} {action} {options}\n  {json.dumps(raw)}\n  kmsctl: {answer}; model: {due}", file=sys.stderr)


def show(case):
    number, old, new, key_arn, answer, found = case
    print(f"pair {number}, key {key_arn}\n  {json.dumps(old)}\n  {json.dumps(new)}\n"
          f"  kmsctl: {answer['access']} {answer['change']}; model: certain {found.certain}, possible {found.possible}",
          file=sys.stderr)
    for line in sorted(answer["access_changes"], key=lambda line: line["certainty"])[:6]:
        print("   ", line["effect"], line["principal"], line["actions"][:3], line["condition"], line["certainty"],
              f"{line['from']} to {line['to']}", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description="kmsctl policy diff and eval against a model of AWS's documents")
    parser.add_argument("--kmsctl", default="target/debug/kmsctl")
    parser.add_argument("--pairs", type=int, default=2000)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, help="stop pairs, and then requests, after this time")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--profile", choices=list(generate.PROFILES))
    parser.add_argument("--pair", type=int, help="show this pair only")
    parser.add_argument("--request", type=int, help="show this request only")
    parser.add_argument("--show", default="", help="show pairs of this class too")
    parser.add_argument("--most", type=int, default=5, help="the number of pairs that are shown")
    args = parser.parse_args()
    start, wrong = time.monotonic(), 0
    pairs = range(args.pairs) if args.pair is None else [args.pair]
    requests = [args.request] if args.request is not None else range(args.requests)
    with tempfile.TemporaryDirectory() as folder, multiprocessing.Pool(args.jobs) as pool:
        for judged, numbers, shows in ((one_pair, pairs, show), (one_request, requests, show_request)):
            if numbers:
                judged = functools.partial(judged, Kmsctl(args.kmsctl, folder), args.seed, args.profile)
                wrong += run(pool.imap(judged, numbers, chunksize=4), args, shows, len(numbers) == 1)
    print(f"{wrong} disagreements, {time.monotonic() - start:.0f} s")
    return 1 if wrong else 0


def run(cases, args, shows, always):
    """Judges all cases, prints how many are of each class, and returns the number of disagreements."""
    tally, totals, wrong, shown, start = collections.Counter(), collections.Counter(), 0, 0, time.monotonic()
    for name, kind, is_wrong, case in cases:
        tally[name, kind] += 1
        totals[kind] += 1
        wrong += is_wrong
        if (is_wrong or kind == args.show or always) and shown < args.most:
            shown += 1
            print(f"{name}: {kind}", file=sys.stderr)
            shows(case)
        if args.seconds and time.monotonic() - start > args.seconds:
            break
    for (name, kind), count in sorted(tally.items()):
        print(f"{name:16} {count:6} {kind}")
    print(f"{sum(totals.values())}:", ", ".join(f"{kind} {count}" for kind, count in totals.most_common()))
    return wrong


if __name__ == "__main__":
    sys.exit(main())
