/* SPDX-License-Identifier: MIT */
/*
 * Build constants, with their defaults. The library and what links it must agree on them.
 */
#ifndef ASHLAR_CONFIG_H
#define ASHLAR_CONFIG_H

/** 0: only checks that cost nothing measurable; 1: double free, foreign pointer, range;
 *  2: poison, guard pages, full self-check after each operation. */
#ifndef ASH_CHECK
#define ASH_CHECK 1
#endif

/** CPUs that the library can serve, 1 to 8. 1 removes the SMP part of locks. */
#ifndef ASH_CPUS
#define ASH_CPUS 4
#endif

/** 1: pools and object caches take no lock and mask no interrupts (pool.h). 0: they mask
 * interrupts, which is enough on one CPU, and cheaper. */
#ifndef ASH_POOL_LOCK_FREE
#define ASH_POOL_LOCK_FREE (ASH_CPUS > 1)
#endif

/** Largest buddy order: a block has 2^order frames. */
#ifndef ASH_MAX_ORDER
#define ASH_MAX_ORDER 10
#endif

/** Bytes of a bounce buffer's slot: a power of two, a multiple of any cache line. */
#ifndef ASH_DMA_SLOT
#define ASH_DMA_SLOT 2048
#endif

/** Mappings and buffers of devices that the checker can note (ASH_CHECK >= 1); what is more goes
 *  unchecked, and is counted. */
#ifndef ASH_DMA_RECORDS
#define ASH_DMA_RECORDS 128
#endif

/** Bytes at each end of what a device has that are looked at, when it changes hands, for writes of
 *  the CPU meanwhile (ASH_CHECK 1; at 2 all bytes are); 0: none. */
#ifndef ASH_DMA_SUMMED
#define ASH_DMA_SUMMED 256
#endif

/** Devices that ash_dma_report lists. */
#ifndef ASH_DMA_DEVICES
#define ASH_DMA_DEVICES 16
#endif

/** Single frames that each CPU may keep for itself, half of them of each group (frames.h), 0 to 64;
 *  0: there is no such cache. Where each operation checks all frames there is nothing to gain. */
#ifndef ASH_FRAMES_CACHED
#if ASH_CHECK >= 2
#define ASH_FRAMES_CACHED 0
#else
#define ASH_FRAMES_CACHED 64
#endif
#endif

/** AArch64: log2 of the addresses of the firmware's identity map, 39 (walks from level 1) or 48
 *  (from level 0). */
#ifndef ASH_VA_BITS
#define ASH_VA_BITS 39
#endif

/** log2 of the addresses at the top that spaces get where the board offers the choice: 29, 30 or 31
 *  on AArch32, where they are taken from the identity map; 39 on AArch64; 0: no spaces. Firmware
 *  that links nothing of space.h has none, whatever this says. */
#ifndef ASH_SPACE_BITS
#if __SIZEOF_POINTER__ == 8
#define ASH_SPACE_BITS 39
#else
#define ASH_SPACE_BITS 30
#endif
#endif

#if ASH_SPACE_BITS != 0 && ASH_SPACE_BITS != 39 && (ASH_SPACE_BITS < 29 || ASH_SPACE_BITS > 31)
#error "ASH_SPACE_BITS is 0, 29, 30 or 31 on AArch32, 0 or 39 on AArch64"
#endif
#if ASH_CHECK < 0 || ASH_CHECK > 2
#error "ASH_CHECK is 0, 1 or 2"
#endif
#if ASH_CPUS < 1 || ASH_CPUS > 8
#error "ASH_CPUS is 1 to 8"
#endif
#if ASH_CPUS > 1 && !ASH_POOL_LOCK_FREE
#error "ASH_POOL_LOCK_FREE is 0 with one CPU only"
#endif
#if ASH_VA_BITS != 39 && ASH_VA_BITS != 48
#error "ASH_VA_BITS is 39 or 48"
#endif
#if ASH_DMA_SLOT < 256 || ASH_DMA_SLOT > 65536 || (ASH_DMA_SLOT & (ASH_DMA_SLOT - 1)) != 0
#error "ASH_DMA_SLOT is a power of two from 256 to 65536"
#endif
#if ASH_FRAMES_CACHED < 0 || ASH_FRAMES_CACHED > 64 || ASH_FRAMES_CACHED % 4 != 0
#error "ASH_FRAMES_CACHED is 0 to 64, a multiple of 4"
#endif
#if ASH_FRAMES_CACHED > 0 && ASH_CHECK >= 2
#error "frames are not cached at ASH_CHECK 2"
#endif
#if ASH_MAX_ORDER < 0 || ASH_MAX_ORDER > 18
#error "ASH_MAX_ORDER is 0 to 18"
#endif

#endif
