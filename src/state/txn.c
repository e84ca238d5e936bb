#include "state/txn.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "state/txn_priv.h"

#define FLAG_TOKEN 1u
#define FLAG_APART 2u /* the payload stands in an object of its own */

/* ------------------------------------------------------------------ kinds, reasons, ids */

#define IS_TABLE     false
#define IS_CATALOGUE true

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
    bool is_apart = txn->body.name.len > 0;
    const struct state_shape *shape =
        is_apart ? &state_body_shape : state_kind_shape((uint64_t)txn->kind);
    const void *payload = is_apart ? (const void *)&txn->body : state_txn_payload_view(txn);
    assert(shape);
    uint64_t time_us = txn->time_us < 0 ? 0 : (uint64_t)txn->time_us;
    TRY(buf_append_varint(out, (uint64_t)txn->kind, err));
    TRY(buf_append_varint(out, txn->rule_version, err));
    TRY(buf_append_varint(out, txn->features, err));
    TRY(buf_append(out, txn->txid.bytes, sizeof txn->txid.bytes, err));
    TRY(buf_append_varint(out, txn->base, err));
    TRY(buf_append_varint(out, time_us, err));
    TRY(buf_append_u8(
        out, (uint8_t)((txn->has_token ? FLAG_TOKEN : 0) | (is_apart ? FLAG_APART : 0)), err));
    TRY(state_wire_write(shape, payload, out, err));
    TRY(state_wire_close(out, from, err));
    if (out->len - from > STATE_TXN_MAX_BYTES)
        FAIL(err, LIMIT, "a transaction of %zu bytes, more than the %zu that a frame holds",
             out->len - from, STATE_TXN_MAX_BYTES);
    return SLP_OK;
}

#define NEWER "; this program does not know it, use a newer one"

/* The envelope behind the length; `*at` is left at the payload. */
static slp_rc read_envelope(struct slice bytes, uint64_t place, size_t *at, struct state_txn *out,
                            bool *is_apart, struct slp_err *err)
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
    if (flags & ~(FLAG_TOKEN | FLAG_APART))
        FAIL(err, UNSUPPORTED, "transaction flags %02x at offset %llu" NEWER, flags,
             (unsigned long long)(place + *at - 1));
    out->kind = (enum state_kind)kind;
    out->rule_version = (uint32_t)rule;
    out->time_us = (int64_t)time_us;
    out->has_token = (flags & FLAG_TOKEN) != 0;
    *is_apart = (flags & FLAG_APART) != 0;
    return SLP_OK;
}

/* "body/<20 digits>-<32 hexadecimal digits>" */
static bool is_body_name(struct slice name)
{
    struct hash128 hash;
    size_t digits = sizeof STATE_BODY_PREFIX - 1;
    if (name.len != digits + 20 + 1 + 32 || !slice_starts_with(name, slice_str(STATE_BODY_PREFIX)))
        return false;
    for (size_t i = digits; i < digits + 20; i++)
        if (name.ptr[i] < '0' || name.ptr[i] > '9')
            return false;
    return name.ptr[digits + 20] == '-' && hash_parse(slice_last(name, 32), &hash);
}

/* A merge engine or kind of job that is not known must stop replay as an odd field does. */
static slp_rc check_enums(const struct state_txn *txn, struct slp_err *err)
{
    if (txn->kind == STATE_CREATE && txn->create.engine > STATE_ENGINE_PARTIAL)
        FAIL(err, UNSUPPORTED, "merge engine %u" NEWER, txn->create.engine);
    for (size_t i = 0; txn->kind == STATE_ASSIGN && i < txn->assign.count; i++)
        if (txn->assign.items[i].kind > STATE_JOB_BATCH)
            FAIL(err, UNSUPPORTED, "a job of kind %u" NEWER, txn->assign.items[i].kind);
    return SLP_OK;
}

/* The length of a transaction; `*at` is left at its envelope. */
static slp_rc read_length(struct slice bytes, uint64_t place, size_t *at, uint64_t *len,
                          struct slp_err *err)
{
    TRY(state_wire_varint(bytes, place, at, len, err));
    if (*len > bytes.len - *at)
        FAIL(err, CORRUPT, "a transaction of %llu bytes at offset %llu is longer than its frame",
             (unsigned long long)*len, (unsigned long long)place);
    return SLP_OK;
}

