/* SPDX-License-Identifier: MIT */
#ifndef ASHLAR_STARTUP_RUN_MAIN_H
#define ASHLAR_STARTUP_RUN_MAIN_H

/** Runs the program. All of Ashlar is up. */
_Noreturn void run_main(void);

#endif
