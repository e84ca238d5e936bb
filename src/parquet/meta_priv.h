/*
 * Pieces of the metadata parser: types of columns and the tree of the schema are
 * apart from the walk over the structs.
 */
#ifndef SLP_PARQUET_META_PRIV_H
#define SLP_PARQUET_META_PRIV_H

#include "codec/thrift_read.h"
#include "parquet/meta.h"

/* Decimals stored as bytes are at most this long; 76 digits need 32. */
#define PQ_DECIMAL_BYTES_MAX 64

/* The members of the LogicalType union that are told apart. */
enum pq_logical {
    PQ_LOGICAL_NONE = 0,
    PQ_LOGICAL_STRING = 1,
    PQ_LOGICAL_MAP = 2,
    PQ_LOGICAL_LIST = 3,
    PQ_LOGICAL_ENUM = 4,
    PQ_LOGICAL_DECIMAL = 5,
    PQ_LOGICAL_DATE = 6,
    PQ_LOGICAL_TIME = 7,
    PQ_LOGICAL_TIMESTAMP = 8,
    PQ_LOGICAL_INTERVAL = 9, /* of the converted types; the union has kept its number free */
    PQ_LOGICAL_INTEGER = 10,
    PQ_LOGICAL_NULL = 11,
    PQ_LOGICAL_JSON = 12,
    PQ_LOGICAL_BSON = 13,
    PQ_LOGICAL_UUID = 14,
    PQ_LOGICAL_FLOAT16 = 15,
    PQ_LOGICAL_VARIANT = 16,
    PQ_LOGICAL_GEOMETRY = 17,
    PQ_LOGICAL_GEOGRAPHY = 18
};

/* A SchemaElement as it stands in the footer; numbers beyond 32 bits are at their bounds, which no
 * field allows. */
struct pq_element {
    struct slice name;
    struct slice crs; /* GEOMETRY, GEOGRAPHY; empty: the default */
    int32_t physical;
    int32_t type_length;
    int32_t repetition; /* 0 required, 1 optional, 2 repeated */
    int32_t children;
    int32_t converted; /* -1: none */
    int32_t scale;
    int32_t precision;
    int32_t field_id;
    int32_t logical;   /* enum pq_logical, or a member that is not told apart */
    int32_t bits;      /* INTEGER */
    int32_t unit;      /* 1 ms, 2 us, 3 ns; 0 unknown */
    int32_t algorithm; /* GEOGRAPHY: of edges */
    bool has_physical;
    bool is_signed;
    bool is_utc;
};

/* An element as it stands, but that a converted type counts as the logical one. */
void pq_element_parse(struct cx_thrift *t, struct pq_element *out);

/*
 * What the pages of a leaf decode to. `*extension` says what the values mean beyond that: "json",
 * "bson", "enum", "uuid", "geometry(crs)", "geography(crs, edges)"; NULL for others.
 *
 * Errors   CORRUPT      a width or physical type outside the format
 *          UNSUPPORTED  a type by name
 *          NO_MEMORY
 */
SLP_NODISCARD slp_rc pq_column_resolve(const struct pq_element *e, struct arena *a,
                                       struct pq_column *out, const char **extension,
                                       struct slp_err *err);

/* The elements of a schema, depth first, as they stand in the footer; the first is the root. */
struct pq_elements {
    struct pq_element *items;
    size_t count;
    uint32_t *parents;        /* of each element; pq_tree_build fills these */
    uint32_t *ends;           /* the element behind its last descendant */
    uint32_t *leaves;         /* of each leaf, its element */
    enum arr_unit int96_unit; /* of the timestamps that INT96 becomes */
};

/*
 * Make schema, nodes and columns of `meta` from the elements.
 *
 * Errors   CORRUPT      counts of children that do not add up, repetitions outside the format
 *          UNSUPPORTED  types and names, by column
 *          LIMIT, NO_MEMORY
 */
SLP_NODISCARD slp_rc pq_tree_build(struct pq_elements *e, struct arena *a, struct pq_meta *meta,
                                   struct slp_err *err);

#endif