slp_rc state_txn_peek(struct slice bytes, size_t *used, bool *is_apart, struct slp_err *err)
{
    size_t at = 0;
    size_t head = 0;
    uint64_t len = 0;
    struct state_txn txn;
    TRY(read_length(bytes, 0, &at, &len, err));
    TRY(read_envelope(slice_sub(bytes, at, (size_t)len), at, &head, &txn, is_apart, err));
    *used = at + (size_t)len;
    return SLP_OK;
}

slp_rc state_txn_decode(struct slice bytes, uint64_t place, struct arena *arena,
                        struct state_txn *out, size_t *used, struct slp_err *err)
{
    size_t at = 0;
    uint64_t len = 0;
    TRY(read_length(bytes, place, &at, &len, err));
    struct slice body = slice_sub(bytes, at, (size_t)len);
    struct state_txn txn;
    memset(&txn, 0, sizeof txn);
    size_t head = 0;
    bool is_apart = false;
    TRY(read_envelope(body, place + at, &head, &txn, &is_apart, err));
    TRY(state_wire_read(is_apart ? &state_body_shape : state_kind_shape((uint64_t)txn.kind),
                        slice_after(body, head), place + at + head, arena,
                        is_apart ? (void *)&txn.body : state_txn_payload(&txn), err));
    txn.body.is_missing = is_apart;
    if (is_apart && !is_body_name(txn.body.name))
        FAIL(err, CORRUPT, "a payload out of line without the name of a body at offset %llu",
             (unsigned long long)(place + at + head));
    if (!is_apart)
        TRY(check_enums(&txn, err));
    *used = at + (size_t)len;
    *out = txn;
    return SLP_OK;
}

/* ------------------------------------------------------------------ bodies */

const struct state_new_file *state_txn_files(const struct state_txn *txn, size_t *count)
{
    const struct state_add *add = txn->kind == STATE_ADD         ? &txn->add
                                  : txn->kind == STATE_OVERWRITE ? &txn->overwrite.add
                                                                 : NULL;
    *count = add && !txn->body.is_missing ? add->count : 0;
    return *count ? add->files : NULL;
}

/* Eight digits at once: pairs, then fours, then all. The first one is the lowest byte. */
static bool parse_eight(const uint8_t *digits, uint64_t *out)
{
    const uint64_t highs = 0xf0f0f0f0f0f0f0f0u;
    uint64_t v = num_load_u64le(digits);
    if ((v & highs) != 0x3030303030303030u || ((v + 0x0606060606060606u) & highs) != (v & highs))
        return false;
    v -= 0x3030303030303030u;
    v = (v * 10 + (v >> 8)) & 0x00ff00ff00ff00ffu;
    v = (v * 100 + (v >> 16)) & 0x0000ffff0000ffffu;
    *out = (v * 10000 + (v >> 32)) & 0xffffffffu;
    return true;
}

bool state_digits_parse(const uint8_t digits[20], uint64_t *out)
{
    uint64_t high = 0;
    uint64_t middle = 0;
    uint64_t low = 0;
    if (!parse_eight(digits, &high) || !parse_eight(digits + 8, &middle) ||
        !parse_eight(digits + 12, &low))
        return false;
    high = high * 100000000u + middle; /* below 10^16 */
    low %= 10000;
    if (high > (UINT64_MAX - low) / 10000)
        return false;
    *out = high * 10000 + low;
    return true;
}

uint64_t state_mint_base(struct slice name)
{
    uint64_t base = 0;
    for (size_t left = name.len; left > 0;) {
        const uint8_t *slash = memchr(name.ptr + (name.len - left), '/', left);
        if (!slash) {
            name = slice_last(name, left);
            break;
        }
        left = name.len - (size_t)(slash + 1 - name.ptr);
        if (left == 0)
            return 0;
    }
    if (name.len < 21 || name.ptr[20] != '-' || !state_digits_parse(name.ptr, &base))
        return 0;
    return base;
}

static const uint8_t body_magic[8] = {'S', 'L', 'E', 'E', 'P', 'B', 'D', 'Y'};

#define BODY_VERSION    1u
#define BODY_HEAD_BYTES 12u

