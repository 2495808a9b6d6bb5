#!/usr/bin/env python3
"""Runs kmsctl on mutations of real inputs, and checks what must hold for every input.

    tests/moto/serve.sh python3 tests/fuzz/fuzz.py --kmsctl target/debug/kmsctl [--seconds 600] [--seed 7] [--only yaml,aws] [--big]

The classes are YAML, policies, saved plans, states, journals and the answers of AWS. Each run must end in time, with a documented
exit code, without a panic, within the memory limit, and its output must hold no control character, no command of a CI system and
no secret. A failure prints the seed and the folder that keeps the input. `--big` adds inputs of up to 4 MB.
"""
import argparse
import collections
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import hostile
import mutate

ROOT = pathlib.Path(__file__).resolve().parents[2]
CODES = {0, 1, 2, 3, 4, 5, 64, 130}
SECRETS = {"AWS_SECRET_ACCESS_KEY": "PlantedKey0", "AWS_SESSION_TOKEN": "PlantedToken1", "DB_PASSWORD": "PlantedPassword2"}
COMMANDS = ("##[", "##vso[", "##teamcity[")
MOST_MEMORY = 1024  # MiB
REGION = ["--region", "eu-west-1"]

parser = argparse.ArgumentParser()
parser.add_argument("--kmsctl", default="target/debug/kmsctl")
parser.add_argument("--seconds", type=float, default=40)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--only", default="yaml,policy,plan,state,journal,aws")
parser.add_argument("--big", action="store_true")


class Run:
    """The result of one run of the program."""

    def __init__(self, args, folder, environment, most):
        paths = [folder / "stdout", folder / "stderr"]
        launch = [sys.executable, "-S", "-E", str(ROOT / "tests/fuzz/launch.py"), str(int(most)), *paths, *args]
        told = subprocess.run(launch, cwd=folder, env=environment, stdout=subprocess.PIPE, check=True).stdout.split()
        self.status, self.seconds, self.memory = int(told[0]), float(told[1]), int(told[2]) // 1024
        self.texts = [path.read_bytes().decode(errors="replace") for path in paths]

    def fault(self, most):
        """Returns what is wrong with the run; None if all is right."""
        if os.WIFSIGNALED(self.status):
            number = os.WTERMSIG(self.status)
            return f"did not end within {most} s" if number == signal.SIGALRM else f"ended by signal {number}"
        if os.WEXITSTATUS(self.status) not in CODES:
            return f"exit code {os.WEXITSTATUS(self.status)}"
        if self.memory > MOST_MEMORY:
            return f"took {self.memory} MiB of memory"
        for text in self.texts:
            if "panicked at" in text or "stack overflow" in text:
                return "panicked"
            for secret in SECRETS.values():
                if secret in text:
                    return f"the secret {secret} is in the output"
            bad = next((c for c in text if is_control(c)), None)
            if bad:
                return f"the character U+{ord(bad):04X} is in the output"
            for line in text.splitlines():
                if line.lstrip().startswith("::") or any(command in line for command in COMMANDS):
                    return f"a command of a CI system is in the output: {line[:80]!r}"
        return None


def is_control(c):
    """Whether a character acts on a terminal or cannot be seen."""
    n = ord(c)
    hidden = (0x200B <= n <= 0x200F or 0x202A <= n <= 0x202E or 0x2060 <= n <= 0x2069 or 0xE0000 <= n <= 0xE007F)
    return c != "\n" and (n < 0x20 or 0x7F <= n < 0xA0 or hidden)


