/* SPDX-License-Identifier: MIT */
/*
 * Driver of Allwinner's SD/MMC host controller. Owns the queue of requests, of which the card works
 * on one at a time, and the chain of descriptors, in a coherent buffer; the data is mapped by
 * board/block.c.
 *
 * A read is done when its data is in memory. A write is done when the card says so: after the data
 * its status is asked for until it is ready again, so nothing waits in a cache, and what went wrong
 * while it programmed is told.
 */
#include "board/dev/sunxi_mmc.h"

#include "ashlar/board.h"
#include "ashlar/boot.h"
#include "ashlar/irq.h"
#include "board/block.h"
#include "board/dev/mmio.h"
#include "board/dev/sunxi_mmc_chain.h"
#include "port/port.h"

/* Section 5.3.6 */
#define MMC_GCTRL 0x00u
#define MMC_CKCR  0x04u
#define MMC_TMOR  0x08u
#define MMC_BWDR  0x0cu
#define MMC_BKSR  0x10u
#define MMC_BYCR  0x14u
#define MMC_CMDR  0x18u
#define MMC_CAGR  0x1cu
#define MMC_RESP  0x20u /* four; of a long response, bits 31 to 0 first */
#define MMC_IMKR  0x30u
#define MMC_RISR  0x38u /* a one clears its bit */
#define MMC_STAR  0x3cu
#define MMC_FWLR  0x40u
#define MMC_DMAC  0x80u
#define MMC_DLBA  0x84u
#define MMC_IDST  0x88u /* a one clears its bit */
#define MMC_IDIE  0x8cu

#define GCTRL_RESET         7u /* controller, FIFO, DMA */
#define GCTRL_DMA_RESET     (1u << 2)
#define GCTRL_INTERRUPTS    (1u << 4)
#define GCTRL_DMA           (1u << 5)
#define CKCR_ON             (1u << 16)
#define BWDR_4              1u
#define CMDR_RESPONSE       (1u << 6)
#define CMDR_LONG           (1u << 7)
#define CMDR_CHECK_CRC      (1u << 8)
#define CMDR_DATA           (1u << 9)
#define CMDR_WRITE          (1u << 10)
#define CMDR_AUTO_STOP      (1u << 12)
#define CMDR_WAIT_DATA      (1u << 13)
#define CMDR_STOP           (1u << 14)
#define CMDR_INITIALIZE     (1u << 15) /* the 74 clocks before the first command */
#define CMDR_CLOCK          (1u << 21) /* no command: take CKCR over */
#define CMDR_START          (1u << 31)
#define RISR_NO_RESPONSE    (1u << 1 | 1u << 8)
#define RISR_COMMAND_DONE   (1u << 2)
#define RISR_DATA_DONE      (1u << 3)
#define RISR_AUTO_STOP_DONE (1u << 14)
#define RISR_ERRORS         0xbbc2u /* responses, CRCs, timeouts, FIFO, locked, start and end bits */
#define STAR_CARD_BUSY      (1u << 9)
#define FWLR_USUAL          0x20070008u /* bursts of 8, from 7 received, up to 8 to be sent */
#define DMAC_RESET          (1u << 0)
#define DMAC_FIXED_BURST    (1u << 1)
#define DMAC_ON             (1u << 7)
#define IDST_RECEIVED       (1u << 1)
#define IDST_ERRORS         (1u << 2 | 1u << 4) /* of the bus; no descriptor to go on with */

#define MMC_DEPTH       8u
#define MMC_MAX_SECTORS 2048u /* a request takes a bounded time */
#define MMC_PATIENCE_NS 1000000000u
#define MMC_LOOKS       1000000u /* where no clock runs */

enum mmc_phase { MMC_DATA, MMC_STATUS };

struct mmc {
    struct ash_block block; /* first: the two share their address */
    struct sd_host host;
    struct sd_card card;
    ash_va_t base;
    void (*set_clock)(enum sd_speed speed);
    uint32_t irq;
    bool coherent, interrupts;
    struct ash_dma_buffer buffer; /* the chain */
    struct ash_block_request *queue[MMC_DEPTH];
    uint32_t first, count; /* in the queue; the card works on the first */
    enum mmc_phase phase;
    uint32_t events, dma_events; /* of the first, seen by now */
};

