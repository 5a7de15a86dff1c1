/* SPDX-License-Identifier: MIT */
/*
 * Archives of cpio's "newc" format: a header of 110 characters, all numbers in 8 hexadecimal
 * digits; the name; the data; each padded to 4 bytes (cpio(5)).
 */
#include "ashlar/program.h"

#define HEADER 110u
#define DIGITS 8u

/* Offsets in the header. */
#define FIELD(n)  (6u + DIGITS * (n))
#define MODE      FIELD(1)
#define FILE_SIZE FIELD(6)
#define NAME_SIZE FIELD(11)

/* True if the text starts with all of `with`, which has no zero byte. */
static bool starts(const char *text, const char *with, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] != with[i]) {
            return false;
        }
    }
    return true;
}

static bool same(const char *one, const char *other)
{
    while (*one != '\0' && *one == *other) {
        one++;
        other++;
    }
    return *one == *other;
}

static bool number(const char *digits, uint32_t *value)
{
    *value = 0;
    for (unsigned i = 0; i < DIGITS; i++) {
        char digit = digits[i];

        *value <<= 4;
        if (digit >= '0' && digit <= '9') {
            *value |= (uint32_t)(digit - '0');
        } else if ((digit | 0x20) >= 'a' && (digit | 0x20) <= 'f') {
            *value |= (uint32_t)((digit | 0x20) - 'a' + 10);
        } else {
            return false;
        }
    }
    return true;
}

/* Past `length` bytes from the offset, and to the next multiple of 4; false if that is outside. */
static bool skip(const struct ash_archive *archive, size_t *offset, size_t length)
{
    size_t padded = -(*offset + length) & 3;

    if (length > archive->size - *offset) {
        return false;
    }
    *offset += length;
    if (padded > archive->size - *offset) {
        padded = archive->size - *offset; /* the last file's padding may be missing */
    }
    *offset += padded;
    return true;
}

int ash_archive_next(const struct ash_archive *archive, struct ash_archive_file *file)
{
    const char *bytes = archive->bytes;
    size_t offset = file->next, name = offset + HEADER;
    uint32_t mode, size, name_size;

    if (offset > archive->size || archive->size - offset < HEADER ||
        (!starts(bytes + offset, "070701", 6) && !starts(bytes + offset, "070702", 6)) ||
        !number(bytes + offset + MODE, &mode) || !number(bytes + offset + FILE_SIZE, &size) ||
        !number(bytes + offset + NAME_SIZE, &name_size)) {
        return ASH_EFORMAT;
    }
    if (name_size == 0 || name_size > archive->size - name || bytes[name + name_size - 1] != '\0' ||
        !skip(archive, &offset, HEADER + (size_t)name_size)) {
        return ASH_EFORMAT;
    }
    if (same(bytes + name, "TRAILER!!!")) {
        return ASH_ENOENT;
    }
    file->data = bytes + offset;
    if (!skip(archive, &offset, size)) {
        return ASH_EFORMAT;
    }
    file->name = bytes + name;
    file->size = size;
    file->mode = mode;
    file->next = offset;
    return 0;
}

int ash_archive_find(const struct ash_archive *archive, const char *name,
                     struct ash_archive_file *file)
{
    int error;

    file->next = 0;
    while ((error = ash_archive_next(archive, file)) == 0) {
        const char *own = file->name;

        if (own[0] == '.' && own[1] == '/') {
            own += 2;
        }
        if ((file->mode & ASH_ARCHIVE_TYPE) == ASH_ARCHIVE_REGULAR && same(own, name)) {
            return 0;
        }
    }
    return error;
}
