/* SPDX-License-Identifier: MIT */
/*
 * Newlib's forms of the allocation family with a reentrancy structure, and its small printf.
 * Picolibc has none: its errno is thread-local, and there the plain forms are tested in their
 * place.
 */
#ifndef ASHLAR_TARGET_REENTRANT_H
#define ASHLAR_TARGET_REENTRANT_H

#include <malloc.h>
#include <stdlib.h>

#ifdef __PICOLIBC__
struct _reent;
#define _REENT                      ((struct _reent *)NULL)
#define asiprintf                   asprintf
#define _malloc_r(r, size)          ((void)(r), malloc(size))
#define _calloc_r(r, count, size)   ((void)(r), calloc(count, size))
#define _realloc_r(r, block, size)  ((void)(r), realloc(block, size))
#define _reallocf_r(r, block, size) ((void)(r), reallocf(block, size))
#define _memalign_r(r, align, size) ((void)(r), memalign(align, size))
#define _valloc_r(r, size)          ((void)(r), valloc(size))
#define _pvalloc_r(r, size)         ((void)(r), pvalloc(size))
#define _free_r(r, block)           ((void)(r), free(block))
#define _malloc_usable_size_r(r, b) ((void)(r), malloc_usable_size(b))
#define _malloc_trim_r(r, pad)      ((void)(r), malloc_trim(pad))
#define _mallinfo_r(r)              ((void)(r), mallinfo())
#define _mallopt_r(r, what, value)  ((void)(r), mallopt(what, value))
#else
#include <reent.h>
#endif

#endif
