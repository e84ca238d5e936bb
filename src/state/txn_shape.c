/* The shapes of all payloads: docs/format/log.md as tables. */

#include "state/shape.h"
#include "state/txn_priv.h"

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
    ONE(27, U64, "deletes", struct state_new_file, deletes),
    ONE(29, U64, "resets", struct state_new_file, resets),
    ONE(31, U32, "stack", struct state_new_file, stack),
    ONE(33, POSITION, "purged_through", struct state_new_file, purged_through),
    ONE(35, U32, "body", struct state_new_file, body),
};
const struct state_shape state_file_shape = {
    .name = "a file",
    .bytes = sizeof(struct state_new_file),
    .fields = file_fields,
    .count = sizeof file_fields / sizeof *file_fields,
    .keeps_extra = true,
    .extra_offset = offsetof(struct state_new_file, extra),
};

static const struct state_wire_field property_fields[] = {
    ONE(1, TEXT, "name", struct state_property, name),
    ONE(3, TEXT, "value", struct state_property, value),
    ONE(5, BOOL, "unset", struct state_property, is_unset),
};
const struct state_shape state_property_shape =
    SHAPE("a property", struct state_property, property_fields);

static const struct state_wire_field create_fields[] = {
    ONE(1, HASH, "table", struct state_create, table),
    ONE(3, TEXT, "schema", struct state_create, schema_json),
    ONE(5, U32, "key_version", struct state_create, key_version),
    LIST(7, BYTES, "split_point", struct state_create, split_points, split_point_count, NULL),
    ONE(9, U32, "engine", struct state_create, engine),
    ONE(11, BOOL, "ordered", struct state_create, is_ordered),
    ONE(13, U32, "order_by", struct state_create, order_by),
    ONE(15, TEXT, "engine_text", struct state_create, engine_text),
    LIST(17, SHAPE, "property", struct state_create, properties, property_count,
         &state_property_shape),
    ONE(2, TEXT, "name", struct state_create, name),
};
static const struct state_shape create_shape =
    SHAPE("a create", struct state_create, create_fields);

static const struct state_wire_field add_fields[] = {
    LIST(1, SHAPE, "file", struct state_add, files, count, &state_file_shape),
    ONE(3, ID, "job", struct state_add, job),
    ONE(5, U32, "attempt", struct state_add, attempt),
    ONE(7, BOOL, "ends_job", struct state_add, ends_job),
};
static const struct state_shape add_shape = SHAPE("an add", struct state_add, add_fields);

