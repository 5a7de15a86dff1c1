/* SPDX-License-Identifier: MIT */
/*
 * The board contract: everything that Ashlar must be told about a machine. A board folder
 * defines one constant `ash_board`; nothing else in the project knows a board by name.
 */
#ifndef ASHLAR_BOARD_H
#define ASHLAR_BOARD_H

#include "irq.h"
#include "platform.h"
#include "types.h"

/** Polled text console. Usable with the MMU off, in any exception, with interrupts off. */
struct ash_console_ops {
    void (*put)(char c); /**< waits until there is room */
    int (*get)(void);    /**< the next character, or -1 at once */
};

/** Time since boot; monotonic. */
struct ash_clock_ops {
    uint64_t (*now_ns)(void);
    /** Calls tick(arg) from an interrupt hz times a second on this CPU; hz 0 stops it. */
    int (*tick)(uint32_t hz, void (*tick)(void *arg), void *arg);
};

/** Interrupt controller. Numbers are the controller's own (GIC INTID). */
struct ash_irq_ops {
    int (*attach)(uint32_t irq, void (*handler)(void *arg), void *arg); /**< and enable */
    int (*detach)(uint32_t irq);                                        /**< disable and forget */
    /** Serves what is pending; called by the IRQ and FIQ vectors. False: nothing was. */
    bool (*dispatch)(void);
    int (*send)(uint32_t irq, unsigned cpu); /**< a software-generated interrupt */
    void (*stats)(struct ash_irq_stats *stats);
};

struct ash_board {
    const char *name;

    /**
     * Bytes of RAM, from the first page of the image's RAM, that are mapped by 4 KiB pages for
     * good (the remap zone): the only directly mapped RAM whose mapping may change after boot.
     */
    uint64_t remap_bytes;
    /** The firmware's map carries the contiguous hint outside of the remap zone: TLBs may hold 16
     *  blocks or pages in one entry. Not on cores with errata of it. */
    bool contiguous;
    /** Bytes at the end of the remap zone that become the pmem region "dma". */
    uint64_t pmem_bytes;
    /** log2 of the bytes of virtual addresses that spaces get at the top, if the firmware links
     *  space.h; 0: none. AArch32: 29 to 31, AArch64: 39. */
    unsigned space_bits;
    /** Virtual addresses free for mappings outside the identity map. */
    struct ash_range vmap;
    /** Bus address minus physical address, as devices see memory. */
    int64_t bus_offset;
    /** A page of device addresses where nothing answers and the bus refuses every access; 0: the
     * bus has none, it swallows them. For self-tests. */
    ash_pa_t hole;

    /**
     * Fills *platform. `hint` is the loader's register: a device tree, or anything at all.
     * Runs with the MMU off and one CPU: no C library, no unaligned access.
     * Never fails: what cannot be read is replaced by the board's own table.
     */
    void (*discover)(const void *hint, struct ash_platform *platform);
    /** Brings up the console. MMU off or on. */
    void (*console_init)(const struct ash_platform *platform);
    /** Tells the console where its registers are now. Needed, and called, only if the identity map
     *  does not reach them; nothing is printed from there to init() without it. MMU on. */
    void (*console_move)(ash_va_t base);
    /** Brings up interrupts and clock. MMU on, interrupts off. On an error boot says so and goes on
     *  without what did not start. */
    int (*init)(const struct ash_platform *platform);
    /** Brings up interrupts and clock of another CPU, on that CPU: MMU on, interrupts off. Errors:
     *  those of the devices; the CPU then does not go online. */
    int (*cpu_init)(void);

    const struct ash_console_ops *console;
    const struct ash_clock_ops *clock;
    const struct ash_irq_ops *irq;

    /**
     * Starts CPU number `cpu` (1...) at the pen, if it is not there already. The pen lets it go
     * when ash_cpu_release() names a function; ash_cpu_start() does. 0, ASH_ENODEV, ASH_EIO.
     */
    int (*cpu_start)(unsigned cpu, ash_pa_t entry);

    void (*power_off)(void); /**< returns only if the board cannot */
    void (*reset)(void);     /**< returns only if the board cannot */
};

extern const struct ash_board ash_board;

#endif
