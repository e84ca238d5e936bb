#include "ingest/feed.h"

#include "lib/place.h"

static struct arr_field fields[] = {{.name = "k", .type = {.kind = ARR_UTF8}}};
static const struct arr_schema schema = {.fields = fields, .count = 1};

static slp_rc open_feed(struct t *t, const char *const *inputs, size_t count, struct ingest_feed *f)
{
    struct ingest_feed_options o = {
        .inputs = inputs, .input_count = count, .rows = {.want = &schema}};
    return ingest_feed_init(f, &t->mem, &o, &t->err);
}

/* Values of the first row of each part in turn. */
static slp_rc read_firsts(struct t *t, struct ingest_feed *f, char *text, size_t room)
{
    for (;;) {
        struct ingest_part part;
        struct arr_batch batch = {0};
        slp_rc rc = ingest_feed_next(f, &part, &t->err);
        if (rc != SLP_OK)
            return rc;
        rc = arr_stream_next(part.stream, &batch, &t->err);
        if (rc == SLP_OK) {
            struct slice value = arr_col_bytes(&batch.cols[0], 0);
            size_t len = strlen(text);
            (void)snprintf(text + len, room - len, "%llu:%.*s ",
                           (unsigned long long)(part.ordinal >> INGEST_ROW_BITS), SLICE_ARG(value));
        }
        arr_batch_fini(&batch);
        ingest_feed_release(f, &part);
        if (rc != SLP_OK && rc != SLP_DONE)
            return rc;
    }
}

static void make_inputs(struct place *p)
{
    place_make(p);
    place_make_folder(p, "many");
    place_write(p, "many/b.csv", "k\nb\n");
    place_write(p, "many/a.csv", "k\na\n");
    place_write(p, "many/c.csv", "k\n");
    place_write(p, "one.csv", "k\none\n");
}

static void parts_come_in_the_order_of_inputs_then_names(void **state)
{
    struct t *t = *state;
    struct place p;
    struct ingest_feed f;
    char one[1024];
    char many[1024];
    char text[200] = "";
    make_inputs(&p);
    (void)snprintf(one, sizeof one, "%s", place_path(&p, "one.csv"));
    (void)snprintf(many, sizeof many, "%s", place_path(&p, "many"));
    const char *inputs[] = {one, many, one};
    assert_ok(t, open_feed(t, inputs, 3, &f));
    assert_int_equal(f.path_count, 5);
    assert_rc(t, read_firsts(t, &f, text, sizeof text), SLP_DONE);
    assert_string_equal(text, "0:one 1:a 2:b 4:one ");
    ingest_feed_fini(&f);
    place_drop(&p);
}

static void an_input_that_is_not_there_is_named(void **state)
{
    struct t *t = *state;
    struct ingest_feed f;
    const char *inputs[] = {"/nowhere/at/all.csv"};
    assert_rc(t, open_feed(t, inputs, 1, &f), SLP_NOT_FOUND);
    assert_err_has(t, "/nowhere/at/all.csv");
}

static void a_part_may_outlive_its_feed_being_passed_on(void **state)
{
    struct t *t = *state;
    struct place p;
    struct ingest_feed f;
    struct ingest_part first;
    struct ingest_part second;
    struct arr_batch batch = {0};
    make_inputs(&p);
    const char *inputs[] = {place_path(&p, "many")};
    assert_ok(t, open_feed(t, inputs, 1, &f));
    assert_ok(t, ingest_feed_next(&f, &first, &t->err));
    assert_ok(t, ingest_feed_next(&f, &second, &t->err));
    assert_ok(t, arr_stream_next(first.stream, &batch, &t->err));
    assert_true(slice_is(arr_col_bytes(&batch.cols[0], 0), "a"));
    arr_batch_fini(&batch);
    ingest_feed_release(&f, &second);
    ingest_feed_release(&f, &first);
    ingest_feed_fini(&f);
    place_drop(&p);
}

static void the_feed_survives_every_fault(void **state)
{
    struct t *t = *state;
    struct place p;
    make_inputs(&p);
    const char *inputs[] = {place_path(&p, "many")};
    T_FAULT_LOOP(t) {
        struct ingest_feed f = {0};
        char text[200] = "";
        slp_rc rc = open_feed(t, inputs, 1, &f);
        if (rc == SLP_OK)
            rc = read_firsts(t, &f, text, sizeof text);
        assert_int_equal(rc, t->fault_hit ? SLP_NO_MEMORY : SLP_DONE);
        ingest_feed_fini(&f);
    }
    place_drop(&p);
}

T_MAIN(T_TEST(parts_come_in_the_order_of_inputs_then_names),
       T_TEST(an_input_that_is_not_there_is_named),
       T_TEST(a_part_may_outlive_its_feed_being_passed_on), T_TEST(the_feed_survives_every_fault))
