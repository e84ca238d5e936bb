#include "output/team.h"

#include "base/num.h"
#include "os/thread.h"

/* Belongs to the thread that makes its piece, but for what the lock guards. */
struct output_maker {
    struct team *team;
    size_t number;
    size_t piece;
    struct datafile_group *groups[OUTPUT_TEAM_GROUPS_MAX];
    struct output_form forms[OUTPUT_TEAM_GROUPS_MAX]; /* of these groups */
    size_t made;                                      /* groups of this piece; under the lock */
    size_t written;                                   /* of these; under the lock */
    bool is_done;                                     /* under the lock */
};

struct team {
    struct output *out;
    const struct output_team_options *o;
    struct alloc *mem;
    struct os_pool *pool; /* NULL: one thread */
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
    while (t->failed == SLP_OK && m->made - m->written == t->o->groups)
        os_cond_wait(&t->changed, &t->lock);
    bool may = t->failed == SLP_OK;
    os_mutex_unlock(&t->lock);
    return may;
}

slp_rc output_maker_group(struct output_maker *to, const struct output_form *form,
                          struct datafile_group **group, struct slp_err *err)
{
    struct team *t = to->team;
    if (t->pool && !await_room(to))
        return SLP_DONE;
    /* Nobody else changes `made`. */
    size_t at = to->made % t->o->groups;
    if (to->groups[at] && to->forms[at].schema != form->schema) {
        datafile_group_free(to->groups[at]);
        to->groups[at] = NULL;
    }
    to->forms[at] = *form;
    if (!to->groups[at])
        TRY(datafile_group_new(t->mem, form->schema, output_write_options(t->out), &to->groups[at],
                               err));
    *group = to->groups[at];
    return SLP_OK;
}

static slp_rc write_group(struct output_maker *m, size_t at, struct slp_err *err)
{
    TRY(output_next(m->team->out, &m->forms[at], err));
    TRY(output_group(m->team->out, m->groups[at], err));
    /* One row may be as large. What it took is not kept for small ones. */
    if (datafile_group_bytes(m->groups[at]) > OUTPUT_GROUP_BYTES_MAX / 2) {
        datafile_group_free(m->groups[at]);
        m->groups[at] = NULL;
    }
    return SLP_OK;
}

slp_rc output_maker_hand(struct output_maker *to, const struct output_form *form,
                         struct slp_err *err)
{
    struct team *t = to->team;
    size_t at = to->made % t->o->groups;
    assert(form->schema == to->forms[at].schema);
    to->forms[at] = *form;
    if (!t->pool)
        return write_group(to, at, err);
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

/* Wait for the maker's next group; none: its piece is done, or somebody failed. */
static bool next_group(struct output_maker *m, size_t *at)
{
    struct team *t = m->team;
    os_mutex_lock(&t->lock);
    while (t->failed == SLP_OK && m->made == m->written && !m->is_done)
        os_cond_wait(&t->changed, &t->lock);
    bool found = t->failed == SLP_OK && m->made > m->written;
    *at = m->written % t->o->groups;
    os_mutex_unlock(&t->lock);
    return found;
}

/* Write a piece while it is made. */
static slp_rc write_piece(struct output_maker *m)
{
    struct team *t = m->team;
    size_t at = 0;
    while (next_group(m, &at)) {
        struct slp_err err = {.code = SLP_OK};
        slp_rc rc = write_group(m, at, &err);
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

/* All pieces, one after the other. */
static slp_rc run_alone(struct team *t, struct slp_err *err)
{
    for (size_t n = 0; n < t->o->pieces; n++)
        TRY(t->o->make(t->o->context, n, 0, &t->makers[0], err));
    return SLP_OK;
}

/* All pieces, as many at once as there are makers. */
static slp_rc run_pieces(struct team *t, struct slp_err *err)
{
    size_t next = 0;
    slp_rc rc = SLP_OK;
    assert(t->count > 0);
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
    size_t count = threads > 1 ? threads + 1 : 1;
    TRY(alloc_array(t->mem, count, sizeof *t->makers, &room, err));
    t->makers = room;
    t->count = count;
    for (size_t i = 0; i < t->count; i++) {
        t->makers[i].team = t;
        t->makers[i].number = i;
    }
    return threads > 1 ? os_pool_new(t->mem, threads, &t->pool, err) : SLP_OK;
}

static void dismiss(struct team *t)
{
    os_pool_free(t->pool);
    for (size_t i = 0; i < t->count; i++)
        for (size_t g = 0; g < OUTPUT_TEAM_GROUPS_MAX; g++)
            datafile_group_free(t->makers[i].groups[g]);
    alloc_free(t->mem, t->makers, t->count * sizeof *t->makers);
    os_cond_fini(&t->changed);
    os_mutex_fini(&t->lock);
}

slp_rc output_team_run(struct output *out, const struct output_team_options *options,
                       struct alloc *mem, struct slp_err *err)
{
    struct team t = {.out = out, .o = options, .mem = mem};
    assert(options->threads > 0 && options->groups > 0 &&
           options->groups <= OUTPUT_TEAM_GROUPS_MAX);
    os_mutex_init(&t.lock);
    os_cond_init(&t.changed);
    slp_rc rc = assemble(&t, err);
    if (rc == SLP_OK)
        rc = t.pool ? run_pieces(&t, err) : run_alone(&t, err);
    dismiss(&t);
    return rc;
}
