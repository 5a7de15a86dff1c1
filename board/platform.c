/* SPDX-License-Identifier: MIT */
/*
 * What a device tree says about the machine, as tables: RAM, reserved ranges, flash, devices,
 * interrupts, power. Owns ash_platform and its lookup; never touches hardware.
 *
 * A node counts in the non-secure state when its status is okay, in the secure state when its
 * secure-status is (Linux, Documentation/devicetree/bindings/arm/secure.txt); nothing below a node
 * that does not count is looked at.
 */
#include "board/platform.h"

#include "board/dev/fdt.h"
#include "port/port.h"

struct ash_platform ash_platform;

/* What the passes over the tree need to know besides the platform they fill. */
struct platform_scan {
    struct ash_platform *platform;
    struct fdt tree;
    uint32_t irq_phandle; /* of the interrupt controller; 0 if there is none */
    uint32_t irq_cells;   /* of one interrupt of it */
    bool secure;
};

void platform_clear(struct ash_platform *platform)
{
    port_zero(platform, sizeof(*platform));
    platform->cpu_count = 1;
}

/* The text up to `end` or its end, cut to fit. */
static void platform_copy_text(char *to, size_t room, const char *from, char end)
{
    size_t i = 0;

    while (i + 1 < room && from[i] != '\0' && from[i] != end) {
        to[i] = from[i];
        i++;
    }
    to[i] = '\0';
}

static bool platform_overlap(const struct ash_range *a, const struct ash_range *b)
{
    return a->base.value < b->base.value + b->size && b->base.value < a->base.value + a->size;
}

int platform_add_ram(struct ash_platform *platform, struct ash_range range)
{
    unsigned at = platform->ram_count;
    uint64_t end;

    if (range.size == 0 || !ash_range_end(range.base.value, range.size, &end) ||
        end > PLATFORM_PA_END) {
        return ASH_ERANGE;
    }
    for (unsigned i = 0; i < platform->ram_count; i++) {
        if (platform_overlap(&platform->ram[i], &range)) {
            return ASH_EINVAL;
        }
    }
    if (platform->ram_count == ASH_PLATFORM_RAM) {
        platform->dropped++;
        return 0;
    }
    while (at > 0 && platform->ram[at - 1].base.value > range.base.value) {
        platform->ram[at] = platform->ram[at - 1];
        at--;
    }
    platform->ram[at] = range;
    platform->ram_count++;
    return 0;
}

/* Gives up what RAM there is in `range` and above it in the same banks. */
static void platform_cut_ram(struct ash_platform *platform, const struct ash_range *range)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < platform->ram_count; i++) {
        struct ash_range bank = platform->ram[i];

        if (platform_overlap(&bank, range)) {
            if (range->base.value <= bank.base.value) {
                continue;
            }
            bank.size = range->base.value - bank.base.value;
        }
        platform->ram[kept++] = bank;
    }
    platform->ram_count = kept;
}

void platform_add_reserved(struct ash_platform *platform, struct ash_range range,
                           enum ash_reserved_kind kind, const char *name)
{
    struct ash_reserved *entry = &platform->reserved[platform->reserved_count];

    if (range.size == 0 || range.base.value >= PLATFORM_PA_END) {
        return;
    }
    if (range.size > PLATFORM_PA_END - range.base.value) {
        range.size = PLATFORM_PA_END - range.base.value;
    }
    if (platform->reserved_count == ASH_PLATFORM_RESERVED) {
        platform_cut_ram(platform, &range);
        platform->dropped++;
        return;
    }
    entry->range = range;
    entry->kind = kind;
    platform_copy_text(entry->name, sizeof(entry->name), name, '@');
    platform->reserved_count++;
}

uint64_t platform_ram_from(const struct ash_platform *platform, ash_pa_t pa)
{
    for (unsigned i = 0; i < platform->ram_count; i++) {
        const struct ash_range *bank = &platform->ram[i];

        if (pa.value >= bank->base.value && pa.value - bank->base.value < bank->size) {
            return bank->size - (pa.value - bank->base.value);
        }
    }
    return 0;
}

