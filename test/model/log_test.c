/* rooms: base */
/*
 * The log, all of it in small (rules C1, F1, F2, G1, I3, I4): one author with one file, whose PUTs land
 * late or are not answered, who waits in the inbox; a packer that freezes with what it saw; others'
 * commits; a floor that rises and frames that go; late creates on numbers that went; a collector. Bounds:
 * five frames, a ring of two, one late PUT, two bases. What has to hold: the transaction is applied at
 * most once, it is when its author was told so, and its file is there as long as it is live.
 */
#include <string.h>

#include "model/search.h"

#include "lib/t.h"

#define FRAMES 5
#define RING   2

enum breakage {
    NOTHING,
    NO_RING,
    NO_EXPIRY,
    NO_FLOOR_WRITER,
    ACK_ON_SIGHT,
    NO_TOKENS,
    NO_M,
    STALE_LIST,
    BREAKAGES
};
enum kind { NONE, OTHER, OURS, COLLECT };
enum phase { BEGIN, CREATED, WATCH, LOST, TOLD };

static enum breakage broken;

struct frame {
    uint8_t kind;
    uint8_t base; /* OURS; a collect's M */
};

struct world {
    struct frame log[FRAMES + 1]; /* from 1 */
    uint8_t tip;
    uint8_t gone;                /* frames up to it are deleted */
    uint8_t floor;               /* the lowest that counts */
    uint8_t zombies[FRAMES + 1]; /* OURS created again at a number that went */
    struct frame late;           /* a PUT on its way to frame `late_at` */
    uint8_t late_at;
    uint8_t inbox; /* our transaction waits there */
    uint8_t inbox_base;
    uint8_t phase;
    uint8_t at; /* the frame that the author has replayed to, or created */
    uint8_t base;
    uint8_t submissions;
    uint8_t packer_holds;
    uint8_t packer_base;
    uint8_t packer_at;
    uint8_t has_file;
    uint8_t victim; /* the collector has chosen the file */
    uint8_t collects;
};

struct replayed {
    int applied;
    uint8_t mark;
    uint8_t evicted; /* the ring's first frame; 0: nothing went yet */
    bool in_ring;
};

/* Apply, over the log that counts. The file is made at base 0. */
static struct replayed replay(const struct world *w, int to)
{
    struct replayed r = {.applied = 0};
    uint8_t ring[FRAMES + 1];
    bool ours[FRAMES + 1];
    int count = 0;
    for (int n = 1; n <= to; n++) {
        const struct frame *f = &w->log[n];
        if (f->kind == OURS) {
            if (f->base < r.evicted && broken != NO_EXPIRY)
                continue;
            if (r.in_ring && broken != NO_RING)
                continue;
            r.applied += r.mark == 0 || broken == NO_M;
        } else if (f->kind == COLLECT) {
            r.mark = f->base > r.mark ? f->base : r.mark;
        }
        ring[count] = (uint8_t)n;
        ours[count++] = f->kind == OURS;
        r.in_ring = false;
        for (int i = count > RING ? count - RING : 0; i < count; i++)
            r.in_ring = r.in_ring || ours[i];
        if (count > RING)
            r.evicted = ring[count - RING];
    }
    return r;
}

static bool is_there(const struct world *w, int n)
{
    return w->zombies[n] || (n > w->gone && n <= w->tip);
}

/* A create of frame n; false: somebody was first, or the one before is missing. */
static bool create(struct world *w, int n, struct frame f)
{
    if (n > FRAMES || is_there(w, n))
        return false;
    if (n <= w->gone)
        w->zombies[n] = (uint8_t)(f.kind == OURS ? 2 : 1);
    else if (n == w->tip + 1)
        w->log[++w->tip] = f;
    else
        return false;
    return true;
}

static void others(struct search *s, const struct world *from)
{
    struct world n = *from;
    if (n.tip < FRAMES) {
        n.log[++n.tip].kind = OTHER;
        search_offer(s, &n);
    }
    n = *from;
    if (n.floor <= n.tip - 1 && n.tip > 1) {
        n.floor++;
        search_offer(s, &n);
    }
    n = *from;
    if (n.gone + 1 < n.floor) {
        n.gone++;
        search_offer(s, &n);
    }
    n = *from;
    if (n.late_at) {
        (void)create(&n, n.late_at, n.late);
        n.late_at = 0;
        n.late = (struct frame){0};
        search_offer(s, &n);
    }
}

static void packer(struct search *s, const struct world *from)
{
    struct world n = *from;
    if (n.inbox && !n.packer_holds) {
        n.packer_holds = 1;
        n.packer_base = n.inbox_base;
        n.packer_at = n.tip;
        search_offer(s, &n);
    }
    n = *from;
    if (n.packer_holds) {
        struct frame f = {.kind = OURS, .base = n.packer_base};
        if (create(&n, n.packer_at + 1, f))
            n.packer_holds = n.packer_base = n.packer_at = 0;
        else if (n.packer_at < n.tip)
            n.packer_at++;
        search_offer(s, &n);
    }
}

