#include "state/head.h"

#include <inttypes.h>

#include "base/num.h"
#include "state/view_priv.h"

static const uint8_t magic[8] = {'S', 'L', 'E', 'E', 'P', 'H', 'E', 'D'};

#define VERSION    1u
#define HEAD_BYTES 56u

#define AT_VERSION 8u
#define AT_CRC     12u
#define AT_TIME    16u
#define AT_FROM    24u
#define AT_TO      32u
#define AT_ROOT    40u /* bytes of the root's name */
#define AT_COUNT   44u /* objects, and their bytes */
#define AT_OBJECTS 48u
#define AT_FRAMES  52u

/* ------------------------------------------------------------------ frames since */

void state_since_init(struct state_since *s, struct alloc *mem, bool is_catalogue)
{
    *s = (struct state_since){.most_bytes = is_catalogue ? STATE_HEAD_CATALOGUE_BYTES
                                                         : STATE_HEAD_FRAMES_BYTES};
    buf_init(&s->bytes, mem, s->most_bytes);
}

void state_since_fini(struct state_since *s)
{
    alloc_free(s->bytes.mem, s->sums, s->sum_room * sizeof *s->sums);
    s->sums = NULL;
    s->sum_room = 0;
    s->sum_count = 0;
    buf_fini(&s->bytes);
}

static void forget_frames(struct state_since *s, uint64_t number)
{
    buf_clear(&s->bytes);
    s->from = number;
    s->to = number;
    s->last = 0;
}

void state_since_reset(struct state_since *s, uint64_t number)
{
    forget_frames(s, number);
    s->sum_count = 0;
    s->counted_from = number;
}

slp_rc state_since_count(struct state_since *s, uint64_t number, uint64_t bytes,
                         struct slp_err *err)
{
    if (number != s->counted_from + s->sum_count + 1 || s->sum_count == STATE_SINCE_COUNTED_MAX) {
        s->sum_count = 0;
        s->counted_from = number - 1;
    }
    TRY(state_grow(s->bytes.mem, &s->sums, &s->sum_room, s->sum_count + 1, sizeof *s->sums, err));
    uint64_t sum = s->sum_count ? s->sums[s->sum_count - 1] : 0;
    s->sums[s->sum_count++] = bytes > UINT64_MAX - sum ? UINT64_MAX : sum + bytes;
    return SLP_OK;
}

uint64_t state_since_bytes(const struct state_since *s, uint64_t number)
{
    uint64_t skipped = number > s->counted_from ? number - s->counted_from : 0;
    if (skipped >= s->sum_count)
        return 0;
    return s->sums[s->sum_count - 1] - (skipped ? s->sums[skipped - 1] : 0);
}

/* The oldest go, half of the room at once. */
static void make_room(struct state_since *s, size_t need)
{
    size_t most = num_min_size(s->most_bytes / 2, s->most_bytes - need);
    size_t at = 0;
    uint64_t number = s->from;
    struct slice frame;
    while (s->bytes.len - at > most && state_head_frame(buf_slice(&s->bytes), &at, &frame))
        number++;
    state_since_begin(s, number);
}

slp_rc state_since_add(struct state_since *s, uint64_t number, struct slice frame,
                       struct slp_err *err)
{
    if (number != s->to + 1)
        return SLP_OK;
    if (frame.len > UINT32_MAX || frame.len + 4 > s->most_bytes) {
        forget_frames(s, number);
        return SLP_OK;
    }
    if (s->bytes.len > s->most_bytes - 4 - frame.len)
        make_room(s, frame.len + 4);
    size_t old_len = s->bytes.len;
    TRY(buf_reserve(&s->bytes, frame.len + 4, err));
    TRY(buf_append_u32le(&s->bytes, (uint32_t)frame.len, err));
    TRY(buf_append_slice(&s->bytes, frame, err));
    s->to = number;
    s->last = old_len + 4;
    return SLP_OK;
}

/* ------------------------------------------------------------------ bytes */

static uint32_t head_crc(struct slice bytes)
{
    uint32_t crc = hash_crc32c(0, slice_first(bytes, AT_CRC));
    return hash_crc32c(crc, slice_after(bytes, AT_TIME));
}

slp_rc state_head_append(struct buf *out, struct slice name, struct slice bytes,
                         struct slp_err *err)
{
    if (bytes.len > UINT32_MAX)
        FAIL(err, LIMIT, "an object of %zu bytes in a head", bytes.len);
    TRY(buf_append_u32le(out, (uint32_t)name.len, err));
    TRY(buf_append_u32le(out, (uint32_t)bytes.len, err));
    TRY(buf_append_slice(out, name, err));
    return buf_append_slice(out, bytes, err);
}

slp_rc state_head_encode(const struct state_head *head, struct buf *out, struct slp_err *err)
{
    assert(head->frames.len <= UINT32_MAX && head->objects.len <= UINT32_MAX);
    buf_clear(out);
    TRY(buf_resize(out, HEAD_BYTES, err));
    TRY(buf_append_slice(out, head->root, err));
    TRY(buf_append_slice(out, head->objects, err));
    TRY(buf_append_slice(out, head->frames, err));
    memcpy(out->ptr, magic, sizeof magic);
    num_store_u32le(out->ptr + AT_VERSION, VERSION);
    num_store_u64le(out->ptr + AT_TIME, (uint64_t)head->time_us);
    num_store_u64le(out->ptr + AT_FROM, head->from);
    num_store_u64le(out->ptr + AT_TO, head->to);
    num_store_u32le(out->ptr + AT_ROOT, (uint32_t)head->root.len);
    num_store_u32le(out->ptr + AT_COUNT, head->object_count);
    num_store_u32le(out->ptr + AT_OBJECTS, (uint32_t)head->objects.len);
    num_store_u32le(out->ptr + AT_FRAMES, (uint32_t)head->frames.len);
    num_store_u32le(out->ptr + AT_CRC, head_crc(buf_slice(out)));
    return SLP_OK;
}

