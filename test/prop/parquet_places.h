/*
 * What each byte of a Parquet file is for, and edits that aim at it: for tests of damaged files.
 *
 *   | PAR1 | header | body | header | body | ... | indexes, filters, gaps | footer, its length, PAR1 |
 *
 * A place is a run of bytes of one use, of one leaf. The map is made from a good file by its own
 * metadata; an edit is made knowing the map, so that small parts (headers, levels, the length of the
 * footer) are hit as often as large ones.
 */
#ifndef SLP_TEST_PARQUET_PLACES_H
#define SLP_TEST_PARQUET_PLACES_H

#include <stdlib.h>

#include "base/hash.h"
#include "base/num.h"
#include "lib/t.h"
#include "parquet/page.h"
#include "parquet/reader.h"

#define PLACES_MAX 20000u

enum places_use {
    PLACES_OTHER,
    PLACES_MAGIC,
    PLACES_HEADER,
    PLACES_BODY,
    PLACES_FOOTER,
    PLACES_USES
};

struct place {
    size_t from;
    size_t to;
    enum places_use use;
    size_t leaf;  /* headers and bodies */
    bool has_crc; /* bodies */
    uint32_t crc;
};

struct places {
    struct slice file;
    struct place *all; /* headers and bodies, then footer and magic; what is in none is OTHER */
    size_t count;
};

static inline void places_add(struct places *p, struct place place)
{
    assert_true(p->count < PLACES_MAX);
    p->all[p->count++] = place;
}

/* The pages of one chunk; what cannot be followed is left out. */
static inline void places_add_chunk(struct places *p, const struct pq_chunk *chunk, size_t leaf)
{
    uint64_t at =
        chunk->dictionary_page_offset ? chunk->dictionary_page_offset : chunk->data_page_offset;
    uint64_t end = num_min_u64(at + chunk->compressed_bytes, p->file.len);
    while (at < end && p->count + 4 < PLACES_MAX) {
        struct pq_page_header h = {0};
        size_t header_bytes = 0;
        struct slice rest = slice_sub(p->file, (size_t)at, (size_t)(end - at));
        if (pq_page_header_parse(rest, &h, &header_bytes, NULL) != SLP_OK)
            return;
        size_t body = (size_t)at + header_bytes;
        size_t next = body + num_min_size(h.compressed_bytes, (size_t)end - body);
        places_add(p, (struct place){(size_t)at, body, PLACES_HEADER, leaf, false, 0});
        if (next > body)
            places_add(p, (struct place){body, next, PLACES_BODY, leaf, h.has_crc, h.crc});
        at = next;
    }
}

static inline void places_init(struct places *p, struct slice file, const struct pq_meta *m)
{
    size_t footer = file.len - 8 - num_load_u32le(file.ptr + file.len - 8);
    *p = (struct places){.file = file, .all = calloc(PLACES_MAX, sizeof *p->all)};
    assert_non_null(p->all);
    for (size_t g = 0; g < m->group_count; g++)
        for (size_t i = 0; i < m->column_count; i++)
            places_add_chunk(p, &m->groups[g].chunks[i], i);
    places_add(p, (struct place){footer, file.len, PLACES_FOOTER, 0, false, 0});
    places_add(p, (struct place){0, 4, PLACES_MAGIC, 0, false, 0});
}

static inline void places_fini(struct places *p)
{
    free(p->all);
    p->all = NULL;
}

/* ---- Edits ---- */

enum edit_kind {
    EDIT_BITS,    /* one to eight bits of a place */
    EDIT_NUMBER,  /* a number that is often a length: 0, greatest, one more */
    EDIT_CUT,     /* the file ends early */
    EDIT_REMOVE,  /* bytes are missing, what follows moves up */
    EDIT_INSERT,  /* bytes are there twice */
    EDIT_PAGE,    /* a page, or some of it, where another was */
    EDIT_CHUNK,   /* the pages of a chunk where another's were */
    EDIT_FOREIGN, /* bytes of another file */
    EDIT_FOOTER,  /* another length of the footer, or another file's footer */
    EDIT_SEVERAL, /* two to four of the above */
    EDIT_KINDS
};