static struct mmc mmc_devices[BLOCK_DEVICES];
static unsigned mmc_count;

static uint32_t mmc_read(const struct mmc *mmc, uint32_t offset)
{
    return mmio_read32(mmc->base, offset);
}

static void mmc_write(const struct mmc *mmc, uint32_t offset, uint32_t value)
{
    mmio_write32(mmc->base, offset, value);
}

/* Looks until one of the bits is as wanted; ASH_EIO if that takes too long. */
static int mmc_await(const struct mmc *mmc, uint32_t offset, uint32_t bits, bool set)
{
    uint64_t start = ash_now_ns(), now = start;
    uint32_t looks = 0;

    do {
        if (((mmc_read(mmc, offset) & bits) != 0) == set) {
            return 0;
        }
        now = ash_now_ns();
    } while (now != start ? now - start < MMC_PATIENCE_NS : ++looks < MMC_LOOKS);
    return ((mmc_read(mmc, offset) & bits) != 0) == set ? 0 : ASH_EIO;
}

/* Commands that are waited for */

static int mmc_take_clock(const struct mmc *mmc, uint32_t control)
{
    int error;

    mmc_write(mmc, MMC_CKCR, control);
    mmc_write(mmc, MMC_CMDR, CMDR_START | CMDR_CLOCK | CMDR_WAIT_DATA);
    error = mmc_await(mmc, MMC_CMDR, CMDR_START, false);
    mmc_write(mmc, MMC_RISR, UINT32_MAX);
    return error;
}

static int mmc_set_speed(struct sd_host *host, enum sd_speed speed)
{
    struct mmc *mmc = (struct mmc *)((uintptr_t)host - offsetof(struct mmc, host));
    int error = mmc_take_clock(mmc, 0);

    if (error == 0) {
        mmc->set_clock(speed);
        mmc_write(mmc, MMC_BWDR, speed == SD_IDENTIFY ? 0 : BWDR_4);
        error = mmc_take_clock(mmc, CKCR_ON);
    }
    return error;
}

static uint32_t mmc_response(enum sd_response response)
{
    static const uint32_t bits[] = {
        [SD_NONE] = 0,
        [SD_SHORT] = CMDR_RESPONSE | CMDR_CHECK_CRC,
        [SD_SHORT_RAW] = CMDR_RESPONSE,
        [SD_BUSY] = CMDR_RESPONSE | CMDR_CHECK_CRC,
        [SD_LONG] = CMDR_RESPONSE | CMDR_LONG | CMDR_CHECK_CRC,
    };

    return bits[response];
}

static int mmc_command(struct sd_host *host, unsigned index, uint32_t argument,
                       enum sd_response response, uint32_t *answer)
{
    struct mmc *mmc = (struct mmc *)((uintptr_t)host - offsetof(struct mmc, host));
    uint32_t events;
    int error;

    mmc_write(mmc, MMC_RISR, UINT32_MAX);
    mmc_write(mmc, MMC_CAGR, argument);
    mmc_write(mmc, MMC_CMDR,
              CMDR_START | mmc_response(response) | index | (index == 0 ? CMDR_INITIALIZE : 0) |
                  (index == SD_STOP ? CMDR_STOP : 0));
    error = mmc_await(mmc, MMC_RISR, RISR_COMMAND_DONE | RISR_ERRORS, true);
    events = mmc_read(mmc, MMC_RISR);
    mmc_write(mmc, MMC_RISR, UINT32_MAX);
    if (error != 0 || (events & RISR_ERRORS) != 0) {
        return (events & RISR_NO_RESPONSE) != 0 ? ASH_ETIMEDOUT : ASH_EIO;
    }
    for (uint32_t word = 0; answer != NULL && response != SD_NONE; word++) {
        answer[word] = mmc_read(mmc, MMC_RESP + 4 * (response == SD_LONG ? 3 - word : 0));
        if (response != SD_LONG || word == 3) {
            break;
        }
    }
    return response == SD_BUSY ? mmc_await(mmc, MMC_STAR, STAR_CARD_BUSY, false) : 0;
}

