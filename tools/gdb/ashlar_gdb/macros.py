# SPDX-License-Identifier: MIT
"""Macros of the firmware's sources, from the debugging information of -g3: how a word is encoded
stands in the headers and nowhere else."""

import re

from .errors import Absent

COMMAND_LINE = re.compile(r"^-D(\w+)=(.*)$", re.MULTILINE)
DEFINE = re.compile(r"^#define (\w+)(\([\w, ]*\))? ?(.*)$", re.MULTILINE)
NAME = re.compile(r"[A-Za-z_]\w*")
NUMBER = re.compile(r"\b(0[xX][0-9a-fA-F]+|[0-9]+)[uUlL]*\b")
# What is left of an expression that Python and C read alike: no casts, no comparisons.
PLAIN = re.compile(r"[\w\s()+*~|&^<>-]*")
DEPTH = 32


def parse(text):
    """name -> (parameters or None, body), from the output of `info macros`."""
    found = {name: (None, body.strip()) for name, body in COMMAND_LINE.findall(text)}
    for name, parameters, body in DEFINE.findall(text):
        names = [p.strip() for p in parameters[1:-1].split(",") if p.strip()]
        found[name] = (names if parameters else None, body.strip())
    return found


def arguments(text, at):
    """The arguments of a call whose bracket opens at `at`, and the place behind it."""
    depth, start, result = 0, at + 1, []
    for i in range(at, len(text)):
        if text[i] == "(":
            depth += 1
        elif text[i] == ")":
            depth -= 1
        if (text[i] == "," and depth == 1) or depth == 0:
            result.append(text[start:i].strip())
            start = i + 1
        if depth == 0:
            return result, i + 1
    raise Absent(f"brackets of {text!r}")


def expand(macros, text, depth=DEPTH):
    """The text with all macros replaced."""
    if depth == 0:
        raise Absent(f"{text!r} is defined by itself")
    result, at = "", 0
    while match := NAME.search(text, at):
        result += text[at:match.start()]
        at = match.end()
        parameters, body = macros.get(match[0], (None, None))
        bracket = re.compile(r"\s*\(").match(text, at)
        if body is None or (parameters is not None and not bracket):
            result += match[0]
        elif parameters is None:
            result += f"({expand(macros, body, depth - 1)})"
        else:
            given, at = arguments(text, bracket.end() - 1)
            values = dict(zip(parameters, given))
            body = NAME.sub(lambda m, v=values: f"({v[m[0]]})" if m[0] in v else m[0], body)
            result += f"({expand(macros, body, depth - 1)})"
    return result + text[at:]


def body_of(macros, name):
    if name not in macros:
        raise Absent(f"no macro {name} in the debugging information (is it built with -g3?)")
    return macros[name]


def constant(macros, name, evaluate):
    """The value of a macro; `evaluate` gets expressions of C that are more than Python's."""
    _, body = body_of(macros, name)
    text = expand(macros, body)
    plain = NUMBER.sub(r"\1", text)
    if PLAIN.fullmatch(plain) and not NAME.search(re.sub(r"0[xX][0-9a-fA-F]+", "0", plain)):
        return int(eval(plain, {"__builtins__": {}}))
    return evaluate(text)


def function(macros, name, evaluate):
    """A macro with parameters as a function of Python; its result is a word of 32 bits."""
    parameters, body = body_of(macros, name)
    text = NUMBER.sub(r"\1", expand(macros, body))
    # What is left besides parameters are enumerators.
    text = re.sub(rf"(?<![\w]){NAME.pattern}",
                  lambda m: m[0] if m[0] in parameters else str(evaluate(m[0])), text)
    if not parameters or not PLAIN.fullmatch(text):
        raise Absent(f"{name} is no macro that can be computed here: {text}")
    return eval(f"lambda {', '.join(parameters)}: ({text}) & 0xffffffff", {"__builtins__": {}})
