# SPDX-License-Identifier: MIT
"""What is known of the machine's disks, and which of them may be overwritten.

The decisions are functions of text alone (what lsblk and the kernel's tables say), so that each can
be tried on machines that are not at hand. read() gets that text from the machine that this runs on.
Nothing here opens a device.
"""

import json
import os
import re
import subprocess
from dataclasses import dataclass, field

COLUMNS = ("NAME,PATH,TYPE,SIZE,RO,RM,HOTPLUG,TRAN,VENDOR,MODEL,SERIAL,FSTYPE,LABEL,MOUNTPOINTS,"
           "MAJ:MIN")
# Where a system lives. A disk that holds one of them is not a card for a board.
SYSTEM = ("/", "/boot", "/boot/efi", "/boot/firmware", "/efi", "/usr", "/var", "/home", "/nix")
LARGEST = 256 << 30  # bytes of a card that nobody asks about
HELD_BY = {"crypt": "an open encrypted volume", "lvm": "a logical volume in use",
           "dm": "a device-mapper volume", "mpath": "a multipath device"}
MEMBERS = {"LVM2_member": "part of an LVM volume group", "linux_raid_member": "part of a RAID",
           "isw_raid_member": "part of a RAID", "ddf_raid_member": "part of a RAID",
           "zfs_member": "part of a ZFS pool", "bcache": "part of a bcache",
           "crypto_LUKS": "an encrypted volume"}
# What the caller may allow, each by its name, and what it means.
LARGE = "large"
FIXED = "fixed"
ALLOWANCES = {LARGE: f"a disk of more than {LARGEST >> 30} GiB",
              FIXED: "a disk that is not removable"}


@dataclass(frozen=True)
class State:
    """What the machine says: the tree of lsblk, the texts of /proc/self/mountinfo and /proc/swaps, and
    of each mmcblk what it is: SD, or MMC, which is soldered to the board."""
    tree: tuple
    mounts: str = ""
    swaps: str = ""
    kinds: dict = field(default_factory=dict)


@dataclass
class Verdict:
    refusals: list = field(default_factory=list)
    device: dict = field(default_factory=dict)  # lsblk's entry, {} if there is none

    def refuse(self, reason):
        if reason not in self.refusals:
            self.refusals.append(reason)


