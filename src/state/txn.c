#include "state/txn.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "state/shape.h"
#include "state/txn_priv.h"

#define FLAG_TOKEN 1u

/* ------------------------------------------------------------------ shapes, as docs/format/log.md */

static const struct state_wire_field file_fields[] = {
    ONE(1, TEXT, "name", struct state_new_file, name),
    ONE(3, U64, "bytes", struct state_new_file, info.file_bytes),
    ONE(5, I64, "rows", struct state_new_file, info.rows),
    ONE(7, BYTES, "first_key", struct state_new_file, info.first_key),
    ONE(9, BYTES, "last_key", struct state_new_file, info.last_key),
    ONE(11, U64, "top_offset", struct state_new_file, info.top_offset),
    ONE(13, U32, "top_bytes", struct state_new_file, info.top_bytes),
    ONE(15, U64, "index_offset", struct state_new_file, info.index_offset),
    ONE(17, U64, "footer_offset", struct state_new_file, info.footer_offset),
    ONE(19, U32, "footer_bytes", struct state_new_file, info.footer_bytes),
    ONE(21, U32, "crc32c", struct state_new_file, info.crc32c),
    ONE(23, U32, "schema_version", struct state_new_file, schema_version),
    ONE(25, BOOL, "unfiled", struct state_new_file, is_unfiled),
};
const struct state_shape state_file_shape = {
    .name = "a file",
    .bytes = sizeof(struct state_new_file),
    .fields = file_fields,
    .count = sizeof file_fields / sizeof *file_fields,
    .keeps_extra = true,
    .extra_offset = offsetof(struct state_new_file, extra),
};

static const struct state_wire_field create_fields[] = {
    ONE(1, HASH, "table", struct state_create, table),
    ONE(3, TEXT, "schema", struct state_create, schema_json),
    ONE(5, U32, "key_version", struct state_create, key_version),
    LIST(7, BYTES, "split_point", struct state_create, split_points, split_point_count, NULL),
    ONE(2, TEXT, "name", struct state_create, name),
};
static const struct state_shape create_shape =
    SHAPE("a create", struct state_create, create_fields);

static const struct state_wire_field add_fields[] = {
    LIST(1, SHAPE, "file", struct state_add, files, count, &state_file_shape),
};
static const struct state_shape add_shape = SHAPE("an add", struct state_add, add_fields);

static const struct state_wire_field assign_item_fields[] = {
    ONE(1, RANGE_LO, "lo", struct state_assign_item, leaf),
    ONE(3, RANGE_HI, "hi", struct state_assign_item, leaf),
    LIST(5, ID, "input", struct state_assign_item, inputs, input_count, NULL),
    ONE(7, I64, "deadline_us", struct state_assign_item, deadline_us),
};
static const struct state_shape assign_item_shape =
    SHAPE("an assign item", struct state_assign_item, assign_item_fields);
static const struct state_wire_field assign_fields[] = {
    LIST(1, SHAPE, "item", struct state_assign, items, count, &assign_item_shape),
};
static const struct state_shape assign_shape =
    SHAPE("an assign", struct state_assign, assign_fields);

static const struct state_wire_field replace_item_fields[] = {
    ONE(1, ID, "job", struct state_replace_item, job),
    ONE(3, U32, "attempt", struct state_replace_item, attempt),
    ONE(5, RANGE_LO, "lo", struct state_replace_item, range),
    ONE(7, RANGE_HI, "hi", struct state_replace_item, range),
    LIST(9, SHAPE, "output", struct state_replace_item, outputs, output_count, &state_file_shape),
};
static const struct state_shape replace_item_shape =
    SHAPE("a replace item", struct state_replace_item, replace_item_fields);
static const struct state_wire_field replace_fields[] = {
    LIST(1, SHAPE, "item", struct state_replace, items, count, &replace_item_shape),
};
static const struct state_shape replace_shape =
    SHAPE("a replace", struct state_replace, replace_fields);