static const struct state_wire_field assign_item_fields[] = {
    ONE(1, RANGE_LO, "lo", struct state_assign_item, leaf),
    ONE(3, RANGE_HI, "hi", struct state_assign_item, leaf),
    LIST(5, ID, "input", struct state_assign_item, inputs, input_count, NULL),
    ONE(7, I64, "deadline_us", struct state_assign_item, deadline_us),
    ONE(9, U32, "kind", struct state_assign_item, kind),
    ONE(11, BOOL, "drops_deletes", struct state_assign_item, drops_deletes),
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
    LIST(9, ID, "faulty", struct state_fail_item, faulty, faulty_count, NULL),
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

static const struct state_wire_field extend_item_fields[] = {
    ONE(1, ID, "job", struct state_extend_item, job),
    ONE(3, U32, "attempt", struct state_extend_item, attempt),
    ONE(5, RANGE_LO, "lo", struct state_extend_item, range),
    ONE(7, RANGE_HI, "hi", struct state_extend_item, range),
    ONE(9, I64, "deadline_us", struct state_extend_item, deadline_us),
};
static const struct state_shape extend_item_shape =
    SHAPE("an extend item", struct state_extend_item, extend_item_fields);
static const struct state_wire_field extend_fields[] = {
    LIST(1, SHAPE, "item", struct state_extend, items, count, &extend_item_shape),
};
static const struct state_shape extend_shape =
    SHAPE("an extend", struct state_extend, extend_fields);

static const struct state_wire_field reassign_item_fields[] = {
    ONE(1, ID, "job", struct state_reassign_item, job),
    ONE(3, U32, "attempt", struct state_reassign_item, attempt),
    ONE(5, RANGE_LO, "lo", struct state_reassign_item, range),
    ONE(7, RANGE_HI, "hi", struct state_reassign_item, range),
    ONE(9, U32, "extension", struct state_reassign_item, extension),
    ONE(11, I64, "deadline_us", struct state_reassign_item, deadline_us),
};
static const struct state_shape reassign_item_shape =
    SHAPE("a reassign item", struct state_reassign_item, reassign_item_fields);
static const struct state_wire_field reassign_fields[] = {
    LIST(1, SHAPE, "item", struct state_reassign, items, count, &reassign_item_shape),
};
static const struct state_shape reassign_shape =
    SHAPE("a reassign", struct state_reassign, reassign_fields);

static const struct state_wire_field merge_item_fields[] = {
    ONE(1, RANGE_LO, "lo", struct state_merge_item, range),
    ONE(3, RANGE_HI, "hi", struct state_merge_item, range),
    ONE(5, BYTES, "at", struct state_merge_item, at),
};
static const struct state_shape merge_item_shape =
    SHAPE("a merge item", struct state_merge_item, merge_item_fields);
static const struct state_wire_field merge_fields[] = {
    LIST(1, SHAPE, "item", struct state_merge, items, count, &merge_item_shape),
};
static const struct state_shape merge_shape = SHAPE("a merge", struct state_merge, merge_fields);

static const struct state_wire_field overwrite_fields[] = {
    LIST(1, SHAPE, "file", struct state_overwrite, add.files, add.count, &state_file_shape),
    ONE(3, ID, "job", struct state_overwrite, add.job),
    ONE(5, U32, "attempt", struct state_overwrite, add.attempt),
    ONE(7, BOOL, "ends_job", struct state_overwrite, add.ends_job),
    ONE(9, RANGE_LO, "lo", struct state_overwrite, range),
    ONE(11, RANGE_HI, "hi", struct state_overwrite, range),
};
static const struct state_shape overwrite_shape =
    SHAPE("an overwrite", struct state_overwrite, overwrite_fields);

static const struct state_wire_field range_delete_fields[] = {
    ONE(1, RANGE_LO, "lo", struct state_range_delete, range),
    ONE(3, RANGE_HI, "hi", struct state_range_delete, range),
};
static const struct state_shape range_delete_shape =
    SHAPE("a range delete", struct state_range_delete, range_delete_fields);

static const struct state_wire_field purge_fields[] = {
    ONE(1, TEXT, "predicate", struct state_purge_rows, predicate),
    ONE(3, BYTES, "bound", struct state_purge_rows, bound),
    ONE(5, BOOL, "on_keys", struct state_purge_rows, is_on_keys),
    ONE(7, U32, "schema_version", struct state_purge_rows, schema_version),
    ONE(2, TEXT, "why", struct state_purge_rows, why),
};
static const struct state_shape purge_shape =
    SHAPE("a purge", struct state_purge_rows, purge_fields);

static const struct state_wire_field retire_fields[] = {
    LIST(1, POSITION, "purge", struct state_retire_purge, purges, count, NULL),
    ONE(3, U64, "seen", struct state_retire_purge, seen),
};
static const struct state_shape retire_shape =
    SHAPE("a retire purge", struct state_retire_purge, retire_fields);

static const struct state_wire_field pin_fields[] = {
    ONE(1, TEXT, "name", struct state_pin_snapshot, name),
    ONE(3, TEXT, "root", struct state_pin_snapshot, root),
    ONE(5, U64, "number", struct state_pin_snapshot, number),
    ONE(7, I64, "expires_us", struct state_pin_snapshot, expires_us),
};
static const struct state_shape pin_shape = SHAPE("a pin", struct state_pin_snapshot, pin_fields);

static const struct state_wire_field unpin_fields[] = {
    ONE(1, TEXT, "name", struct state_unpin, name),
    ONE(3, POSITION, "at", struct state_unpin, at),
};
static const struct state_shape unpin_shape = SHAPE("an unpin", struct state_unpin, unpin_fields);

static const struct state_wire_field collect_fields[] = {
    ONE(1, U64, "minted", struct state_collect, minted),
    ONE(3, U64, "horizon", struct state_collect, horizon),
    ONE(5, U64, "forget", struct state_collect, forget),
};
static const struct state_shape collect_shape =
    SHAPE("a collect", struct state_collect, collect_fields);

static const struct state_wire_field note_fields[] = {
    ONE(2, TEXT, "why", struct state_note, why),
};
static const struct state_shape note_shape = SHAPE("a note", struct state_note, note_fields);

static const struct state_wire_field restore_fields[] = {
    ONE(1, TEXT, "root", struct state_restore, root),
    ONE(3, U64, "number", struct state_restore, number),
};
static const struct state_shape restore_shape =
    SHAPE("a restore", struct state_restore, restore_fields);

static const struct state_wire_field alter_fields[] = {
    ONE(1, U32, "version", struct state_alter, version),
    ONE(3, TEXT, "schema", struct state_alter, schema_json),
};
static const struct state_shape alter_shape = SHAPE("an alter", struct state_alter, alter_fields);

static const struct state_wire_field properties_fields[] = {
    LIST(1, SHAPE, "property", struct state_set_properties, items, count, &state_property_shape),
};
static const struct state_shape properties_shape =
    SHAPE("a list of properties", struct state_set_properties, properties_fields);

static const struct state_wire_field name_table_fields[] = {
    ONE(1, HASH, "table", struct state_name_table, table),
    ONE(3, TEXT, "name", struct state_name_table, name),
};
static const struct state_shape name_table_shape =
    SHAPE("a table by id", struct state_name_table, name_table_fields);

static const struct state_wire_field submit_file_fields[] = {
    ONE(1, TEXT, "path", struct state_submit_file, path),
    ONE(3, U64, "bytes", struct state_submit_file, bytes),
    ONE(5, TEXT, "kinds", struct state_submit_file, reading.kinds),
    ONE(2, TEXT, "format", struct state_submit_file, reading.format),
    ONE(4, BOOL, "skips", struct state_submit_file, reading.skips),
    ONE(6, U64, "most", struct state_submit_file, reading.most),
};
static const struct state_shape submit_file_shape =
    SHAPE("a submitted file", struct state_submit_file, submit_file_fields);
static const struct state_wire_field submit_fields[] = {
    LIST(1, SHAPE, "file", struct state_submit, files, count, &submit_file_shape),
};
static const struct state_shape submit_shape =
    SHAPE("a submit", struct state_submit, submit_fields);

static const struct state_wire_field withdraw_fields[] = {
    LIST(1, ID, "file", struct state_withdraw, files, count, NULL),
};
static const struct state_shape withdraw_shape =
    SHAPE("a withdraw", struct state_withdraw, withdraw_fields);

/* What stays in the frame of a payload that is out of line. */
static const struct state_wire_field body_fields[] = {
    ONE(1, TEXT, "body", struct state_body, name),
    ONE(3, U64, "bytes", struct state_body, bytes),
    LIST(5, TEXT, "object", struct state_body, objects, object_count, NULL),
    ONE(7, ID, "job", struct state_body, job),
};
const struct state_shape state_body_shape = SHAPE("a body's name", struct state_body, body_fields);

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
    case STATE_EXTEND:
        return &extend_shape;
    case STATE_REASSIGN:
        return &reassign_shape;
    case STATE_MERGE:
        return &merge_shape;
    case STATE_OVERWRITE:
        return &overwrite_shape;
    case STATE_RANGE_DELETE:
        return &range_delete_shape;
    case STATE_PURGE:
        return &purge_shape;
    case STATE_RETIRE_PURGE:
        return &retire_shape;
    case STATE_PIN:
        return &pin_shape;
    case STATE_UNPIN:
        return &unpin_shape;
    case STATE_COLLECT:
        return &collect_shape;
    case STATE_PAUSE:
    case STATE_RESUME:
    case STATE_DROP:
        return &note_shape;
    case STATE_RESTORE:
        return &restore_shape;
    case STATE_ALTER:
        return &alter_shape;
    case STATE_SUBMIT:
        return &submit_shape;
    case STATE_WITHDRAW:
        return &withdraw_shape;
    case STATE_PROPERTIES:
    case STATE_DEFAULTS:
        return &properties_shape;
    case STATE_CREATE_TABLE:
        return &create_table_shape;
    case STATE_RENAME_TABLE:
    case STATE_DROP_TABLE:
    case STATE_ONLINE:
    case STATE_OFFLINE:
        return &name_table_shape;
    }
    return NULL;
}

const struct state_shape *state_kind_shape(uint64_t kind)
{
    return kind <= INT32_MAX ? shape_of((enum state_kind)kind) : NULL;
}
