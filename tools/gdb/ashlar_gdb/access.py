# SPDX-License-Identifier: MIT
"""The machine as gdb sees it, halted, crashed or in a core: memory, symbols, layouts, registers.
Calls no function of it and changes nothing.

Memory is read as the processor sees it at that moment. What it cannot see (its MMU is off, it runs
a program of user mode, RAM beyond its addresses) QEMU reads by physical address."""

import contextlib
import re

import gdb

from . import layout, macros
from .errors import Absent, Unreadable

PAGE = 4096
POINTER_SIZE = re.compile(r"sizeof\s*\(\s*void\s*\*\s*\)")


def packet(text):
    """What the remote end answers to a packet; "" if there is none, or it does not know it."""
    connection = gdb.selected_inferior().connection
    if not isinstance(connection, getattr(gdb, "RemoteTargetConnection", ())):
        return ""
    try:
        return connection.send_packet(text).decode("ascii", "replace")
    except gdb.error:
        return ""


def word_size():
    """Of the image's addresses: the debugger may have connected to a processor of another width."""
    try:
        fields = gdb.lookup_type("struct ash_mmu").fields()
        return next(field.type.sizeof for field in fields if field.name == "root")
    except gdb.error:
        return gdb.lookup_type("void").pointer().sizeof


class Known:
    """What does not change while the image stays the same."""

    def __init__(self):
        self.macros = {}   # of a function
        self.values = {}   # of macros
        self.layouts = {}  # of types

    @classmethod
    def forget(cls, *_):
        cls.now = cls()


Known.forget()
for _event in ("new_objfile", "clear_objfiles"):
    if hasattr(gdb.events, _event):
        getattr(gdb.events, _event).connect(Known.forget)