/* Names of all objects of a payload, and what says which import they belong to. */
static slp_rc list_objects(const struct state_txn *txn, struct arena *arena, struct state_body *out,
                           struct slp_err *err)
{
    size_t n = 0;
    void *room = NULL;
    size_t files = 0;
    const struct state_new_file *added = state_txn_files(txn, &files);
    size_t items = txn->kind == STATE_REPLACE ? txn->replace.count : 0;
    size_t count = files;
    for (size_t i = 0; i < items; i++)
        count += txn->replace.items[i].output_count;
    TRY(arena_array(arena, count, sizeof(struct slice), &room, err));
    struct slice *names = room;
    for (size_t i = 0; i < files; i++)
        names[n++] = added[i].name;
    for (size_t i = 0; i < items; i++)
        for (size_t k = 0; k < txn->replace.items[i].output_count; k++)
            names[n++] = txn->replace.items[i].outputs[k].name;
    out->objects = names;
    out->object_count = n;
    if (txn->kind == STATE_ADD)
        out->job = txn->add.job;
    else if (txn->kind == STATE_OVERWRITE)
        out->job = txn->overwrite.add.job;
    return SLP_OK;
}

slp_rc state_txn_encode_apart(struct state_txn *txn, struct state_apart *apart, struct arena *arena,
                              struct buf *out, struct slp_err *err)
{
    char hash[33];
    struct buf *object = apart->object;
    buf_clear(object);
    txn->body = (struct state_body){0};
    TRY(buf_append(object, body_magic, sizeof body_magic, err));
    TRY(buf_append_u32le(object, BODY_VERSION, err));
    TRY(state_wire_write(state_kind_shape((uint64_t)txn->kind), state_txn_payload_view(txn), object,
                         err));
    if (object->len > STATE_BODY_MAX_BYTES)
        FAIL(err, LIMIT, "a transaction of %zu bytes, at most %zu; commit it in parts", object->len,
             STATE_BODY_MAX_BYTES);
    struct state_body body = {.bytes = object->len};
    TRY(list_objects(txn, arena, &body, err));
    hash_format(hash_xxh128(buf_slice(object)), hash);
    (void)snprintf(apart->name, sizeof apart->name, STATE_BODY_PREFIX "%020" PRIu64 "-%s",
                   apart->base, hash);
    body.name = slice_str(apart->name);
    txn->body = body;
    return state_txn_encode(txn, out, err);
}

static slp_rc check_body(const struct state_body *named, struct slice object, struct slp_err *err)
{
    struct hash128 hash;
    if (object.len != named->bytes || !hash_parse(slice_last(named->name, 32), &hash) ||
        !hash_equal(hash, hash_xxh128(object)))
        FAIL(err, CORRUPT, "not the bytes that its name says");
    if (object.len < BODY_HEAD_BYTES || memcmp(object.ptr, body_magic, sizeof body_magic) != 0)
        FAIL(err, CORRUPT, "no body of a transaction: its magic is missing at offset 0");
    uint32_t version = num_load_u32le(object.ptr + 8);
    if (version != BODY_VERSION)
        FAIL(err, UNSUPPORTED,
             "body of format %u at offset 8, this program reads %u; use a newer one", version,
             BODY_VERSION);
    return SLP_OK;
}

/* The frame names what the body adds: nothing else may be in it (rule I1), and no embedded file, for
 * its bytes stand in the frame. */
static slp_rc check_objects(const struct state_txn *txn, struct arena *arena, struct slp_err *err)
{
    struct state_body found = {0};
    TRY(list_objects(txn, arena, &found, err));
    bool same =
        found.object_count == txn->body.object_count && state_id_equal(found.job, txn->body.job);
    for (size_t i = 0; same && i < found.object_count; i++)
        same = slice_equal(found.objects[i], txn->body.objects[i]) && found.objects[i].len > 0;
    if (!same)
        FAIL(err, CORRUPT, "it adds other objects than its frame says");
    return SLP_OK;
}

slp_rc state_txn_take_body(struct state_txn *txn, struct slice object, struct arena *arena,
                           struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct state_txn full = *txn;
    assert(txn->body.is_missing);
    memset(state_txn_payload(&full), 0, sizeof full - offsetof(struct state_txn, create));
    full.body.is_missing = false;
    TRY_OUT(check_body(&txn->body, object, err));
    TRY_OUT(state_wire_read(state_kind_shape((uint64_t)txn->kind),
                            slice_after(object, BODY_HEAD_BYTES), BODY_HEAD_BYTES, arena,
                            state_txn_payload(&full), err));
    TRY_OUT(check_enums(&full, err));
    TRY_OUT(check_objects(&full, arena, err));
    *txn = full;
out:
    return err_wrap(err, rc, "\"%.*s\"", SLICE_ARG(txn->body.name));
}
