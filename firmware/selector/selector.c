/* SPDX-License-Identifier: MIT */
/*
 * The selector: what lies at the reset vector of a board with two slots, and is never rewritten.
 * Chooses the slot that runs. Every CPU that comes through the reset vector does so by itself, at
 * the same time or not: the answer depends on the flash alone, and is found in registers, without
 * RAM and without a stack (the build demands that), so that CPUs cannot meet and nothing that runs
 * already can be overwritten by one that comes late.
 */
#include "board/slot_check.h"
#include "board/virt/virt.h"

/* PL011, DDI 0183G, section 3.2 */
#define UART_DR   (*(volatile uint32_t *)(VIRT_PL011 + 0x00u))
#define UART_FR   (*(volatile uint32_t *)(VIRT_PL011 + 0x18u))
#define UART_LCRH (*(volatile uint32_t *)(VIRT_PL011 + 0x2cu))
#define UART_CR   (*(volatile uint32_t *)(VIRT_PL011 + 0x30u))

#define UART_FULL      (1u << 5)
#define UART_8BIT_FIFO (7u << 4)
#define UART_SEND      (1u | 1u << 8)

#define SLOT(n) ((const struct ash_slot_header *)(uintptr_t)(VIRT_SLOT_BASE + (n)*VIRT_SLOT_BYTES))
#define MACHINE (sizeof(void *) == 8 ? ASH_SLOT_A64 : ASH_SLOT_A32)

uint32_t selector_check(uint32_t slot);
uint32_t selector_choose(uint32_t fault0, uint32_t fault1);
void selector_say(uint32_t choice, uint32_t slot);
uintptr_t selector_entry(uint32_t choice);

static const char texts[] = "valid\0"
                            "no image\0"
                            "header of another format\0"
                            "header damaged\0"
                            "image for another execution state\0"
                            "image linked for another address\0"
                            "no such length\0"
                            "image damaged";

SLOT_INLINE void put(char c)
{
    while ((UART_FR & UART_FULL) != 0) {
    }
    UART_DR = (uint8_t)c;
}

SLOT_INLINE void say(const char *text)
{
    while (*text != '\0') {
        put(*text++);
    }
}

SLOT_INLINE void say_number(uint32_t value)
{
    bool begun = false;

    for (uint32_t power = 1000000000u; power != 0; power /= 10) {
        char digit = '0';

        for (; value >= power; value -= power) {
            digit++;
        }
        begun = begun || digit != '0' || power == 1;
        if (begun) {
            put(digit);
        }
    }
}

/* Found by counting: a table of pointers would be larger than what it saves. */
SLOT_INLINE void say_fault(uint32_t fault)
{
    const char *text = texts;

    for (uint32_t i = 0; i < fault; i++) {
        while (*text++ != '\0') {
        }
    }
    say(text);
}

/* Leaf functions all, called from assembler that keeps what it needs in registers that this file is
 * compiled not to use. The first: what is wrong with a slot. */
uint32_t selector_check(uint32_t slot)
{
    return slot_check(SLOT(slot), VIRT_SLOT_BASE + slot * VIRT_SLOT_BYTES, VIRT_SLOT_BYTES,
                      MACHINE);
}

/* Both, and which slot starts (1, 2; 0: none), in one register. */
uint32_t selector_choose(uint32_t fault0, uint32_t fault1)
{
    int chosen = slot_choose(fault0, SLOT(0)->version, fault1, SLOT(1)->version);

    return fault0 | fault1 << 8 | (uint32_t)(chosen + 1) << 16;
}

/* Tells of a slot on the console. */
void selector_say(uint32_t choice, uint32_t slot)
{
    uint32_t fault = choice >> 8 * slot & 0xff;

    UART_LCRH = UART_8BIT_FIFO;
    UART_CR = UART_SEND;
    say("selector: slot ");
    put((char)('A' + slot));
    say(": ");
    say_fault(fault);
    if (fault == ASH_SLOT_VALID) {
        say(", version ");
        say_number(SLOT(slot)->version);
    }
    if (choice >> 16 == slot + 1) {
        say(", starts");
    }
    say("\r\n");
    if (choice >> 16 == 0 && slot == ASH_SLOTS - 1) {
        say("selector: no slot holds a valid image; stopped\r\n");
    }
}

/* The address to go on at; 0: nowhere. */
uintptr_t selector_entry(uint32_t choice)
{
    return choice >> 16 == 0 ? 0 : SLOT((choice >> 16) - 1)->start;
}
