#include "model/search.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/num.h"

static uint64_t hash_of(const void *state, size_t bytes)
{
    struct hash128 h = hash_xxh128(slice_of(state, bytes));
    return num_load_u64le(h.bytes);
}

static void grow_table(struct search *s)
{
    s->table_room = s->table_room ? s->table_room * 2 : 1 << 16;
    free(s->table);
    s->table = calloc(s->table_room, sizeof *s->table);
    if (!s->table)
        abort();
    for (size_t i = 0; i < s->count; i++) {
        size_t at = hash_of(s->states + i * s->bytes, s->bytes) & (s->table_room - 1);
        while (s->table[at])
            at = (at + 1) & (s->table_room - 1);
        s->table[at] = (uint32_t)i + 1;
    }
}

void search_offer(struct search *s, const void *state)
{
    if (s->count * 2 >= s->table_room)
        grow_table(s);
    size_t at = hash_of(state, s->bytes) & (s->table_room - 1);
    for (; s->table[at]; at = (at + 1) & (s->table_room - 1))
        if (memcmp(s->states + (s->table[at] - 1) * s->bytes, state, s->bytes) == 0)
            return;
    if (s->count == s->room) {
        s->room = s->room ? s->room * 2 : 4096;
        s->states = realloc(s->states, s->room * s->bytes);
        if (!s->states)
            abort();
    }
    memcpy(s->states + s->count * s->bytes, state, s->bytes);
    s->table[at] = (uint32_t)++s->count;
}

const char *search_run(struct search *s, const void *start, size_t most)
{
    uint8_t copy[512];
    search_offer(s, start);
    for (size_t i = 0; i < s->count; i++) {
        memcpy(copy, s->states + i * s->bytes, s->bytes);
        const char *complaint = s->check(copy);
        if (complaint)
            return complaint;
        if (s->count > most)
            return "more states than the bound";
        s->step(s, copy);
    }
    return NULL;
}

void search_end(struct search *s)
{
    free(s->states);
    free(s->table);
    *s = (struct search){.bytes = 0};
}

const char *search_all(struct search *s, const void *start, size_t most, size_t *count)
{
    const char *complaint = search_run(s, start, most);
    *count = s->count;
    search_end(s);
    return complaint;
}