static void collector(struct search *s, const struct world *from)
{
    struct world n = *from;
    bool is_ours = replay(&n, n.tip).applied > 0;
    if (broken == STALE_LIST && !n.collects && !n.victim && !is_ours) {
        n.victim = 1; /* chosen before the collect is committed */
        search_offer(s, &n);
        n = *from;
    }
    if (!n.collects && n.tip > 0 && n.tip < FRAMES) {
        n.log[++n.tip] = (struct frame){.kind = COLLECT, .base = 1};
        n.collects = 1;
        search_offer(s, &n);
    } else if (n.collects && n.has_file && broken != STALE_LIST && !is_ours) {
        n.victim = 1;
    }
    if (n.collects && n.victim && n.has_file) {
        n.has_file = 0;
        search_offer(s, &n);
    }
}

/* From a snapshot at the tip: what ring and tokens tell (rule I4). */
static void reload(struct search *s, struct world n)
{
    struct replayed r = replay(&n, n.tip);
    if (r.in_ring || (r.applied && broken != NO_TOKENS)) {
        n.phase = r.applied ? TOLD : LOST;
    } else if (n.base < r.evicted && n.submissions < 2) {
        n.base = n.at = n.tip;
        n.submissions++;
        n.inbox = n.inbox_base = 0;
        n.phase = BEGIN;
    } else {
        n.phase = WATCH;
        n.at = n.tip;
    }
    search_offer(s, &n);
}

static void author(struct search *s, const struct world *from)
{
    struct world n = *from;
    if (n.phase == BEGIN) {
        struct frame f = {.kind = OURS, .base = n.base};
        if (!n.late_at && n.at < FRAMES) { /* not answered; the next attempt waits in the inbox */
            n.late = f;
            n.late_at = (uint8_t)(n.at + 1);
            n.phase = WATCH;
            n.inbox = 1;
            n.inbox_base = n.base;
            search_offer(s, &n);
        }
        n = *from;
        bool is_created = create(&n, n.at + 1, f);
        n.phase = is_created ? CREATED : WATCH;
        n.at = (uint8_t)(n.at + is_created);
        n.inbox = n.inbox || !is_created;
        n.inbox_base = n.base;
        search_offer(s, &n);
    } else if (n.phase == CREATED) {
        if (broken == NO_FLOOR_WRITER)
            n.phase = TOLD;
        else if (n.floor > n.at) {
            reload(s, n);
            return;
        } else {
            n.phase = replay(&n, n.at).applied ? TOLD : LOST;
        }
        search_offer(s, &n);
    } else if (n.phase == WATCH && n.at < FRAMES) {
        if (!is_there(&n, n.at + 1)) {
            if (n.floor > n.at + 1)
                reload(s, n);
            return;
        }
        n.at++;
        bool is_ours = n.zombies[n.at] ? n.zombies[n.at] == 2 : n.log[n.at].kind == OURS;
        if (is_ours && broken == ACK_ON_SIGHT && n.zombies[n.at])
            n.phase = TOLD;
        else if (is_ours)
            n.phase = CREATED;
        else if (n.floor > n.at) {
            reload(s, n);
            return;
        }
        search_offer(s, &n);
    }
}

static void step(struct search *s, const void *state)
{
    others(s, state);
    packer(s, state);
    collector(s, state);
    author(s, state);
}

static const char *check(const void *state)
{
    const struct world *w = state;
    int applied = replay(w, w->tip).applied;
    if (applied > 1)
        return "applied twice";
    if (w->phase == TOLD && !applied)
        return "told, and not applied";
    return applied && !w->has_file ? "live without its file" : NULL;
}

static const char *look(enum breakage what, size_t *count)
{
    struct world start = {.floor = 1, .submissions = 1, .has_file = 1};
    struct search s = {.bytes = sizeof start, .step = step, .check = check};
    broken = what;
    return search_all(&s, &start, 4000000, count);
}

static void in_every_order_the_log_keeps_what_it_says(void **state)
{
    size_t count = 0;
    (void)state;
    const char *complaint = look(NOTHING, &count);
    print_message("%zu states\n", count);
    if (complaint)
        print_error("%s\n", complaint);
    assert_null(complaint);
    assert_true(count > 10000);
}

static void each_planted_bug_is_found(void **state)
{
    static const char *const names[BREAKAGES] = {
        "",          "NO_RING", "NO_EXPIRY", "NO_FLOOR_WRITER", "ACK_ON_SIGHT",
        "NO_TOKENS", "NO_M",    "STALE_LIST"};
    (void)state;
    for (int i = NO_RING; i < BREAKAGES; i++) {
        size_t count = 0;
        const char *complaint = look((enum breakage)i, &count);
        print_message("%s: %s, after %zu states\n", names[i], complaint ? complaint : "", count);
        assert_non_null(complaint);
    }
}

T_MAIN(T_TEST(in_every_order_the_log_keeps_what_it_says), T_TEST(each_planted_bug_is_found))
