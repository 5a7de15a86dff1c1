#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`make test`: builds everything, runs everything, one line a job, and the count at the end.

Jobs run on as many threads as the host has processors. Every job leaves its log in build/logs/;
the log of one that failed is printed. The last line is "N passed, N failed[, N skipped]".
"""

import argparse
import fcntl
import glob
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Callable

import bench
import boards
import debug_test
import disk as disks
import machine as machines
import matrix
import run
import script
import start
import tap
import uboot_nor
import update
import walk

ROOT = matrix.ROOT
LOGS = os.path.join("build", "logs")
LOG_LINES = 40  # of a failed job's log that are printed
PYTHON_SECONDS = 600  # some of the tests of tools start machines
SHORT_FUZZ_SECONDS = 4
SHORT_SOAK_STEPS = 40000
SHORT_RANDOM_STEPS = 100000
# Other builds of the flash image, and what sets their machine apart from the default one.
VARIANTS = (({"CHECK": "0"}, {}), ({"CHECK": "2"}, {"smp": 2}), ({"CPUS": "1"}, {"smp": 2}),
            ({"ARCH": "a64", "CHECK": "2", "CPUS": "1"}, {}),
            ({"SPACEBITS": "29"}, {"smp": 2}), ({"SPACEBITS": "31"}, {"mem": "3G"}),
            ({"CPUS": "8"}, {"smp": 8}), ({"CPUS": "8"}, {"smp": 8, "entry": "hyp"}),
            ({"CPUS": "8"}, {"smp": 8, "entry": "secure", "gic": 3}),
            ({"ARCH": "a64", "CPUS": "8"}, {"smp": 8, "gic": 3}),
            ({"ARCH": "a64", "CPUS": "8"}, {"smp": 8, "entry": "el2"}),
            ({"ARCH": "a64", "CPUS": "8"}, {"smp": 8, "entry": "el3", "gic": 3}))
ARCHES = ("a32", "a64")
REPRODUCED = ("orangepi-pc", "a32")  # what is built once more, elsewhere


@dataclass
class Job:
    name: str
    work: Callable  # takes the path of its log, returns results
    needs: tuple = ()  # the builds without which it makes no sense


def environment(**more):
    """Ours, without what an outer make left there."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    return dict(clean, LC_ALL="C", **more)


def execute(command, log, seconds, **more):
    """(exit status or None when the time was over, output); the output goes to the log as well."""
    try:
        process = subprocess.run(["timeout", "-k", "2", str(seconds), *command], check=False,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, env=environment(**more))
    except OSError as error:
        return -1, str(error)
    output = process.stdout.decode("utf-8", errors="replace")
    with open(log, "w", encoding="utf-8") as file:
        file.write(f"$ {' '.join(command)}\n{output}")
    return None if process.returncode == 124 else process.returncode, output


def why(status, seconds):
    if status == 0:
        return ""
    return f"still running after {seconds} s" if status is None else f"exit status {status}"


def command_job(name, command, seconds=120, needs=()):
    """A job that is one test: the command's exit status."""
    def work(log):
        status, _ = execute(command, log, seconds)
        return [run.check(name, why(status, seconds))]
    return Job(name, work, needs)


CMOCKA = re.compile(r"^(not )?ok ([0-9]+) (?:- )?(.*)$")


def unit_job(path):
    def work(log):
        status, output = execute([path], log, 120, CMOCKA_MESSAGE_OUTPUT="TAP",
                                 UBSAN_OPTIONS="print_stacktrace=1")
        results = []
        for line in output.splitlines():
            if match := CMOCKA.match(line):
                skipped = "# SKIP" in line
                name = match[3].replace("# SKIP", "").strip()
                results.append(tap.Result(
                    name, tap.SKIPPED if skipped else tap.FAILED if match[1] else tap.OK))
        plans = [int(n) for n in re.findall(r"^1\.\.([0-9]+)$", output, re.MULTILINE)]
        failed = any(result.status == tap.FAILED for result in results)
        if not results or sum(plans) != len(results):
            results.append(run.check("plan", f"{sum(plans)} tests planned, {len(results)} seen"))
        if status != 0 and not failed:
            results.append(run.check("exit", why(status, 120)))
        return results
    return Job(f"unit {os.path.basename(path)}", work, (HOST,))


