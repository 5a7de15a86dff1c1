/* SPDX-License-Identifier: MIT */
/*
 * An update, step by step: finds the image, checks it, takes the old header back, erases, programs,
 * verifies, writes the new header and its magic last. Whatever of this is the last thing that
 * happens, the slot is either valid as a whole or has no magic. Knows no flash: it is given one.
 */
#include "board/slot_check.h"
#include "board/update.h"
#include "port/port.h"

#define CHUNK      4096u
#define MOST_FOUND 16u /* images that a source is searched for */

#define HEADER_WORDS (sizeof(struct ash_slot_header) / 4)

static uint32_t update_buffer[CHUNK / 4] __attribute__((aligned(64)));

static void update_tell(const struct ash_update_options *options, enum ash_update_step step,
                        uint32_t done, uint32_t total)
{
    if (options != NULL && options->progress != NULL) {
        options->progress(options->arg, step, done, total);
    }
}

static int update_read(const struct ash_update_source *source, uint64_t offset, uint32_t bytes,
                       const char **what)
{
    uint64_t end;
    int error = ASH_EFORMAT;

    *what = "the source ends within an image";
    if (ash_range_end(offset, bytes, &end) && end <= source->bytes) {
        error = source->read(source->arg, offset, update_buffer, bytes);
        *what = error != 0 ? "the source cannot be read" : "";
    }
    return error;
}

/* The sectors of a source that an image and its header take. */
static uint64_t update_stored(const struct ash_slot_header *header)
{
    uint64_t bytes = (uint64_t)ASH_SLOT_HEADER_BYTES + header->length;

    return (bytes + ASH_UPDATE_SECTOR - 1) & ~(uint64_t)(ASH_UPDATE_SECTOR - 1);
}

/* One piece of an image; 0 at its end. */
static uint32_t update_piece(const struct update_image *image, uint32_t done)
{
    uint32_t left = image->header.length - done;

    return left < CHUNK ? left : CHUNK;
}

static int update_read_piece(const struct ash_update_source *source,
                             const struct update_image *image, uint32_t done, const char **what)
{
    uint32_t bytes = update_piece(image, done);
    uint32_t sectors = (bytes + ASH_UPDATE_SECTOR - 1) & ~(ASH_UPDATE_SECTOR - 1);

    return update_read(source, image->offset + ASH_SLOT_HEADER_BYTES + done, sectors, what);
}

/* The first header that is for this place. */
static int update_find_header(const struct update_target *target,
                              const struct ash_update_source *source, struct update_image *image,
                              const char **what)
{
    image->offset = 0;
    for (unsigned i = 0; i < MOST_FOUND; i++) {
        struct ash_slot_header *header = &image->header;
        enum ash_slot_fault fault;
        int error;

        if (source->bytes - image->offset < ASH_UPDATE_SECTOR) {
            break;
        }
        error = update_read(source, image->offset, ASH_UPDATE_SECTOR, what);
        if (error != 0) {
            return error;
        }
        port_copy(header, update_buffer, sizeof(*header));
        fault = slot_check_header(header, target->place, target->room, target->machine);
        if (fault == ASH_SLOT_VALID) {
            return 0;
        }
        if (fault == ASH_SLOT_EMPTY) {
            break;
        }
        if (fault != ASH_SLOT_OTHER_PLACE ||
            update_stored(header) > source->bytes - image->offset) {
            *what = fault == ASH_SLOT_OTHER_PLACE ? "the source ends within an image"
                                                  : ash_slot_fault_name(fault);
            return ASH_EFORMAT;
        }
        image->offset += update_stored(header);
    }
    *what = image->offset == 0 ? "the source begins with no image"
                               : "the source has no image for the free slot";
    return ASH_ENOENT;
}

int update_find(const struct update_target *target, const struct ash_update_source *source,
                const struct ash_update_options *options, struct update_image *image,
                const char **what)
{
    int error = update_find_header(target, source, image, what);
    uint32_t length = image->header.length, crc = 0;

    if (error == 0 && !slot_newer(image->header.version, target->running_version)) {
        *what = "the image is not newer than the one that runs";
        error = ASH_EEXIST;
    }
    for (uint32_t done = 0; error == 0 && done < length; done += update_piece(image, done)) {
        update_tell(options, ASH_UPDATE_CHECK, done, length);
        error = update_read_piece(source, image, done, what);
        crc = error == 0 ? slot_crc(crc, update_buffer, update_piece(image, done) / 4) : 0;
    }
    if (error == 0 && crc != image->header.image_crc) {
        *what = "the image in the source is damaged";
        error = ASH_EFORMAT;
    }
    return error;
}