class Target:
    """One look at the machine: what was read stays as it was read until the next one."""

    def __init__(self):
        self.word = word_size()
        self.arch = "a64" if self.word == 8 else "a32"
        self.pages = {}
        self.known = Known.now
        self.translate = None  # virtual to physical, by the firmware's own map
        self._qemu = None  # whether the remote end is one; None: not asked yet
        self._physical = False  # whether it now takes addresses as physical ones

    # -- memory --

    @contextlib.contextmanager
    def session(self):
        """While it lasts, the remote end may be in another mode."""
        try:
            yield self
        finally:
            self._mode(False)

    def _mode(self, physical):
        """From now on memory is read by that kind of address; False: there is no way to."""
        if physical == self._physical:
            return True
        if self._qemu is None:
            self._qemu = packet("qqemu.PhyMemMode") == "0"
        if not self._qemu or packet(f"Qqemu.PhyMemMode:{int(physical)}") != "OK":
            return False
        self._physical = physical
        return True

    def _raw(self, address, size, physical):
        if not self._mode(physical):
            return None
        try:
            return bytes(gdb.selected_inferior().read_memory(address, size))
        except (gdb.MemoryError, gdb.error, OverflowError, ValueError):
            return None

    def read_physical(self, pa, size):
        # What a QEMU does not show by physical address (memory of the secure state) may be seen by
        # the processor, at the same address.
        data = self._raw(pa, size, True)
        if data is None and pa + size <= 1 << 8 * self.word:
            data = self._raw(pa, size, False)
        if data is None:
            raise Unreadable(f"no memory at physical address {pa:#x}")
        return data

    def _page(self, base):
        if base not in self.pages:
            self.pages[base] = self._read(base, PAGE)
        return self.pages[base]

    def _read(self, address, size):
        data = self._raw(address, size, False)
        if data is None:
            # A core knows physical addresses only, and whoever is no QEMU what is mapped there.
            pa = self.translate(address) if self.translate else address
            data = None if pa is None else self._raw(pa, size, True)
            if data is None and pa not in (None, address):
                data = self._raw(pa, size, False)
        return data

    def read(self, address, size):
        """Bytes at a virtual address."""
        if size > PAGE:
            data = self._read(address, size)
        else:
            first, end = address & -PAGE, address + size
            parts = [self._page(base) for base in range(first, max(end, first + 1), PAGE)]
            data = (None if None in parts else
                    b"".join(parts)[address - first:address - first + size])
        if data is None:
            data = self._read(address, size)
        if data is None:
            raise Unreadable(f"no memory at {address:#x}")
        return data

    def string(self, address, most=80):
        """The string at an address; "" for NULL or where there is none."""
        text = b""
        try:
            while address and b"\0" not in text and len(text) < most:
                text += self.read(address + len(text), 16)
        except Unreadable:
            pass
        return text.split(b"\0")[0][:most].decode("latin-1")

    # -- symbols --

    def _symbol(self, name, file):
        try:
            found = gdb.lookup_static_symbols(name) if file else [gdb.lookup_global_symbol(name)]
        except gdb.error:
            found = []
        for symbol in found:
            if symbol is not None and (not file or symbol.symtab.filename.endswith(file)):
                value = symbol.value()
                # What the linker dropped has its debugging information at address 0.
                if value.address is not None and int(value.address) != 0:
                    return value
        raise Absent(f"no {name} in this image")

    def variable(self, name, file=None):
        """A variable as it stands in memory; `file` for one that is static in it."""
        value = self._symbol(name, file)
        return self.decode(value.type, int(value.address))

    def address_of(self, name, file=None):
        return int(self._symbol(name, file).address)

    def has(self, name, file=None):
        try:
            return bool(self._symbol(name, file))
        except Absent:
            return False

    def linker(self, name):
        """The address of a symbol of the linker's; None if there is none."""
        symbol = gdb.lookup_minimal_symbol(name) if hasattr(gdb, "lookup_minimal_symbol") else None
        if symbol is not None:
            return int(symbol.value().address)
        try:
            return int(gdb.parse_and_eval(f"(unsigned long)&{name}"))
        except gdb.error:
            return None

    def symbol_at(self, address):
        """"name + offset" of what lies there, or ""."""
        text = gdb.execute(f"info symbol {address:#x}", to_string=True).strip()
        return "" if text.startswith("No symbol") else text

    # -- types --

    def type(self, name):
        try:
            return gdb.lookup_type(name)
        except gdb.error:
            raise Absent(f"no type {name} in the debugging information") from None

    def _layout(self, kind):
        kind = kind.unqualified().strip_typedefs()
        key = str(kind), kind.sizeof
        if not kind.name or key not in self.known.layouts:
            made = self._make(kind)
            if not kind.name:
                return made
            self.known.layouts[key] = made
        return self.known.layouts[key]

    def _make(self, kind):
        if kind.code in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION):
            members = []
            for field in kind.fields():
                if not hasattr(field, "bitpos"):
                    continue
                if field.bitsize:
                    size = field.type.sizeof
                    at = field.bitpos // (8 * size) * size
                    member = layout.Bits(size, field.bitpos - 8 * at, field.bitsize)
                    members.append((field.name, at, member))
                else:
                    members.append((field.name, field.bitpos // 8, self._layout(field.type)))
            return layout.Record(kind.sizeof, tuple(members))
        if kind.code == gdb.TYPE_CODE_ARRAY:
            element = kind.target().strip_typedefs()
            low, high = kind.range()
            if element.unqualified().name == "char":
                return layout.Text(max(0, high - low + 1))
            return layout.Array(self._layout(element), max(0, high - low + 1))
        signed = kind.code == gdb.TYPE_CODE_INT and bool(gdb.Value(-1).cast(kind) < 0)
        return layout.Number(kind.sizeof, signed)

    def layout(self, name):
        return self._layout(self.type(name))

    def decode(self, kind, address):
        made = self._layout(kind)
        return made.decode(self.read(address, made.size), 0, address)

    def load(self, name, address):
        """The object of a type at an address."""
        return self.decode(self.type(name), address)

    def load_array(self, name, address, count):
        kind = self.type(name)
        made = layout.Array(self._layout(kind), count)
        return made.decode(self.read(address, made.size), 0, address)

    def words(self, address, count):
        """An array of 32-bit words."""
        return layout.words(self.read(address, 4 * count)) if count else []

    def enumerators(self, name, prefix=""):
        """value -> name without the prefix, of an enum."""
        return {int(field.enumval): field.name.removeprefix(prefix)
                for field in self.type(name).fields()}

    # -- macros --

    def _macros(self, where):
        """All macros that hold in a function."""
        if where not in self.known.macros:
            try:
                # By its line: its first instruction may belong to a header.
                symbol = gdb.lookup_global_symbol(where)
                place = f"'{symbol.symtab.filename}':{symbol.line}" if symbol else where
                self.known.macros[where] = macros.parse(
                    gdb.execute(f"info macros {place}", to_string=True))
            except gdb.error:
                raise Absent(f"no function {where} in this image") from None
        return self.known.macros[where]

    def macro(self, name, where):
        """The value of a macro where that function stands."""
        key = name, where
        if key not in self.known.values:
            self.known.values[key] = macros.constant(self._macros(where), name, self._evaluate)
        return self.known.values[key]

    def macro_function(self, name, where):
        key = name, where
        if key not in self.known.values:
            self.known.values[key] = macros.function(self._macros(where), name, self._evaluate)
        return self.known.values[key]

    def _evaluate(self, text):
        """An expression of C without macros, whose pointers are the image's."""
        text = POINTER_SIZE.sub(str(self.word), text)
        try:
            return int(gdb.parse_and_eval(text))
        except gdb.error as error:
            raise Absent(str(error)) from None

    # -- registers --

    def register(self, *names):
        """The first of these registers that there is; None: none, as in a core."""
        for name in names:
            try:
                value = gdb.parse_and_eval(f"${name}")
                if value.type.code != gdb.TYPE_CODE_VOID:
                    bits = 8 * value.type.sizeof
                    return int(value) & (1 << bits) - 1
            except gdb.error:
                pass
        return None