/* One object of the list at *at, which moves behind it; false where it does not fit. */
static bool next_object(struct slice objects, size_t *at, struct slice *name, struct slice *bytes)
{
    if (objects.len - *at < 8)
        return false;
    uint64_t name_bytes = num_load_u32le(objects.ptr + *at);
    uint64_t body_bytes = num_load_u32le(objects.ptr + *at + 4);
    if (name_bytes + body_bytes > objects.len - *at - 8)
        return false;
    *name = slice_sub(objects, *at + 8, (size_t)name_bytes);
    *bytes = slice_sub(objects, *at + 8 + (size_t)name_bytes, (size_t)body_bytes);
    *at += 8 + (size_t)(name_bytes + body_bytes);
    return true;
}

bool state_head_frame(struct slice frames, size_t *at, struct slice *frame)
{
    if (frames.len - *at < 4)
        return false;
    size_t len = num_load_u32le(frames.ptr + *at);
    if (len > frames.len - *at - 4)
        return false;
    *frame = slice_sub(frames, *at + 4, len);
    *at += 4 + len;
    return true;
}

void state_since_begin(struct state_since *s, uint64_t number)
{
    struct slice all = buf_slice(&s->bytes);
    struct slice frame;
    size_t at = 0;
    if (number <= s->from)
        return;
    if (number > s->to) {
        forget_frames(s, number);
        return;
    }
    for (; s->from < number; s->from++)
        if (!state_head_frame(all, &at, &frame))
            return;
    memmove(s->bytes.ptr, s->bytes.ptr + at, all.len - at);
    s->bytes.len -= at;
    s->last -= num_min_size(at, s->last);
}

static slp_rc check_lists(const struct state_head *head, struct slp_err *err)
{
    size_t at = 0;
    uint64_t count = 0;
    struct slice name;
    struct slice bytes;
    for (uint32_t i = 0; i < head->object_count; i++)
        if (!next_object(head->objects, &at, &name, &bytes))
            FAIL(err, CORRUPT, "object %u of a head is cut off", i);
    if (at != head->objects.len)
        FAIL(err, CORRUPT, "bytes behind the last object of a head");
    for (at = 0; state_head_frame(head->frames, &at, &bytes);)
        count++;
    if (at != head->frames.len || head->to < head->from || head->to == 0 ||
        count != head->to - head->from)
        FAIL(err, CORRUPT, "a head with %" PRIu64 " frames, from %" PRIu64 " to %" PRIu64, count,
             head->from, head->to);
    return SLP_OK;
}

slp_rc state_head_decode(struct slice bytes, struct state_head *out, struct slp_err *err)
{
    if (bytes.len < HEAD_BYTES || memcmp(bytes.ptr, magic, sizeof magic) != 0)
        FAIL(err, CORRUPT, "no head: its magic is missing at offset 0");
    if (num_load_u32le(bytes.ptr + AT_CRC) != head_crc(bytes))
        FAIL(err, CORRUPT, "damaged head: CRC32C at offset %u is not that of its bytes", AT_CRC);
    if (num_load_u32le(bytes.ptr + AT_VERSION) != VERSION)
        FAIL(err, UNSUPPORTED, "head of format %u at offset %u, this program reads %u",
             num_load_u32le(bytes.ptr + AT_VERSION), AT_VERSION, VERSION);
    uint64_t root = num_load_u32le(bytes.ptr + AT_ROOT);
    uint64_t objects = num_load_u32le(bytes.ptr + AT_OBJECTS);
    uint64_t frames = num_load_u32le(bytes.ptr + AT_FRAMES);
    if (HEAD_BYTES + root + objects + frames != bytes.len || root >= STATE_ROOT_NAME_BYTES)
        FAIL(err, CORRUPT, "a head whose lengths at offset %u do not fit its %zu bytes", AT_ROOT,
             bytes.len);
    struct state_head head = {.time_us = (int64_t)(num_load_u64le(bytes.ptr + AT_TIME) & INT64_MAX),
                              .from = num_load_u64le(bytes.ptr + AT_FROM),
                              .to = num_load_u64le(bytes.ptr + AT_TO),
                              .object_count = num_load_u32le(bytes.ptr + AT_COUNT)};
    head.root = slice_sub(bytes, HEAD_BYTES, (size_t)root);
    head.objects = slice_sub(bytes, HEAD_BYTES + (size_t)root, (size_t)objects);
    head.frames = slice_last(bytes, (size_t)frames);
    TRY(check_lists(&head, err));
    if ((head.from > 0) != (head.root.len > 0))
        FAIL(err, CORRUPT, "a head from frame %" PRIu64 " with a root's name of %zu bytes",
             head.from, head.root.len);
    *out = head;
    return SLP_OK;
}

bool state_head_object(const struct state_head *head, struct slice name, struct slice *bytes)
{
    size_t at = 0;
    struct slice found;
    for (uint32_t i = 0; i < head->object_count; i++)
        if (next_object(head->objects, &at, &found, bytes) && slice_equal(found, name))
            return true;
    return false;
}
