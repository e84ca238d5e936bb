/* Opening a part of a table that has several shards. */
#include <stdio.h>

#include "base/num.h"
#include "state/keep.h"

#include "lib/t.h"
#include "unit/state/helpers.h"

static const char schema_json[] =
    "{\"rowKeyFields\":[{\"name\":\"key\",\"type\":\"StringType\"}],\"sortKeyFields\":[],"
    "\"valueFields\":[]}";

#define LEAVES          64u
#define FILES_EACH      32u
#define KEY_BYTES       900u
#define LEAVES_A_COMMIT (LEAVES / 8u)

struct world {
    struct store *store;
    struct state_instance *instance;
    struct state_table *table;
};

/* Key `n` of a leaf: long, so that few files make several shards. */
static void key_of(unsigned leaf, unsigned n, char out[KEY_BYTES + 1])
{
    memset(out, 'x', KEY_BYTES);
    int used = snprintf(out, KEY_BYTES, "p%02u-%04u", leaf, n);
    out[used] = 'x';
    out[KEY_BYTES] = 0;
}

static void fill_leaves(struct t *t, struct world *w, unsigned leaf, unsigned leaves)
{
    static struct state_new_file files[LEAVES * FILES_EACH];
    static char keys[LEAVES * FILES_EACH][2][KEY_BYTES + 1];
    struct state_result r;
    size_t count = 0;
    for (unsigned i = leaf; i < leaf + leaves; i++) {
        for (unsigned k = 0; k < FILES_EACH; k++, count++) {
            key_of(i, k, keys[count][0]);
            key_of(i, k + 1, keys[count][1]);
            files[count] = file_of("data/00/x.parquet", keys[count][0], keys[count][1], 10);
        }
    }
    struct state_txn txn = {.kind = STATE_ADD, .add = {.files = files, .count = count}};
    assert_ok(t, state_table_commit(w->table, &txn, NULL, &r, &t->err));
    assert_ok(t, state_result_check(&r, &t->err));
}

static void world_open(struct t *t, struct world *w)
{
    static char points[LEAVES][4];
    struct slice splits[LEAVES];
    struct state_kept kept;
    for (unsigned i = 1; i < LEAVES; i++) {
        (void)snprintf(points[i], sizeof points[i], "p%02u", i);
        splits[i - 1] = slice_str(points[i]);
    }
    struct state_table_options make = {.name = slice_str("t"),
                                       .schema_json = slice_str(schema_json),
                                       .split_points = splits,
                                       .split_point_count = LEAVES - 1};
    assert_ok(t, store_memory_new(alloc_system(), &w->store, &t->err));
    assert_ok(t, state_instance_create(w->store, NULL, &t->err));
    assert_ok(t, state_instance_open(&t->mem, w->store, NULL, &w->instance, &t->err));
    assert_ok(t, state_table_create(w->instance, &make, &t->err));
    assert_ok(t, state_table_open(w->instance, slice_str("t"), &w->table, &t->err));
    for (unsigned i = 0; i < LEAVES; i += LEAVES_A_COMMIT)
        fill_leaves(t, w, i, LEAVES_A_COMMIT);
    assert_ok(t, state_table_keep(w->table, 1, &kept, &t->err));
    store_sleep_us(w->store, 2 * STATE_HEAD_EVERY_US); /* the next commit writes a head */
    struct state_result r;
    struct state_new_file f = file_of("data/00/y.parquet", "p40-1", "p40-2", 1);
    struct state_txn txn = {.kind = STATE_ADD, .add = {.files = &f, .count = 1}};
    assert_ok(t, state_table_commit(w->table, &txn, NULL, &r, &t->err));
}

static void world_close(struct world *w)
{
    state_table_close(w->table);
    state_instance_close(w->instance);
    store_close(w->store);
}

static struct key_range at(const char *lo, const char *hi)
{
    return (struct key_range){.lo = slice_str(lo), .hi = slice_str(hi), .has_hi = true};
}

/* What it has of the leaf is what the whole table has. */
static void has_leaf(struct t *t, struct world *w, struct state_table *part, const char *key)
{
    const struct table_state *all = state_table_view(w->table);
    const struct table_state *some = state_table_view(part);
    const struct state_leaf *a = state_leaf_at(all, state_leaf_holding(all, slice_str(key)));
    const struct state_leaf *b = state_leaf_find(some, a->range);
    (void)t;
    assert_non_null(b);
    assert_int_equal(a->ref_count, b->ref_count);
    assert_int_equal(state_leaf_rows(a, NULL), state_leaf_rows(b, NULL));
}

struct asked {
    int times;
    const char *lo;
    const char *hi;
    slp_rc rc;
};

static slp_rc choose(void *context, struct state_table *t, struct key_range *range,
                     struct slp_err *err)
{
    struct asked *asked = context;
    asked->times++;
    assert(state_table_schema(t)->key_count == 1);
    if (asked->rc != SLP_OK)
        return err_set(err, asked->rc, "no such key");
    *range = at(asked->lo, asked->hi);
    return SLP_OK;
}