/* From whatever state to one in which commands may be given; the card is left alone. */
static int mmc_reset(const struct mmc *mmc)
{
    int error;

    mmc_write(mmc, MMC_DMAC, 0);
    mmc_write(mmc, MMC_IMKR, 0);
    mmc_write(mmc, MMC_IDIE, 0);
    mmc_write(mmc, MMC_GCTRL, GCTRL_RESET);
    error = mmc_await(mmc, MMC_GCTRL, GCTRL_RESET, false);
    mmc_write(mmc, MMC_TMOR, UINT32_MAX);
    mmc_write(mmc, MMC_FWLR, FWLR_USUAL);
    mmc_write(mmc, MMC_RISR, UINT32_MAX);
    mmc_write(mmc, MMC_IDST, UINT32_MAX);
    mmc_write(mmc, MMC_GCTRL, GCTRL_INTERRUPTS); /* and data goes by DMA, not by the CPU */
    return error;
}

/* After a transfer that went wrong: stops the card, waits until it is ready for another. */
static int mmc_settle(struct mmc *mmc)
{
    uint64_t start = ash_now_ns(), now = start;
    uint32_t looks = 0, status = 0;
    int error = mmc_reset(mmc);

    if (error == 0) {
        error = mmc_take_clock(mmc, CKCR_ON);
    }
    if (error != 0) {
        return error;
    }
    (void)mmc_command(&mmc->host, SD_STOP, 0, SD_BUSY, NULL); /* refused where nothing goes on */
    do {
        error = sd_get_status(&mmc->host, &mmc->card, &status);
        if (error == 0 && sd_is_ready(status)) {
            return 0;
        }
        now = ash_now_ns();
    } while (error == 0 && (now != start ? now - start < MMC_PATIENCE_NS : ++looks < MMC_LOOKS));
    return error == 0 ? ASH_EIO : error;
}

/* A card that does not settle is started anew; then it must be the one that was there: another is
 * left idle, where it takes no command for data. */
static int mmc_revive(struct mmc *mmc)
{
    struct sd_card found;
    uint32_t differs = 0;
    int error = mmc_settle(mmc);

    if (error == 0) {
        return 0;
    }
    error = mmc_reset(mmc);
    if (error == 0) {
        error = sd_identify(&mmc->host, &found);
    }
    if (error != 0) {
        return error;
    }
    for (unsigned i = 0; i < 4; i++) {
        differs |= found.id[i] ^ mmc->card.id[i];
    }
    if (differs != 0) {
        (void)mmc_command(&mmc->host, SD_GO_IDLE, 0, SD_NONE, NULL);
        return ASH_EIO;
    }
    mmc->card = found;
    return 0;
}

/* Requests */

static struct ash_block_request *mmc_first(const struct mmc *mmc)
{
    return mmc->queue[mmc->first];
}

/* The events that end a phase without an error. */
static uint32_t mmc_wanted(const struct mmc *mmc)
{
    if (mmc->phase == MMC_STATUS) {
        return RISR_COMMAND_DONE;
    }
    return mmc_first(mmc)->count == 1 ? RISR_DATA_DONE : RISR_DATA_DONE | RISR_AUTO_STOP_DONE;
}

/* Which interrupts there are, for the phase that begins. */
static void mmc_unmask(const struct mmc *mmc)
{
    bool on = mmc->interrupts && mmc->count != 0;
    bool reads = on && mmc->phase == MMC_DATA && mmc_first(mmc)->op == ASH_BLOCK_READ;

    mmc_write(mmc, MMC_IMKR, on ? RISR_ERRORS | mmc_wanted(mmc) : 0);
    mmc_write(mmc, MMC_IDIE, (on ? IDST_ERRORS : 0) | (reads ? IDST_RECEIVED : 0));
}

static void mmc_begin(struct mmc *mmc, enum mmc_phase phase, uint32_t argument, uint32_t command)
{
    mmc->phase = phase;
    mmc->events = mmc->dma_events = 0;
    mmc_write(mmc, MMC_RISR, UINT32_MAX);
    mmc_write(mmc, MMC_IDST, UINT32_MAX);
    mmc_unmask(mmc);
    mmc_write(mmc, MMC_CAGR, argument);
    mmc_write(mmc, MMC_CMDR, CMDR_START | CMDR_RESPONSE | CMDR_CHECK_CRC | command);
}

static void mmc_ask_status(struct mmc *mmc)
{
    mmc_begin(mmc, MMC_STATUS, mmc->card.address, SD_SEND_STATUS);
}