def python_job():
    def work(log):
        command = [sys.executable, "-B", "-m", "unittest", "discover", "-s", "tools/tests", "-t",
                   "tools", "-v"]
        status, output = execute(command, log, PYTHON_SECONDS)
        results = []
        for line in output.splitlines():
            if match := re.match(r"^(\w+) \([\w.]+\)", line):
                name = match[1]
            if match := re.search(r"\.\.\. (ok|FAIL|ERROR|skipped '(.*)')$", line):
                verdict = {"ok": tap.OK, "FAIL": tap.FAILED, "ERROR": tap.FAILED}
                results.append(tap.Result(name, verdict.get(match[1], tap.SKIPPED), match[2] or ""))
        if status != 0 and all(result.status != tap.FAILED for result in results):
            results.append(run.check("unittest", why(status, PYTHON_SECONDS)))
        return results or [run.check("unittest", "no test ran")]
    return Job("tools unit tests", work)


HOST = "host programs"
JUDGES = "judges of walks and starts"


def not_there(name, command, build):
    """The result if the command line names a file that could not be made; else None."""
    for file in machines.boot_files(command, build):
        if os.path.exists(f"{file}.skipped"):
            with open(f"{file}.skipped", encoding="utf-8") as reason:
                return [tap.Result(name, tap.SKIPPED, reason.read().strip())]
        if not os.path.exists(file):
            return [run.check(name, f"{file} is missing")]
    return None


def row_job(name, machine, build, needs, simulated):
    def work(log):
        if missing := not_there(name, machine.command(build), build):
            return missing
        if reason := matrix.why_not(machine):
            return [tap.Result(name, tap.SKIPPED, reason)]
        disk = disks.of_machine(machine, build, f"{log}.disk")
        try:
            # All of the memory is allocated once, so more of it takes longer.
            limit = 200 + (machines.memory_bytes(machine.ram) >> 26)
            results = run.run_self_tests(machine, build, disk, log, limit=limit)
            with open(log, encoding="utf-8", errors="replace") as file:
                return results + simulated.check(results, file.read())
        finally:
            if disk:
                with open(log, "a", encoding="utf-8") as file:
                    file.write(f"\n{disk}\n")
                os.unlink(disk.path)
    return Job(f"row {name}", work, (needs, JUDGES))


def bench_job(machine, build):
    """The image that measures reaches its end on a board."""
    name = f"bench {machine.board} {machine.arch}"
    return Job(name, lambda log: [run.check(name, bench.smoke(machine.command(build), log, 200))],
               (name_of_bench(machine),))


def name_of_bench(machine):
    return f"measurements {machine.board} {machine.arch}"


def of_arch(kind, arch, name):
    """The name of a job that runs for each architecture."""
    return f"{kind} {name}" if arch == ARCHES[0] else f"{kind} {arch} {name}"


def script_jobs(folders):
    for path in sorted(glob.glob("tests/machines/*.script")):
        for name, arch, session, sections in script.jobs(path):
            def work(log, arch=arch, session=session, sections=sections):
                return script.run_sections(session, sections, folders[arch], log)
            yield Job(of_arch("script", arch, name), work, (f"images {arch}",))


def example_job(name, arch, build):
    """An example boots from flash and prints the lines (regular expressions) of expected.txt."""
    def work(log):
        with open(os.path.join("examples", name, "expected.txt"), encoding="utf-8") as file:
            wanted = [line.rstrip("\n") for line in file if line.strip()]
        command = machines.Machine(build=arch).command(build)
        command = [word.replace("ashlar.img", f"{name}.img") for word in command]
        with run.Console(command, log, limit=200) as console:
            try:
                for line in wanted:
                    console.expect(line)
            except run.ConsoleError as error:
                return [run.check(name, str(error))]
        return [run.check(name)]
    return Job(of_arch("example", arch, name), work, (f"images {arch}",))