def size_text(size):
    """Bytes, as a person says them."""
    for shift, unit in ((40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")):
        if size >= 1 << shift:
            return f"{size / (1 << shift):.1f} {unit}"
    return f"{size} bytes"


def flag(entry, name):
    """True for lsblk's true, 1 and "1": its versions differ."""
    return entry.get(name) in (True, 1, "1")


def words(entry, *names):
    return " ".join(str(entry[name]).strip() for name in names
                    if entry.get(name) and not str(entry[name]).startswith("0x"))


def walk(entries):
    """Every entry of the tree with the chain of those it lies in, itself last."""
    pending = [(entry, ()) for entry in reversed(entries)]
    while pending:
        entry, above = pending.pop()
        chain = (*above, entry)
        yield chain
        pending += [(child, chain) for child in reversed(entry.get("children") or [])]


def find(state, path):
    """The entry of a device, by its path."""
    return next((chain[-1] for chain in walk(state.tree) if chain[-1].get("path") == path), {})


def below(entry):
    """The device and all that lies in it: partitions, volumes in them, and so on."""
    return [chain[-1] for chain in walk([entry])]


def unescape(text):
    """Blanks and the like are octal numbers in the kernel's tables."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def mounted_at(entry, state):
    """Where a device is mounted: what lsblk says, and what the kernel says, which also knows mounts
    of a part of a file system."""
    places = [place for place in entry.get("mountpoints") or [entry.get("mountpoint")]
              if place and place != "[SWAP]"]
    for line in state.mounts.splitlines():
        left, _, right = line.partition(" - ")
        if len(left.split()) < 5 or len(right.split()) < 2:
            continue
        number, place = left.split()[2], unescape(left.split()[4])
        source = unescape(right.split()[1])
        if (number == entry.get("maj:min") or source == entry.get("path")) and place not in places:
            places.append(place)
    return places


def is_swap(entry, state):
    used = [unescape(line.split()[0]) for line in state.swaps.splitlines()[1:] if line.split()]
    return entry.get("path") in used or "[SWAP]" in (entry.get("mountpoints") or [])


def check_use(verdict, state):
    """Nothing of it may be in use, at whatever depth."""
    disk = verdict.device
    for entry in below(disk):
        name = entry.get("path")
        places = mounted_at(entry, state)
        for place in places:
            if place in SYSTEM:
                verdict.refuse(f"it holds this computer's system: {name} is {place}")
            else:
                verdict.refuse(f"{name} is mounted at {place}; unmount it first: umount {place}")
        if is_swap(entry, state):
            verdict.refuse(f"{name} is swap space in use")
        if entry is not disk:
            kind = entry.get("type", "")
            held = HELD_BY.get(kind) or ("a RAID in use" if kind.startswith(("raid", "md"))
                                         or kind == "linear" else "")
            if held:
                verdict.refuse(f"it holds {held} ({name})")
        if member := MEMBERS.get(entry.get("fstype")):
            verdict.refuse(f"{name} is {member}; if it is not needed: wipefs -a {name}")


def check_kind(verdict):
    """A whole disk that can be written."""
    disk = verdict.device
    kind, name = disk.get("type"), disk.get("path")
    if kind == "part":
        verdict.refuse(f"{name} is a partition; the image is for the whole disk")
    elif kind == "rom":
        verdict.refuse(f"{name} is an optical drive")
    elif kind not in ("disk", "loop"):
        verdict.refuse(f"{name} is no disk: lsblk calls it {kind}")
    if flag(disk, "ro"):
        verdict.refuse(f"{name} is read-only; a card has a switch at its side for that")


def check_size(verdict, needed, allowed):
    disk = verdict.device
    size, name = int(disk.get("size") or 0), disk.get("path")
    if size == 0:
        verdict.refuse(f"{name} has no medium: is the card in the reader?")
    elif size < needed:
        verdict.refuse(f"{name} has {size_text(size)}; the image needs {size_text(needed)}")
    elif size > LARGEST and LARGE not in allowed:
        verdict.refuse(f"{name} has {size_text(size)}, more than a card has; "
                       f"if it is meant: ALLOW={LARGE}")


def is_mmc(disk):
    return str(disk.get("name", "")).startswith("mmcblk") or disk.get("tran") == "mmc"


def removable(disk, state):
    """lsblk takes everything behind an SD controller for removable, soldered memory too."""
    if is_mmc(disk):
        return state.kinds.get(disk.get("name")) == "SD"
    return flag(disk, "rm") or flag(disk, "hotplug") or disk.get("tran") == "usb"


def judge(path, needed, state, allowed=()):
    """May `needed` bytes be written over the device? A Verdict; no refusals means yes."""
    verdict = Verdict(device=find(state, path))
    if not verdict.device:
        verdict.refuse(f"{path} is not in lsblk's list of disks")
        return verdict
    check_kind(verdict)
    check_use(verdict, state)
    check_size(verdict, needed, allowed)
    if not removable(verdict.device, state) and verdict.device.get("type") in ("disk", "loop") \
            and FIXED not in allowed:
        verdict.refuse(f"{path} is not removable, so it may be this computer's own; "
                       f"if it is meant: ALLOW={FIXED}")
    return verdict


def describe(entry):
    """The device in lines: what it is, and what is on it."""
    head = [entry.get("path") or "?", size_text(int(entry.get("size") or 0)),
            words(entry, "vendor", "model") or "no model", words(entry, "tran"),
            f"serial {entry['serial']}" if entry.get("serial") else ""]
    lines = [", ".join(part for part in head if part)]
    for chain in walk([entry]):
        part = chain[-1]
        if part is not entry:
            what = [size_text(int(part.get("size") or 0)), part.get("fstype") or "no file system",
                    f'"{part["label"]}"' if part.get("label") else ""]
            lines.append("  " * (len(chain) - 1) +
                         f"{part.get('path')}: {', '.join(word for word in what if word)}")
        elif part.get("fstype"):
            lines.append(f"  {part['fstype']} over all of it"
                         + (f', "{part["label"]}"' if part.get("label") else ""))
    return lines


def identity(entry):
    """What must not change between the question and the writing."""
    return tuple(entry.get(name) for name in ("maj:min", "size", "vendor", "model", "serial", "type"))


def candidates(needed, state, allowed=()):
    """The disks that judge() has nothing against."""
    return [entry for entry in state.tree
            if not judge(entry.get("path"), needed, state, allowed).refusals]


def parse(text):
    return tuple(json.loads(text)["blockdevices"])


def read():
    """The state of this machine."""
    listed = subprocess.run(["lsblk", "--json", "--bytes", "--output", COLUMNS], check=True,
                            text=True, stdout=subprocess.PIPE,
                            env=dict(os.environ, LC_ALL="C")).stdout
    texts = []
    for name in ("/proc/self/mountinfo", "/proc/swaps"):
        with open(name, encoding="utf-8", errors="replace") as file:
            texts.append(file.read())
    tree, kinds = parse(listed), {}
    for disk in filter(is_mmc, tree):
        try:
            with open(f"/sys/block/{disk.get('name')}/device/type", encoding="ascii") as file:
                kinds[disk["name"]] = file.read().strip()
        except OSError:
            pass
    return State(tree, *texts, kinds)
