#include "api/listing.h"

#include <inttypes.h>
#include <stdio.h>

#include "arrow/text.h"

#define LIST_MAX_BYTES ((size_t)1 << 30)

slp_rc api_fill_list(struct listing *l, const struct list_kind *kind, struct slp_rows **out,
                     struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    arena_init(&l->arena, l->instance->mem, LIST_MAX_BYTES);
    TRY_OUT(api_list_new(l->instance->mem, kind->columns, kind->count, &l->list, err));
    TRY_OUT(kind->fill(l, err));
out:
    arena_fini(&l->arena);
    if (rc != SLP_OK) {
        api_list_free(l->list);
        return rc;
    }
    return api_list_rows(l->list, out, err);
}

slp_rc api_make_list(struct slp_instance *instance, const char *table, const struct list_kind *kind,
                     const void *context, struct slp_rows **out, struct slp_err *err)
{
    struct listing l = {.instance = instance, .context = context};
    TRY(api_instance_table(instance, table, &l.table, err));
    l.view = state_table_view(l.table);
    return api_fill_list(&l, kind, out, err);
}

slp_rc api_each_listed(struct listing *l,
                       slp_rc (*add)(struct listing *l, struct slice name, struct slp_err *err),
                       struct slp_err *err)
{
    struct state_table_entry *tables = NULL;
    size_t count = 0;
    TRY(state_table_list(l->instance->state, &l->arena, &tables, &count, err));
    for (size_t i = 0; i < count; i++) {
        slp_rc rc = state_table_open_id(l->instance->state, tables[i].id, &l->table, err);
        if (rc != SLP_OK)
            return err_wrap(err, rc, "table \"%.*s\"", SLICE_ARG(tables[i].name));
        l->view = state_table_view(l->table);
        rc = add(l, tables[i].name, err);
        state_table_close(l->table);
        TRY(rc);
    }
    return SLP_OK;
}

slp_rc api_key_text(struct listing *l, struct slice key, struct slice *out, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct buf text;
    buf_init(&text, l->instance->mem, (size_t)KEY_MAX_BYTES * 8);
    if (key_format(state_table_key_spec(l->table), key, &text, NULL) != SLP_OK) {
        buf_clear(&text);
        TRY_OUT(buf_append(&text, "0x", 2, err));
        for (size_t i = 0; i < key.len; i++)
            TRY_OUT(buf_printf(&text, err, "%02x", key.ptr[i]));
    }
    rc = arena_copy(&l->arena, buf_slice(&text), out, err);
out:
    buf_fini(&text);
    return rc;
}

slp_rc api_range_text(struct listing *l, struct key_range range, struct list_value *lo,
                      struct list_value *hi, struct slp_err *err)
{
    *lo = list_null();
    *hi = list_null();
    if (range.lo.len) {
        *lo = list_text(range.lo);
        TRY(api_key_text(l, range.lo, &lo->text, err));
    }
    if (range.has_hi) {
        *hi = list_text(range.hi);
        TRY(api_key_text(l, range.hi, &hi->text, err));
    }
    return SLP_OK;
}

slp_rc api_add_field(struct listing *l, const char *field, struct list_value value,
                     struct slp_err *err)
{
    struct list_value row[] = {list_text(slice_str(field)), value};
    return api_list_add(l->list, row, err);
}

slp_rc api_add_number(struct listing *l, const char *field, int64_t value, struct slp_err *err)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRId64, value);
    return api_add_field(l, field, list_text(slice_str(text)), err);
}

slp_rc api_add_time(struct listing *l, const char *field, int64_t time_us, struct slp_err *err)
{
    slp_rc rc = SLP_OK;
    struct buf text;
    struct arr_col c;
    struct arr_type type = {.kind = ARR_TIMESTAMP, .unit = ARR_MICRO, .utc = true};
    buf_init(&text, l->instance->mem, 64);
    arr_col_init(&c, l->instance->mem, type);
    TRY_OUT(arr_col_append_i64(&c, time_us, err));
    TRY_OUT(arr_text_format(&c, 0, &text, err));
    rc = api_add_field(l, field, list_text(buf_slice(&text)), err);
out:
    arr_col_fini(&c);
    buf_fini(&text);
    return rc;
}
