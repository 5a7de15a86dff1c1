# SPDX-License-Identifier: MIT
"""The QEMU command line of a machine: which image, entered how, on which processor and memory."""

import os
from dataclasses import dataclass, replace

# What is built: the architecture, and what sets the build apart from its default.
BUILDS = {"a32": {"ARCH": "a32"}, "a32-flat": {"ARCH": "a32", "SPACEBITS": "0"},
          "a64": {"ARCH": "a64"}, "a64-va48": {"ARCH": "a64", "VABITS": "48"}}
IMAGES = ("flash", "ram", "slots")
# How the image is entered; the first of each architecture is the machine's plain way.
ENTRIES = {"a32": ("svc", "hyp", "secure", "uboot", "stub", "drop", "el3-drop"),
           "a64": ("el1", "el2", "el3", "uboot", "stub", "el2-stub", "el3-stub")}
# Entered at the reset vector, by nobody.
DIRECT = ("svc", "hyp", "secure", "el1", "el2", "el3")
# Its power-off is the secure state's, and there is no firmware behind that one could call.
WITHOUT_POWER_OFF = ("el3-drop",)
UBOOT = {"a32": "/usr/lib/u-boot/qemu_arm/u-boot.bin",
         "a64": "/usr/lib/u-boot/qemu_arm64/u-boot.bin"}
UIMAGE_ADDRESS = 0x44000000  # where the legacy image waits for U-Boot's bootm
EDU_BITS = ("-", "28", "31")  # of addresses that the PCI device `edu` reaches, if there is one
THREADS = 4  # CPUs that QEMU runs at the same time
PROMPT = "ashlar> "
# The words of the banner; what is not here is entered as plainly as can be.
ENTERED = {"hyp": "Hyp", "secure": "Secure SVC", "el2": "EL2", "el3": "EL3"}
PLAINLY = {"a32": "SVC", "a64": "EL1"}


@dataclass(frozen=True)
class Machine:
    image: str = "flash"
    entry: str = ""
    cpu: str = "max"
    mem: str = "512M"
    smp: int = 1
    gic: int = 2
    build: str = "a32"
    edu: str = "-"

    def __post_init__(self):
        if self.build not in BUILDS:
            raise ValueError(f"build {self.build!r}: one of {', '.join(BUILDS)}")
        if not self.entry:
            object.__setattr__(self, "entry", ENTRIES[self.arch][0])
        if self.image not in IMAGES:
            raise ValueError(f"image {self.image!r}: one of {', '.join(IMAGES)}")
        if self.entry not in ENTRIES[self.arch]:
            raise ValueError(f"entry {self.entry!r}: one of {', '.join(ENTRIES[self.arch])}")
        if self.image == "slots" and self.entry not in DIRECT:
            raise ValueError("the selector is entered at the reset vector")
        if self.gic not in (2, 3):
            raise ValueError(f"gic {self.gic!r}: 2 or 3")
        if not 1 <= self.smp <= 8:
            raise ValueError(f"smp {self.smp!r}: 1 to 8")
        if self.edu not in EDU_BITS:
            raise ValueError(f"edu {self.edu!r}: one of {', '.join(EDU_BITS)}")
        memory_bytes(self.mem)

    @property
    def arch(self):
        return BUILDS[self.build]["ARCH"]

    @property
    def qemu(self):
        """The program. True ARMv8 processors come up in AArch64, in the other one."""
        return "qemu-system-aarch64" if self.arch == "a64" or self.entry.endswith("drop") \
            else "qemu-system-arm"

    has_disk = True
    has_two_consoles = False
    card = ""

    @property
    def elf(self):
        return {"flash": "ashlar.elf", "ram": "ashlar-ram.elf",
                "slots": "ashlar-slot-a.elf"}[self.image]

    @property
    def ram(self):
        return self.mem

    @property
    def can_power_off(self):
        return self.entry not in WITHOUT_POWER_OFF

    @property
    def entered(self):
        """What the banner says: how the machine enters the image."""
        words = ENTERED.get(self.entry.removesuffix("-stub"), PLAINLY[self.arch])
        return f"{words} with MMU or caches on" if self.entry.endswith("stub") else words

    def command(self, build, disk=None, serial="stdio", reboot=False, extra=()):
        """QEMU's command line; `serial` is what the firmware's console is connected to."""
        options = ["virt", f"gic-version={self.gic}"]
        if self.entry in ("hyp", "el2", "el2-stub", "drop"):
            options.append("virtualization=on")
        if self.entry in ("secure", "el3", "el3-stub", "el3-drop"):
            options.append("secure=on")
        # QEMU computes the architecture's own signatures of pointers slowly.
        cpu = "max,pauth-impdef=on" if self.arch == "a64" and self.cpu == "max" else self.cpu
        command = [self.qemu, "-M", ",".join(options), "-cpu", cpu, "-m", self.mem,
                   "-smp", str(self.smp), "-nic", "none", "-display", "none"]
        if self.smp > THREADS:
            # A thread each, on fewer processors, wait for what the host does not let run: the CPUs
            # take turns instead, and one that waits gives up its own.
            command += ["-accel", "tcg,thread=single"]
        if serial:
            command += ["-monitor", "none", "-serial", serial]
        if not reboot:
            command.append("-no-reboot")
        if disk:
            command += ["-drive", f"if=none,format=raw,id=disk0,file={disk}",
                        "-device", "virtio-blk-device,drive=disk0"]
        return [*command, *edu_arguments(self), *boot_arguments(self, build), *extra]

    def start(self, console):
        """Does what a person would type to start the image; with U-Boot that is a command."""
        if self.entry == "uboot":
            console.expect(r"stop autoboot")
            console.send("\r")
            console.expect(r"^=> ")
            console.send(f"bootm {UIMAGE_ADDRESS:#x} - ${{fdtcontroladdr}}\r")
            console.expect(r"Starting kernel")


