# SPDX-License-Identifier: MIT
"""Images through U-Boot: the commands, the transfer, and the whole of it on a U-Boot made of Python
at the other end of a pseudo-terminal, then on Debian's under QEMU."""

import os
import pty
import re
import select
import shutil
import subprocess
import tempfile
import threading
import unittest
import zlib

import flash_uboot
import uboot_commands as commands
import ymodem
from serial_line import LineError, SerialLine

NOR = commands.Memory(ram=0x44000000, address=0x4000000, sector=0x40000)
UBOOT = "/usr/lib/u-boot/qemu_arm/u-boot.bin"


class Commands(unittest.TestCase):
    def words(self, kind, memory, size=0x40001, **more):
        return [step.command for step in commands.PLANS[kind](memory, size, 0xabcd, **more)]

    def test_nor(self):
        self.assertEqual(self.words("nor", NOR), [
            "loady 0x44000000", "crc32 0x44000000 0x40001", "protect off 0x4000000 0x407ffff",
            "erase 0x4000000 0x407ffff", "cp.b 0x44000000 0x4000000 0x40001",
            "cmp.b 0x44000000 0x4000000 0x40001", "crc32 0x4000000 0x40001"])

    def test_loaded_already(self):
        for kind in commands.PLANS:
            plan = self.words(kind, commands.Memory(1, 0, 4096, "go {address}"), loaded=True)
            self.assertFalse(any("loady" in word for word in plan), plan)
            self.assertTrue(plan[0].startswith("crc32 0x1 "))

    def test_whole_sectors_are_erased(self):
        for size, last in ((1, 0x403ffff), (0x40000, 0x403ffff), (0x40001, 0x407ffff)):
            self.assertIn(f"erase 0x4000000 {last:#x}", self.words("nor", NOR, size))

    def test_words(self):
        plan = self.words("nor-words", NOR, 5)
        self.assertIn("mw.b 0x44000005 0xff 0x3", plan)
        self.assertTrue(any("itest $to < 4000008;" in word for word in plan))
        self.assertFalse(any("mw.b" in word for word in self.words("nor-words", NOR, 8)))

    def test_spi(self):
        plan = self.words("spi", commands.Memory(ram=0x80000000, sector=0x10000), 0x100001)
        self.assertEqual(plan[2:], ["sf probe 0", "sf update 0x80000000 0x0 0x100001",
                                    "sf read 0x80200000 0x0 0x100001", "crc32 0x80200000 0x100001"])

    def test_ram(self):
        steps = commands.ram(commands.Memory(ram=0x40008000, start="go {address}"), 8, 1)
        self.assertEqual(steps[-1].command, "go 0x40008000")
        self.assertTrue(steps[-1].starts)

    def test_answers(self):
        crc = commands.checksum(0x1000, 16, 0xabcd)
        good = "crc32 0x1000 0x10\ncrc32 for 00001000 ... 0000100f ==> 0000abcd\n=> "
        self.assertEqual(commands.judge(crc, good), "")
        self.assertIn("not the answer", commands.judge(crc, good.replace("abcd", "abce")))
        steps = {step.command.split()[0]: step for step in commands.nor(NOR, 16, 1)}
        for name, answer, good in (
                ("erase", ".. done\nErased 2 sectors\n", True), ("erase", "Error: end address\n", False),
                ("cp.b", "Copy to Flash... 9....8....done\n", True),
                ("cp.b", "Copy to Flash... Flash not Erased\n", False),
                ("cp.b", "Copy to Flash... Flash buffer write timeout at address 4000000\n", False),
                ("cp.b", "Copy to Flash... Can't write to protected Flash sectors\n", False),
                ("cmp.b", "Total of 16 byte(s) were the same\n", True),
                ("cmp.b", "byte at 1 (0x0) != byte at 2 (0x1)\nTotal of 3 byte(s) were the same\n", False),
                ("cmp.b", "Error\nTotal of 16 byte(s) were the same\n", False),
                ("protect", "Un-Protected 2 sectors\n", True),
                ("loady", "Unknown command 'loady' - try 'help'\n", False),
                ("loady", "## Total Size      = 0x00000010 = 16 Bytes\n", True),
                ("loady", "## Total Size      = 0x00000100 = 256 Bytes\n", False)):
            with self.subTest(answer):
                self.assertEqual(commands.judge(steps[name], answer) == "", good)


