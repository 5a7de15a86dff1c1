/* SPDX-License-Identifier: MIT */
/*
 * Driver of QEMU's configuration device. All that it shares with the device, commands and numbers,
 * is big-endian.
 */
#include "board/dev/fw_cfg.h"

#include "ashlar/board.h"
#include "ashlar/boot.h"
#include "ashlar/errors.h"
#include "ashlar/irq.h"
#include "board/dev/mmio.h"
#include "port/port.h"

#define FW_CFG_DATA     0x00u
#define FW_CFG_SELECTOR 0x08u
#define FW_CFG_ADDRESS  0x10u /* of the command: writing the lower half starts it */
#define FW_CFG_BYTES    0x18u

/* What reading FW_CFG_ADDRESS gives where there is DMA: "QEMU" and " CFG" */
#define FW_CFG_SIGNATURE_HIGH 0x51454d55u
#define FW_CFG_SIGNATURE_LOW  0x20434647u

#define FW_CFG_ERROR     0x01u
#define FW_CFG_READ      0x02u
#define FW_CFG_SKIP      0x04u
#define FW_CFG_SELECT    0x08u
#define FW_CFG_WRITE     0x10u
#define FW_CFG_KEY_SHIFT 16u

#define FW_CFG_PATIENCE_NS 10000000000u

struct fw_cfg_entry {
    uint32_t size;
    uint16_t key;
    uint16_t reserved;
    char name[FW_CFG_NAME];
};

/* In the coherent buffer. */
struct fw_cfg_command {
    uint32_t control; /* 0: it is done */
    uint32_t length;
    uint32_t address_high, address_low;
    union {
        uint32_t count; /* of the directory's entries */
        struct fw_cfg_entry entry;
    };
};

static volatile struct fw_cfg_command *fw_cfg_command(struct fw_cfg *fw)
{
    return fw->command.block.ptr;
}

static uint64_t fw_cfg_bus_of(const struct fw_cfg *fw, size_t offset)
{
    return fw->command.bus.value + offset;
}

/* One command, to its end. */
static int fw_cfg_do(struct fw_cfg *fw, uint32_t control, uint64_t address, uint32_t length)
{
    volatile struct fw_cfg_command *command = fw_cfg_command(fw);
    uint64_t start = ash_now_ns();
    uint64_t at = fw_cfg_bus_of(fw, 0);

    command->length = __builtin_bswap32(length);
    command->address_high = __builtin_bswap32((uint32_t)(address >> 32));
    command->address_low = __builtin_bswap32((uint32_t)address);
    command->control = __builtin_bswap32(control);
    ash_dma_barrier();
    mmio_write32(fw->registers, FW_CFG_ADDRESS, __builtin_bswap32((uint32_t)(at >> 32)));
    mmio_write32(fw->registers, FW_CFG_ADDRESS + 4, __builtin_bswap32((uint32_t)at));
    for (;;) {
        uint32_t state = __builtin_bswap32(command->control);

        if (state == 0) {
            ash_dma_barrier();
            return 0;
        }
        if ((state & FW_CFG_ERROR) != 0) {
            return ASH_EIO;
        }
        if (ash_now_ns() - start > FW_CFG_PATIENCE_NS) {
            return ASH_ETIMEDOUT;
        }
    }
}

static int fw_cfg_select(struct fw_cfg *fw, uint16_t key, uint32_t offset)
{
    return fw_cfg_do(fw, (uint32_t)key << FW_CFG_KEY_SHIFT | FW_CFG_SELECT | FW_CFG_SKIP, 0,
                     offset);
}

int fw_cfg_open(struct fw_cfg *fw, const struct ash_device *device, struct ash_pmem *region)
{
    int error;

    if (device == NULL || device->range.size < FW_CFG_BYTES) {
        return ASH_ENODEV;
    }
    error = ash_map_device(device->range.base, device->range.size, &fw->registers);
    if (error != 0) {
        return error;
    }
    if (__builtin_bswap32(mmio_read32(fw->registers, FW_CFG_ADDRESS)) != FW_CFG_SIGNATURE_HIGH ||
        __builtin_bswap32(mmio_read32(fw->registers, FW_CFG_ADDRESS + 4)) != FW_CFG_SIGNATURE_LOW) {
        return ASH_ENODEV;
    }
    port_zero(&fw->dma, sizeof(fw->dma));
    fw->dma.name = "fw_cfg";
    fw->dma.mask = UINT64_MAX;
    fw->dma.segment = UINT32_MAX;
    fw->dma.bus_offset = ash_board.bus_offset;
    fw->dma.coherent = device->coherent;
    error = ash_dma_init(&fw->dma);
    if (error != 0) {
        return error;
    }
    error = ash_dma_alloc(&fw->dma, region, sizeof(struct fw_cfg_command), &fw->command);
    if (error != 0) {
        (void)ash_dma_exit(&fw->dma);
    }
    return error;
}

int fw_cfg_close(struct fw_cfg *fw)
{
    int error = ash_dma_free(&fw->command);

    return error != 0 ? error : ash_dma_exit(&fw->dma);
}

/* The name, as far as it is one, compared byte by byte: the memory is the device's. */
static bool fw_cfg_is_named(const volatile struct fw_cfg_entry *entry, const char *name)
{
    for (unsigned i = 0; i < FW_CFG_NAME; i++) {
        if (entry->name[i] != name[i]) {
            return false;
        }
        if (name[i] == '\0') {
            return true;
        }
    }
    return false;
}

int fw_cfg_find(struct fw_cfg *fw, const char *name, struct fw_cfg_file *file)
{
    volatile struct fw_cfg_command *command = fw_cfg_command(fw);
    uint64_t at = fw_cfg_bus_of(fw, offsetof(struct fw_cfg_command, entry));
    uint32_t count;
    int error = fw_cfg_select(fw, FW_CFG_DIRECTORY, 0);

    if (error == 0) {
        error = fw_cfg_do(fw, FW_CFG_READ, at, sizeof command->count);
    }
    count = __builtin_bswap32(command->count);
    for (; error == 0 && count > 0; count--) {
        error = fw_cfg_do(fw, FW_CFG_READ, at, sizeof command->entry);
        if (error == 0 && fw_cfg_is_named(&command->entry, name)) {
            file->key = __builtin_bswap16(command->entry.key);
            file->size = __builtin_bswap32(command->entry.size);
            return 0;
        }
    }
    return error != 0 ? error : ASH_ENOENT;
}

int fw_cfg_read(struct fw_cfg *fw, uint16_t key, uint32_t offset, ash_bus_t bus, uint32_t size)
{
    int error = fw_cfg_select(fw, key, offset);

    return error != 0 ? error : fw_cfg_do(fw, FW_CFG_READ, bus.value, size);
}

int fw_cfg_write(struct fw_cfg *fw, uint16_t key, uint32_t offset, ash_bus_t bus, uint32_t size)
{
    int error = fw_cfg_select(fw, key, offset);

    return error != 0 ? error : fw_cfg_do(fw, FW_CFG_WRITE, bus.value, size);
}

void fw_cfg_read_bytes(struct fw_cfg *fw, uint16_t key, uint8_t *bytes, uint32_t size)
{
    mmio_write16(fw->registers, FW_CFG_SELECTOR, __builtin_bswap16(key));
    for (uint32_t i = 0; i < size; i++) {
        bytes[i] = mmio_read8(fw->registers, FW_CFG_DATA);
    }
}