class Fuzzer:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.program = str(pathlib.Path(options.kmsctl).resolve())
        self.counts, self.faults, self.lock = collections.Counter(), [], threading.Lock()
        self.worst = {"seconds": (0, ""), "memory": (0, "")}
        base = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self.environment = base | SECRETS | {
            "AWS_ACCESS_KEY_ID": "local", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true", "AWS_ENDPOINT_URL": os.environ.get("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
            "RUST_BACKTRACE": "0", "KMSCTL_SETTLE_TIME": "0",
        }

    def check(self, kind, folder, args, most=30, environment=None):
        """Runs the program, and keeps the folder if something is wrong."""
        run = Run([self.program, *args], folder, environment or self.environment, most)
        fault = run.fault(most)
        with self.lock:
            self.counts[kind] += 1
            size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file() and path.name not in ("stdout", "stderr"))
            what = f"{kind}, {size} bytes, {' '.join(args)[:80]}"
            self.worst["seconds"] = max(self.worst["seconds"], (round(run.seconds, 1), what))
            self.worst["memory"] = max(self.worst["memory"], (run.memory, what))
            if fault:
                kept = pathlib.Path(tempfile.mkdtemp(prefix=f"kmsctl-fuzz-{kind}-"))
                shutil.copytree(folder, kept, dirs_exist_ok=True)
                self.faults.append(f"{kind}: {fault}\n  seed {self.options.seed}, input in {kept}\n  kmsctl {' '.join(args)}")
                print(self.faults[-1], flush=True)
        return run

    def seeds(self):
        """Makes a plan, a state and a journal with the program itself."""
        made = self.folder / "seeds"
        made.mkdir()
        shutil.copy(ROOT / "tests/fuzz/stack.yaml", made / "kmsctl.yaml")
        if "AWS_ENDPOINT_URL" not in os.environ:
            sys.exit("run this through tests/moto/serve.sh, which starts a local AWS")
        for args in (["plan", "--out", "plan.json"], ["apply", "--auto-approve"]):
            run = Run([self.program, *args, *REGION], made, self.environment, 120)
            assert run.status == 0, run.texts
        self.texts = {"plan": (made / "plan.json").read_text(), "state": (made / "state/fuzz.json").read_text()}
        # The journal of an apply that was killed.
        shutil.rmtree(made / "state")
        text = (made / "kmsctl.yaml").read_text().replace("stack: fuzz", "stack: killed").replace("fuzz-", "killed-")
        (made / "kmsctl.yaml").write_text(text)
        child = subprocess.Popen([self.program, "apply", "--auto-approve", *REGION], cwd=made, env=self.environment,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        journal = made / "state/killed.journal"
        while child.poll() is None and not (journal.exists() and journal.read_text().count("\n") > 6):
            time.sleep(0.005)
        child.kill()
        child.wait()
        assert journal.exists(), "the apply ended before it was killed"
        self.texts["journal"], self.killed = journal.read_text(), text
        self.yaml = [path.read_text() for path in sorted(ROOT.glob("examples/*/*.yaml"))] + [(ROOT / "tests/fuzz/stack.yaml").read_text()]
        guides = [json.loads(path.read_text()) for path in sorted(ROOT.glob("tests/guides/*.json"))]
        self.policies = [json.dumps(guide["policy"], indent=1) for guide in guides if "policy" in guide]

    def of_yaml(self, dice, folder):
        big = self.options.big and dice.random() < 0.1
        (folder / "kmsctl.yaml").write_bytes(mutate.text(dice, dice.choice(self.yaml), self.yaml, big))
        formats = dice.choice([[], ["--format", "json"], ["--format", "sarif"]])
        command = dice.choice([["validate"], ["lint", *formats]])
        self.check("yaml", folder, command, 120 if big else 30)

    def of_policy(self, dice, folder):
        big = self.options.big and dice.random() < 0.1
        for name in ("a.json", "b.json"):
            (folder / name).write_bytes(mutate.document(dice, dice.choice(self.policies), self.policies, big))
        account = dice.choice([[], ["--account", "111122223333"]])
        command = dice.choice([
            ["policy", "diff", *account, "a.json", "b.json"],
            ["policy", "diff", *account, "--format", "json", "a.json", "b.json"],
            ["policy", "lint", *account, "a.json"],
            ["policy", "eval", "--account", "111122223333", "--principal", "arn:aws:iam::111122223333:role/a", "--action", "kms:Decrypt", "a.json"],
        ])
        self.check("policy", folder, command, 120 if big else 30)

    def of_plan(self, dice, folder):
        (folder / "plan.json").write_bytes(mutate.document(dice, self.texts["plan"], [self.texts["plan"]], False))
        formats = dice.choice(["text", "json", "markdown"])
        self.check("plan", folder, ["show", "--format", formats, "plan.json"])

    def of_state(self, dice, folder):
        shutil.copy(ROOT / "tests/fuzz/stack.yaml", folder / "kmsctl.yaml")
        (folder / "state").mkdir()
        (folder / "state/fuzz.json").write_bytes(mutate.document(dice, self.texts["state"], [self.texts["state"]], False))
        self.check("state", folder, dice.choice([["state", "list"], ["state", "show", "key/data"], ["state", "forget", "key/data"]]))

    def of_journal(self, dice, folder):
        (folder / "kmsctl.yaml").write_text(self.killed)
        (folder / "state").mkdir()
        (folder / "state/killed.journal").write_bytes(mutate.lines(dice, self.texts["journal"]))
        self.check("journal", folder, ["state", "list", *REGION])

    def of_aws(self, dice, folder, slow=False):
        shutil.copy(ROOT / "tests/fuzz/stack.yaml", folder / "kmsctl.yaml")
        (folder / "state").mkdir()
        (folder / "state/fuzz.json").write_text(self.texts["state"])
        with hostile.Server(os.environ["AWS_ENDPOINT_URL"], dice, slow) as server:
            environment = self.environment | {"AWS_ENDPOINT_URL": server.url}
            command = dice.choice([["plan"], ["plan", "--format", "json"], ["drift"], ["lint", "--live"], ["access", "key/data"]])
            self.check("aws", folder, [*command, *REGION], 240, environment)

    def work(self, kinds, until, number):
        count = 0
        while time.monotonic() < until and not self.faults:
            kind = kinds[count % len(kinds)]
            dice = random.Random(f"{self.options.seed} {number} {count}")
            folder = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
            if kind == "aws":
                self.of_aws(dice, folder, slow=self.options.big and count % 20 == 0)
            else:
                getattr(self, f"of_{kind}")(dice, folder)
            shutil.rmtree(folder)
            count += 1


def main():
    options = parser.parse_args()
    kinds = options.only.split(",")
    with tempfile.TemporaryDirectory(prefix="kmsctl-fuzz-") as folder:
        fuzzer = Fuzzer(options, pathlib.Path(folder))
        fuzzer.seeds()
        until = time.monotonic() + options.seconds
        # The runs against AWS mostly wait.
        local = [kind for kind in kinds if kind != "aws"]
        plans = [local] * 2 * bool(local) + [["aws"]] * 6 * ("aws" in kinds)
        threads = [threading.Thread(target=fuzzer.work, args=(plan, until, n)) for n, plan in enumerate(plans)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(f"seed {options.seed}: {dict(fuzzer.counts)}, longest {fuzzer.worst['seconds']}, largest {fuzzer.worst['memory']} MiB")
        sys.exit(1 if fuzzer.faults else 0)


main()
