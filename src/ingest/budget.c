#include "ingest/budget.h"

#include "base/num.h"
#include "ingest/window.h"
#include "os/writer.h"
#include "output/output.h"

#define WORKER_BYTES ((size_t)32 << 20)  /* a second worker has at least this */
#define CHUNK_BYTES  ((size_t)8 << 20)   /* beyond this sorting leaves the caches */
#define GROUP_BYTES  ((size_t)512 << 10) /* groups smaller than this cost more than a thread gives */
#define CODEC_BYTES  ((size_t)1536 << 10) /* a thread's compressor and scratch, beside its group */
#define BLOCK_BYTES  ((size_t)256 << 10)
#define READER_BYTES ((size_t)24 << 20)
/* Likewise what a group has of a column: each has pages, bounds and a place in the footer. */
#define GROUP_COLUMN_BYTES ((size_t)4 << 10)
/* Who sorts piles and encodes them has groups of 256 Ki rows, mostly, three times over. */
#define MAKER_BYTES ((size_t)28 << 20)
#define FAN_IN_MAX  256u
#define FAN_IN_MIN  4u

/* Of a run that is merged each column is described twice, in a block and in the window onto it, with
 * a bitmap each, and its parts may be unpacked. */
#define COLUMN_BYTES (2 * (sizeof(struct arr_col) + 64) + 4 * sizeof(struct buf))
/* A worker's reader has a window of each column, and about as much of it decompressed. */
#define COLUMN_READ_BYTES ((size_t)16 << 10)

static size_t clamp(size_t value, size_t low, size_t high)
{
    return num_max_size(num_min_size(value, high), low);
}

struct ingest_budget ingest_budget_of(size_t memory, size_t threads, size_t columns)
{
    struct ingest_budget b = {0};
    threads = num_max_size(threads, 1);
    columns = num_max_size(columns, 1);
    memory = num_max_size(memory, INGEST_MEMORY_MIN);
    b.memory = memory;
    /* A group for each thread and one being filled, each with its encoded pages. */
    b.output_bytes = num_min_size(memory / 4, 2 * (threads + 1) * OUTPUT_GROUP_BYTES_MAX);
    size_t group_bytes = num_max_size(GROUP_BYTES, columns * GROUP_COLUMN_BYTES);
    b.output_threads =
        clamp(num_max_size(b.output_bytes / (2 * group_bytes + CODEC_BYTES), 1) - 1, 1, threads);
    b.workers = clamp(memory / (WORKER_BYTES + columns * COLUMN_READ_BYTES), 1, threads);
    size_t share = (memory - b.output_bytes - memory / 8) / b.workers;
    b.chunk_max = share / 12;
    b.chunk_bytes = num_min_size(b.chunk_max, CHUNK_BYTES);
    b.batch_bytes = b.chunk_bytes / 2;
    /* What readers take is a part of the memory at first, and then does not grow with it. */
    size_t working = b.batch_bytes + 3 * b.chunk_max;
    b.held_bytes = share - num_max_size(num_min_size(share / 3, READER_BYTES), share / 6);
    b.held_bytes = num_min_size(b.held_bytes, (memory - memory / 8) / b.workers - working);
    b.pile_bytes =
        memory - memory / INGEST_PILE_SPARE - num_min_size(memory / 2, (threads + 1) * MAKER_BYTES);
    /* Beside it all workers read and sort at the same time. The meter counts room that nobody
     * touched, and runs that are spilled early cost merges: so a quarter more is let pass. */
    b.metered_bytes = memory + memory / 4 - b.workers * (b.batch_bytes + 2 * b.chunk_max);
    /* A block is worth as much as what describes it. */
    b.columns_bytes = columns * COLUMN_BYTES;
    b.block_bytes = num_min_size(num_max_size(BLOCK_BYTES, b.columns_bytes), share / 64);
    b.fan_in = clamp(b.held_bytes / ingest_spilled_bytes(&b), FAN_IN_MIN, FAN_IN_MAX);
    return b;
}

size_t ingest_reader_bytes(const struct ingest_budget *b)
{
    return b->block_bytes + b->block_bytes / 2 + INGEST_WINDOW_BYTES + b->columns_bytes;
}

size_t ingest_spilled_bytes(const struct ingest_budget *b)
{
    return ingest_reader_bytes(b) + OS_WRITER_BUFFER_BYTES;
}