class Receiver:
    """The other end of a transfer, strict; `spoil` is called with each frame and says what to answer
    instead of taking it."""

    def __init__(self, spoil=lambda count: None):
        self.waiting = b"## Ready\n" + b"CCC"
        self.spoil, self.frames, self.content, self.size, self.done = spoil, 0, b"", None, False
        self.expected = 0

    def receive(self, seconds):
        del seconds
        data, self.waiting = self.waiting[:2], self.waiting[2:]
        return data

    def send(self, frame):
        self.frames += 1
        if (instead := self.spoil(self.frames)) is not None:
            self.waiting += instead
        elif frame[0] == ymodem.EOT:
            self.waiting += bytes([ymodem.ACK]) + b"C"
            self.expected = 0
        else:
            self.take(frame)

    def take(self, frame):
        size = {ymodem.SOH: 128, ymodem.STX: 1024}[frame[0]]
        assert len(frame) == size + 5 and frame[1] ^ frame[2] == 0xff and frame[1] == self.expected
        data = frame[3:-2]
        # With its CRC behind it, data has the CRC 0.
        assert ymodem.crc16(frame[3:]) == 0
        if self.expected == 0 and self.size is None:
            name, size = data.split(b"\0")[:2]
            self.size = int(size)
            assert name == b"a.bin"
            self.waiting += bytes([ymodem.ACK]) + b"C"
        elif self.expected == 0 and not any(data):
            self.done = True
            self.waiting += bytes([ymodem.ACK])
        else:
            self.content += data
            self.waiting += bytes([ymodem.ACK])
        self.expected = (self.expected + 1) & 0xff


class Ymodem(unittest.TestCase):
    def test_crc(self):
        self.assertEqual(ymodem.crc16(b"123456789"), 0x31c3)  # the catalogued check value

    def test_sizes(self):
        for size in (1, 127, 128, 129, 1023, 1024, 1025, 300 * 1024):
            data, receiver = os.urandom(size), Receiver()
            ymodem.send(receiver, "a.bin", data)
            self.assertEqual(receiver.content[:receiver.size], data)
            self.assertTrue(receiver.done)

    def test_repeats(self):
        nak = bytes([ymodem.NAK])
        for spoiled in (1, 2, 3, 5, 6):
            data = os.urandom(3000)
            receiver = Receiver(lambda count, n=spoiled: nak if count == n else None)
            ymodem.send(receiver, "a.bin", data)
            self.assertEqual(receiver.content[:receiver.size], data)

    def test_gives_up(self):
        receiver = Receiver(lambda count: bytes([ymodem.NAK]) if count > 2 else None)
        with self.assertRaisesRegex(ymodem.TransferError, "not accepted in 10 attempts"):
            ymodem.send(receiver, "a.bin", bytes(3000))

    def test_cancelled(self):
        receiver = Receiver(lambda count: bytes([ymodem.CAN] * 2) if count == 3 else None)
        with self.assertRaisesRegex(ymodem.TransferError, "cancelled"):
            ymodem.send(receiver, "a.bin", bytes(3000))

    def test_nobody(self):
        receiver = Receiver()
        receiver.waiting = b""
        with self.assertRaisesRegex(ymodem.TransferError, "does not ask"):
            ymodem.send(receiver, "a.bin", b"x")


class Board:
    """A U-Boot of a few commands at a pseudo-terminal."""

    def __init__(self, answers=None, silent=False):
        self.master, slave = pty.openpty()
        self.path = os.ttyname(slave)
        self.slave, self.answers, self.silent = slave, answers or {}, silent
        self.typed, self.received = [], b""
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def close(self):
        self.stop.set()
        self.thread.join()
        os.close(self.master)
        os.close(self.slave)

    def receive(self, seconds=0.05):
        ready, _, _ = select.select([self.master], [], [], seconds)
        return os.read(self.master, 4096) if ready else b""

    def run(self):
        line = b""
        while not self.stop.is_set():
            line += self.receive()
            while b"\r" in line and not self.silent:
                word, line = line.split(b"\r", 1)
                os.write(self.master, word + b"\r\n")
                self.answer(word.decode())

    def answer(self, word):
        if word.startswith("echo "):
            os.write(self.master, word[5:].encode() + b"\r\n")
        elif word:
            self.typed.append(word)
        if word.startswith("loady"):
            os.write(self.master, b"## Ready for binary (ymodem) download\r\nC")
            self.take_file()
            size = len(self.received)
            os.write(self.master, f"## Total Size      = 0x{size:08x} = {size} Bytes\r\n".encode())
        for beginning, answer in self.answers.items():
            if word.startswith(beginning):
                os.write(self.master, answer.encode() + b"\r\n")
        os.write(self.master, b"=> ")

    def take_file(self):
        receiver, frame = Receiver(), b""
        while not receiver.done and not self.stop.is_set():
            frame += self.receive()
            size = {ymodem.SOH: 133, ymodem.STX: 1029, ymodem.EOT: 1}.get(frame[0] if frame else 0, 133)
            if len(frame) >= size:
                receiver.waiting = b""
                receiver.send(frame[:size])
                os.write(self.master, receiver.waiting)
                frame = frame[size:]
        self.received = receiver.content[:receiver.size]


