#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Fetches boot loaders of boards from Debian: U-Boot, and the SPL that starts it.

Debian builds them for armhf and arm64; a PC's apt does not see those. This asks Debian's mirrors for
them with package lists of its own, so that nothing of the machine's package management changes, and
checks Debian's signatures as apt does. It downloads once, into build/uboot/.

    python3 tools/uboot.py             the names, and what each is
    python3 tools/uboot.py orangepi    prints the path of the file; fetches it if it is not there yet

Exit status: 0; 77 if the mirror does not give it (a reason to skip a test; the line says why); 1 on
a wrong name. As a module: path("orangepi") returns the path or raises Unavailable, whose text is the
reason. A failure is remembered for ten minutes, so that many tests do not wait for the same mirror.

UBOOT_FOLDER in the environment names another folder than build/uboot, for machines without network:
files that are in it are taken as they are.
"""

import argparse
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
MIRROR = ("http://deb.debian.org/debian", "bookworm")
ARCHITECTURES = ("armhf", "arm64")
SECONDS = 300  # for all lists, and for one package
REMEMBERED = 600  # seconds for which a failure counts
SKIP = 77
SPL_BYTES = 32 << 10  # what the boot ROM of a sunxi SoC reads, at most


class Unavailable(Exception):
    """The mirror does not give it; the text is the reason."""


@dataclass(frozen=True)
class File:
    package: str
    architecture: str
    inside: str  # its path in the package
    what: str
    head: int = 0  # only so many bytes of it, if not 0

    @property
    def folder(self):
        return f"{self.package}-{self.architecture}"


SUNXI = "u-boot-sunxi-with-spl.bin"
FILES = {
    "orangepi": File("u-boot-sunxi", "armhf", f"usr/lib/u-boot/orangepi_plus/{SUNXI}",
                     "Allwinner H3: SPL and U-Boot, for 8 KiB behind the start of an SD card"),
    "orangepi-spl": File("u-boot-sunxi", "armhf", f"usr/lib/u-boot/orangepi_plus/{SUNXI}",
                         "the SPL alone: it starts a legacy image at 40 KiB", SPL_BYTES),
    "nanopi_neo": File("u-boot-sunxi", "armhf", f"usr/lib/u-boot/nanopi_neo/{SUNXI}",
                       "Allwinner H3: SPL and U-Boot"),
    "orangepi_zero": File("u-boot-sunxi", "armhf", f"usr/lib/u-boot/orangepi_zero/{SUNXI}",
                          "Allwinner H3: SPL and U-Boot"),
    "rpi_3": File("u-boot-rpi", "arm64", "usr/lib/u-boot/rpi_3/u-boot.bin",
                  "Raspberry Pi 3: U-Boot in AArch64, in the place of kernel8.img"),
    "rpi_2": File("u-boot-rpi", "armhf", "usr/lib/u-boot/rpi_2/u-boot.bin",
                  "Raspberry Pi 2: U-Boot, in the place of kernel7.img"),
}


def default_folder():
    return os.environ.get("UBOOT_FOLDER") or os.path.join(ROOT, "build", "uboot")


def call(command, folder, seconds):
    """Runs a command of the package management; Unavailable says what went wrong."""
    try:
        process = subprocess.run(command, cwd=folder, check=False, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                 timeout=seconds, env=dict(os.environ, LC_ALL="C"))
    except FileNotFoundError:
        raise Unavailable(f"there is no {command[0]}: not a Debian system") from None
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{command[0]}: no answer within {seconds} s") from None
    if process.returncode != 0:
        lines = [line for line in process.stdout.splitlines() if line.startswith(("E:", "W:"))]
        raise Unavailable("; ".join(lines[:2]) or f"{command[0]}: exit status {process.returncode}")
    return process.stdout


def sources(targets):
    """The lines of a sources.list: the mirrors of Debian that the machine has, from apt's list of
    "site release component origin", or else Debian's own. The release itself is enough, without
    what it has of updates."""
    mirrors = []
    for line in targets.splitlines():
        words = line.split()
        if len(words) == 4 and words[2:] == ["main", "Debian"] and "-" not in words[1] \
                and tuple(words[:2]) not in mirrors:
            mirrors.append(tuple(words[:2]))
    signed = f" signed-by={KEYRING}" if os.path.exists(KEYRING) else ""
    return "".join(f"deb [arch={','.join(ARCHITECTURES)}{signed}] {site} {release} main\n"
                   for site, release in mirrors or [MIRROR])


class Apt:
    """apt with lists of its own, in a folder."""

    def __init__(self, folder):
        self.folder = folder
        self.lists = os.path.join(folder, "lists")
        self.sources = os.path.join(folder, "sources.list")

    def command(self, *words):
        return ["apt-get", "-q", f"-oDir::State::lists={self.lists}",
                f"-oDir::Cache={self.folder}/cache", f"-oDir::Etc::sourcelist={self.sources}",
                "-oDir::Etc::sourceparts=/dev/null", "-oAPT::Sandbox::User=root",
                *(f"-oAPT::Architectures::={name}" for name in ARCHITECTURES),
                "-oAcquire::Languages=none", "-oAcquire::GzipIndexes=true",
                "-oAcquire::Retries=2", "-oAcquire::http::Timeout=20",
                "-oAcquire::https::Timeout=20", "-oAPT::Update::Error-Mode=any", *words]

    def update(self):
        if os.path.isfile(self.sources):
            return
        os.makedirs(os.path.join(self.lists, "partial"), exist_ok=True)
        os.makedirs(os.path.join(self.folder, "cache", "archives", "partial"), exist_ok=True)
        targets = call(["apt-get", "indextargets", "--format",
                        "$(SITE) $(RELEASE) $(COMPONENT) $(ORIGIN)", "Created-By: Packages"],
                       self.folder, 30)
        with open(self.sources, "w", encoding="ascii") as file:
            file.write(sources(targets))
        call(self.command("update"), self.folder, SECONDS)

    def forget(self):
        """The next time the lists come anew: old ones name packages that the mirror has no more."""
        if os.path.exists(self.sources):
            os.unlink(self.sources)

    def unpack(self, package, architecture, target):
        """The package's files in a new folder; all of them or none."""
        with tempfile.TemporaryDirectory(dir=self.folder) as work:
            call(self.command("download", f"{package}:{architecture}"), work, SECONDS)
            archive = [name for name in os.listdir(work) if name.endswith(".deb")]
            if len(archive) != 1:
                raise Unavailable(f"{package}:{architecture}: apt downloaded nothing")
            call(["dpkg-deb", "-x", archive[0], "files"], work, 60)
            with open(os.path.join(work, "files", "package.txt"), "w", encoding="ascii") as file:
                file.write(f"{archive[0]}\n")
            os.rename(os.path.join(work, "files"), target)


