#include "output/team.h"

#include "base/num.h"
#include "os/thread.h"

/* Belongs to the thread that makes its piece, but for what the lock guards. */
struct output_maker {
    struct team *team;
    size_t number;
    size_t piece;
    struct datafile_group *groups[OUTPUT_TEAM_GROUPS];
    size_t made;    /* groups of this piece; under the lock */
    size_t written; /* of these; under the lock */
    bool is_done;   /* under the lock */
};

struct team {
    struct output *out;
    const struct output_team_options *o;
    struct alloc *mem;
    struct os_pool *pool;
    struct os_mutex lock;
    struct os_cond changed;
    slp_rc failed; /* the first error; under the lock */
    struct slp_err err;
    struct output_maker *makers;
    size_t count;
};

/* Keep the first error; everybody stops then. */
static slp_rc fail_team(struct team *t, slp_rc rc, const struct slp_err *err)
{
    os_mutex_lock(&t->lock);
    if (t->failed == SLP_OK) {
        t->failed = rc;
        t->err = *err;
    }
    os_cond_broadcast(&t->changed);
    os_mutex_unlock(&t->lock);
    return rc;
}

bool output_team_has_failed(struct output_maker *to)
{
    os_mutex_lock(&to->team->lock);
    bool failed = to->team->failed != SLP_OK;
    os_mutex_unlock(&to->team->lock);
    return failed;
}

/* Wait until the maker may have another group; false when somebody failed. */
static bool await_room(struct output_maker *m)
{
    struct team *t = m->team;
    os_mutex_lock(&t->lock);
    while (t->failed == SLP_OK && m->made - m->written == OUTPUT_TEAM_GROUPS)
        os_cond_wait(&t->changed, &t->lock);
    bool may = t->failed == SLP_OK;
    os_mutex_unlock(&t->lock);
    return may;
}

slp_rc output_make(struct output_maker *to, const struct arr_batch *rows, struct slp_err *err)
{
    struct team *t = to->team;
    if (!await_room(to))
        return SLP_DONE;
    /* Nobody else changes `made`. */
    struct datafile_group **group = &to->groups[to->made % OUTPUT_TEAM_GROUPS];
    if (!*group)
        TRY(datafile_group_new(t->mem, output_schema(t->out), output_write_options(t->out), group,
                               err));
    TRY(datafile_group_encode(*group, rows, NULL, err));
    os_mutex_lock(&t->lock);
    to->made++;
    os_cond_broadcast(&t->changed);
    os_mutex_unlock(&t->lock);
    return SLP_OK;
}

static void run_maker(void *arg)
{
    struct output_maker *m = arg;
    struct team *t = m->team;
    struct slp_err err = {.code = SLP_OK};
    slp_rc rc = t->o->make(t->o->context, m->piece, m->number, m, &err);
    if (rc != SLP_OK)
        (void)fail_team(t, rc, &err);
    os_mutex_lock(&t->lock);
    m->is_done = true;
    os_cond_broadcast(&t->changed);
    os_mutex_unlock(&t->lock);
}

/* Wait for the maker's next group; NULL: its piece is done, or somebody failed. */
static const struct datafile_group *next_group(struct output_maker *m)
{
    struct team *t = m->team;
    os_mutex_lock(&t->lock);
    while (t->failed == SLP_OK && m->made == m->written && !m->is_done)
        os_cond_wait(&t->changed, &t->lock);
    bool found = t->failed == SLP_OK && m->made > m->written;
    const struct datafile_group *group = m->groups[m->written % OUTPUT_TEAM_GROUPS];
    os_mutex_unlock(&t->lock);
    return found ? group : NULL;
}

/* Write a piece while it is made. */
static slp_rc write_piece(struct output_maker *m)
{
    struct team *t = m->team;
    const struct datafile_group *group = NULL;
    while ((group = next_group(m)) != NULL) {
        struct slp_err err = {.code = SLP_OK};
        slp_rc rc = output_group(t->out, group, &err);
        if (rc != SLP_OK)
            return fail_team(t, rc, &err);
        os_mutex_lock(&t->lock);
        m->written++;
        os_cond_broadcast(&t->changed);
        os_mutex_unlock(&t->lock);
    }
    os_mutex_lock(&t->lock);
    slp_rc rc = t->failed;
    os_mutex_unlock(&t->lock);
    return rc;
}

static void submit(struct team *t, size_t piece)
{
    struct output_maker *m = &t->makers[piece % t->count];
    m->piece = piece;
    m->made = 0;
    m->written = 0;
    m->is_done = false;
    os_pool_submit(t->pool, run_maker, m);
}

/* All pieces, as many at once as there are makers. */
static slp_rc run_pieces(struct team *t, struct slp_err *err)
{
    size_t next = 0;
    slp_rc rc = SLP_OK;
    for (size_t n = 0; n < t->o->pieces && rc == SLP_OK; n++) {
        while (next < t->o->pieces && next < n + t->count)
            submit(t, next++);
        rc = write_piece(&t->makers[n % t->count]);
    }
    os_pool_wait(t->pool);
    if (rc != SLP_OK && err)
        *err = t->err;
    return rc;
}

static slp_rc assemble(struct team *t, struct slp_err *err)
{
    void *room = NULL;
    size_t threads = num_min_size(t->o->threads, OUTPUT_TEAM_THREADS_MAX);
    TRY(alloc_array(t->mem, threads + 1, sizeof *t->makers, &room, err));
    t->makers = room;
    t->count = threads + 1;
    for (size_t i = 0; i < t->count; i++) {
        t->makers[i].team = t;
        t->makers[i].number = i;
    }
    return os_pool_new(t->mem, threads, &t->pool, err);
}

static void dismiss(struct team *t)
{
    os_pool_free(t->pool);
    for (size_t i = 0; i < t->count; i++)
        for (size_t g = 0; g < OUTPUT_TEAM_GROUPS; g++)
            datafile_group_free(t->makers[i].groups[g]);
    alloc_free(t->mem, t->makers, t->count * sizeof *t->makers);
    os_cond_fini(&t->changed);
    os_mutex_fini(&t->lock);
}

slp_rc output_team_run(struct output *out, const struct output_team_options *options,
                       struct alloc *mem, struct slp_err *err)
{
    struct team t = {.out = out, .o = options, .mem = mem};
    assert(options->threads > 0);
    os_mutex_init(&t.lock);
    os_cond_init(&t.changed);
    slp_rc rc = assemble(&t, err);
    if (rc == SLP_OK)
        rc = run_pieces(&t, err);
    dismiss(&t);
    return rc;
}
