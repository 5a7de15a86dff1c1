# SPDX-License-Identifier: MIT
"""That headers and code agree on contexts is really looked at."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import check_contexts

ANY = """/* SPDX-License-Identifier: MIT */
/*
 * Things. Any context.
 */
/** Makes one. Errors: none. Context: not in
 *  interrupts. */
int ash_thing_make(struct ash_thing *thing,
                   unsigned size);

/** Figures. Context and cost as ash_thing_make. */
void ash_thing_stats(void);

/** Uses it. */
void ash_thing_use(struct ash_thing *thing);
"""
PROGRAMS = """/* SPDX-License-Identifier: MIT */
/*
 * Of all functions, unless said otherwise: not in interrupts.
 */
/** Asks. Any context, O(1). */
bool ash_other_ask(void);

/** Both. */
int ash_other_map(void);
int ash_other_unmap(void);
"""
GUARD = "    if (!outside_interrupts(__func__)) {\n        return;\n    }\n"


def define(name, body=GUARD):
    return f"int {name}(struct ash_thing *thing,\n    unsigned n)\n{{\n    int error;\n\n{body}}}\n\n"


def table(*names):
    return "".join(f"    X({name}, 0, {name}())\n" for name in names)


class Contexts(unittest.TestCase):
    def test_comments_are_understood(self):
        self.assertEqual(check_contexts.programs_only(ANY), {
            "ash_thing_make": True, "ash_thing_stats": True, "ash_thing_use": False})
        self.assertEqual(check_contexts.programs_only(PROGRAMS), {
            "ash_other_ask": False, "ash_other_map": True, "ash_other_unmap": True})

    def test_checks_are_found(self):
        source = define("ash_a") + define("ash_b", "") + define("ash_c", GUARD.replace("interrupts", "locks"))
        self.assertEqual(check_contexts.guarded(source), {"ash_a", "ash_c"})

    def test_agreement(self):
        good = define("ash_thing_make") + define("ash_thing_stats")
        both = table("ash_thing_make", "ash_thing_stats")
        self.assertEqual(list(check_contexts.violations([ANY], [good], [both])), [])

    def test_disagreement(self):
        def found(source, tests):
            return [what.split(":")[0] for what in check_contexts.violations([ANY], [source], [tests])]
        both = table("ash_thing_make", "ash_thing_stats")
        self.assertEqual(found(define("ash_thing_make"), both), ["ash_thing_stats"])
        good = define("ash_thing_make") + define("ash_thing_stats")
        self.assertEqual(found(good, table("ash_thing_make")), ["ash_thing_stats"])
        self.assertEqual(found(good + define("ash_thing_use"), both), ["ash_thing_use"])


if __name__ == "__main__":
    unittest.main()