def remembered(path):
    """The reason of a failure that is not long ago, or ""."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read() if time.time() - os.fstat(file.fileno()).st_mtime < REMEMBERED else ""
    except OSError:
        return ""


def fetch(wanted, folder, again):
    """Gets the package; only one process at a time does."""
    failure = os.path.join(folder, "failed.txt")
    with open(os.path.join(folder, "lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        target = os.path.join(folder, wanted.folder)
        if os.path.isdir(target):
            return
        if (reason := remembered(failure)) and not again:
            raise Unavailable(reason)
        try:
            apt = Apt(folder)
            apt.update()
            apt.unpack(wanted.package, wanted.architecture, target)
        except Unavailable as error:
            apt.forget()
            with open(failure, "w", encoding="utf-8") as file:
                file.write(str(error))
            raise
        shutil.rmtree(os.path.join(folder, "cache"), ignore_errors=True)


def whole(name, folder=None, again=False):
    """The path of the package's file, fetched when it is not there yet. `again`: even if that has
    failed a moment ago."""
    wanted = FILES[name]
    folder = folder or default_folder()
    file = os.path.join(folder, wanted.folder, wanted.inside)
    if not os.path.exists(file):
        os.makedirs(folder, exist_ok=True)
        fetch(wanted, folder, again)
    if not os.path.exists(file):
        raise Unavailable(f"{wanted.package}:{wanted.architecture} has no {wanted.inside}")
    return file


def copy(name, target, folder=None):
    """The boot loader as a new file, elsewhere: the folder may be one that cannot be written."""
    with open(whole(name, folder), "rb") as source, open(target, "wb") as file:
        file.write(source.read(FILES[name].head or -1))


def path(name, folder=None, again=False):
    """The path of a boot loader; of a part, which no package has by itself, a new file beside it."""
    file = whole(name, folder, again)
    if not FILES[name].head:
        return file
    folder = folder or default_folder()
    part = os.path.join(folder, f"{name}.bin")
    try:
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as new:
            copy(name, new.name, folder)
        os.chmod(new.name, 0o644)
        os.rename(new.name, part)
    except OSError as error:
        raise Unavailable(f"{part}: {error.strerror}") from None
    return part


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", help="what to fetch; without it: the list")
    args = parser.parse_args()
    if not args.name:
        for name, file in FILES.items():
            print(f"{name:<14}{file.package}:{file.architecture}  {file.what}")
        return 0
    if args.name not in FILES:
        print(f"uboot: no {args.name}; one of: {', '.join(FILES)}", file=sys.stderr)
        return 1
    try:
        print(path(args.name, again=True))
    except Unavailable as error:
        print(f"uboot: {args.name}: {error}", file=sys.stderr)
        return SKIP
    return 0


if __name__ == "__main__":
    sys.exit(main())
