/* SPDX-License-Identifier: MIT */
/*
 * Zeroing a frame wherever it is. The one place in vmap that touches what is in a frame.
 */
#include "ashlar/vmap.h"
#include "port/port.h"

int ash_window_zero(ash_frame_t frame)
{
    void *window = ash_window_open(frame);

    if (window == NULL) {
        return ASH_EBUSY;
    }
    port_page_zero(window);
    ash_window_close(window);
    return 0;
}
