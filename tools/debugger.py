# SPDX-License-Identifier: MIT
"""gdb with the project's commands: for a person, and driven by a script."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

from console import Console, ConsoleError

GDB = "gdb-multiarch"
COMMANDS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "gdb", "ashlar.py")
MARK = "=-=-="
PATIENCE = 300.0  # seconds for an answer, on a host that is busy with others


def stub(path):
    """Options of QEMU for a debugger that connects to the socket."""
    return ["-chardev", f"socket,path={path},server=on,wait=off,id=gdb", "-gdb", "chardev:gdb"]


def monitor(path):
    """Options of QEMU for Monitor."""
    return ["-qmp", f"unix:{path},server=on,wait=off"]


def halted(machine, build, disk=None, serial="stdio", reboot=False, extra=()):
    """QEMU's command line of a machine that waits at its first instruction."""
    return machine.command(build, disk, serial, reboot, ["-S", *extra])


def foreign(machine):
    """Whether the image's execution state is not the one that QEMU's stub shows registers of: an
    AArch32 image on a processor that has AArch64 as well."""
    return machine.arch == "a32" and "aarch64" in machine.command("")[0]


def opening(machine, elf):
    """gdb's commands that read the image. For a foreign one gdb has to stay with the stub's
    registers: memory, symbols and breakpoints are right, registers are not."""
    return (["set architecture aarch64"] if foreign(machine) else []) + [f"file {elf}"]


def words_of(commands):
    return [word for command in commands for word in ("-ex", command)]


def interactive(machine, build, disk, log, gdb):
    """QEMU halted at the first instruction, the debugger in this terminal."""
    mux = "on" if machine.has_two_consoles else "off"
    path = os.path.join(build, f"gdb-{os.getpid()}.socket")
    command = halted(machine, build, disk and disk.path, "chardev:console", True,
                     ["-chardev", f"pty,id=console,logfile={log},mux={mux}", *stub(path)])
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                               start_new_session=True)
    # Told to terminate, this leaves no machine behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        line = process.stdout.readline()
        pty = re.search(r"/dev/pts/[0-9]+", line)
        print(f"The console: {pty[0] if pty else line.strip()} (for example: screen {pty and pty[0]}); "
              f"its output is also in {log}", flush=True)
        # What the linker dropped has its debugging information at address 0, where _start is: the
        # symbol says where we are.
        commands = [*opening(machine, os.path.join(build, machine.elf)), f"target remote {path}",
                    "info symbol $pc"]
        return subprocess.run([gdb, "-q", "-x", COMMANDS, *words_of(commands)],
                              check=False).returncode
    finally:
        process.terminate()
        process.wait()
        if os.path.exists(path):
            os.unlink(path)


class Debugger(Console):
    """A gdb of its own."""

    def __init__(self, machine, elf, log=None, limit=300.0):
        settings = ["set pagination off", "set confirm off", "set width 0", "set print symbol on"]
        super().__init__(["sh", "-c", 'ulimit -c 0; exec "$@"', "sh", GDB, "-q", "-nx",
                          *words_of([*settings, *opening(machine, elf)]), "-x", COMMANDS],
                         log, limit=limit)
        self.marks = 0

    def close(self):
        """Lets it quit by itself: told to terminate while it is connected, it crashes."""
        try:
            self.send("disconnect\nquit\n")
        except ConsoleError:
            pass
        self.wait_exit(5)
        super().close()

    def send_command(self, command):
        """Its answer is for await_answer()."""
        self.marks += 1
        self.send(f"{command}\necho {MARK}{self.marks}\\n\n")

    def await_answer(self):
        start = self.position
        match = self.expect(rf"{MARK}{self.marks}$", PATIENCE)
        return self.text[start:match.start()].replace("(gdb) ", "")

    def command(self, command):
        """What it prints."""
        self.send_command(command)
        text = self.await_answer()
        if "Traceback" in text or "Error occurred in Python" in text:
            raise ConsoleError(f"{command}: {text.strip().splitlines()[-1]}")
        return text

    def lines(self, command):
        return [line.rstrip() for line in self.command(command).splitlines() if line.strip()]

    def value(self, expression):
        """A number."""
        text = self.command(f"output/u (unsigned long long)({expression})")
        if not re.fullmatch(r"[0-9]+", text.strip()):
            raise ConsoleError(f"{expression}: {text.strip()}")
        return int(text)

    def attach(self, path):
        """Halts the machine; waits until QEMU has made the socket."""
        end = time.monotonic() + PATIENCE
        while not os.path.exists(path) and time.monotonic() < end:
            time.sleep(0.05)
        text = self.command(f"target remote {path}")
        if "remote" not in self.command("info inferiors"):
            raise ConsoleError(f"not connected: {text.strip()}")


class Monitor:
    """QEMU's own protocol, as far as it is needed."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(path)
        self.file = self.socket.makefile("rw", encoding="utf-8")
        self.file.readline()  # the greeting
        self.execute("qmp_capabilities")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def execute(self, command, **arguments):
        self.file.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.file.flush()
        while True:
            answer = json.loads(self.file.readline() or '{"error": {"desc": "QEMU has ended"}}')
            if "error" in answer:
                raise ConsoleError(f"{command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def dump(self, path):
        """Memory and registers as a core."""
        self.execute("dump-guest-memory", paging=False, protocol=f"file:{os.path.abspath(path)}")