static bool platform_okay(const struct fdt_walk *walk, const char *property, bool otherwise)
{
    struct fdt_value value;

    if (!fdt_value_find(walk, property, &value)) {
        return otherwise;
    }
    return fdt_is(walk, property, "okay") || fdt_is(walk, property, "ok");
}

static bool platform_usable(const struct fdt_walk *walk, bool secure)
{
    bool okay = platform_okay(walk, "status", true);

    return secure ? platform_okay(walk, "secure-status", okay) : okay;
}

/* The number of the n-th interrupt of the current node, as the GIC counts; 0 if it has none. */
static uint32_t platform_irq(const struct platform_scan *scan, const struct fdt_walk *walk,
                             uint32_t n)
{
    uint32_t skip = 0, type, number, stride = scan->irq_cells, parent;
    struct fdt_value value;

    if (scan->irq_phandle == 0) {
        return 0;
    }
    if (fdt_value_find(walk, "interrupts-extended", &value)) {
        stride++;
        skip = 1;
        if (!fdt_value_cell(&value, n * stride, &parent)) {
            return 0;
        }
    } else if (fdt_value_find(walk, "interrupts", &value)) {
        parent = fdt_here(walk)->interrupt_parent;
    } else {
        return 0;
    }
    if (parent != scan->irq_phandle || !fdt_value_cell(&value, n * stride + skip, &type) ||
        !fdt_value_cell(&value, n * stride + skip + 1, &number)) {
        return 0;
    }
    /* The GIC's binding: 0 is a shared interrupt (INTID 32...), 1 a private one (16...31). */
    if (type == 0 && number < 988) {
        return 32 + number;
    }
    return type == 1 && number < 16 ? 16 + number : 0;
}

/* The interrupt controller comes first: the interrupts of the others are numbered by it. */
static void platform_scan_irq(struct platform_scan *scan)
{
    static const char *const version2[] = {"arm,cortex-a15-gic", "arm,cortex-a7-gic", "arm,gic-400",
                                           "arm,cortex-a9-gic"};
    struct ash_irq_controller *irq = &scan->platform->irq;
    struct fdt_walk walk;
    struct fdt_value value;

    fdt_walk_start(&walk, &scan->tree);
    while (irq->version == 0 && fdt_walk_next(&walk)) {
        unsigned version = 0;

        if (!platform_usable(&walk, scan->secure)) {
            fdt_walk_skip(&walk);
            continue;
        }
        if (!fdt_value_find(&walk, "interrupt-controller", &value) ||
            !fdt_value_find(&walk, "compatible", &value)) {
            continue;
        }
        for (unsigned i = 0; i < sizeof(version2) / sizeof(version2[0]); i++) {
            if (fdt_value_lists(&value, version2[i])) {
                version = 2;
            }
        }
        if (fdt_value_lists(&value, "arm,gic-v3")) {
            version = 3;
        }
        if (version == 0 || fdt_reg(&walk, 0, &irq->distributor) != 0 ||
            fdt_reg(&walk, 1, &irq->cpu) != 0) {
            continue;
        }
        irq->version = version;
        if (fdt_value_find(&walk, "phandle", &value)) {
            (void)fdt_value_cell(&value, 0, &scan->irq_phandle);
        }
        if (!fdt_value_find(&walk, "#interrupt-cells", &value) ||
            !fdt_value_cell(&value, 0, &scan->irq_cells) || scan->irq_cells < 3 ||
            scan->irq_cells > 8) {
            scan->irq_phandle = 0;
        }
    }
}

