# SPDX-License-Identifier: MIT
"""Pretty-printers of Ashlar's types."""

import gdb

from . import descriptors, frames, locks
from .access import Target
from .errors import Absent, Damaged

# Names of tags; types of one member are only known by their typedef.
ADDRESSES = {"ash_pa_t": "PA", "ash_va_t": "VA", "ash_bus_t": "bus"}


class Text:
    """Shown as words."""

    def __init__(self, text):
        self.text = text

    def to_string(self):
        return self.text


def address(kind, value):
    return f"{ADDRESSES[kind]} {int(value['value']):#x}"


def frame_number(value):
    number = int(value["number"])
    return "no frame" if number == 0xffffffff else f"frame {number:#x} (PA {number << 12:#x})"


def range_(value):
    base, size = int(value["base"]["value"]), int(value["size"])
    return f"[{base:#x}, {base + size:#x}), {size:#x} bytes" if size else f"empty, at {base:#x}"


def attributes(value):
    return descriptors.attribute_words(int(value))


def lock(value):
    with Target().session() as target:
        return lock_words(target, value)


def lock_words(target, value):
    members = {field.name: int(value[field.name]) for field in value.type.strip_typedefs().fields()
               if field.type.strip_typedefs().code in (gdb.TYPE_CODE_INT, gdb.TYPE_CODE_PTR)}
    raw = locks.of_members(int(value.address) if value.address is not None else 0, members)
    name = target.string(members.get("name", 0))
    state = locks.words(raw, locks.holders(target))
    taken = f", taken {members['next']} times" if "next" in members else ""
    return f"{repr(name) + ': ' if name else ''}{state}{taken}"


def owner(value):
    with Target().session() as target:
        return frames.owner_names(target).get(int(value), f"owner {int(value)}")


STRUCTS = {"ash_range": range_, "ash_spinlock": lock}
TYPEDEFS = {"ash_frame_t": frame_number, "ash_mmu_attr_t": attributes}


def words(value):
    """What a value is in words; None for types that are not Ashlar's."""
    kind = value.type.unqualified()
    if kind.code == gdb.TYPE_CODE_REF:
        return None
    name = kind.name
    if name in ADDRESSES:
        return address(name, value)
    if name in TYPEDEFS:
        return TYPEDEFS[name](value)
    bare = kind.strip_typedefs()
    if bare.code == gdb.TYPE_CODE_STRUCT and bare.tag in STRUCTS:
        return STRUCTS[bare.tag](value)
    if bare.code == gdb.TYPE_CODE_ENUM and bare.tag == "ash_owner":
        return owner(value)
    return None


def lookup(value):
    try:
        text = words(value)
    except (Absent, Damaged, gdb.error):
        return None
    return None if text is None else Text(text)


lookup.name = "ashlar"


class ErrorName(gdb.Function):
    """$ash_error(NUMBER): the name of an error code, such as -7."""

    def __init__(self):
        super().__init__("ash_error")

    def invoke(self, code):
        return error_name(Target(), int(code))


def error_name(target, code):
    code &= 0xffffffff
    code -= (code & 0x80000000) << 1
    return target.enumerators("enum ash_error").get(code, f"{code}: no error of Ashlar")


def register():
    ErrorName()
    gdb.pretty_printers[:] = [printer for printer in gdb.pretty_printers
                              if getattr(printer, "name", "") != lookup.name]
    gdb.pretty_printers.append(lookup)