static inline const char *edit_name(enum edit_kind k)
{
    static const char *const names[EDIT_KINDS] = {"bits", "number", "cut",     "remove", "insert",
                                                  "page", "chunk",  "foreign", "footer", "several"};
    return names[k];
}

/* A random place; small uses are as likely as large ones. */
static inline struct place places_pick(struct t *t, const struct places *p)
{
    enum places_use use = (enum places_use)t_below(t, PLACES_USES);
    for (int tries = 0; tries < 20; tries++) {
        struct place place = p->all[t_below(t, p->count)];
        if (place.use == use)
            return place;
    }
    if (use == PLACES_FOOTER)
        return p->all[p->count - 2];
    size_t at = (size_t)t_below(t, p->file.len);
    return (struct place){at, num_min_size(at + 64, p->file.len), PLACES_OTHER, 0, false, 0};
}

static inline void edit_bits(struct t *t, const struct places *p, struct buf *b)
{
    struct place place = places_pick(t, p);
    for (uint64_t n = 1 + t_below(t, 8); n > 0; n--) {
        size_t at = place.from + (size_t)t_below(t, place.to - place.from);
        if (at < b->len)
            b->ptr[at] ^= (uint8_t)(1u << t_below(t, 8));
    }
}

/* Numbers at the start of a body are lengths of levels and strings; in headers they are varints. */
static inline void edit_number(struct t *t, const struct places *p, struct buf *b)
{
    static const uint64_t numbers[] = {0,        1,          0x7f,       0x80,
                                       0xff,     0x7fff,     0xffff,     INT32_MAX,
                                       1u << 31, UINT32_MAX, UINT64_MAX, INT64_MAX};
    struct place place = places_pick(t, p);
    size_t bytes = (size_t)1 << t_below(t, 4);
    size_t at = place.from;
    if (place.use != PLACES_BODY || t_below(t, 2))
        at += (size_t)t_below(t, place.to - place.from);
    uint64_t v = numbers[t_below(t, sizeof numbers / sizeof *numbers)];
    if (t_below(t, 3) == 0 && at < b->len)
        v = b->ptr[at] + (t_below(t, 2) ? 1u : 255u);
    for (size_t i = 0; i < bytes && at + i < b->len; i++)
        b->ptr[at + i] = (uint8_t)(v >> (8 * i));
}

/* Put `n` bytes of `from` at `at`, in place of `old` bytes. */
static inline void edit_splice(struct t *t, struct buf *b, size_t at, size_t old, struct slice from)
{
    struct buf out;
    buf_init(&out, b->mem, b->max);
    at = num_min_size(at, b->len);
    old = num_min_size(old, b->len - at);
    assert_ok(t, buf_append(&out, b->ptr, at, &t->err));
    assert_ok(t, buf_append(&out, from.ptr, from.len, &t->err));
    assert_ok(t, buf_append(&out, b->ptr + at + old, b->len - at - old, &t->err));
    buf_fini(b);
    *b = out;
}

/* The pages that follow each other from place `i` on, of one leaf. */
static inline struct slice places_chunk(const struct places *p, size_t i)
{
    size_t end = i;
    while (end + 1 < p->count && p->all[end + 1].leaf == p->all[i].leaf &&
           p->all[end + 1].from == p->all[end].to)
        end++;
    return slice_sub(p->file, p->all[i].from, p->all[end].to - p->all[i].from);
}

static inline void edit_page(struct t *t, const struct places *p, struct buf *b, bool is_chunk)
{
    size_t from = (size_t)t_below(t, p->count);
    size_t to = (size_t)t_below(t, p->count);
    struct slice bytes =
        is_chunk ? places_chunk(p, from)
                 : slice_sub(p->file, p->all[from].from, p->all[from].to - p->all[from].from);
    size_t old = is_chunk ? places_chunk(p, to).len : p->all[to].to - p->all[to].from;
    if (t_below(t, 3)) {
        bytes = slice_first(bytes, num_min_size(bytes.len, old));
        old = bytes.len;
    }
    edit_splice(t, b, p->all[to].from, old, bytes);
}