static void a_part_costs_its_shard_and_the_tail(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_instance *fresh = NULL;
    struct state_table *part = NULL;
    struct asked asked = {.lo = "p40-1", .hi = "p40-2"};
    struct state_open_options o = {.choose = choose, .context = &asked};
    world_open(t, &w);
    struct store_counts before = store_counts_read(w.store);
    assert_ok(t, state_instance_open(&t->mem, w.store, NULL, &fresh, &t->err));
    assert_ok(t, state_table_open_with(fresh, slice_str("t"), &o, &part, &t->err));
    struct store_counts after = store_counts_read(w.store);
    /* The instance with the catalogue's head; the table's; its shard with the tail. */
    assert_int_equal(after.rounds - before.rounds, 3);
    assert_in_range(after.bytes_in - before.bytes_in, STATE_SHARD_BYTES / 2,
                    STATE_SHARD_BYTES + STATE_SHARD_BYTES / 2);
    assert_int_equal(asked.times, 1);
    assert_in_range(state_leaf_count(state_table_view(part)), 1, LEAVES / 2);
    has_leaf(t, &w, part, "p40-1");
    assert_ok(t, state_table_cover(part, at("p40-1", "p40-2"), &t->err));
    assert_int_equal(store_counts_read(w.store).rounds, after.rounds);
    state_table_close(part);
    state_instance_close(fresh);
    world_close(&w);
}

static void other_leaves_are_loaded_when_they_are_asked_for(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_table *part = NULL;
    struct asked asked = {.rc = SLP_INVALID};
    struct state_open_options o = {.choose = choose, .context = &asked};
    world_open(t, &w);
    assert_ok(t, state_table_open_with(w.instance, slice_str("t"), &o, &part, &t->err));
    assert_int_equal(asked.times, 1);
    assert_in_range(state_leaf_count(state_table_view(part)), 1, LEAVES / 2); /* the first shard */
    assert_ok(t, state_table_cover(part, at("p40-1", "p40-2"), &t->err));
    has_leaf(t, &w, part, "p40-1");
    assert_ok(t, state_table_cover(part, at("p60", "p61"), &t->err));
    has_leaf(t, &w, part, "p60");
    assert_in_range(state_leaf_count(state_table_view(part)), 1, LEAVES / 2);
    fill_leaves(t, &w, 60, 1);
    assert_ok(t, state_table_refresh(part, &t->err));
    has_leaf(t, &w, part, "p60");
    assert_ok(t, state_table_cover(part, at("p01", "p02"), &t->err)); /* the third: all */
    assert_int_equal(state_leaf_count(state_table_view(part)), LEAVES);
    has_leaf(t, &w, part, "p60");
    state_table_close(part);
    world_close(&w);
}

/* An empty interval still has a table around it. */
static void nothing_is_a_part_too(void **state)
{
    struct t *t = *state;
    struct world w;
    struct state_table *part = NULL;
    struct state_open_options o = {.range = at("p40", "p10")};
    world_open(t, &w);
    assert_ok(t, state_table_open_with(w.instance, slice_str("t"), &o, &part, &t->err));
    assert_in_range(state_leaf_count(state_table_view(part)), 1, LEAVES / 2);
    assert_ok(t, state_table_cover(part, (struct key_range){.has_hi = false}, &t->err));
    assert_int_equal(state_leaf_count(state_table_view(part)), LEAVES);
    state_table_close(part);
    world_close(&w);
}

/* The bytes of frames make a snapshot due as their number does: however large they are, whoever opens a
 * part reads 8 MB in four rounds at most, and one more for the catalogue. */
static void large_frames_are_kept_out_of_the_way(void **state)
{
    struct t *t = *state;
    struct world w;
    uint64_t most_bytes = 0;
    world_open(t, &w);
    for (unsigned i = 0; i < 12; i++) {
        struct state_instance *fresh = NULL;
        struct state_table *part = NULL;
        struct state_open_options o = {.range = at("p40-1", "p40-2")};
        store_sleep_us(w.store, 2 * STATE_HEAD_EVERY_US); /* a head is due with each of them */
        fill_leaves(t, &w, i % 8 * LEAVES_A_COMMIT, LEAVES_A_COMMIT);
        state_table_keep_due(w.table);
        struct store_counts before = store_counts_read(w.store);
        assert_ok(t, state_instance_open(&t->mem, w.store, NULL, &fresh, &t->err));
        assert_ok(t, state_table_open_with(fresh, slice_str("t"), &o, &part, &t->err));
        struct store_counts after = store_counts_read(w.store);
        most_bytes = num_max_size(most_bytes, after.bytes_in - before.bytes_in);
        assert_in_range(after.rounds - before.rounds, 1, 5);
        has_leaf(t, &w, part, "p40-1");
        state_table_close(part);
        state_instance_close(fresh);
    }
    assert_in_range(most_bytes, 1, 8u << 20);
    assert_in_range(state_verified_count(state_table_view(w.table)), 3, 8);
    world_close(&w);
}

T_MAIN(T_TEST(a_part_costs_its_shard_and_the_tail),
       T_TEST(other_leaves_are_loaded_when_they_are_asked_for), T_TEST(nothing_is_a_part_too),
       T_TEST(large_frames_are_kept_out_of_the_way))