def tree_job(arch, build):
    """U-Boot checks the flattened image tree's SHA-256, and starts what is in it."""
    def work(log):
        address = machines.UIMAGE_ADDRESS
        machine = machines.Machine(image="ram", entry="uboot", build=arch,
                                   cpu="cortex-a15" if arch == "a32" else "cortex-a53")
        command = [word.replace("ashlar-ram.uimg", "ashlar-ram.fit")
                   for word in machine.command(build)]
        with run.Console(command, log, limit=300) as console:
            try:
                console.expect(r"stop autoboot")
                console.send("\r")
                console.expect(r"^=> ")
                console.send(f"bootm {address:#x}#ashlar - ${{fdtcontroladdr}}\r")
                console.expect(r"sha256\+ OK")
                console.expect(r"^  MMU on: ")
            except run.ConsoleError as error:
                return [run.check("tree", str(error))]
        return [run.check("tree")]
    return Job(of_arch("image", arch, "tree"), work, (f"images {arch}",))


def fuzz_job(path, seconds):
    name = os.path.basename(path)

    def work(log):
        corpus = f"{path}.corpus"
        os.makedirs(corpus, exist_ok=True)
        seeds = os.path.join("tests", "fuzz", "corpus", name)
        command = [path, f"-max_total_time={seconds}", f"-artifact_prefix={path}-", "-timeout=10",
                   corpus, *([seeds] if os.path.isdir(seeds) else [])]
        status, _ = execute(command, log, seconds + 60)
        return [run.check(name, why(status, seconds + 60))]
    return Job(f"fuzz {name}", work, (HOST,))


FINDING = re.compile(r"(?:finding|runtime error|sim|shadow|ERROR): (.*)")


def threads_job(path):
    """A program under ThreadSanitizer, whose report makes the exit status."""
    name = f"threads {os.path.basename(path).removeprefix('threads_')}"

    def work(log):
        status, output = execute([path], log, 120, TSAN_OPTIONS="halt_on_error=1")
        found = re.search(r"^SUMMARY: ThreadSanitizer: (.*)$", output, re.MULTILINE)
        return [run.check(name, found[1] if status and found else why(status, 120))]
    return Job(name, work, (HOST,))


def start_job(name, folder, program):
    """The start of all CPUs of a machine, judged by the simulated one."""
    return Job(f"start {name}", lambda log: start.judge(name, folder, program, log),
               (f"images {start.MACHINES[name].build}", JUDGES))


def debug_job(arch, build):
    """The debugger's commands, on machines of an architecture."""
    return Job(f"debugger {arch}", lambda log: debug_test.judge(arch, build, log),
               (f"images {arch}",))


def debug_board_job(machine, build):
    """The same on another board, as far as main."""
    name = f"debugger {machine.board} {machine.arch}"

    def work(log):
        return (not_there(name, machine.command(build), build) or
                debug_test.judge_board(machine, build, log))
    return Job(name, work, (f"images {machine.board} {machine.arch}",))


def update_job(arch, name, folder, judge):
    """Images in slots, and what chooses and writes them."""
    return Job(of_arch("update", arch, name), lambda log: judge(arch, folder, log),
               (f"images {arch}",))


def soak_job(path, steps, seed, kind=""):
    """Steps from a seed, of one format or of all in turn."""
    name = " ".join(filter(None, ("soak", os.path.basename(path).removeprefix("soak_"), kind)))
    seconds = 120 + steps // 1000

    def work(log):
        command = [path, "--steps", str(steps), "--seed", str(seed),
                   *(["--format", kind] if kind else [])]
        status, output = execute(command, log, seconds)
        finding = FINDING.search(output)
        return [run.check(name, finding[1] if status and finding else why(status, seconds))]
    return Job(name, work, (HOST,))


