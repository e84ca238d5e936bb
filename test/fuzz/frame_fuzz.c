/* rooms: state */
/*
 * Frames: the bytes as they are, and once more with magic, checksum and lengths put right, so that
 * what is behind them is reached. Transactions that decode are written and read again, and applied. Every other object
 * of a log is shown.
 */
#include <stdlib.h>

#include "base/num.h"
#include "state/frame.h"
#include "state/global.h"
#include "state/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MEMORY_MAX ((size_t)64 << 20)

/* What can be read can be written, and reads the same. */
static void check_again(const struct state_txn *txn, struct arena *a)
{
    struct buf first;
    struct buf second;
    struct state_txn again;
    size_t used = 0;
    buf_init(&first, alloc_system(), MEMORY_MAX);
    buf_init(&second, alloc_system(), MEMORY_MAX);
    if (state_txn_encode(txn, &first, NULL) == SLP_OK) {
        bool is_same = state_txn_decode(buf_slice(&first), 0, a, &again, &used, NULL) == SLP_OK &&
                       used == first.len && state_txn_encode(&again, &second, NULL) == SLP_OK &&
                       slice_equal(buf_slice(&first), buf_slice(&second));
        if (!is_same)
            abort();
    }
    buf_fini(&second);
    buf_fini(&first);
}

/* Leaves stay in order and cover everything, whatever is applied. */
static void check_leaves(const struct table_state *s)
{
    struct slice end = {0};
    size_t count = state_leaf_count(s);
    for (size_t i = 0; i < count; i++) {
        const struct state_leaf *leaf = state_leaf_at(s, i);
        if (!slice_equal(leaf->range.lo, end) || leaf->range.has_hi != (i + 1 < count))
            abort();
        end = leaf->range.hi;
        for (size_t k = 0; k < leaf->ref_count; k++)
            if (key_range_is_empty(state_leaf_brief(leaf, k).range))
                abort();
    }
}

static void apply_all(const struct state_frame *frame, struct buf *text)
{
    static const struct state_rules rules = {.ring_max = 5, .unfiled_max = 3, .leaf_max = 20};
    struct table_state *s = NULL;
    if (state_new(alloc_system(), &rules, &s, NULL) != SLP_OK)
        return;
    for (uint32_t i = 0; i < frame->txn_count; i++) {
        struct state_outcome o;
        struct state_position at = {.frame = 1 + i};
        bool is_whole = frame->txns[i].kind < STATE_CREATE_TABLE &&
                        state_wants(s, &frame->txns[i], at).kind == STATE_WANT_NOTHING;
        if (is_whole && state_apply(s, &frame->txns[i], at, &o, NULL) != SLP_OK)
            abort();
    }
    check_leaves(s);
    if (state_print(s, text, NULL) != SLP_OK)
        text->len = 0; /* too long */
    state_free(s);
}

/* Of any object of a log, in both forms. */
static void show_all(struct slice bytes)
{
    static const enum show_form forms[2] = {SHOW_AS_TEXT, SHOW_AS_JSON};
    for (size_t i = 0; i < 2 && state_object_is(bytes); i++) {
        struct buf out;
        struct show s;
        buf_init(&out, alloc_system(), MEMORY_MAX);
        show_init(&s, forms[i], &out, NULL);
        show_open(&s, NULL, SHOW_OBJECT, true);
        slp_rc rc = state_object_show(bytes, alloc_system(), &s, NULL);
        if (rc == SLP_OK) {
            show_close(&s);
            rc = show_finish(&s);
        }
        if (rc != SLP_OK && rc != SLP_CORRUPT && rc != SLP_UNSUPPORTED && rc != SLP_LIMIT)
            abort();
        buf_fini(&out);
    }
}

static void run(struct slice bytes)
{
    struct arena a;
    struct buf text;
    struct state_frame frame;
    show_all(bytes);
    arena_init(&a, alloc_system(), MEMORY_MAX);
    buf_init(&text, alloc_system(), MEMORY_MAX);
    if (state_frame_decode(bytes, &a, &frame, NULL) == SLP_OK) {
        for (uint32_t i = 0; i < frame.txn_count; i++)
            check_again(&frame.txns[i], &a);
        apply_all(&frame, &text);
        if (state_frame_print(bytes, alloc_system(), &text, NULL) == SLP_CORRUPT)
            abort();
    }
    buf_fini(&text);
    arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    run(slice_of(data, n));
    if (n < STATE_FRAME_HEAD_BYTES || n > STATE_TXN_MAX_BYTES)
        return 0;
    struct buf b;
    buf_init(&b, alloc_system(), MEMORY_MAX);
    if (buf_append(&b, data, n, NULL) == SLP_OK) {
        memcpy(b.ptr, "SLEEPLOG\1\0\0\0", 12);
        uint32_t fields = num_load_u32le(b.ptr + 44) % 64;
        uint32_t rest = (uint32_t)(n - STATE_FRAME_HEAD_BYTES);
        fields = fields < rest ? fields : 0;
        num_store_u32le(b.ptr + 44, fields);
        num_store_u32le(b.ptr + 48, rest - fields);
        num_store_u32le(b.ptr + 52, 0);
        uint32_t crc = hash_crc32c(0, slice_first(buf_slice(&b), 12));
        crc = hash_crc32c(crc, slice_after(buf_slice(&b), 16));
        num_store_u32le(b.ptr + 12, crc);
        run(buf_slice(&b));
    }
    buf_fini(&b);
    return 0;
}