/* Memory that only the secure side sees is no RAM for general use: devices cannot reach it. */
static int platform_scan_memory(struct platform_scan *scan, const struct fdt_walk *walk)
{
    struct ash_range range;
    int error = 0;

    if (!platform_okay(walk, "status", true)) {
        return 0;
    }
    for (uint32_t n = 0; error == 0; n++) {
        error = fdt_reg(walk, n, &range);
        if (error == ASH_ENOENT && n > 0) {
            return 0;
        }
        if (error == 0) {
            error = platform_add_ram(scan->platform, range);
        }
    }
    return error == ASH_ENOENT ? ASH_EBADTREE : error;
}

static void platform_scan_cpu(struct platform_scan *scan, const struct fdt_walk *walk,
                              unsigned *count)
{
    struct ash_range id;

    if (!fdt_is(walk, "device_type", "cpu")) {
        return;
    }
    if (*count < ASH_PLATFORM_CPUS && fdt_reg_local(walk, 0, &id) == 0) {
        scan->platform->cpu_id[*count] = (uint32_t)id.base.value;
    }
    *count += 1;
    scan->platform->cpu_count = *count;
}

static void platform_scan_psci(struct platform_scan *scan, const struct fdt_walk *walk)
{
    /* From the secure side there is nobody above us to call. */
    if (scan->secure) {
        return;
    }
    if (fdt_is(walk, "method", "hvc")) {
        scan->platform->psci = ASH_PSCI_HVC;
    } else if (fdt_is(walk, "method", "smc")) {
        scan->platform->psci = ASH_PSCI_SMC;
    }
}

static void platform_scan_flash(struct platform_scan *scan, const struct fdt_walk *walk)
{
    struct ash_platform *platform = scan->platform;
    struct ash_range range;

    for (uint32_t n = 0; fdt_reg(walk, n, &range) == 0; n++) {
        if (range.size == 0) {
            continue;
        }
        if (platform->flash_count == ASH_PLATFORM_FLASH) {
            platform->dropped++;
        } else {
            platform->flash[platform->flash_count++] = range;
        }
    }
}

/* The line that a gpio-poweroff or gpio-restart node drives: gpios = <phandle line flags>. */
static void platform_scan_line(struct platform_scan *scan, const struct fdt_walk *walk,
                               struct ash_gpio_line *line)
{
    uint32_t phandle, number, flags = 0;
    struct fdt_value value;
    struct fdt_walk gpio;
    struct ash_range range;

    if (!fdt_value_find(walk, "gpios", &value) || !fdt_value_cell(&value, 0, &phandle) ||
        !fdt_value_cell(&value, 1, &number) || number > 7) {
        return;
    }
    (void)fdt_value_cell(&value, 2, &flags);
    if (!fdt_walk_phandle(&gpio, &scan->tree, phandle) || !fdt_compatible(&gpio, "arm,pl061") ||
        !platform_usable(&gpio, scan->secure) || fdt_reg(&gpio, 0, &range) != 0) {
        return;
    }
    line->gpio = range;
    line->line = number;
    line->active_low = (flags & 1) != 0;
}

static void platform_scan_device(struct platform_scan *scan, const struct fdt_walk *walk,
                                 const struct fdt_value *compatible)
{
    struct ash_platform *platform = scan->platform;
    struct ash_device *device = &platform->device[platform->device_count];
    struct fdt_value value;
    struct ash_range range;

    if (compatible->size == 0 || compatible->bytes[compatible->size - 1] != 0 ||
        fdt_reg(walk, 0, &range) != 0 || range.size == 0 ||
        range.base.value + range.size > PLATFORM_PA_END) {
        return;
    }
    if (platform->device_count == ASH_PLATFORM_DEVICES) {
        platform->dropped++;
        return;
    }
    device->range = range;
    device->irq = platform_irq(scan, walk, 0);
    device->coherent = fdt_value_find(walk, "dma-coherent", &value);
    platform_copy_text(device->name, sizeof(device->name), (const char *)compatible->bytes, '\0');
    platform->device_count++;
    if (platform->console.size == 0 && fdt_value_lists(compatible, "arm,pl011")) {
        platform->console = range;
    }
}