/* Programs words and looks whether they are there. */
static int update_program(const struct update_target *target, uint32_t offset,
                          const uint32_t *words, uint32_t bytes, const char **what)
{
    const volatile uint32_t *there = (const volatile uint32_t *)((uintptr_t)target->view + offset);
    int error = target->program(target->flash, offset, words, bytes);

    *what = "the flash failed to program";
    for (uint32_t i = 0; error == 0 && i < bytes / 4; i++) {
        if (there[i] != words[i]) {
            *what = "the flash holds something else than was programmed";
            error = ASH_ECORRUPT;
        }
    }
    return error;
}

/* First the old header loses its magic, in one word: what is left by an erasing that is cut short
 * may be anything, its header included. Whatever that word reads as now: it may be torn itself. */
static int update_erase(const struct update_target *target, const struct update_image *image,
                        const struct ash_update_options *options, const char **what)
{
    static uint32_t given_up; /* 0; in RAM: constants are in the bank */
    uint32_t end = ASH_SLOT_HEADER_BYTES + image->header.length;
    int error = target->unlock(target->flash, 0);

    *what = "the flash cannot be unlocked";
    if (error == 0) {
        error = update_program(target, 0, &given_up, 4, what);
    }
    for (uint32_t at = 0; error == 0 && at < end; at += target->sector) {
        update_tell(options, ASH_UPDATE_ERASE, at, end);
        *what = "the flash failed to erase";
        error = target->erase(target->flash, at);
    }
    return error;
}

static int update_program_image(const struct update_target *target,
                                const struct ash_update_source *source,
                                const struct update_image *image,
                                const struct ash_update_options *options, const char **what)
{
    uint32_t length = image->header.length;
    int error = 0;

    for (uint32_t done = 0; error == 0 && done < length; done += update_piece(image, done)) {
        update_tell(options, ASH_UPDATE_PROGRAM, done, length);
        error = update_read_piece(source, image, done, what);
        if (error == 0) {
            error = update_program(target, ASH_SLOT_HEADER_BYTES + done, update_buffer,
                                   update_piece(image, done), what);
        }
    }
    return error;
}

static int update_verify(const struct update_target *target, const struct update_image *image,
                         const char **what)
{
    const uint32_t *there = (const uint32_t *)((uintptr_t)target->view + ASH_SLOT_HEADER_BYTES);

    if (slot_crc(0, there, image->header.length / 4) != image->header.image_crc) {
        *what = "the image in the flash is not the one that was checked";
        return ASH_ECORRUPT;
    }
    return 0;
}

/* Word by word, the magic last. By then all else is there and was looked at: a magic that is torn,
 * or that reads now one way and now another, does no harm. */
static int update_commit(const struct update_target *target, const struct update_image *image,
                         const char **what)
{
    const uint32_t *words = (const uint32_t *)&image->header;
    int error = 0;

    for (uint32_t i = 1; error == 0 && i <= HEADER_WORDS; i++) {
        uint32_t word = i % HEADER_WORDS;

        error = update_program(target, 4 * word, &words[word], 4, what);
    }
    if (error == 0 && slot_check_header(target->view, target->place, target->room,
                                        target->machine) != ASH_SLOT_VALID) {
        *what = "the header in the flash is not valid";
        error = ASH_ECORRUPT;
    }
    return error;
}

int update_write(const struct update_target *target, const struct ash_update_source *source,
                 const struct update_image *image, const struct ash_update_options *options,
                 const char **what)
{
    uint32_t length = image->header.length;
    int error = update_erase(target, image, options, what);

    if (error == 0) {
        error = update_program_image(target, source, image, options, what);
    }
    if (error == 0) {
        update_tell(options, ASH_UPDATE_VERIFY, 0, length);
        error = update_verify(target, image, what);
    }
    if (error == 0) {
        update_tell(options, ASH_UPDATE_COMMIT, 0, length);
        error = update_commit(target, image, what);
    }
    if (error == 0) {
        update_tell(options, ASH_UPDATE_COMMIT, length, length);
        *what = "";
    }
    return error;
}