static const struct state_wire_field fail_item_fields[] = {
    ONE(1, ID, "job", struct state_fail_item, job),
    ONE(3, U32, "attempt", struct state_fail_item, attempt),
    ONE(5, RANGE_LO, "lo", struct state_fail_item, range),
    ONE(7, RANGE_HI, "hi", struct state_fail_item, range),
    ONE(2, TEXT, "why", struct state_fail_item, why),
};
static const struct state_shape fail_item_shape =
    SHAPE("a fail item", struct state_fail_item, fail_item_fields);
static const struct state_wire_field fail_fields[] = {
    LIST(1, SHAPE, "item", struct state_fail, items, count, &fail_item_shape),
};
static const struct state_shape fail_shape = SHAPE("a fail", struct state_fail, fail_fields);

static const struct state_wire_field split_item_fields[] = {
    ONE(1, RANGE_LO, "lo", struct state_split_item, leaf),
    ONE(3, RANGE_HI, "hi", struct state_split_item, leaf),
    LIST(5, BYTES, "key", struct state_split_item, keys, key_count, NULL),
    LIST(7, SPLIT_CUT, "cut", struct state_split_item, cuts, cut_count, NULL),
};
static const struct state_shape split_item_shape =
    SHAPE("a split item", struct state_split_item, split_item_fields);
static const struct state_wire_field split_fields[] = {
    LIST(1, SHAPE, "item", struct state_split, items, count, &split_item_shape),
};
static const struct state_shape split_shape = SHAPE("a split", struct state_split, split_fields);

static const struct state_wire_field cut_item_fields[] = {
    ONE(1, RANGE_LO, "lo", struct state_cut_item, leaf),
    ONE(3, RANGE_HI, "hi", struct state_cut_item, leaf),
    ONE(5, ID, "file", struct state_cut_item, file),
    ONE(7, I64, "row_lo", struct state_cut_item, row_lo),
    ONE(9, I64, "row_hi", struct state_cut_item, row_hi),
};
static const struct state_shape cut_item_shape =
    SHAPE("a cut item", struct state_cut_item, cut_item_fields);
static const struct state_wire_field cut_fields[] = {
    LIST(1, SHAPE, "item", struct state_cut, items, count, &cut_item_shape),
};
static const struct state_shape cut_shape = SHAPE("a cut", struct state_cut, cut_fields);

static const struct state_wire_field file_down_fields[] = {
    LIST(1, ID, "file", struct state_file_down, files, count, NULL),
};
static const struct state_shape file_down_shape =
    SHAPE("a file down", struct state_file_down, file_down_fields);

static const struct state_wire_field verified_fields[] = {
    ONE(1, TEXT, "root", struct state_verify, root),
    ONE(3, U64, "number", struct state_verify, number),
    ONE(5, TEXT, "parent", struct state_verify, parent),
    ONE(7, U64, "minted", struct state_verify, minted),
};
static const struct state_shape verified_shape =
    SHAPE("a verified", struct state_verify, verified_fields);

static const struct state_wire_field create_table_fields[] = {
    ONE(1, HASH, "table", struct state_create_table, table),
    ONE(3, TEXT, "name", struct state_create_table, name),
};
static const struct state_shape create_table_shape =
    SHAPE("a create table", struct state_create_table, create_table_fields);

/* ------------------------------------------------------------------ kinds, reasons, ids */

#define IS_TABLE     false
#define IS_CATALOGUE true

static const struct state_shape *shape_of(enum state_kind kind)
{
    switch (kind) {
    case STATE_CREATE:
        return &create_shape;
    case STATE_ADD:
        return &add_shape;
    case STATE_ASSIGN:
        return &assign_shape;
    case STATE_REPLACE:
        return &replace_shape;
    case STATE_FAIL:
        return &fail_shape;
    case STATE_SPLIT:
        return &split_shape;
    case STATE_CUT:
        return &cut_shape;
    case STATE_FILE_DOWN:
        return &file_down_shape;
    case STATE_VERIFIED:
        return &verified_shape;
    case STATE_CREATE_TABLE:
        return &create_table_shape;
    }
    return NULL;
}