static void platform_scan_compatible(struct platform_scan *scan, const struct fdt_walk *walk)
{
    struct fdt_value compatible;

    if (!fdt_value_find(walk, "compatible", &compatible)) {
        return;
    }
    if (fdt_value_lists(&compatible, "cfi-flash")) {
        platform_scan_flash(scan, walk);
    } else if (fdt_value_lists(&compatible, "arm,psci-1.0") ||
               fdt_value_lists(&compatible, "arm,psci-0.2")) {
        platform_scan_psci(scan, walk);
    } else if (fdt_value_lists(&compatible, "gpio-poweroff")) {
        platform_scan_line(scan, walk, &scan->platform->power_off);
    } else if (fdt_value_lists(&compatible, "gpio-restart")) {
        platform_scan_line(scan, walk, &scan->platform->restart);
    } else if (fdt_value_lists(&compatible, "arm,armv7-timer") ||
               fdt_value_lists(&compatible, "arm,armv8-timer")) {
        /* The binding's order: secure, non-secure, virtual, hypervisor. */
        scan->platform->timer_irq = platform_irq(scan, walk, 2);
    } else {
        platform_scan_device(scan, walk, &compatible);
    }
}

/* RAM, CPUs and devices. */
static int platform_scan_nodes(struct platform_scan *scan)
{
    struct fdt_walk walk;
    unsigned cpus = 0;
    int error = 0;

    fdt_walk_start(&walk, &scan->tree);
    while (error == 0 && fdt_walk_next(&walk)) {
        if (walk.depth == 0) {
            continue;
        }
        if (walk.depth == 2 && fdt_named(&walk, 1, "cpus")) {
            platform_scan_cpu(scan, &walk, &cpus);
            fdt_walk_skip(&walk);
        } else if (!platform_usable(&walk, scan->secure) ||
                   (walk.depth == 1 && fdt_named(&walk, 1, "reserved-memory"))) {
            fdt_walk_skip(&walk);
        } else if (walk.depth == 1 && fdt_is(&walk, "device_type", "memory")) {
            error = platform_scan_memory(scan, &walk);
            fdt_walk_skip(&walk);
        } else {
            platform_scan_compatible(scan, &walk);
        }
    }
    return error;
}

static void platform_scan_reserved_node(struct platform_scan *scan, const struct fdt_walk *walk)
{
    struct ash_platform *platform = scan->platform;
    enum ash_reserved_kind kind = ASH_RESERVED_KEEP;
    struct fdt_value value;
    struct ash_range range;
    uint32_t n = 0;

    if (fdt_value_find(walk, "no-map", &value)) {
        kind = ASH_RESERVED_NOMAP;
    } else if (fdt_compatible(walk, "ashlar,pmem") || fdt_compatible(walk, "shared-dma-pool")) {
        kind = ASH_RESERVED_PMEM;
    }
    /* Some trees leave out the (empty) ranges of /reserved-memory: the address still holds. */
    while (fdt_reg(walk, n, &range) == 0 || fdt_reg_local(walk, n, &range) == 0) {
        platform_add_reserved(platform, range, kind, fdt_here(walk)->name);
        n++;
    }
    if (n == 0) {
        /* A size without an address asks for a place of our choice: not offered. */
        platform->dropped++;
    }
}

static void platform_scan_reserved(struct platform_scan *scan)
{
    struct fdt_walk walk;
    struct ash_range range;

    for (unsigned n = 0; fdt_reservation(&scan->tree, n, &range); n++) {
        platform_add_reserved(scan->platform, range, ASH_RESERVED_KEEP, "memreserve");
    }
    if (!fdt_walk_path(&walk, &scan->tree, "/reserved-memory")) {
        return;
    }
    while (fdt_walk_next(&walk) && walk.depth >= 2) {
        if (walk.depth == 2 && platform_usable(&walk, scan->secure)) {
            platform_scan_reserved_node(scan, &walk);
        }
    }
}

