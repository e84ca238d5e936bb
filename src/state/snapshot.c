#include "base/num.h"
#include "state/snapshot_priv.h"

#define VERSION    1u
#define HEAD_BYTES 12u

static const struct state_wire_field file_fields[] = {
    ONE(1, ID, "id", struct snap_file, id),
    {.id = 3,
     .type = STATE_WIRE_SHAPE,
     .name = "entry",
     .offset = offsetof(struct snap_file, entry),
     .of = &state_file_shape},
    ONE(5, ID, "low", struct snap_file, low),
    ONE(7, ID, "high", struct snap_file, high),
    ONE(9, I64, "time_us", struct snap_file, time_us),
    ONE(11, U64, "log_offset", struct snap_file, entry.body_offset),
};
const struct state_shape state_snap_file_shape = SHAPE("a file", struct snap_file, file_fields);

slp_rc state_snap_write(const uint8_t magic[8], const struct state_shape *shape, const void *value,
                        struct buf *out, struct slp_err *err)
{
    buf_clear(out);
    TRY(buf_append(out, magic, 8, err));
    TRY(buf_append_u32le(out, VERSION, err));
    return state_wire_write(shape, value, out, err);
}

slp_rc state_snap_read(const uint8_t magic[8], const struct state_shape *shape, struct slice bytes,
                       struct arena *arena, void *value, struct slp_err *err)
{
    if (bytes.len < HEAD_BYTES || memcmp(bytes.ptr, magic, 8) != 0)
        FAIL(err, CORRUPT, "%s of a snapshot: its magic is missing at offset 0", shape->name);
    uint32_t version = num_load_u32le(bytes.ptr + 8);
    if (version != VERSION)
        FAIL(err, UNSUPPORTED,
             "snapshot of format %u at offset 8, this program reads %u; use a newer one", version,
             VERSION);
    return state_wire_read(shape, slice_after(bytes, HEAD_BYTES), HEAD_BYTES, arena, value, err);
}

struct snap_file state_snap_file(const struct state_file *f)
{
    return (struct snap_file){.id = f->id,
                              .entry = {.name = f->name,
                                        .info = f->info,
                                        .schema_version = f->schema_version,
                                        .deletes = f->deletes,
                                        .resets = f->resets,
                                        .stack = f->stack,
                                        .purged_through = f->purged_through,
                                        .body_offset = f->log_offset,
                                        .extra = f->extra},
                              .low = state_snap_position(f->low),
                              .high = state_snap_position(f->high),
                              .time_us = f->time_us};
}

slp_rc state_snap_load_file(struct table_state *s, const struct snap_file *from,
                            struct state_entry **out, struct slp_err *err)
{
    if (from->entry.info.rows <= 0 ||
        slice_compare(from->entry.info.first_key, from->entry.info.last_key) > 0)
        FAIL(err, CORRUPT, "a file without rows, or whose first key is above its last");
    struct state_file f = state_file_of(s, &from->entry, from->id);
    f.low = from->low.at;
    f.high = from->high.at;
    f.time_us = from->time_us;
    f.purged_through = from->entry.purged_through;
    return state_entry_new(s->mem, &f, out, err);
}