const struct state_shape *state_kind_shape(uint64_t kind)
{
    return kind <= INT32_MAX ? shape_of((enum state_kind)kind) : NULL;
}

const char *state_kind_text(enum state_kind kind)
{
    switch (kind) {
#define STATE_KIND(name, number, text, log)                                                        \
    case STATE_##name:                                                                             \
        return text;
#include "state/kind.def"
#undef STATE_KIND
    }
    return "unknown";
}

bool state_kind_is_catalogue(enum state_kind kind)
{
    static const bool is_catalogue[] = {
#define STATE_KIND(name, number, text, log) [number] = (IS_##log),
#include "state/kind.def"
#undef STATE_KIND
    };
    return (size_t)kind < sizeof is_catalogue / sizeof is_catalogue[0] && is_catalogue[kind];
}

const char *state_reason_name(enum state_reason reason)
{
    switch (reason) {
#define STATE_REASON(name, number, text)                                                           \
    case STATE_REASON_##name:                                                                      \
        return #name;
#include "state/reason.def"
#undef STATE_REASON
    }
    return "UNKNOWN_REASON";
}

const char *state_reason_text(enum state_reason reason)
{
    switch (reason) {
#define STATE_REASON(name, number, text)                                                           \
    case STATE_REASON_##name:                                                                      \
        return text;
#include "state/reason.def"
#undef STATE_REASON
    }
    return "a reason that this version does not know";
}

void state_id_format(struct state_id id, char out[STATE_ID_TEXT_BYTES])
{
    (void)snprintf(out, STATE_ID_TEXT_BYTES, "%" PRIu64 ".%" PRIu32 ".%" PRIu32, id.at.frame,
                   id.at.index, id.item);
}

/* Decimal digits up to `stop` (0: the end), at most `most`, without leading zeros. */
static bool parse_part(struct slice *text, uint8_t stop, uint64_t most, uint64_t *out)
{
    uint64_t v = 0;
    size_t i = 0;
    for (; i < text->len && text->ptr[i] != stop; i++) {
        uint8_t c = text->ptr[i];
        if (c < '0' || c > '9' || i >= 20 || (i > 0 && text->ptr[0] == '0'))
            return false;
        if (v > (most - (uint64_t)(c - '0')) / 10)
            return false;
        v = v * 10 + (uint64_t)(c - '0');
    }
    if (i == 0 || (stop != 0 && i == text->len))
        return false;
    *text = slice_after(*text, stop ? i + 1 : i);
    *out = v;
    return true;
}

bool state_id_parse(struct slice text, struct state_id *out)
{
    uint64_t frame = 0;
    uint64_t index = 0;
    uint64_t item = 0;
    if (!parse_part(&text, '.', UINT64_MAX, &frame) ||
        !parse_part(&text, '.', UINT32_MAX, &index) || !parse_part(&text, 0, UINT32_MAX, &item))
        return false;
    *out =
        (struct state_id){.at = {.frame = frame, .index = (uint32_t)index}, .item = (uint32_t)item};
    return true;
}

/* All payloads begin where the union does. */
void *state_txn_payload(struct state_txn *txn)
{
    return &txn->create;
}

const void *state_txn_payload_view(const struct state_txn *txn)
{
    return &txn->create;
}

/* ------------------------------------------------------------------ bytes */

slp_rc state_txn_encode(const struct state_txn *txn, struct buf *out, struct slp_err *err)
{
    size_t from = out->len;
    const struct state_shape *shape = state_kind_shape((uint64_t)txn->kind);
    assert(shape);
    uint64_t time_us = txn->time_us < 0 ? 0 : (uint64_t)txn->time_us;
    TRY(buf_append_varint(out, (uint64_t)txn->kind, err));
    TRY(buf_append_varint(out, txn->rule_version, err));
    TRY(buf_append_varint(out, txn->features, err));
    TRY(buf_append(out, txn->txid.bytes, sizeof txn->txid.bytes, err));
    TRY(buf_append_varint(out, txn->base, err));
    TRY(buf_append_varint(out, time_us, err));
    TRY(buf_append_u8(out, txn->has_token ? FLAG_TOKEN : 0, err));
    TRY(state_wire_write(shape, state_txn_payload_view(txn), out, err));
    TRY(state_wire_close(out, from, err));
    if (out->len - from > STATE_TXN_MAX_BYTES)
        FAIL(err, LIMIT, "a transaction of %zu bytes, more than the %zu that a frame holds",
             out->len - from, STATE_TXN_MAX_BYTES);
    return SLP_OK;
}

