#include "merge/kept.h"

#include "base/num.h"

struct merge_kept_input {
    struct arr_dictionary *from; /* whose values are in `all`; NULL: none */
    uint32_t shift;              /* where they begin */
    size_t more_bytes;           /* of the block */
    int64_t rows;                /* of the block */
    struct arr_col plain;        /* its rows, decoded; has rows: they are */
};

static slp_rc make_inputs(struct merge_kept *k, struct merge_kept_of *of,
                          const struct arr_col *like, struct slp_err *err)
{
    void *room = NULL;
    TRY(alloc_array(of->mem, of->input_count, sizeof *k->inputs, &room, err));
    k->inputs = room;
    for (size_t i = 0; i < of->input_count; i++)
        arr_col_init(&k->inputs[i].plain, of->mem, like->type);
    return SLP_OK;
}

slp_rc merge_kept_block(struct merge_kept *k, struct merge_kept_of *of, size_t input,
                        const struct arr_col *col, size_t *more_bytes, struct slp_err *err)
{
    *more_bytes = 0;
    if (!k->inputs && !col->dictionary)
        return SLP_OK;
    if (!k->inputs)
        TRY(make_inputs(k, of, col, err));
    struct merge_kept_input *in = &k->inputs[input];
    size_t plain_bytes = arr_col_plain_bytes(col);
    size_t bytes = col->data.len + col->offsets.len;
    arr_col_clear(&in->plain);
    in->rows = col->rows;
    in->more_bytes = plain_bytes > bytes ? plain_bytes - bytes : 0;
    *more_bytes = in->more_bytes;
    return SLP_OK;
}

/* What the batch before had is forgotten. */
static void reset(struct merge_kept *k, struct merge_kept_of *of)
{
    for (size_t i = 0; i < of->input_count; i++) {
        arr_dictionary_unref(k->inputs[i].from);
        k->inputs[i].from = NULL;
    }
    arr_dictionary_unref(k->all);
    of->bytes -= k->all_bytes;
    k->all = NULL;
    k->all_bytes = 0;
    k->more_bytes = 0;
    k->is_given_up = false;
}

void merge_kept_fini(struct merge_kept *k, struct merge_kept_of *of)
{
    if (!k->inputs)
        return;
    reset(k, of);
    for (size_t i = 0; i < of->input_count; i++)
        arr_col_fini(&k->inputs[i].plain);
    alloc_free(of->mem, k->inputs, of->input_count * sizeof *k->inputs);
    k->inputs = NULL;
}

static bool takes_from(const struct merge_plan *plan, size_t input)
{
    return plan->parts[input].first < plan->parts[input].end;
}

static bool all_have_dictionaries(const struct merge_plan *plan)
{
    for (size_t i = 0; i < plan->input_count; i++) {
        if (takes_from(plan, i) && !plan->sources[i].col->dictionary)
            return false;
    }
    return true;
}

/* Put an input's values behind the others. `*fits` is false where there is no room. */
static slp_rc add_values(struct merge_kept *k, struct merge_kept_of *of, size_t input,
                         struct arr_dictionary *from, bool *fits, struct slp_err *err)
{
    struct merge_kept_input *in = &k->inputs[input];
    struct arr_col *values = &k->all->values;
    size_t bytes = arr_col_memory(&from->values);
    *fits = bytes <= MERGE_KEPT_BYTES_MAX - k->all_bytes && of->bytes <= of->most_bytes &&
            bytes <= of->most_bytes - of->bytes &&
            from->values.rows <= MERGE_KEPT_VALUES_MAX - values->rows;
    if (!*fits)
        return SLP_OK;
    uint32_t shift = (uint32_t)values->rows;
    TRY(arr_col_append_run(values, &from->values, 0, from->values.rows, err));
    arr_dictionary_unref(in->from);
    in->from = arr_dictionary_ref(from);
    in->shift = shift;
    k->all_bytes += bytes;
    of->bytes += bytes;
    return SLP_OK;
}

/* See that the values of all inputs that rows come from are there. */
static slp_rc know_values(struct merge_kept *k, struct merge_kept_of *of,
                          const struct merge_plan *plan, bool *fits, struct slp_err *err)
{
    *fits = true;
    for (size_t i = 0; i < plan->input_count && *fits; i++) {
        struct merge_source *source = &plan->sources[i];
        if (!takes_from(plan, i))
            continue;
        if (k->inputs[i].from != source->col->dictionary)
            TRY(add_values(k, of, i, source->col->dictionary, fits, err));
        source->shift = k->inputs[i].shift;
    }
    return SLP_OK;
}

/* What rows take more, on the average of their blocks. */
static void count_bytes(struct merge_kept *k, const struct merge_plan *plan)
{
    for (size_t i = 0; i < plan->input_count; i++) {
        const struct merge_kept_input *in = &k->inputs[i];
        int64_t rows = plan->parts[i].end - plan->parts[i].first;
        if (rows)
            k->more_bytes += (size_t)((u128)in->more_bytes * (u128)rows / (u128)in->rows);
    }
}

/* The sources' rows as values. */
static slp_rc decode_sources(struct merge_kept *k, const struct merge_plan *plan,
                             struct slp_err *err)
{
    for (size_t i = 0; i < plan->input_count; i++) {
        struct merge_source *source = &plan->sources[i];
        struct arr_col *plain = &k->inputs[i].plain;
        if (!takes_from(plan, i) || !source->col->dictionary)
            continue;
        if (plain->rows == 0)
            TRY(arr_col_append_run(plain, source->col, 0, source->col->rows, err));
        source->col = plain;
    }
    return SLP_OK;
}

slp_rc merge_kept_choose(struct merge_kept *k, struct merge_kept_of *of,
                         const struct merge_plan *plan, struct arr_col *out, struct slp_err *err)
{
    if (!k->inputs)
        return SLP_OK;
    if (out->rows == 0)
        reset(k, of);
    bool is_kept = !k->is_given_up && all_have_dictionaries(plan) &&
                   (out->rows == 0 || (k->all && out->dictionary == k->all));
    if (is_kept && out->rows == 0) {
        TRY(arr_dictionary_new(of->mem, out->type, &k->all, err));
        arr_col_set_dictionary(out, k->all);
    }
    if (is_kept)
        TRY(know_values(k, of, plan, &is_kept, err));
    if (is_kept) {
        count_bytes(k, plan);
        return SLP_OK;
    }
    TRY(arr_col_decode_dictionary(out, err));
    reset(k, of);
    k->is_given_up = true;
    return decode_sources(k, plan, err);
}
