/* SPDX-License-Identifier: MIT */
/*
 * The mailbox to the GPU's firmware, polled (wiki of raspberrypi/firmware: "Mailboxes", "Accessing
 * mailboxes", "Mailbox property interface"). Owns the message, which the GPU reads and writes in
 * memory: so only while the caches are off.
 */
#include "board/bcm283x/property.h"

#include "ashlar/errors.h"
#include "board/bcm283x/bcm283x.h"
#include "board/dev/mmio.h"
#include "port/port.h"

/* Mailbox 0 is the GPU's to us, mailbox 1 ours to the GPU. */
#define MAILBOX_BASE         (BCM283X_PERIPHERALS + 0xb880u)
#define MAILBOX_READ         0x00u
#define MAILBOX_STATUS       0x18u
#define MAILBOX_EMPTY        (1u << 30)
#define MAILBOX_WRITE        0x20u
#define MAILBOX_WRITE_STATUS 0x38u
#define MAILBOX_FULL         (1u << 31)
#define MAILBOX_CHANNEL      8u /* properties, from the ARM cores */
#define MAILBOX_CHANNELS     15u

#define PROPERTY_REQUEST  0u
#define PROPERTY_ANSWERED 0x80000000u /* of the message, and with the length of a tag */
#define PROPERTY_PATIENCE 10000000u

/* Message: its bytes, request or answer; a tag: name, bytes of room, bytes, words; the end. The
 * mailbox carries the low 4 bits of an address as the channel. */
enum { SIZE, STATE, TAG, ROOM, LENGTH, WORD0, WORD1, END, WORDS };

static volatile uint32_t property_message[WORDS] __attribute__((aligned(64)));

/* Waits until the bit of a status register is clear. */
static bool property_wait(uint32_t status, uint32_t bit)
{
    for (uint32_t i = 0; i < PROPERTY_PATIENCE; i++) {
        if ((mmio_read32(ash_va(MAILBOX_BASE), status) & bit) == 0) {
            return true;
        }
    }
    return false;
}

static bool property_exchange(void)
{
    uint32_t mail = ((uint32_t)(uintptr_t)property_message + BCM283X_BUS_OFFSET) | MAILBOX_CHANNEL;

    port_dsb_sy(); /* the message is in memory */
    if (!property_wait(MAILBOX_WRITE_STATUS, MAILBOX_FULL)) {
        return false;
    }
    mmio_write32(ash_va(MAILBOX_BASE), MAILBOX_WRITE, mail);
    for (uint32_t i = 0; i < PROPERTY_PATIENCE && property_wait(MAILBOX_STATUS, MAILBOX_EMPTY);
         i++) {
        /* What other channels have left there is nobody's. */
        if ((mmio_read32(ash_va(MAILBOX_BASE), MAILBOX_READ) & MAILBOX_CHANNELS) ==
            MAILBOX_CHANNEL) {
            port_dsb_sy(); /* the answer is read after it has come */
            return property_message[STATE] == PROPERTY_ANSWERED &&
                   (property_message[LENGTH] & PROPERTY_ANSWERED) != 0;
        }
    }
    return false;
}

int property_ask(uint32_t tag, uint32_t words[2])
{
    property_message[SIZE] = WORDS * sizeof(uint32_t);
    property_message[STATE] = PROPERTY_REQUEST;
    property_message[TAG] = tag;
    property_message[ROOM] = 2 * sizeof(uint32_t);
    property_message[LENGTH] = 0;
    property_message[WORD0] = words[0];
    property_message[WORD1] = words[1];
    property_message[END] = 0;
    if (!property_exchange()) {
        return ASH_EIO;
    }
    words[0] = property_message[WORD0];
    words[1] = property_message[WORD1];
    return 0;
}
