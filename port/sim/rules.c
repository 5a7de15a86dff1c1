/* SPDX-License-Identifier: MIT */
/*
 * What descriptors may be, and which of them may not be in use side by side: DDI 0487 D8.3, D8.4,
 * D8.16 (break-before-make), DDI 0406C B3.6, B3.10. Values in, a verdict out.
 */
#include "port/sim/state.h"

#define LINK_RESTRICTS (UINT64_C(0x1f) << 59) /* NSTable, APTable, XNTable, PXNTable */
#define LINK_OUTPUT    UINT64_C(0x0000fffffffff000)
#define INDEX          UINT64_C(0x1c) /* of MAIR */
#define USER           (UINT64_C(1) << 6)
#define READ_ONLY      (UINT64_C(1) << 7)
#define SHARE          UINT64_C(0x300)
#define NOT_GLOBAL     (UINT64_C(1) << 11)
#define DBM            (UINT64_C(1) << 51)
#define CONTIGUOUS     (UINT64_C(1) << 52)
#define PXN            (UINT64_C(1) << 53)
#define XN             (UINT64_C(1) << 54)
#define IGNORED        (UINT64_C(0xf) << 55)

enum sim_memory sim_memory_of(uint64_t mair, uint64_t descriptor)
{
    uint8_t memory = (uint8_t)(mair >> 8 * ((descriptor & INDEX) >> 2));

    if (memory >> 4 == 0) {
        return SIM_DEVICE;
    }
    return memory == 0x44 ? SIM_UNCACHED : SIM_CACHEABLE;
}

/* Execute-never for everybody who may get there. In AArch32 XN is for both levels; in AArch64 it is
 * for the unprivileged one, and what that one may write the other never executes. */
static bool never_executed(enum sim_format format, uint64_t leaf)
{
    if (format == SIM_LPAE) {
        return (leaf & XN) != 0;
    }
    return (leaf & XN) && ((leaf & PXN) || ((leaf & USER) && !(leaf & READ_ONLY)));
}

/* Or becomes so by the first write. */
static bool is_writable(enum sim_format format, uint64_t leaf)
{
    return !(leaf & READ_ONLY) || (format == SIM_A64 && sim_regime.sets_dirty && (leaf & DBM));
}

bool sim_is_executable(const struct sim_tree *tree, uint64_t descriptor)
{
    return !never_executed(tree->format, descriptor);
}

bool sim_is_user(uint64_t descriptor)
{
    return (descriptor & USER) != 0;
}

static unsigned output_limit(const struct sim_tree *tree)
{
    return tree->format == SIM_LPAE      ? 40
           : sim_regime.output_bits != 0 ? sim_regime.output_bits
                                         : 48;
}

static unsigned rule_of_leaf(const struct sim_tree *tree, unsigned level, uint64_t leaf,
                             const char **why)
{
    enum sim_memory memory = sim_memory_of(tree->mair, leaf);
    uint64_t below = (UINT64_C(1) << sim_shift(level)) - ASH_PAGE_SIZE;

    if (level == 3 && (leaf & 3) != 3) {
        *why = "0b01 is no page at level 3";
        return 9;
    }
    if (level == 0) {
        *why = "there are no blocks at level 0";
        return 29;
    }
    if (leaf & LINK_OUTPUT & below) {
        *why = "the output address is not a multiple of the block";
        return 29;
    }
    if (memory == SIM_DEVICE && (leaf & (XN | PXN)) != (XN | PXN)) {
        *why = "device memory that may be fetched from";
        return 25;
    }
    if (is_writable(tree->format, leaf) && !never_executed(tree->format, leaf)) {
        *why = "writable and executable";
        return 27;
    }
    if ((leaf & USER) && !(leaf & (XN | PXN))) {
        *why = "the firmware may execute what unprivileged code may read (no PXN)";
        return 26;
    }
    if (!(leaf & USER) && tree->format == SIM_A64 && !(leaf & XN)) {
        *why = "unprivileged code may execute the firmware's memory (no UXN)";
        return 26;
    }
    if (memory == SIM_CACHEABLE && (leaf & SHARE) != SHARE) {
        *why = "cacheable memory that is not inner shareable";
        return 28;
    }
    if (tree->half == 1 && !(leaf & NOT_GLOBAL)) {
        *why = "a global entry in TTBR1";
        return 41;
    }
    return 0;
}

unsigned sim_rule_of(const struct sim_tree *tree, unsigned level, uint64_t descriptor,
                     const char **why)
{
    if ((descriptor & LINK_OUTPUT) >> output_limit(tree)) {
        *why = "an output address that the processor has not got";
        return 29;
    }
    if (!sim_is_link(descriptor, level)) {
        return rule_of_leaf(tree, level, descriptor, why);
    }
    if (descriptor & LINK_RESTRICTS) {
        *why = "a table descriptor that restricts what is below it";
        return 27;
    }
    return 0;
}

bool sim_same(uint64_t old, uint64_t new, unsigned level)
{
    if (!sim_is_valid(old) || !sim_is_valid(new)) {
        return old == new;
    }
    if (sim_is_link(old, level) && sim_is_link(new, level)) {
        return ((old ^ new) & (LINK_OUTPUT | LINK_RESTRICTS)) == 0;
    }
    return ((old ^ new) & ~IGNORED) == 0;
}

const char *sim_clash(uint64_t old, uint64_t new, unsigned level)
{
    uint64_t difference = old ^ new;

    if (sim_is_link(old, level) != sim_is_link(new, level)) {
        return "the size changes (table and block)";
    }
    if (difference & LINK_OUTPUT) {
        return "the output address changes";
    }
    if (sim_is_link(old, level)) {
        return NULL;
    }
    if (difference & INDEX) {
        return "the memory type changes";
    }
    if (difference & SHARE) {
        return "the shareability changes";
    }
    if (difference & NOT_GLOBAL) {
        return "nG changes";
    }
    return difference & CONTIGUOUS ? "the contiguous bit changes" : NULL;
}
