/* SPDX-License-Identifier: MIT */
/*
 * Giving out ASIDs, and the end of a generation.
 */
#include "mmu/asid.h"

void asid_start(struct asid_state *state, unsigned bits)
{
    port_zero(state, sizeof *state);
    state->generation = 1;
    state->last = ASID_FIRST - 1;
    state->most = (1u << bits) - 1;
    for (unsigned i = 0; i < ASH_CPUS; i++) {
        state->cpu[i].gate = ASID_CLOSED;
    }
}

static const struct asid_kept *find_kept(const struct asid_state *state, const uint64_t *holder)
{
    for (unsigned i = 0; i < state->kept_count; i++) {
        if (state->kept[i].holder == holder) {
            return &state->kept[i];
        }
    }
    return NULL;
}

static bool is_kept(const struct asid_state *state, unsigned asid)
{
    for (unsigned i = 0; i < state->kept_count; i++) {
        if (state->kept[i].asid == asid) {
            return true;
        }
    }
    return false;
}

static void keep(struct asid_state *state, const uint64_t *holder)
{
    if (find_kept(state, holder) == NULL) {
        state->kept[state->kept_count].holder = holder;
        state->kept[state->kept_count++].asid = asid_of(port_entry_load(holder));
    }
}

/* What is announced first: who is seen there later only, is seen as installed, or finds its gate
 * closed. A context of an older generation was announced in vain: its number may be another's. */
static void keep_live(struct asid_state *state, const struct asid_cpu *cpu, uint64_t ended)
{
    const uint64_t *holder = asid_holder_load(&cpu->coming);

    if (holder != NULL && asid_same_generation(port_entry_load(holder), ended)) {
        keep(state, holder);
    }
    holder = asid_holder_load(&cpu->now);
    if (holder != NULL) {
        keep(state, holder);
    }
}

static void end_generation(struct asid_state *state)
{
    uint64_t ended = state->generation;

    for (unsigned i = 0; i < ASH_CPUS; i++) {
        port_entry_store(&state->cpu[i].gate, ASID_CLOSED);
    }
    port_dmb_ish();
    state->kept_count = 0;
    for (unsigned i = 0; i < ASH_CPUS; i++) {
        keep_live(state, &state->cpu[i], ended);
    }
    /* From here on no walk is made for any of the others, and nothing is left of them. */
    port_tlbi_all();
    port_dsb_ish();
    port_isb();
    state->generation = ended + 1;
    state->last = ASID_FIRST - 1;
    state->rolls++;
}

static unsigned next_asid(struct asid_state *state)
{
    for (;;) {
        while (state->last < state->most) {
            if (!is_kept(state, ++state->last)) {
                return state->last;
            }
        }
        end_generation(state);
    }
}

unsigned asid_renew(struct asid_state *state, uint64_t *holder)
{
    uint64_t context = port_entry_load(holder);

    if (!asid_same_generation(context, state->generation)) {
        const struct asid_kept *kept = find_kept(state, holder);
        unsigned asid = kept != NULL ? kept->asid : next_asid(state);

        context = state->generation | (uint64_t)asid << ASID_SHIFT;
        port_entry_store(holder, context);
    }
    port_entry_store(&asid_this_cpu(state)->gate, state->generation);
    return asid_of(context);
}

bool asid_is_live(const struct asid_state *state, const uint64_t *holder)
{
    for (unsigned i = 0; i < ASH_CPUS; i++) {
        if (asid_holder_load(&state->cpu[i].coming) == holder ||
            asid_holder_load(&state->cpu[i].now) == holder) {
            return true;
        }
    }
    return false;
}