class Play(unittest.TestCase):
    image = bytes(range(256)) * 9

    def board(self, **more):
        crc = zlib.crc32(self.image)
        answers = {"crc32": f"... ==> {crc:08x}", "protect": "Un-Protected 1 sectors",
                   "erase": "Erased 1 sectors", "cp.b": "Copy to Flash... done",
                   "cmp.b": f"Total of {len(self.image)} byte(s) were the same"}
        answers.update(more)
        board = Board(answers)
        self.addCleanup(board.close)
        return board

    def play(self, board, kind="nor"):
        said = []
        steps = flash_uboot.plan(kind, NOR, self.image)
        flash_uboot.play(board.path, steps, "a.bin", self.image, said.append, lambda done: None)
        return said

    def test_whole(self):
        board = self.board()
        said = self.play(board)
        self.assertEqual(board.received, self.image)
        self.assertEqual([f"=> {word}" for word in board.typed], said)

    def test_stops_where_it_goes_wrong(self):
        for command, answer in (("crc32", "... ==> 00000000"), ("erase", "Error: range"),
                                ("cp.b", "Copy to Flash... Flash not Erased")):
            with self.subTest(command):
                board = self.board(**{command: answer})
                with self.assertRaisesRegex(flash_uboot.PlayError, f"`{re.escape(command)} "):
                    self.play(board)
                self.assertTrue(board.typed[-1].startswith(command))

    def test_no_device(self):
        with self.assertRaisesRegex(LineError, "plugged in"):
            SerialLine("/dev/ttyUSB99")
        with self.assertRaisesRegex(LineError, "not a serial device"):
            SerialLine("/dev/null")

    def test_silence(self):
        board = Board(silent=True)
        self.addCleanup(board.close)
        with SerialLine(board.path) as line, self.assertRaisesRegex(flash_uboot.PlayError, "answer"):
            flash_uboot.find_prompt(line, lambda text: None, 0.1)


@unittest.skipUnless(os.path.exists(UBOOT) and shutil.which("qemu-system-arm"), "no U-Boot, no QEMU")
class Machine(unittest.TestCase):
    """U-Boot of Debian on QEMU's virt board, whose second flash bank is a file."""

    def flash(self, kind, size):
        with tempfile.TemporaryDirectory() as folder:
            nor, image = os.path.join(folder, "nor.img"), os.urandom(size)
            with open(nor, "wb") as file:
                file.truncate(64 << 20)
            process = subprocess.Popen(
                ["timeout", "-k", "2", "400", "qemu-system-arm", "-M", "virt", "-cpu", "cortex-a15",
                 "-m", "256M", "-nic", "none", "-display", "none", "-monitor", "none", "-bios", UBOOT,
                 "-drive", f"if=pflash,format=raw,unit=1,file={nor}", "-serial", "pty"],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            try:
                path = re.search(r"/dev/pts/[0-9]+", process.stdout.readline())[0]
                steps = flash_uboot.plan(kind, NOR, image)
                flash_uboot.play(path, steps, "a.bin", image, lambda text: None, lambda done: None)
            finally:
                process.terminate()
                process.wait()
                process.stdout.close()
            with open(nor, "rb") as file:
                self.assertEqual(file.read(size), image)

    def test_nor(self):
        self.flash("nor", 4096)

    def test_nor_words(self):
        self.flash("nor-words", 9001)
