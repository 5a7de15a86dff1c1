/* SPDX-License-Identifier: MIT */
/*
 * Device trees for tests: compiled by dtc from text, or dumped by QEMU. Blobs are malloc'ed with
 * exactly their size, so that the sanitizer sees a read beyond them.
 */
#ifndef ASHLAR_UNIT_TREES_H
#define ASHLAR_UNIT_TREES_H

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libfdt.h>

/* Runs the command, in which %s stands for the name of the file that it makes; its content. */
static inline void *trees_made_by(const char *command, size_t *size)
{
    char name[] = "/tmp/ashlar-tree-XXXXXX", line[1024];
    int file = mkstemp(name);
    void *blob = NULL;
    long length;
    FILE *made;

    if (file < 0) {
        abort();
    }
    close(file);
    snprintf(line, sizeof(line), command, name);
    if (system(line) == 0 && (made = fopen(name, "rb")) != NULL) {
        fseek(made, 0, SEEK_END);
        length = ftell(made);
        rewind(made);
        blob = malloc((size_t)length);
        if (blob == NULL || fread(blob, 1, (size_t)length, made) != (size_t)length) {
            abort();
        }
        fclose(made);
        *size = (size_t)length;
    }
    unlink(name);
    if (blob == NULL) {
        fprintf(stderr, "failed: %s\n", line);
        abort();
    }
    return blob;
}

/** The tree of a source text ("/dts-v1/;" is put before it). */
static inline void *trees_compile(const char *text, size_t *size)
{
    char source[] = "/tmp/ashlar-source-XXXXXX", command[256];
    int file = mkstemp(source);
    FILE *stream = file < 0 ? NULL : fdopen(file, "w");
    void *blob;

    if (stream == NULL) {
        abort();
    }
    fprintf(stream, "/dts-v1/;\n%s\n", text);
    fclose(stream);
    snprintf(command, sizeof(command), "dtc -q -q -f -I dts -O dtb -o %%s %s 2>/dev/null", source);
    blob = trees_made_by(command, size);
    unlink(source);
    return blob;
}

/** The tree that QEMU gives its virt machine with these options, without the slack behind it. */
static inline void *trees_of_virt(const char *machine, const char *options, size_t *size)
{
    char command[512];
    void *blob, *exact;

    snprintf(command, sizeof(command),
             "timeout 30 qemu-system-arm -M virt%s,dumpdtb=%%s -cpu max -nic none -display none %s "
             ">/dev/null 2>&1",
             machine, options);
    blob = trees_made_by(command, size);
    if (fdt_pack(blob) != 0) {
        abort();
    }
    *size = fdt_totalsize(blob);
    exact = malloc(*size);
    memcpy(exact, blob, *size);
    free(blob);
    return exact;
}

/** A copy of the first `size` bytes, in memory of exactly that size. */
static inline void *trees_copy(const void *blob, size_t size)
{
    void *copy = malloc(size == 0 ? 1 : size);

    memcpy(copy, blob, size);
    return copy;
}

#endif