def random_job(path, steps, seed):
    """Steps of an allocator's fuzzer from a seed: random_<what>_<bits>."""
    name = os.path.basename(path).replace("_", " ")
    seconds = 300 + steps // 1000

    def work(log):
        status, output = execute([path, "--steps", str(steps), "--seed", str(seed)], log, seconds)
        finding = FINDING.search(output)
        return [run.check(name, finding[1] if status and finding else why(status, seconds))]
    return Job(name, work, (HOST,))


def alone(folder):
    """Waits until no other run uses the folder; hold on to what it returns."""
    os.makedirs(folder, exist_ok=True)
    lock = open(os.path.join(folder, "lock"), "w", encoding="ascii")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("waiting for another run of the tests in this folder", flush=True)
        fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def variant_name(options):
    return " ".join(f"{name}={value}" for name, value in options.items())


class Tests:
    def __init__(self, args):
        self.args = args
        self.counts = {tap.OK: 0, tap.FAILED: 0, tap.SKIPPED: 0}
        self.failures = []
        self.skips = {}  # what and why: the jobs that skipped it
        self.not_built = set()

    def wanted(self, name):
        return self.args.only in name

    def make(self, *targets, **options):
        settings = dict(word.split("=", 1) for word in self.args.options)
        settings.update(options)
        if settings.get("ARCH") == "a64" and settings.get("CPU") in ("cortex-a7", "cortex-a15"):
            settings["CPU"] = ""  # of the other architecture
        return ["make", "INSTALL=no", *(f"{k}={v}" for k, v in settings.items()), *targets]

    def build(self, name, *targets, **options):
        """A build is a test too. It uses all processors by itself, so builds queue."""
        job = command_job(f"build {name}", self.make(*targets, **options), 600)
        if not self.show(job, *self.perform(job)):
            self.not_built.add(name)

    def folder(self, **options):
        command = self.make("--silent", "folders", **options)
        return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE,
                              env=environment()).stdout.split()[-2]

    def perform(self, job):
        log = os.path.join(LOGS, job.name.replace(" ", "-").replace("/", "-") + ".log")
        start = time.monotonic()
        if os.path.exists(log):
            os.unlink(log)
        try:
            # What an earlier build left must not be taken for what this one failed to make.
            missing = [build for build in job.needs if build in self.not_built]
            results = ([run.check(job.name, f"{', '.join(missing)}: not built")] if missing
                       else job.work(log))
        except Exception as error:  # a job that breaks is a failed job, and the others go on
            results = [run.check(job.name, f"{type(error).__name__}: {error}")]
        return results, time.monotonic() - start, log

    def show(self, job, results, seconds, log):
        bad = [r for r in results if r.status == tap.FAILED]
        for result in results:
            self.counts[result.status] += 1
            full = job.name if result.name == job.name else f"{job.name}: {result.name}"
            if result.status == tap.FAILED:
                self.failures.append(f"{full}{': ' if result.why else ''}{result.why}")
            elif result.status == tap.SKIPPED:
                what = f"{result.name}: {result.why or 'no reason given'}"
                self.skips.setdefault(what, []).append(job.name)
        all_skipped = all(r.status == tap.SKIPPED for r in results)
        verdict = "FAILED" if bad else "skipped" if all_skipped else "ok"
        number = f"{len(results) - len(bad)}/{len(results)}" if len(results) > 1 else ""
        print(f"{verdict:<8}{job.name:<36}{number:>10}{seconds:>8.1f} s", flush=True)
        for result in bad:
            print(f"    {result.name}{': ' if result.why else ''}{result.why}")
        if bad and os.path.exists(log):
            with open(log, encoding="utf-8", errors="replace") as file:
                lines = file.read().replace("\r", "").splitlines()
            print(f"    --- {log}{', its end' if len(lines) > LOG_LINES else ''}:")
            for line in lines[-LOG_LINES:]:
                print(f"    | {line}")
            sys.stdout.flush()
        return not bad

    @staticmethod
    def board_machines():
        """The ways to boot other boards than virt that are looked at here."""
        return [machine for board in boards.names() for where, machine in boards.machines(board)
                if where == "test"]

    def jobs(self):
        args = self.args
        folders = {build: self.folder(**options) for build, options in machines.BUILDS.items()}
        programs = {os.path.basename(path): path for path in args.unit_tests.split()}
        simulated = walk.Simulated(programs.get(walk.PROGRAM, ""))
        for name, machine in matrix.rows():
            yield row_job(name, machine, folders[machine.build], f"images {machine.build}",
                          simulated)
        for machine in self.board_machines():
            yield row_job(machine.name, machine, self.folder(BOARD=machine.board, ARCH=machine.arch),
                          f"images {machine.board} {machine.arch}", simulated)
        for machine in boards.benches():
            yield bench_job(machine, self.folder(BOARD=machine.board, ARCH=machine.arch))
        yield python_job()
        for options, different in VARIANTS:
            build = variant_name(options)
            machine = machines.Machine(build=options.get("ARCH", ARCHES[0]), **different)
            name = " ".join(filter(None, (build, different.get("entry"))))
            yield row_job(name, machine, self.folder(**options), build, simulated)
        for name, machine in start.MACHINES.items():
            yield start_job(name, folders[machine.build], programs.get(start.PROGRAM, ""))
        for arch in ARCHES:
            yield debug_job(arch, folders[arch])
        # One way to boot of each board.
        for machine in {(m.board, m.arch): m for m in reversed(self.board_machines())}.values():
            yield debug_board_job(machine, self.folder(BOARD=machine.board, ARCH=machine.arch))
        for arch in ARCHES:
            for name, judge in update.JUDGES.items():
                yield update_job(arch, name, folders[arch], judge)
        for path in args.unit_tests.split():
            yield unit_job(path)
        for path in args.threads.split():
            yield threads_job(path)
        for path in args.fuzzers.split():
            yield fuzz_job(path, SHORT_FUZZ_SECONDS)
        for path in args.soaks.split():
            yield soak_job(path, SHORT_SOAK_STEPS, 1)
        for path in args.randoms.split():
            yield random_job(path, SHORT_RANDOM_STEPS, 1)
        yield from script_jobs(folders)
        for arch in ARCHES:
            for name in args.examples.split():
                yield example_job(name, arch, folders[arch])
            yield tree_job(arch, folders[arch])
            yield Job(of_arch("image", arch, "nor by u-boot"),
                      lambda log, arch=arch: uboot_nor.judge(arch, folders[arch], log),
                      (f"images {arch}",))
        yield command_job("check sources", [sys.executable, "tools/check_source.py"])
        yield command_job("check contexts", [sys.executable, "tools/check_contexts.py"])
        yield command_job("check format", self.make("format-check"))
        for arch in ARCHES:
            needs = (f"images {arch}",)  # two that built the same at once would be slow
            yield command_job(of_arch("check", arch, "sizes"), self.make("size", ARCH=arch),
                              needs=needs)
            yield command_job(of_arch("check", arch, "linker symbols"),
                              self.make("check-symbols", ARCH=arch), needs=needs)
        board, arch = REPRODUCED
        yield command_job("check two builds give the same bytes", [
            sys.executable, "-B", "tools/check_reproducible.py", "--build",
            self.folder(BOARD=board, ARCH=arch), f"BOARD={board}", f"ARCH={arch}"], 900,
            (f"images {board} {arch}",))
        yield command_job("check mutants apply",
                          [sys.executable, "tools/mutants.py", "--only-apply"])

    def builds(self):
        """What can be built: name, targets, options."""
        for build, options in machines.BUILDS.items():
            yield f"images {build}", ["all"], options
        judges = [path for path in self.args.unit_tests.split()
                  if os.path.basename(path) in (walk.PROGRAM, start.PROGRAM)]
        yield JUDGES, judges, {}
        yield HOST, ["-k", "unit-tests", "fuzzers", "thread-tests"], {}
        for name, options in {variant_name(options): options for options, _ in VARIANTS}.items():
            yield name, ["runs"], options
        for board, arch in dict.fromkeys((m.board, m.arch) for m in self.board_machines()):
            yield f"images {board} {arch}", ["all"], {"BOARD": board, "ARCH": arch}
        for machine in boards.benches():
            yield name_of_bench(machine), ["bench-image"], {"BOARD": machine.board, "ARCH": machine.arch}

    def run(self):
        start_time = time.monotonic()
        jobs = [job for job in self.jobs() if self.wanted(job.name)]
        needed = {build for job in jobs for build in job.needs}
        for name, targets, options in self.builds():
            if name in needed:
                self.build(name, *targets, **options)
        with ThreadPoolExecutor(max_workers=self.args.jobs) as pool:
            futures = {pool.submit(self.perform, job): job for job in jobs}
            for future in as_completed(futures):
                self.show(futures[future], *future.result())
        return self.summary(time.monotonic() - start_time)

    def summary(self, seconds):
        print()
        skips = [f"{what} ({jobs[0] if len(jobs) == 1 else f'{len(jobs)} times'})"
                 for what, jobs in self.skips.items()]
        for title, lines in (("Skipped", skips), ("Failed", self.failures)):
            if lines:
                print(f"{title}:")
                for line in lines:
                    print(f"    {line}")
        print(f"{seconds:.0f} s")
        skipped = f", {self.counts[tap.SKIPPED]} skipped" if self.counts[tap.SKIPPED] else ""
        print(f"{self.counts[tap.OK]} passed, {self.counts[tap.FAILED]} failed{skipped}",
              flush=True)
        return 1 if self.counts[tap.FAILED] else 0


