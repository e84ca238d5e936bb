/*
 * Embedded files are copied out of their frames before these may go (rule G4).
 */
#include <inttypes.h>
#include <stdio.h>

#include "state/bug.h"
#include "state/keep.h"

/* What listing all files of a state may take. */
#define MOVE_ARENA_MAX ((size_t)4 << 30)

/* The name follows from the position, so whoever else does the same writes the same bytes there. */
static void name_copy(struct state_replica *r, const struct state_file *f, struct state_name *out)
{
    state_snapshot_object(r, f->name, out);
    if (STATE_BUG(RANDOM_MOVE)) {
        /* Behind "data/<hh>/<20 digits>-". */
        size_t at = out->len - f->name.len + 29;
        hash_format(state_random_id(r->instance), out->text + at);
        out->len = at + 32;
    }
}

/* Frames that were read count only if the floor has not passed them (rule F1): then whoever raised it
 * has copied what they hold, and another frame may stand there. */
static slp_rc check_floor(struct state_replica *r, const struct state_file *const *files,
                          size_t count, struct slp_err *err)
{
    struct state_floor floor = {0};
    TRY(state_floor_read(r->store, r->mem, r->place, &floor, err));
    for (size_t i = 0; i < count; i++)
        if (floor.number > files[i]->id.at.frame)
            FAIL(err, NOT_FOUND, "frame %" PRIu64 " is below the floor %" PRIu64 " by now",
                 files[i]->id.at.frame, floor.number);
    return SLP_OK;
}

/* Some of them: a round of reads, a round of writes. The name follows from the position, so whoever
 * else does the same at the same time writes the same bytes under the same names. */
static slp_rc move_some(struct state_replica *r, const struct state_file *const *files,
                        size_t count, bool floor_counts, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct store_request requests[STATE_READ_AHEAD] = {0};
    struct state_name names[STATE_READ_AHEAD];
    struct buf bytes[STATE_READ_AHEAD];
    for (size_t i = 0; i < count; i++) {
        buf_init(&bytes[i], r->mem, STATE_FRAME_MAX_BYTES);
        state_replica_name(r, files[i]->id.at.frame, &names[i]);
        requests[i] = (struct store_request){.verb = STORE_GET,
                                             .name = state_name_slice(&names[i]),
                                             .offset = files[i]->log_offset,
                                             .len = files[i]->info.file_bytes,
                                             .out = &bytes[i]};
    }
    TRY_OUT(store_submit(r->store, requests, count, err));
    TRY_OUT(store_wait(r->store, requests, count, NULL, err));
    if (floor_counts)
        TRY_OUT(check_floor(r, files, count, err));
    for (size_t i = 0; i < count; i++) {
        if (requests[i].rc != SLP_OK) {
            rc = err_set(err, requests[i].rc, "%s", requests[i].err.text);
            goto out;
        }
        if (bytes[i].len != files[i]->info.file_bytes)
            FAIL_OUT(err, CORRUPT, "\"%s\": an embedded file reaches beyond its end",
                     names[i].text);
        name_copy(r, files[i], &names[i]);
        requests[i] = (struct store_request){.verb = STORE_PUT_IF_ABSENT,
                                             .name = state_name_slice(&names[i]),
                                             .body = buf_slice(&bytes[i])};
    }
    TRY_OUT(store_submit(r->store, requests, count, err));
    TRY_OUT(store_wait(r->store, requests, count, NULL, err));
    for (size_t i = 0; i < count; i++) {
        if (requests[i].rc != SLP_OK && requests[i].rc != SLP_CONFLICT) {
            rc = err_set(err, requests[i].rc, "%s", requests[i].err.text);
            goto out;
        }
    }
out:
    for (size_t i = 0; i < count; i++)
        buf_fini(&bytes[i]);
    return rc;
}

slp_rc state_embedded_move(struct state_replica *r, uint64_t since, bool floor_counts,
                           struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct arena arena;
    const struct state_file **files = NULL;
    const struct state_file *some[STATE_READ_AHEAD];
    size_t count = 0;
    size_t n = 0;
    arena_init(&arena, r->mem, MOVE_ARENA_MAX);
    TRY_OUT(state_files_embedded(r->machine.table, since, &arena, &files, &count, err));
    for (size_t i = 0; i < count; i++) {
        some[n++] = files[i];
        if (n == STATE_READ_AHEAD || i + 1 == count) {
            TRY_OUT(move_some(r, some, n, floor_counts, err));
            n = 0;
        }
    }
out:
    arena_fini(&arena);
    return err_wrap(err, rc, "copying embedded files out of the log");
}
