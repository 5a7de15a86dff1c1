#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Shows that the tests can fail: every patch of tests/mutants breaks one thing, and the test that it
names must notice.

The first lines of a patch:
    Guards: <what is broken, in one sentence>
    Notices: unit test_<name> | target <suite> | row <row> | script <script>[/<section>] |
             fuzz fuzz_<name> | soak soak_<name> | threads threads_<name> | start <machine> |
             update <architecture>/<name> | board <board>/<boot>
    Options: CHECK=2          (optional: make's options of the build)

Each worker has a copy of the tree under build/mutants/, which keeps its objects from one mutant to
the next. The tests named are first run on the unchanged copy: they must pass there. A patch that
does not apply, or a copy that does not build, is an error, not a notice.
"""

import argparse
import glob
import os
import queue
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import boards
import disk as disks
import machine as machines
import matrix
import run
import script
import start
import tap
import test_all
import uboot
import update

FOLDER = os.path.join(matrix.ROOT, "build", "mutants")
KINDS = ("unit", "threads", "target", "row", "script", "start", "fuzz", "soak", "update", "board")
LEFT_OUT = {".git", "build", "__pycache__", ".ci"}
FUZZ_SECONDS = 60
SOAK_STEPS = 1000000


@dataclass
class Mutant:
    name: str
    path: str
    guards: str
    kind: str
    test: str
    options: tuple

    @property
    def arch(self):
        return dict(word.split("=", 1) for word in self.options).get("ARCH", "a32")


class Broken(Exception):
    """The mutant cannot be judged."""


def read(path, lines):
    fields = {}
    for line in lines:
        if line.startswith(("diff ", "--- ")):
            break
        if match := re.match(r"(Guards|Notices|Options): (.+)", line):
            fields[match[1]] = match[2].strip()
    name = os.path.basename(path).removesuffix(".patch")
    if "Guards" not in fields or "Notices" not in fields:
        raise ValueError(f"{path}: it needs a line `Guards: ...` and a line `Notices: ...`")
    kind, _, test = fields["Notices"].partition(" ")
    if kind not in KINDS or not re.fullmatch(r"[\w./-]+", test):
        raise ValueError(f"{path}: Notices names none of: {', '.join(KINDS)}")
    options = fields.get("Options", "").split()
    if kind == "start":
        options += [f"ARCH={start.MACHINES[test].arch}"]
    if kind == "update":
        options += [f"ARCH={test.split('/')[0]}"]
    if kind == "board":
        options.append(f"BOARD={test.split('/')[0]}")
    if kind == "row" and (row := dict(matrix.rows()).get(test)):
        options += [f"{k}={v}" for k, v in machines.BUILDS[row.build].items()]
    return Mutant(name, path, fields["Guards"], kind, test, tuple(options))


def same(one, other):
    try:
        with open(one, "rb") as a, open(other, "rb") as b:
            return a.read() == b.read()
    except OSError:
        return False


def apply(mutant, root, *more):
    """Applies the patch; the context must match exactly, at any line."""
    command = ["patch", "-p1", "-F0", "--batch", "--forward", "--no-backup-if-mismatch", *more]
    with open(mutant.path, "rb") as file:
        process = subprocess.run(command, cwd=root, stdin=file, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, check=False)
    if process.returncode != 0:
        raise Broken("does not apply: " + (process.stdout.decode().strip().splitlines() or ["?"])[-1])


class Copy:
    """A worker's copy of the tree, with build folders of its own."""

    def __init__(self, number):
        self.root = os.path.join(FOLDER, f"worker{number}")

    def restore(self):
        """Makes the copy equal to the tree. Only files that differ are written, and with the time
        of now, so that make rebuilds exactly what depends on them."""
        wanted = set()
        for folder, folders, names in os.walk(matrix.ROOT):
            folders[:] = [f for f in folders if f not in LEFT_OUT]
            for name in names:
                path = os.path.relpath(os.path.join(folder, name), matrix.ROOT)
                wanted.add(path)
                source, target = os.path.join(matrix.ROOT, path), os.path.join(self.root, path)
                if not same(source, target):
                    os.makedirs(os.path.dirname(target), exist_ok=True)
                    shutil.copy(source, target)
        for folder, folders, names in os.walk(self.root):
            folders[:] = [f for f in folders if f not in LEFT_OUT]
            for name in names:
                path = os.path.relpath(os.path.join(folder, name), self.root)
                if path not in wanted:
                    os.unlink(os.path.join(self.root, path))

    def make(self, mutant, *targets):
        # Without warnings: what a mutant leaves unused is not what is to be found out.
        command = ["make", "-s", "INSTALL=no", "WARNINGS=-w", *mutant.options, *targets]
        process = subprocess.run(command, cwd=self.root, env=test_all.environment(), check=False,
                                 text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT)
        if process.returncode != 0:
            errors = [line for line in process.stdout.splitlines() if "rror" in line]
            raise Broken("does not build: " + (errors or process.stdout.splitlines() or ["?"])[0])
        return process.stdout.split()

    def folders(self, mutant):
        """(folder of the images, folder of the host programs)."""
        return [os.path.join(self.root, word) for word in self.make(mutant, "folders")]

    def test(self, mutant, log):
        """Builds and runs the test that should notice; its results."""
        images, host = self.folders(mutant)
        if mutant.kind in ("unit", "threads", "fuzz", "soak"):
            program = os.path.join(host, mutant.test)
            self.make(mutant, os.path.relpath(program, self.root))
            if mutant.kind == "unit":
                return test_all.unit_job(program).work(log)
            if mutant.kind == "threads":
                return test_all.threads_job(program).work(log)
            if mutant.kind == "fuzz":
                return test_all.fuzz_job(program, FUZZ_SECONDS).work(log)
            return test_all.soak_job(program, SOAK_STEPS, 1).work(log)
        self.make(mutant, "runs" if mutant.kind == "target" else "all")
        if mutant.kind == "start":
            program = os.path.join(host, start.PROGRAM)
            self.make(mutant, os.path.relpath(program, self.root))
            return start.judge(mutant.test, images, program, log)
        if mutant.kind == "update":
            arch, _, name = mutant.test.partition("/")
            return update.JUDGES[name](arch, images, log)
        if mutant.kind == "script":
            base, _, section = mutant.test.partition("/")
            session = script.load(os.path.join(self.root, "tests/machines", f"{base}.script"))
            session = session.on(mutant.arch)
            sections = [s for s in session.sections if not section or s.name == section]
            return script.run_sections(session, sections, images, log)
        machine = machines.Machine(build=mutant.arch, edu="31")
        if mutant.kind == "row":
            machine = dict(matrix.rows())[mutant.test]
        if mutant.kind == "board":
            machine = boards.find(mutant.test.split("/")[0], mutant.arch, mutant.test.split("/")[1])
        disk = disks.of_machine(machine, images, f"{log}.disk")
        try:
            results = run.run_self_tests(machine, images, disk=disk, log=log, limit=120)
        finally:
            if disk:
                os.unlink(disk.path)
        return results if mutant.kind in ("row", "board") else of_suite(results, mutant.test)


def of_suite(results, suite):
    """What a run says of one suite: its cases, and whether the machine survived the tests."""
    return [r for r in results
            if r.name.startswith(f"{suite}/") or r.name in ("tap", "reaches the prompt")]


def why_it_failed(results):
    """The first failure, or "" if the test passed. A test that does not exist has not passed."""
    if not any(r.status == tap.OK and r.name not in ("tap", "reaches the prompt")
               for r in results) and all(r.status != tap.FAILED for r in results):
        raise Broken("the test it names did not run")
    return next((f"{r.name}{': ' if r.why else ''}{r.why}" for r in results
                 if r.status == tap.FAILED), "")


class Hunt:
    def __init__(self, mutants, workers):
        self.mutants = mutants
        self.copies = queue.Queue()
        for number in range(workers):
            self.copies.put(Copy(number))
        self.workers = workers

    def with_copy(self, work, mutant):
        """work(copy, mutant) on a copy that nobody else uses; (its answer, seconds)."""
        copy = self.copies.get()
        start = time.monotonic()
        try:
            copy.restore()
            return work(copy, mutant), time.monotonic() - start
        except Broken as error:
            return error, time.monotonic() - start
        except Exception as error:  # the others go on
            return Broken(f"{type(error).__name__}: {error}"), time.monotonic() - start
        finally:
            self.copies.put(copy)

    @staticmethod
    def on_original(copy, mutant):
        name = "-".join(("original", mutant.kind, mutant.test.replace("/", "-"), *mutant.options))
        failure = why_it_failed(copy.test(mutant, os.path.join(FOLDER, name)))
        if failure:
            raise Broken(f"fails without a mutant: {failure}")

    @staticmethod
    def on_mutant(copy, mutant):
        apply(mutant, copy.root)
        return why_it_failed(copy.test(mutant, os.path.join(FOLDER, f"{mutant.name}.log")))

    def run(self):
        """Prints a line for each mutant; the number of those that were not noticed."""
        unnoticed = 0
        with ThreadPoolExecutor(max_workers=self.workers) as pool:
            tests = {(m.kind, m.test, m.options): m for m in self.mutants}
            originals = dict(zip(tests, pool.map(
                lambda m: self.with_copy(self.on_original, m)[0], tests.values())))
            for mutant, (answer, seconds) in zip(self.mutants, pool.map(
                    lambda m: self.judge(m, originals), self.mutants)):
                if isinstance(answer, Broken):
                    verdict, text = "ERROR", str(answer)
                elif answer:
                    verdict, text = "noticed", answer
                else:
                    verdict, text = "SURVIVED", mutant.guards
                unnoticed += verdict != "noticed"
                print(f"{verdict:<9}{mutant.name:<36}{mutant.kind + ' ' + mutant.test:<28}"
                      f"{seconds:>6.1f} s  {text[:100]}", flush=True)
        return unnoticed

    def judge(self, mutant, originals):
        original = originals[mutant.kind, mutant.test, mutant.options]
        if isinstance(original, Broken):
            return original, 0.0
        return self.with_copy(self.on_mutant, mutant)


def for_soak(mutants, name):
    """The mutants of a module, each to be noticed by the module's soak, but for those that its list
    says it cannot see: lines `mutant: reason`, for every one of which there must be a mutant."""
    path = os.path.join(matrix.ROOT, "tests", "fuzz", f"soak_{name}.unseen")
    with open(path, encoding="utf-8") as file:
        unseen = dict(re.match(r"([\w-]+): (.+)$", line).groups() for line in file
                      if line.strip() and not line.startswith("#"))
    mutants = {m.name: m for m in mutants if m.name.startswith(f"{name}-")}
    if strangers := sorted(set(unseen) - set(mutants)):
        raise ValueError(f"{path}: no such mutant: {', '.join(strangers)}")
    return ([replace(m, kind="soak", test=f"soak_{name}") for m in mutants.values()
             if m.name not in unseen], unseen)


def only_apply(mutants):
    status = 0
    for mutant in mutants:
        try:
            apply(mutant, matrix.ROOT, "--dry-run")
        except Broken as error:
            print(f"{mutant.name}: {error}")
            status = 1
    return status


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="only mutants with this text in their name")
    parser.add_argument("--soak", default="", metavar="MODULE",
                        help="the module's mutants, noticed by its soak, whatever they name")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--only-apply", action="store_true", help="see whether they apply, no more")
    args = parser.parse_args()

    os.environ["UBOOT_FOLDER"] = uboot.default_folder()  # of the copies, too
    mutants = []
    for path in sorted(glob.glob(os.path.join(matrix.ROOT, "tests", "mutants", "*.patch"))):
        with open(path, encoding="utf-8") as file:
            mutants.append(read(path, file))
    unseen = {}
    if args.soak:
        mutants, unseen = for_soak(mutants, args.soak)
    mutants = [mutant for mutant in mutants if args.only in mutant.name]
    if args.only_apply:
        return only_apply(mutants)
    with test_all.alone(FOLDER):
        unnoticed = Hunt(mutants, min(args.jobs, max(1, len(mutants)))).run()
    for name, reason in unseen.items():
        print(f"unseen   {name:<36}{reason}")
    print(f"{len(mutants) - unnoticed} mutants noticed, {unnoticed} not")
    return 1 if unnoticed or not mutants else 0


if __name__ == "__main__":
    sys.exit(main())