def fuzz(args):
    """`make fuzz`: the fuzzers and soaks alone, for as long as they should run."""
    start = time.monotonic()
    tests = Tests(args)
    seed = int(args.fuzz_seed or time.time())
    jobs = [fuzz_job(path, args.fuzz_seconds) for path in args.fuzzers.split()]
    for path in args.soaks.split():
        kinds = subprocess.run([path, "--list"], check=True, text=True, stdout=subprocess.PIPE)
        jobs += [soak_job(path, args.fuzz_steps, seed, kind) for kind in kinds.stdout.split()]
    jobs += [random_job(path, args.random_steps, seed) for path in args.randoms.split()]
    jobs = [job for job in jobs if tests.wanted(job.name)]
    print(f"seed {seed}", flush=True)
    with ThreadPoolExecutor(max_workers=args.jobs) as pool:
        futures = {pool.submit(tests.perform, job): job for job in jobs}
        for future in as_completed(futures):
            job, (results, seconds, log) = futures[future], future.result()
            if tests.show(job, results, seconds, log) and job.name.startswith(("soak ", "random ")):
                with open(log, encoding="utf-8") as file:
                    print("".join(f"    {line}" for line in file.readlines()[1:]), end="")
    return tests.summary(time.monotonic() - start)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--unit-tests", default="", help="programs")
    parser.add_argument("--threads", default="", help="programs")
    parser.add_argument("--fuzzers", default="", help="programs")
    parser.add_argument("--soaks", default="", help="programs")
    parser.add_argument("--randoms", default="", help="programs")
    parser.add_argument("--random-steps", type=int, help="run the fuzzers alone: steps of those")
    parser.add_argument("--examples", default="", help="names")
    parser.add_argument("--only", default="", help="only jobs with this text in their name")
    parser.add_argument("--fuzz-seconds", type=int, help="run the fuzzers alone, this long each")
    parser.add_argument("--fuzz-steps", type=int, default=SHORT_SOAK_STEPS,
                        help="then: steps of each soak of one format")
    parser.add_argument("--fuzz-seed", default="", help="then: where the soaks start")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("options", nargs="*", help="make's options: NAME=value")
    args = parser.parse_args()
    os.chdir(ROOT)
    with alone(LOGS):
        return fuzz(args) if args.fuzz_seconds else Tests(args).run()


if __name__ == "__main__":
    sys.exit(main())
