/*
 * The bound tree: columns have indexes, literals have the type of the column they met, and there is
 * no NOT: it was pushed down to the leaves, which three-valued logic allows.
 *
 *   CONST    a truth value
 *   FOLD     one truth for rows where the column has a value, another where it is null: what is left
 *            of a comparison that the literal decides alone, and IS [NOT] NULL
 *   CMP      column op value
 *   PAIR     column op column
 *   IN       column [NOT] IN a sorted set
 *   LIKE     column [NOT] LIKE pattern
 *   IS       [NOT] TRUE or UNKNOWN over its one child
 *   AND, OR  two children or more
 *
 * A column's number may be that of a member of a struct, behind those of the schema.
 *
 * Values by class: BOOL, integers, dates and times and decimals are an i128 (`num`, a decimal
 * unscaled), floats a double, text and binary bytes.
 */
#ifndef SLP_PREDICATE_TREE_H
#define SLP_PREDICATE_TREE_H

#include "predicate/like.h"
#include "predicate/number.h"
#include "predicate/syntax.h"

enum pred_class { PRED_CLASS_NONE, PRED_CLASS_NUM, PRED_CLASS_REAL, PRED_CLASS_BYTES };

/* NONE is the class of NULL columns. */
enum pred_class pred_class_of(struct arr_type type);

struct pred_value {
    i128 num;
    double real;
    struct slice bytes;
};

/* Order of two values of one class. */
int pred_value_compare(enum pred_class c, const struct pred_value *a, const struct pred_value *b);

/*
 * Members of an IN list, ascending, each once. Those that fit 64 bits are kept as ordinals, whose
 * order as int64_t is the order of the values.
 */
struct pred_set {
    enum pred_class of;
    bool has_null;
    size_t count;
    struct pred_value *values;
    int64_t *ordinals; /* NULL for DECIMAL128 and bytes */
};

/* Ordinals: of a double by its order (-0.0 as 0.0, one NaN, last), of UINT64 by an offset. */
int64_t pred_ordinal_real(double d);
int64_t pred_ordinal_num(enum arr_kind kind, i128 num);

enum pred_kind {
    PRED_CONST,
    PRED_FOLD,
    PRED_CMP,
    PRED_PAIR,
    PRED_IN,
    PRED_LIKE,
    PRED_IS,
    PRED_AND,
    PRED_OR
};

struct pred_node {
    enum pred_kind kind;
    enum pred_op op;         /* CMP, PAIR */
    uint8_t truth;           /* CONST; FOLD: of a value */
    uint8_t null_truth;      /* FOLD, CMP: of a null */
    bool is_safe;            /* PAIR: IS [NOT] DISTINCT FROM, never UNKNOWN */
    bool is_negated;         /* IN, LIKE, IS */
    enum pred_test test;     /* IS: TRUE or UNKNOWN */
    size_t column;           /* leaves but CONST */
    size_t other;            /* PAIR */
    struct pred_value value; /* CMP */
    const struct pred_set *set;
    const struct pred_like *like;
    struct pred_node **kids;
    size_t count;
};

/* A member of a struct: from `column` of the schema down `path`. */
struct pred_member {
    size_t column;
    size_t depth; /* of `path`, at least 1 */
    const size_t *path;
    const struct arr_field *field; /* of the schema */
};

struct pred {
    const struct arr_schema *schema;
    const struct pred_member *members; /* numbered behind the columns */
    size_t member_count;
    const struct pred_node *root;
    size_t height; /* nested ANDs and ORs: truth vectors that evaluation needs */
};

/* What a column's number stands for. */
const struct arr_field *pred_field(const struct pred *p, size_t column);

/* How two columns compare. NOT_COMPARABLE when they do not. */
enum pred_pairing {
    PRED_PAIR_NOT_COMPARABLE,
    PRED_PAIR_NUM,   /* integers, decimals, times, bools: as i128 over a power of ten */
    PRED_PAIR_REAL,  /* floats */
    PRED_PAIR_MIXED, /* one float, one exact */
    PRED_PAIR_BYTES
};

enum pred_pairing pred_pairing_of(struct arr_type a, struct arr_type b);

/* Bind to a schema. Errors as pred_compile; up to five errors in one text. */
SLP_NODISCARD slp_rc pred_bind(struct slice text, const struct pred_syntax *tree,
                               const struct arr_schema *schema, struct arena *arena,
                               struct pred **out, struct slp_err *err);

/* Where a literal stands among a column's values; `value` is set for AT and AFTER. */
struct pred_place {
    enum pred_side side;
    struct pred_value value;
};

/*
 * Place a literal (not NULL) among the values of a column's type. Errors: INVALID with caret when
 * the two do not compare or the text does not parse; NO_MEMORY.
 */
SLP_NODISCARD slp_rc pred_literal_place(struct slice text, const struct pred_syntax *literal,
                                        const struct arr_field *field, struct arena *arena,
                                        struct pred_place *out, struct slp_err *err);

/* "number -5", "text 'abc'": for messages; long ones are cut. */
void pred_literal_describe(const struct pred_literal *literal, char *out, size_t out_bytes);

/* Order of two literals. Errors: INVALID with caret when they are of different kinds. */
SLP_NODISCARD slp_rc pred_literal_compare(struct slice text, const struct pred_syntax *a,
                                          const struct pred_syntax *b, int *order,
                                          struct slp_err *err);

#endif
