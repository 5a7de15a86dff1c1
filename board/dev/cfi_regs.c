/* SPDX-License-Identifier: MIT */
/*
 * The commands of CFI flash as Intel has them (28F128J3 data sheet, sections 9 and 10). While the
 * bank does not show its array, nothing in it can be read: not an instruction, not a constant, not
 * a vector. So all of this is in .ramtext and calls nothing (tools/check_ramtext.py looks), has its
 * data in RAM, and runs with interrupts and asynchronous aborts masked from the first command to
 * READ ARRAY.
 */
#include "board/dev/cfi.h"

#include "board/dev/mmio.h"
#include "port/port.h"
#include "port/timer_regs.h"

#define RAMTEXT        __attribute__((section(".ramtext.cfi"), noinline))
#define RAMTEXT_INLINE static inline __attribute__((always_inline))

RAMTEXT_INLINE void cfi_command(ash_va_t at, uint32_t command)
{
    mmio_write32(at, 0, CFI_BOTH(command));
}

/* Caches and branch predictors may hold what the processor read ahead while the bank showed
 * something else. No line is dirty: the memory is mapped read-only. */
RAMTEXT_INLINE void cfi_forget(const struct cfi_flash *flash)
{
    uintptr_t step = port_cache_line();
    uintptr_t line = (uintptr_t)flash->memory & ~(step - 1);
    uintptr_t end = (uintptr_t)flash->memory + flash->memory_bytes;

    port_dsb_sy();
    for (; line < end; line += step) {
        port_line_clean_invalidate(line);
    }
    port_dsb_sy();
    port_code_invalidate();
    port_dsb_sy();
    port_isb();
}

RAMTEXT_INLINE void cfi_show_array(const struct cfi_flash *flash, ash_va_t at)
{
    cfi_command(at, CFI_READ_ARRAY);
    (void)mmio_read32(at, 0); /* the command has arrived when this is answered */
    cfi_forget(flash);
}

RAMTEXT_INLINE uint32_t cfi_wait(ash_va_t at, uint64_t patience)
{
    uint64_t start = port_timer_count();
    uint32_t status;
    bool late;

    do {
        late = port_timer_count() - start > patience;
        status = mmio_read32(at, 0);
    } while ((status & CFI_READY) != CFI_READY && !late);
    return status;
}

/* Both devices are ready for a buffer, or it took too long. */
RAMTEXT_INLINE uint32_t cfi_fill_buffer(const struct cfi_operation *operation)
{
    uint64_t start = port_timer_count();
    uint32_t status;
    bool late;

    do {
        late = port_timer_count() - start > operation->patience;
        cfi_command(operation->at, CFI_BUFFER);
        status = mmio_read32(operation->at, 0);
    } while ((status & CFI_READY) != CFI_READY && !late);
    if ((status & CFI_READY) == CFI_READY) {
        cfi_command(operation->at, operation->words - 1);
        for (uint32_t i = 0; i < operation->words; i++) {
            mmio_write32(operation->at, 4 * i, operation->data[i]);
        }
        cfi_command(operation->at, CFI_CONFIRM);
    }
    return status;
}

/* Nobody can go on while the bank is busy: an operation that takes too long is suspended, and if
 * that does not help either, this waits for the watchdog. */
RAMTEXT_INLINE void cfi_suspend(ash_va_t at)
{
    cfi_command(at, CFI_SUSPEND);
    cfi_command(at, CFI_READ_STATUS);
    while ((mmio_read32(at, 0) & CFI_READY) != CFI_READY) {
    }
}

RAMTEXT uint32_t cfi_operate(const struct cfi_flash *flash, const struct cfi_operation *operation)
{
    unsigned long saved = port_all_save();
    ash_va_t at = operation->at;
    uint32_t status = CFI_READY;

    cfi_command(at, CFI_CLEAR_STATUS);
    if (operation->command == CFI_BUFFER) {
        status = cfi_fill_buffer(operation);
    } else {
        cfi_command(at, operation->command);
        mmio_write32(
            at, 0, operation->command == CFI_PROGRAM ? operation->data[0] : CFI_BOTH(CFI_CONFIRM));
        cfi_command(at, CFI_READ_STATUS);
    }
    if ((status & CFI_READY) == CFI_READY) {
        status = cfi_wait(at, operation->patience);
    }
    if ((status & CFI_READY) != CFI_READY) {
        cfi_suspend(at);
    }
    cfi_command(at, CFI_CLEAR_STATUS);
    cfi_show_array(flash, at);
    port_all_restore(saved);
    return status;
}

RAMTEXT void cfi_read_query(const struct cfi_flash *flash, uint32_t query[CFI_QUERY_WORDS])
{
    unsigned long saved = port_all_save();

    mmio_write32(flash->bank, 4 * 0x55, CFI_BOTH(CFI_QUERY));
    for (uint32_t i = 0; i < CFI_QUERY_WORDS; i++) {
        query[i] = mmio_read32(flash->bank, 4 * i);
    }
    cfi_show_array(flash, flash->bank);
    port_all_restore(saved);
}