/* Gives the first request of the queue to the controller. */
static void mmc_start(struct mmc *mmc)
{
    const struct ash_block_request *request = mmc_first(mmc);
    bool writes = request->op == ASH_BLOCK_WRITE;
    uint32_t bytes = request->count * ASH_BLOCK_SECTOR;
    uint32_t command;

    if (request->op == ASH_BLOCK_FLUSH) {
        mmc_ask_status(mmc);
        return;
    }
    sunxi_mmc_chain(mmc->buffer.block.ptr, (uint32_t)mmc->buffer.bus.value,
                    (uint32_t)request->mapping.bus.value, bytes);
    ash_dma_barrier();
    mmc_write(mmc, MMC_GCTRL, GCTRL_INTERRUPTS | GCTRL_DMA | GCTRL_DMA_RESET);
    mmc_write(mmc, MMC_DMAC, DMAC_RESET);
    mmc_write(mmc, MMC_DLBA, (uint32_t)mmc->buffer.bus.value);
    mmc_write(mmc, MMC_DMAC, DMAC_FIXED_BURST | DMAC_ON);
    mmc_write(mmc, MMC_BKSR, ASH_BLOCK_SECTOR);
    mmc_write(mmc, MMC_BYCR, bytes);
    if (request->count == 1) {
        command = writes ? SD_WRITE_SINGLE : SD_READ_SINGLE;
    } else {
        command = CMDR_AUTO_STOP | (writes ? SD_WRITE_MULTIPLE : SD_READ_MULTIPLE);
    }
    mmc_begin(mmc, MMC_DATA, sd_argument(&mmc->card, request->sector),
              CMDR_DATA | CMDR_WAIT_DATA | (writes ? CMDR_WRITE : 0) | command);
}

/* Takes note of what the controller says, so that it says it no more. */
static void mmc_listen(struct mmc *mmc)
{
    uint32_t events = mmc_read(mmc, MMC_RISR), dma_events = mmc_read(mmc, MMC_IDST);

    mmc_write(mmc, MMC_RISR, events);
    mmc_write(mmc, MMC_IDST, dma_events);
    mmc->events |= events;
    mmc->dma_events |= dma_events;
}

/* The layer above asks for no sector beyond the end; cards look ahead, and tell. */
static bool mmc_card_failed(const struct mmc *mmc)
{
    return (mmc_read(mmc, MMC_RESP) & SD_STATUS_ERRORS & ~SD_STATUS_OUT_OF_RANGE) != 0;
}

/* Moves the first request on as far as it goes; true with its result once it is done. */
static bool mmc_advance(struct mmc *mmc, int *result)
{
    const struct ash_block_request *request = mmc_first(mmc);

    while (true) {
        mmc_listen(mmc);
        *result = ASH_EIO;
        if ((mmc->events & RISR_ERRORS) != 0 || (mmc->dma_events & IDST_ERRORS) != 0) {
            break;
        }
        if ((mmc->events & mmc_wanted(mmc)) != mmc_wanted(mmc)) {
            return false;
        }
        if (mmc->phase == MMC_DATA && request->op == ASH_BLOCK_READ &&
            (mmc->dma_events & IDST_RECEIVED) == 0) {
            return false;
        }
        if (mmc_card_failed(mmc)) {
            break;
        }
        *result = 0;
        if (mmc->phase == MMC_STATUS ? sd_is_ready(mmc_read(mmc, MMC_RESP))
                                     : request->op == ASH_BLOCK_READ) {
            return true;
        }
        mmc_ask_status(mmc);
    }
    (void)mmc_revive(mmc); /* if not, the next request fails as well */
    return true;
}

static void mmc_finish_first(struct mmc *mmc, int result)
{
    struct ash_block_request *request = mmc_first(mmc);

    mmc->first = (mmc->first + 1) % MMC_DEPTH;
    mmc->count--;
    block_finish(&mmc->block, request, result);
}

static int mmc_submit(struct ash_block *block, struct ash_block_request *request)
{
    struct mmc *mmc = (struct mmc *)block;

    if (mmc->count == MMC_DEPTH) {
        return ASH_EBUSY;
    }
    mmc->queue[(mmc->first + mmc->count++) % MMC_DEPTH] = request;
    if (mmc->count == 1) {
        mmc_start(mmc);
    }
    return 0;
}

