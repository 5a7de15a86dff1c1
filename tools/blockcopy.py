# SPDX-License-Identifier: MIT
"""Writes an image over a disk or a file, and reads it back. Decides nothing: tools/blockdev.py does.

The device is opened for this process alone (O_EXCL: the kernel refuses if anything of it is mounted
or held, in whatever container), past the page cache where that is possible (O_DIRECT), and is
compared after its buffers were dropped, so that what is read comes from the medium.
"""

import errno
import fcntl
import mmap
import os
import stat
from dataclasses import dataclass

CHUNK = 4 << 20
ALIGNMENT = 4096  # of what O_DIRECT moves; a multiple of every sector
BLKRRPART = 0x125f  # <linux/fs.h>: read the partition table again
BLKFLSBUF = 0x1261  # <linux/fs.h>: drop the buffers
BLKGETSIZE64 = 0x80081272  # <linux/fs.h>


class CopyError(Exception):
    """What went wrong, for a person."""


@dataclass
class Target:
    path: str
    descriptor: int
    block: bool
    direct: bool

    def close(self):
        os.close(self.descriptor)


def explain(error, path, offset=None):
    """An OSError in words."""
    place = "" if offset is None else f" at byte {offset:#x}"
    known = {
        errno.EACCES: "no right to do that: call it as root or with sudo",
        errno.EPERM: "the kernel does not permit it: call it as root; is the card write-protected?",
        errno.EBUSY: "in use: something of it is mounted or held, perhaps in a container",
        errno.EROFS: "read-only: is the card's switch set?",
        errno.ENOSPC: "no room left",
        errno.EIO: "the device reports an error: a worn card, or a bad contact",
        errno.ENODEV: "the device has gone: was it pulled out?",
        errno.ENXIO: "the device has gone: was it pulled out?",
        errno.ENOMEDIUM: "no card in the reader",
        errno.ENOENT: "there is no such device",
    }
    return f"{path}{place}: {known.get(error.errno, error.strerror)}"


def open_target(path, create=False):
    """The device, or with `create` a regular file."""
    flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else os.O_EXCL)
    try:
        try:
            descriptor, direct = os.open(path, flags | os.O_DIRECT, 0o644), True
        except OSError as error:
            if error.errno != errno.EINVAL:  # what a file system without O_DIRECT says
                raise
            descriptor, direct = os.open(path, flags, 0o644), False
    except OSError as error:
        raise CopyError(explain(error, path)) from None
    mode = os.fstat(descriptor).st_mode
    if not (stat.S_ISREG(mode) if create else stat.S_ISBLK(mode)):
        os.close(descriptor)
        raise CopyError(f"{path} is not a {'regular file' if create else 'block device'}")
    return Target(path, descriptor, not create, direct)


def capacity(target):
    """Bytes of the open device."""
    buffer = bytearray(8)
    try:
        fcntl.ioctl(target.descriptor, BLKGETSIZE64, buffer)
    except OSError as error:
        raise CopyError(explain(error, target.path)) from None
    return int.from_bytes(buffer, "little")


def number(target):
    """Which device is open, as lsblk writes it: what has the name now may be another one."""
    device = os.fstat(target.descriptor).st_rdev
    return f"{os.major(device)}:{os.minor(device)}"


def chunks(image, size):
    """(offset, length, length rounded up to the alignment) of each piece of the image."""
    for offset in range(0, size, CHUNK):
        length = min(CHUNK, size - offset)
        yield offset, length, -(-length // ALIGNMENT) * ALIGNMENT


def write_all(target, view, offset):
    done = 0
    while done < len(view):
        count = os.pwrite(target.descriptor, view[done:], offset + done)
        if count == 0:
            raise CopyError(f"{target.path}: it takes no more at byte {offset + done:#x}")
        done += count


def write(target, image, size, progress=lambda done: None):
    """The first `size` bytes of the open file `image`, then everything on the medium."""
    buffer = mmap.mmap(-1, CHUNK)  # aligned to a page
    image.seek(0)
    for offset, length, padded in chunks(image, size):
        if image.readinto(memoryview(buffer)[:length]) != length:
            raise CopyError(f"the image has ended at byte {offset:#x}: did it change?")
        buffer[length:padded] = bytes(padded - length)
        try:
            write_all(target, memoryview(buffer)[:padded], offset)
        except OSError as error:
            raise CopyError(explain(error, target.path, offset)) from None
        progress(offset + length)
    try:
        os.fsync(target.descriptor)
        if not target.block:
            os.ftruncate(target.descriptor, size)
    except OSError as error:
        raise CopyError(explain(error, target.path)) from None


def drop_caches(target):
    """What is read afterwards comes from the medium. To drop a device's buffers takes more rights than
    to write it; direct reading does without that."""
    if target.block:
        try:
            fcntl.ioctl(target.descriptor, BLKFLSBUF)
        except OSError as error:
            if not target.direct:
                raise CopyError(explain(error, target.path)) from None
    os.posix_fadvise(target.descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def first_difference(wanted, found):
    return next((i for i, (a, b) in enumerate(zip(wanted, found)) if a != b),
                min(len(wanted), len(found)))


def verify(target, image, size, progress=lambda done: None):
    """Compares; CopyError names the first byte that differs."""
    buffer = mmap.mmap(-1, CHUNK)
    drop_caches(target)
    image.seek(0)
    for offset, length, padded in chunks(image, size):
        wanted = image.read(length)
        try:
            count = os.preadv(target.descriptor, [memoryview(buffer)[:padded]], offset)
        except OSError as error:
            raise CopyError(explain(error, target.path, offset)) from None
        found = buffer[:min(count, length)]
        if found != wanted:
            place = first_difference(wanted, found)
            what = f"{found[place]:#04x}" if place < len(found) else "nothing"
            raise CopyError(f"{target.path}: byte {offset + place:#x} reads as {what}, written was "
                            f"{wanted[place]:#04x}: a bad or forged card, or a bad contact")
        progress(offset + length)


def reread_partitions(target):
    """Lets the kernel see the new partitions; it may refuse, and then sees them after replugging."""
    if target.block:
        try:
            fcntl.ioctl(target.descriptor, BLKRRPART)
        except OSError:
            return False
    return True