static inline void edit_foreign(struct t *t, const struct places *p, const struct places *other,
                                struct buf *b)
{
    struct place to = places_pick(t, p);
    struct place from = places_pick(t, other);
    struct slice bytes = slice_sub(other->file, from.from, from.to - from.from);
    bytes = slice_first(bytes, num_min_size(bytes.len, to.to - to.from));
    edit_splice(t, b, to.from, bytes.len, bytes);
}

static inline void edit_footer(struct t *t, const struct places *other, struct buf *b)
{
    if (b->len < 12)
        return;
    uint8_t *at = b->ptr + b->len - 8;
    size_t bytes = other->file.len - other->all[other->count - 2].from;
    if (t_below(t, 2))
        num_store_u32le(at, num_load_u32le(at) + (uint32_t)t_below(t, 9) - 4u);
    else
        edit_splice(t, b, b->len - num_min_size(b->len, bytes), bytes,
                    slice_last(other->file, bytes));
}

/* Edit `b`, a copy of p->file. Returns what was done. */
static inline enum edit_kind edit_file(struct t *t, const struct places *p,
                                       const struct places *other, struct buf *b)
{
    enum edit_kind kind = (enum edit_kind)t_below(t, EDIT_KINDS);
    struct place place = places_pick(t, p);
    size_t at = place.from + (size_t)t_below(t, place.to - place.from + 1);
    size_t n = 1 + (size_t)t_below(t, t_below(t, 2) ? 8 : p->file.len / 4 + 1);
    switch (kind) {
    case EDIT_BITS:
        edit_bits(t, p, b);
        break;
    case EDIT_NUMBER:
        edit_number(t, p, b);
        break;
    case EDIT_CUT:
        b->len = num_min_size(b->len, at);
        break;
    case EDIT_REMOVE:
        edit_splice(t, b, at, n, slice_of(NULL, 0));
        break;
    case EDIT_INSERT:
        edit_splice(t, b, at, 0,
                    slice_first(slice_after(p->file, at), num_min_size(n, p->file.len - at)));
        break;
    case EDIT_PAGE:
    case EDIT_CHUNK:
        edit_page(t, p, b, kind == EDIT_CHUNK);
        break;
    case EDIT_FOREIGN:
        edit_foreign(t, p, other, b);
        break;
    case EDIT_FOOTER:
        edit_footer(t, other, b);
        break;
    default:
        for (uint64_t i = 2 + t_below(t, 3); i > 0; i--)
            edit_bits(t, p, b);
        edit_number(t, p, b);
        break;
    }
    return kind;
}

/* ---- What an edit touched ---- */

struct touched {
    bool is_resized;
    bool uses[PLACES_USES];
    bool without_crc; /* a body that no checksum covers, or whose checksum fits what it became */
    bool *leaves;     /* of headers and bodies */
};

/* GZIP bodies of equal length that are stored and not deflated all have one checksum: they end with
 * that of their contents. A page of a chunk in place of another is not to be told there. */
static inline bool places_crc_fits(const struct place *p, struct slice now)
{
    return p->has_crc && hash_crc32(0, slice_sub(now, p->from, p->to - p->from)) == p->crc;
}

/* Compare with the original, byte by byte. `leaves` has room for each leaf. */
static inline void places_touched(const struct places *p, struct slice now, struct touched *out)
{
    out->is_resized = now.len != p->file.len;
    if (out->is_resized)
        return;
    uint8_t *is_known = calloc(p->file.len, 1);
    assert_non_null(is_known);
    for (size_t i = 0; i < p->count; i++) {
        bool is_hit = false;
        for (size_t k = p->all[i].from; k < p->all[i].to; k++) {
            is_known[k] = 1;
            if (p->file.ptr[k] == now.ptr[k])
                continue;
            out->uses[p->all[i].use] = true;
            is_hit = true;
            if (p->all[i].use == PLACES_BODY || p->all[i].use == PLACES_HEADER)
                out->leaves[p->all[i].leaf] = true;
        }
        if (is_hit && p->all[i].use == PLACES_BODY &&
            (!p->all[i].has_crc || places_crc_fits(&p->all[i], now)))
            out->without_crc = true;
    }
    for (size_t k = 0; k < p->file.len; k++)
        if (!is_known[k] && p->file.ptr[k] != now.ptr[k])
            out->uses[PLACES_OTHER] = true;
    free(is_known);
}

#endif
