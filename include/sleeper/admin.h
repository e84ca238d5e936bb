/*
 * Tables as a whole: properties, names, pins and restoring, jobs, partitions. Part of sleeper.h, whose
 * conventions and common errors hold here too; every call adds NOT_FOUND for a table that is not there.
 *
 * What changes a table is one transaction of its log, or several where it says so. CONFLICT means
 * that the table was changed by others meanwhile, or stands in the way: look and decide again.
 */
#ifndef SLEEPER_ADMIN_H
#define SLEEPER_ADMIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sleeper/types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct slp_instance;
struct slp_rows;

/* ---- Properties ---- */

/*
 * A property by its name, short ("gc.delay.minutes") or in full ("sleeper.table.gc.delay.minutes");
 * docs/guide/properties.md has all of them. The value that counts is the table's own, else the
 * instance's default, else that of the program.
 */
struct slp_setting {
    const char *name;
    const char *value; /* NULL: unset, so that the next in line counts */
};

/* Properties as rows: name, value, default, source (table, instance, default), type, help. `table`
 * NULL: the instance's defaults. */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_properties(struct slp_instance *instance, const char *table,
                                               struct slp_rows **out, struct slp_err *err);

/*
 * Set or unset properties of a table, or with `table` NULL defaults of the instance, all at once.
 * `*changes` (may be NULL) has what is changed, or would be with `dry_run`: property, old, new. What
 * is so already is left out; nothing is committed when nothing changes.
 *
 * Errors   NOT_FOUND  a property, with the nearest name
 *          INVALID    a value, with what is expected; a property twice; none
 */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_properties_set(struct slp_instance *instance, const char *table,
                                                   const struct slp_setting *settings, size_t count,
                                                   bool dry_run, struct slp_rows **changes,
                                                   struct slp_err *err);

/* ---- Names ---- */

/* Errors: INVALID, the new name; EXISTS, a table that has it. */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_table_rename(struct slp_instance *instance, const char *table,
                                                 const char *to, struct slp_err *err);

/* Drop a table for good: nothing of it is read or written from then on, by anybody; slp_gc removes
 * its objects. What was stopped half-way is dropped by the next call. */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_table_drop(struct slp_instance *instance, const char *table,
                                               struct slp_err *err);

/* An offline table is left alone by whoever compacts and splits without being asked; all else works.
 * `*was_changed` (may be NULL) is false where it was so already. */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_table_set_offline(struct slp_instance *instance,
                                                      const char *table, bool is_offline,
                                                      bool *was_changed, struct slp_err *err);

/* ---- Earlier states ---- */

struct slp_pin_options {
    const char *table;
    const char *name;  /* of the pin */
    int64_t expires_s; /* seconds from now; 0: never */
};

/*
 * Keep the state of a table as it is now, so that it can be read and restored by the pin's name or
 * `*sequence` (may be NULL). A snapshot is made and verified where none stands there.
 *
 * Errors   EXISTS   a pin of this name
 *          INVALID  its name: 1 to 128 letters, digits, _ . and -, not digits alone
 */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_pin(struct slp_instance *instance,
                                        const struct slp_pin_options *options, uint64_t *sequence,
                                        struct slp_err *err);

/* Errors: NOT_FOUND, the pin. */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_unpin(struct slp_instance *instance, const char *table,
                                          const char *pin, struct slp_err *err);

/* Rows: pin, sequence, expires, expired. `table` NULL: of all tables, in the first column. */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_pin_list(struct slp_instance *instance, const char *table,
                                             struct slp_rows **out, struct slp_err *err);

/* slp_status of a table as it was: at a sequence, a pin or a time. Errors: NOT_FOUND, a state that is
 * not kept; INVALID. */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_status_at(struct slp_instance *instance, const char *table,
                                              const char *at, struct slp_rows **out,
                                              struct slp_err *err);

/* A paused table takes no new rows, jobs, purges or versions of its schema. `*was_changed` (may be
 * NULL) is false where it was so already. */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_table_set_paused(struct slp_instance *instance,
                                                     const char *table, bool is_paused,
                                                     bool *was_changed, struct slp_err *err);

/*
 * Bring a table back to what it was: to a pin, by name, or to a verified snapshot, by its sequence.
 * It is paused meanwhile, unless it was before. Open jobs end; pins stay; `*sequence` (may be NULL) is
 * that of the restore.
 *
 * Errors   NOT_FOUND  no pin of this name; no snapshot at just this sequence, with those there are
 */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_table_restore(struct slp_instance *instance, const char *table,
                                                  const char *to, uint64_t *sequence,
                                                  struct slp_err *err);

/* ---- Jobs, files, partitions ---- */

/* One thing as rows: field, value. Errors: NOT_FOUND, the job ("12.0.0"); the file, by its name or
 * the end of it. */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_job_show(struct slp_instance *instance, const char *table,
                                             const char *job, struct slp_rows **out,
                                             struct slp_err *err);
SLP_PUBLIC SLP_NODISCARD slp_rc slp_file_show(struct slp_instance *instance, const char *table,
                                              const char *file, struct slp_rows **out,
                                              struct slp_err *err);

/* What a partition refers to, as rows: file, from and to (where the partition cuts the file; null: it
 * does not), rows (null where they were not counted), file_rows, file_bytes, from_sequence,
 * to_sequence, unfiled, job. Errors: NOT_FOUND, beyond the last one. */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_partition_show(struct slp_instance *instance, const char *table,
                                                   uint64_t partition, struct slp_rows **out,
                                                   struct slp_err *err);

/* End an open job: its inputs are free again, and what its worker comes with is refused. Errors:
 * NOT_FOUND, the job. */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_job_cancel(struct slp_instance *instance, const char *table,
                                               const char *job, struct slp_err *err);

struct slp_partition_split_options {
    const char *table;
    const char *points; /* one a line, each a row key as CSV; NULL: */
    bool base64;        /* lines are base64 */
    uint64_t leaves;    /* as many partitions of about equal size as the whole table then has */
    bool dry_run;
};

/*
 * Split partitions at given row keys, or into many at once at keys taken from the key indexes of the
 * files. Points at which a bound stands already are passed over. Moves no data; which rows are on
 * which side is exact. `*split_count` is how many bounds were made, or would be.
 *
 * Errors   INVALID  a point, with its line; neither points nor leaves, or both
 */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_partition_split(
    struct slp_instance *instance, const struct slp_partition_split_options *options,
    uint64_t *split_count, struct slp_err *err);

/* Merge neighbours that have together at most `below_rows` rows (0: as the table's property
 * partition.merging.threshold says; then 0 there means that none are). `*merge_count` is how many
 * bounds went, or would with `dry_run`. */
SLP_PUBLIC SLP_NODISCARD slp_rc slp_partition_merge(struct slp_instance *instance,
                                                    const char *table, int64_t below_rows,
                                                    bool dry_run, uint64_t *merge_count,
                                                    struct slp_err *err);

#ifdef __cplusplus
}
#endif

#endif
