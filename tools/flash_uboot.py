# SPDX-License-Identifier: MIT
"""Plays the commands of tools/uboot_commands.py at the prompt of the U-Boot that runs on a board,
over its serial console."""

import zlib

import uboot_commands
import ymodem
from serial_line import LineError, SerialLine

PROMPT_SECONDS = 120


class PlayError(Exception):
    """What went wrong, for a person."""


def plan(kind, memory, image):
    """The steps for an image, which is bytes."""
    return uboot_commands.PLANS[kind](memory, len(image), zlib.crc32(image))


def find_prompt(line, say, seconds=PROMPT_SECONDS):
    """At the prompt, whether the board waits there or is about to start."""
    line.send(b"\r")
    if line.expect(uboot_commands.PROMPT, 2) is None:
        say("no prompt of U-Boot yet: reset the board, or switch it on")
        if line.expect(f"{uboot_commands.AUTOBOOT}|{uboot_commands.PROMPT}", seconds) is None:
            raise PlayError("U-Boot does not answer: see \"nothing comes\" in docs/flashing.md")
        line.send(b"\r")
        if line.expect(uboot_commands.PROMPT, PROMPT_SECONDS) is None:
            raise PlayError("U-Boot does not stop at its prompt")
    # Prompts of what was typed before may still be on their way: this is the last one.
    line.send(b"echo ashlar-is-here\r")
    if line.expect(rf"^ashlar-is-here\n{uboot_commands.PROMPT}", PROMPT_SECONDS) is None:
        raise PlayError("what answers is not U-Boot's prompt")


def play_step(line, step, name, image, progress):
    line.send(step.command.encode("ascii") + b"\r")
    if step.starts:
        return ""
    if step.sends:
        if line.expect(r"Ready for binary.*\n", step.seconds) is None:
            raise PlayError(f"`{step.command}`: U-Boot is not ready to receive")
        line.give(ymodem.send(line, name, image, progress, line.take()))
    answer = line.expect(uboot_commands.PROMPT, step.seconds)
    if answer is None:
        raise PlayError(f"`{step.command}`: no end within {step.seconds} s: {line.text[-200:]!r}")
    if wrong := uboot_commands.judge(step, answer):
        raise PlayError(wrong)
    return answer


def play(path, steps, name, image, say, progress):
    """All steps, each judged; PlayError says which went wrong."""
    try:
        with SerialLine(path) as line:
            find_prompt(line, say)
            for step in steps:
                say(f"=> {step.command}")
                play_step(line, step, name, image, progress)
    except (LineError, ymodem.TransferError) as error:
        raise PlayError(str(error)) from None
