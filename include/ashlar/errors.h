/* SPDX-License-Identifier: MIT */
/*
 * The one table of error codes. A function that can fail returns 0 or one of these,
 * and on an error nothing has changed.
 */
#ifndef ASHLAR_ERRORS_H
#define ASHLAR_ERRORS_H

/* X(name, value, text) */
#define ASH_ERRORS(X)                                                                              \
    X(ASH_EINVAL, -1, "invalid argument")                                                          \
    X(ASH_ENOMEM, -2, "out of memory")                                                             \
    X(ASH_EALIGN, -3, "misaligned address or size")                                                \
    X(ASH_ERANGE, -4, "address or size out of range")                                              \
    X(ASH_EEXIST, -5, "already there")                                                             \
    X(ASH_ENOENT, -6, "not found")                                                                 \
    X(ASH_EBUSY, -7, "busy or not allowed to change now")                                          \
    X(ASH_EPERM, -8, "not permitted")                                                              \
    X(ASH_EFAULT, -9, "the access faulted")                                                        \
    X(ASH_EIO, -10, "input/output error")                                                          \
    X(ASH_ETIMEDOUT, -11, "timed out")                                                             \
    X(ASH_ENOSYS, -12, "not implemented here")                                                     \
    X(ASH_ENODEV, -13, "no such device")                                                           \
    X(ASH_EBADTREE, -14, "malformed device tree")                                                  \
    X(ASH_ENOTOWNER, -15, "not owned by the caller")                                               \
    X(ASH_ECORRUPT, -16, "corruption detected")                                                    \
    X(ASH_EFORMAT, -17, "malformed file")

#define ASH_ERROR_ENUM(name, value, text) name = (value),
enum ash_error { ASH_OK = 0, ASH_ERRORS(ASH_ERROR_ENUM) };
#undef ASH_ERROR_ENUM

/** The text of an error code; "unknown error" for anything else. Any context, constant time. */
const char *ash_strerror(int error);

#endif
