/* SPDX-License-Identifier: MIT */
/*
 * What the board found out about the machine it runs on: RAM, reserved ranges, flash, devices.
 * Filled once, before the MMU is on, from the device tree or from the board's table.
 */
#ifndef ASHLAR_PLATFORM_H
#define ASHLAR_PLATFORM_H

#include "types.h"

#define ASH_PLATFORM_RAM      8
#define ASH_PLATFORM_RESERVED 16
#define ASH_PLATFORM_FLASH    4
#define ASH_PLATFORM_DEVICES  64
#define ASH_PLATFORM_CPUS     8
#define ASH_PLATFORM_NAME     24

/** Where the memory map came from. */
enum ash_platform_source {
    ASH_PLATFORM_REGISTER, /**< the device tree that the loader's register named */
    ASH_PLATFORM_FIXED,    /**< a device tree at the board's fixed address */
    ASH_PLATFORM_FALLBACK, /**< the board's built-in table */
};

/** Parts that boot cannot do without, as bits. */
enum ash_platform_part {
    ASH_PART_CONSOLE = 1,
    ASH_PART_IRQ = 2, /**< the interrupt controller */
    ASH_PART_TIMER = 4,
};

enum ash_reserved_kind {
    ASH_RESERVED_KEEP,  /**< stays mapped with the rest of RAM, never given out */
    ASH_RESERVED_NOMAP, /**< must not be mapped at all */
    ASH_RESERVED_PMEM,  /**< a named region of contiguous memory (pmem) */
};

struct ash_reserved {
    struct ash_range range;
    enum ash_reserved_kind kind;
    char name[ASH_PLATFORM_NAME]; /**< node name without the unit address; zero-terminated */
};

struct ash_device {
    struct ash_range range;       /**< registers */
    uint32_t irq;                 /**< interrupt number as the controller counts; 0: none */
    bool coherent;                /**< its DMA sees the CPU's caches (dma-coherent) */
    char name[ASH_PLATFORM_NAME]; /**< first "compatible" string, cut to fit */
};

/** How firmware below us is called. */
enum ash_psci_conduit { ASH_PSCI_NONE, ASH_PSCI_HVC, ASH_PSCI_SMC };

/** The interrupt controller, by the version of its architecture. */
struct ash_irq_controller {
    unsigned version;             /**< GIC 2 or 3; 0: none */
    struct ash_range distributor; /**< registers for all CPUs */
    struct ash_range cpu;         /**< GICv2: CPU interface; GICv3: redistributors */
};

/** A GPIO line that does something when it is driven active. */
struct ash_gpio_line {
    struct ash_range gpio; /**< registers of the PL061; size 0: there is no such line */
    uint32_t line;         /**< 0 to 7 */
    bool active_low;
};

struct ash_platform {
    enum ash_platform_source source;
    int source_error;      /**< why the device tree was not used: an ASH_E code, 0 if it was */
    unsigned built_in;     /**< ASH_PART_...: from the board's table, as no tree has them right */
    bool secure;           /**< the tree was read for the secure state */
    struct ash_range tree; /**< the device tree blob, up to its last block; size 0 if none */
    unsigned ram_count, reserved_count, flash_count, device_count;
    unsigned cpu_count;                 /**< CPUs that the tree lists; 1 if unknown */
    uint32_t cpu_id[ASH_PLATFORM_CPUS]; /**< affinity (MPIDR) of the first ones, as listed */
    enum ash_psci_conduit psci;
    struct ash_range console; /**< registers of the UART; size 0: none known */
    struct ash_irq_controller irq;
    uint32_t timer_irq; /**< of the virtual timer, as the controller counts; 0: unknown */
    uint32_t timer_hz;  /**< what its counter counts, as the board knows it; 0: unknown */
    struct ash_gpio_line power_off, restart;
    struct ash_range ram[ASH_PLATFORM_RAM];
    struct ash_reserved reserved[ASH_PLATFORM_RESERVED];
    struct ash_range flash[ASH_PLATFORM_FLASH];
    struct ash_device device[ASH_PLATFORM_DEVICES];
    unsigned dropped; /**< entries of the tree that did not fit into these tables */
    char bootargs[128];
};

/** The platform that the firmware runs on; constant after boot. */
extern struct ash_platform ash_platform;

/**
 * The n-th device whose name is `name`, or NULL. Any context.
 * Cost: linear in the number of devices.
 */
const struct ash_device *ash_platform_device(const char *name, unsigned n);

#endif