def memory_bytes(text):
    """"512M" in bytes."""
    units = {"M": 1 << 20, "G": 1 << 30}
    if not text[:-1].isdigit() or text[-1:] not in units or int(text[:-1]) == 0:
        raise ValueError(f"memory {text!r}: a number followed by M or G")
    return int(text[:-1]) * units[text[-1]]


def for_processor(machine, processor):
    """The machine for a processor that was built for. qemu-system-arm's ARMv8 processor in AArch32
    state is `max`; its Cortex-A53 and A72 live in qemu-system-aarch64 and start in AArch64."""
    absent = machine.qemu == "qemu-system-arm" and processor in ("cortex-a53", "cortex-a72")
    return replace(machine, cpu="max" if absent else processor)


def flash_drive(path, unit):
    return ["-drive", f"if=pflash,format=raw,readonly=on,unit={unit},file={path}"]


def load(path, *options):
    return ["-device", ",".join(["loader", f"file={path}", *options])]


def boot_arguments(machine, build):
    """What puts the image into the machine."""
    def file(name):
        return os.path.join(build, name)

    if machine.entry == "uboot":
        raw = f"addr={UIMAGE_ADDRESS:#x}", "force-raw=on"
        if machine.image == "flash":
            # U-Boot holds bank 0: our image is linked at bank 1, and a uImage jumps there.
            return ["-bios", UBOOT[machine.arch], *flash_drive(file("ashlar-bank1.img"), 1),
                    *load(file("jump.uimg"), *raw)]
        return ["-bios", UBOOT[machine.arch], *load(file("ashlar-ram.uimg"), *raw)]
    if (program := machine.entry.split("-")[-1]) in ("stub", "drop"):
        if machine.entry == "el3-drop" and machine.image == "flash":
            # Bank 0 is the secure state's.
            return [*flash_drive(file("ashlar-bank1.img"), 1),
                    *load(file("drop-bank1.elf"), "cpu-num=0")]
        if machine.image == "flash":
            return [*flash_drive(file("ashlar.img"), 0),
                    *load(file(f"{program}-flash.elf"), "cpu-num=0")]
        return [*load(file("ashlar-ram.elf")), *load(file(f"{program}-ram.elf"), "cpu-num=0")]
    if machine.image == "slots":
        # The selector in bank 0 starts the image in bank 1.
        return [*flash_drive(file("selector.img"), 0), *flash_drive(file("ashlar-slots.img"), 1)]
    if machine.image == "flash":
        return flash_drive(file("ashlar.img"), 0)
    return ["-kernel", file("ashlar-ram.elf")]


def boot_files(command, build):
    """The files that a command line names: those under the folder, and U-Boot."""
    names = []
    for word in command:
        for part in word.split(","):
            name = part.removeprefix("file=")
            if name.startswith(f"{build}/") or name in UBOOT.values():
                names.append(name)
    return names


def edu_arguments(machine):
    """The device, what it cannot say of itself, and a file that firmware may write."""
    if machine.edu == "-":
        return []
    return ["-device", f"edu,dma_mask={(1 << int(machine.edu)) - 1:#x}",
            "-fw_cfg", f"name=opt/ashlar/edu-bits,string={machine.edu}", "-device", "vmcoreinfo"]