/* A property of one or two cells. */
static bool platform_number(const struct fdt_walk *walk, const char *name, uint64_t *number)
{
    struct fdt_value value;
    uint32_t high = 0, low;

    if (!fdt_value_find(walk, name, &value) || !fdt_value_cell(&value, 0, &low)) {
        return false;
    }
    if (fdt_value_cell(&value, 1, &high)) {
        uint32_t first = low;

        low = high;
        high = first;
    }
    *number = (uint64_t)high << 32 | low;
    return true;
}

/* What the loader has put into RAM and says in /chosen: an initial RAM disk, a picture on a screen.
 */
static void platform_scan_loaded(struct platform_scan *scan)
{
    struct fdt_walk walk;
    uint64_t start, end;

    if (!fdt_walk_path(&walk, &scan->tree, "/chosen")) {
        return;
    }
    if (platform_number(&walk, "linux,initrd-start", &start) &&
        platform_number(&walk, "linux,initrd-end", &end) && end > start) {
        platform_add_reserved(scan->platform, (struct ash_range){ash_pa(start), end - start},
                              ASH_RESERVED_KEEP, "initrd");
    }
    while (fdt_walk_next(&walk) && walk.depth >= 2) {
        struct ash_range range;

        if (walk.depth == 2 && fdt_compatible(&walk, "simple-framebuffer") &&
            platform_usable(&walk, scan->secure) &&
            (fdt_reg(&walk, 0, &range) == 0 || fdt_reg_local(&walk, 0, &range) == 0)) {
            platform_add_reserved(scan->platform, range, ASH_RESERVED_KEEP, "framebuffer");
        }
    }
}

/* The console is the UART that /chosen names, if it is one that we drive, else the first. */
static void platform_scan_chosen(struct platform_scan *scan)
{
    struct ash_platform *platform = scan->platform;
    struct fdt_walk walk;
    struct fdt_value value;
    const char *text;

    if (!fdt_walk_path(&walk, &scan->tree, "/chosen")) {
        return;
    }
    if (fdt_value_find(&walk, "bootargs", &value)) {
        text = fdt_value_string(&value);
        if (text != NULL) {
            platform_copy_text(platform->bootargs, sizeof(platform->bootargs), text, '\0');
        }
    }
    if (fdt_value_find(&walk, "stdout-path", &value)) {
        struct ash_range range;

        text = fdt_value_string(&value);
        if (text != NULL && fdt_walk_alias(&walk, &scan->tree, text) &&
            fdt_compatible(&walk, "arm,pl011") && platform_usable(&walk, scan->secure) &&
            fdt_reg(&walk, 0, &range) == 0 && range.size != 0) {
            platform->console = range;
        }
    }
}

int platform_from_tree(struct ash_platform *platform, const void *blob, uint64_t room, bool secure)
{
    struct platform_scan scan;
    int error;

    error = fdt_open(&scan.tree, blob, room);
    if (error != 0) {
        return error;
    }
    platform_clear(platform);
    scan.platform = platform;
    scan.irq_phandle = 0;
    scan.irq_cells = 0;
    scan.secure = secure;
    platform->secure = secure;
    platform->tree.base = ash_pa((uintptr_t)blob);
    platform->tree.size = scan.tree.used;
    platform_scan_irq(&scan);
    error = platform_scan_nodes(&scan);
    if (error != 0) {
        return error;
    }
    platform_scan_reserved(&scan);
    platform_scan_loaded(&scan);
    platform_scan_chosen(&scan);
    return platform->ram_count == 0 ? ASH_ENOENT : 0;
}

const struct ash_device *ash_platform_device(const char *name, unsigned n)
{
    for (unsigned i = 0; i < ash_platform.device_count; i++) {
        const struct ash_device *device = &ash_platform.device[i];
        size_t at = 0;

        while (name[at] != '\0' && name[at] == device->name[at]) {
            at++;
        }
        if (name[at] == device->name[at] && n-- == 0) {
            return device;
        }
    }
    return NULL;
}