#define NEWER "; this program does not know it, use a newer one"

/* The envelope behind the length; `*at` is left at the payload. */
static slp_rc read_envelope(struct slice bytes, uint64_t place, size_t *at, struct state_txn *out,
                            struct slp_err *err)
{
    uint64_t kind = 0;
    uint64_t rule = 0;
    uint64_t time_us = 0;
    TRY(state_wire_varint(bytes, place, at, &kind, err));
    if (!state_kind_shape(kind))
        FAIL(err, UNSUPPORTED, "transaction of kind %llu at offset %llu" NEWER,
             (unsigned long long)kind, (unsigned long long)place);
    TRY(state_wire_varint(bytes, place, at, &rule, err));
    if (rule != STATE_RULE_VERSION)
        FAIL(err, UNSUPPORTED, "rule version %llu at offset %llu, expected %u" NEWER,
             (unsigned long long)rule, (unsigned long long)place, STATE_RULE_VERSION);
    TRY(state_wire_varint(bytes, place, at, &out->features, err));
    if (out->features)
        FAIL(err, UNSUPPORTED, "feature bits %llx at offset %llu" NEWER,
             (unsigned long long)out->features, (unsigned long long)place);
    if (bytes.len - *at < sizeof out->txid.bytes)
        FAIL(err, CORRUPT, "a transaction is cut off at offset %llu",
             (unsigned long long)(place + bytes.len));
    memcpy(out->txid.bytes, bytes.ptr + *at, sizeof out->txid.bytes);
    *at += sizeof out->txid.bytes;
    TRY(state_wire_varint(bytes, place, at, &out->base, err));
    TRY(state_wire_varint(bytes, place, at, &time_us, err));
    if (time_us > INT64_MAX || *at == bytes.len)
        FAIL(err, CORRUPT, "a transaction with a time beyond its range or cut off at offset %llu",
             (unsigned long long)(place + *at));
    uint8_t flags = bytes.ptr[(*at)++];
    if (flags & ~FLAG_TOKEN)
        FAIL(err, UNSUPPORTED, "transaction flags %02x at offset %llu" NEWER, flags,
             (unsigned long long)(place + *at - 1));
    out->kind = (enum state_kind)kind;
    out->rule_version = (uint32_t)rule;
    out->time_us = (int64_t)time_us;
    out->has_token = (flags & FLAG_TOKEN) != 0;
    return SLP_OK;
}

slp_rc state_txn_decode(struct slice bytes, uint64_t place, struct arena *arena,
                        struct state_txn *out, size_t *used, struct slp_err *err)
{
    size_t at = 0;
    uint64_t len = 0;
    TRY(state_wire_varint(bytes, place, &at, &len, err));
    if (len > bytes.len - at)
        FAIL(err, CORRUPT, "a transaction of %llu bytes at offset %llu is longer than its frame",
             (unsigned long long)len, (unsigned long long)place);
    struct slice body = slice_sub(bytes, at, (size_t)len);
    struct state_txn txn;
    memset(&txn, 0, sizeof txn);
    size_t head = 0;
    TRY(read_envelope(body, place + at, &head, &txn, err));
    TRY(state_wire_read(state_kind_shape((uint64_t)txn.kind), slice_after(body, head),
                        place + at + head, arena, state_txn_payload(&txn), err));
    *used = at + (size_t)len;
    *out = txn;
    return SLP_OK;
}