static void mmc_collect(struct ash_block *block)
{
    struct mmc *mmc = (struct mmc *)block;
    int result;

    while (mmc->count != 0 && mmc_advance(mmc, &result)) {
        mmc_finish_first(mmc, result);
        if (mmc->count != 0) {
            mmc_start(mmc);
        } else {
            mmc_unmask(mmc);
        }
    }
}

static void mmc_set_interrupts(struct ash_block *block, bool on)
{
    struct mmc *mmc = (struct mmc *)block;

    mmc->interrupts = on;
    mmc_unmask(mmc);
}

static bool mmc_acknowledge(struct ash_block *block)
{
    struct mmc *mmc = (struct mmc *)block;
    bool ours = (mmc_read(mmc, MMC_RISR) & mmc_read(mmc, MMC_IMKR)) != 0 ||
                (mmc_read(mmc, MMC_IDST) & mmc_read(mmc, MMC_IDIE)) != 0;

    if (ours) {
        mmc_listen(mmc);
    }
    return ours;
}

/* Life */

static int mmc_open(struct ash_block *block, struct ash_pmem *region)
{
    struct mmc *mmc = (struct mmc *)block;
    int error;

    port_zero(&block->dma, sizeof(block->dma));
    block->dma.name = "sd-mmc";
    block->dma.mask = UINT32_MAX;
    block->dma.alignment = SUNXI_MMC_ALIGNMENT;
    block->dma.coherent = mmc->coherent;
    block->dma.bus_offset = ash_board.bus_offset;
    error = ash_dma_init(&block->dma);
    if (error != 0) {
        return error;
    }
    mmc->first = mmc->count = 0;
    mmc->interrupts = false;
    error = ash_dma_alloc(&block->dma, region,
                          SUNXI_MMC_DESCRIPTORS(MMC_MAX_SECTORS * ASH_BLOCK_SECTOR) *
                              sizeof(struct sunxi_mmc_descriptor),
                          &mmc->buffer);
    if (error == 0) {
        error = mmc_reset(mmc);
        if (error == 0) {
            error = sd_identify(&mmc->host, &mmc->card);
        }
        if (error != 0) {
            (void)ash_dma_free(&mmc->buffer);
        }
    }
    if (error != 0) {
        (void)ash_dma_exit(&block->dma);
        return error;
    }
    block->info = (struct ash_block_info){.sectors = mmc->card.sectors,
                                          .max_sectors = MMC_MAX_SECTORS,
                                          .depth = MMC_DEPTH,
                                          .irq = mmc->irq,
                                          .read_only = mmc->card.read_only};
    return 0;
}

static int mmc_stop(struct ash_block *block)
{
    struct mmc *mmc = (struct mmc *)block;
    int error = mmc_reset(mmc);

    if (error == 0) {
        error = ash_dma_free(&mmc->buffer);
    }
    return error == 0 ? ash_dma_exit(&block->dma) : error;
}

static int mmc_recover(struct ash_block *block)
{
    struct mmc *mmc = (struct mmc *)block;
    int error = mmc_revive(mmc);

    while (mmc->count != 0) {
        mmc_finish_first(mmc, ASH_ETIMEDOUT);
    }
    return error;
}

static const struct block_driver mmc_driver = {
    .start = mmc_open,
    .stop = mmc_stop,
    .submit = mmc_submit,
    .collect = mmc_collect,
    .set_interrupts = mmc_set_interrupts,
    .acknowledge = mmc_acknowledge,
    .recover = mmc_recover,
};

int sunxi_mmc_probe(const struct ash_device *device, void (*set_clock)(enum sd_speed speed))
{
    struct mmc *mmc = &mmc_devices[mmc_count];
    int error;

    if (mmc_count == BLOCK_DEVICES) {
        return ASH_ENOMEM;
    }
    error = ash_map_device(device->range.base, device->range.size, &mmc->base);
    if (error != 0) {
        return error;
    }
    mmc->host = (struct sd_host){mmc_command, mmc_set_speed, ash_now_ns};
    mmc->set_clock = set_clock;
    mmc->irq = device->irq;
    mmc->coherent = device->coherent;
    mmc->block.driver = &mmc_driver;
    error = block_register(&mmc->block);
    if (error == 0) {
        mmc_count++;
    }
    return error;
}
