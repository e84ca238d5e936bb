/*
 * Replay for fuzz targets where libFuzzer is not: gcc, the ordinary suite.
 *
 *     fuzz.NAME [--dict FILE] [--mutations N] [--seed S] [--only INPUT:K] [--save FILE] PATH...
 *
 * Every file below the paths goes through LLVMFuzzerTestOneInput as it is. Then N inputs (default
 * 3000) are made from them by one to four random edits each: flips, interesting numbers, cuts,
 * repeats, words of the dictionary, pieces of another input. The sequence follows from the seed and
 * the file names alone, so a failure can be run again: `--only INPUT:K` runs the K-th mutation of
 * an input, `--save FILE` also writes it, for the corpus. When the target dies, the driver says
 * which input it was and how to run it again.
 *
 * Each input lies in an allocation of its own size, so that ASan sees a read beyond its end.
 */
#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_INPUTS     4096u
#define MAX_WORDS      512u
#define MAX_WORD_BYTES 64u
#define MAX_FILE_BYTES (16u * 1024 * 1024)
#define MAX_PATH_BYTES 1024u
#define MUTATIONS      3000u
#define GROWTH_BYTES   4096u
#define EDITS_AT_MOST  4u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

struct input {
    char path[MAX_PATH_BYTES];
    uint8_t *bytes;
    size_t len;
};

struct word {
    uint8_t bytes[MAX_WORD_BYTES];
    size_t len;
};

static struct input inputs[MAX_INPUTS];
static size_t input_count;
static struct word words[MAX_WORDS];
static size_t word_count;

static uint64_t random_state;
static char again[2 * MAX_PATH_BYTES];
static const char *program;
static const char *save_path;

static void die(const char *what, const char *name)
{
    fprintf(stderr, "%s: %s: %s\n", program, what, name);
    exit(2);
}

/* splitmix64 */
static uint64_t next_random(void)
{
    uint64_t z = (random_state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static size_t below(size_t limit)
{
    return limit ? (size_t)(next_random() % limit) : 0;
}

/* A seed for one mutation, from the seed of the run, the input's name and the mutation's number. */
static void seed_for(uint64_t seed, const char *path, size_t k)
{
    const char *name = strrchr(path, '/');
    random_state = seed * 0x100000001b3u + k;
    for (name = name ? name + 1 : path; *name; name++)
        random_state = (random_state ^ (uint8_t)*name) * 0x100000001b3u;
}

static void tell_where(void)
{
    ssize_t ignored = write(STDERR_FILENO, again, strlen(again));
    (void)ignored;
}

static void tell_where_and_abort(int number)
{
    tell_where();
    signal(number, SIG_DFL);
    raise(number);
}

static void watch_for_death(void)
{
    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(tell_where);
    else
        signal(SIGSEGV, tell_where_and_abort);
    signal(SIGABRT, tell_where_and_abort);
}

/* Reading files */

static void read_file(const char *path, struct input *out)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        die("cannot open", path);
    static uint8_t chunk[65536];
    out->bytes = NULL;
    out->len = 0;
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, f)) > 0;) {
        uint8_t *grown = realloc(out->bytes, out->len + n);
        if (!grown || out->len + n > MAX_FILE_BYTES)
            die("input too long", path);
        memcpy(grown + out->len, chunk, n);
        out->bytes = grown;
        out->len += n;
    }
    fclose(f);
    snprintf(out->path, sizeof out->path, "%s", path);
}

static void add_path(const char *path, bool is_top)
{
    struct stat info;
    if (stat(path, &info) != 0)
        die("no such corpus", path);
    if (!S_ISDIR(info.st_mode)) {
        if (input_count == MAX_INPUTS)
            die("too many inputs at", path);
        read_file(path, &inputs[input_count++]);
        return;
    }
    if (!is_top)
        return;
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char below_path[MAX_PATH_BYTES];
        int n = snprintf(below_path, sizeof below_path, "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && n > 0 && (size_t)n < sizeof below_path)
            add_path(below_path, false);
        free(entries[i]);
    }
    free(entries);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* libFuzzer's form: an optional name=, then a word in quotes with \" \\ and \xAB; # begins a
 * note. */
static void add_word(const char *line, const char *path)
{
    const char *p = strchr(line, '"');
    if (line[0] == '#' || !p)
        return;
    if (word_count == MAX_WORDS)
        die("too many words in", path);
    struct word *w = &words[word_count++];
    for (p++; *p && *p != '"' && w->len < MAX_WORD_BYTES; p++) {
        if (p[0] == '\\' && p[1] == 'x' && hex_digit(p[2]) >= 0 && hex_digit(p[3]) >= 0) {
            w->bytes[w->len++] = (uint8_t)(hex_digit(p[2]) * 16 + hex_digit(p[3]));
            p += 3;
        } else {
            p += p[0] == '\\' && p[1] != '\0';
            w->bytes[w->len++] = (uint8_t)*p;
        }
    }
}

static void read_dictionary(const char *path)
{
    FILE *f = fopen(path, "r");
    if (!f)
        die("cannot open", path);
    char line[4 * MAX_WORD_BYTES + 64];
    while (fgets(line, sizeof line, f))
        add_word(line, path);
    fclose(f);
}

/* Editing */

/* Replace `old` bytes at `at` by `n` bytes; what would not fit is dropped. */
static size_t splice(uint8_t *b, size_t len, size_t max, size_t at, size_t old, const uint8_t *with,
                     size_t n)
{
    if (at + old > len)
        old = len - at;
    if (len - old + n > max)
        n = max - (len - old);
    memmove(b + at + n, b + at + old, len - at - old);
    if (n > 0)
        memmove(b + at, with, n);
    return len - old + n;
}

static size_t put_number(uint8_t *b, size_t len)
{
    static const uint64_t numbers[] = {0,          1,          0x7f,       0x80,
                                       0xff,       0x7fff,     0x8000,     0xffff,
                                       0x7fffffff, 0x80000000, 0xffffffff, INT64_MAX,
                                       1u << 20,   1u << 31,   UINT64_MAX, UINT64_MAX - 7};
    uint64_t v = numbers[below(sizeof numbers / sizeof numbers[0])];
    size_t width = (size_t)1 << below(4);
    size_t at = below(len);
    for (size_t i = 0; i < width && at + i < len; i++)
        b[at + i] = (uint8_t)(v >> (8 * i));
    return len;
}

static size_t edit(uint8_t *b, size_t len, size_t max)
{
    uint8_t piece[MAX_WORD_BYTES];
    if (len == 0) {
        piece[0] = (uint8_t)next_random();
        return splice(b, 0, max, 0, 0, piece, 1);
    }
    size_t at = below(len);
    size_t n = 1 + below(len - at < sizeof piece ? len - at : sizeof piece);
    const struct input *other = &inputs[below(input_count)];
    switch (next_random() % 9) {
    case 0:
        b[at] ^= (uint8_t)(1u << below(8));
        return len;
    case 1:
        b[at] = (uint8_t)next_random();
        return len;
    case 2:
        return put_number(b, len);
    case 3:
        return at;
    case 4:
        return splice(b, len, max, at, n, piece, 0);
    case 5:
        memcpy(piece, b + at, n);
        return splice(b, len, max, below(len), 0, piece, n);
    case 6:
        b[at] = (uint8_t)(b[at] + (next_random() % 2 ? 1 : 255));
        return len;
    case 7:
        if (word_count == 0)
            return put_number(b, len);
        const struct word *w = &words[below(word_count)];
        return splice(b, len, max, at, next_random() % 2 ? w->len : 0, w->bytes, w->len);
    default:
        if (other->len == 0)
            return len;
        size_t from = below(other->len);
        n = 1 + below(other->len - from);
        return splice(b, len, max, at, below(n + 1), other->bytes + from, n);
    }
}

/* Running */

static void run_one(const uint8_t *bytes, size_t len)
{
    uint8_t *exact = malloc(len ? len : 1);
    if (!exact)
        die("out of memory", "");
    if (len > 0)
        memcpy(exact, bytes, len);
    LLVMFuzzerTestOneInput(exact, len);
    free(exact);
}

static void run_mutation(const struct input *in, size_t k, uint64_t seed)
{
    size_t max = in->len + GROWTH_BYTES;
    uint8_t *b = malloc(max);
    if (!b)
        die("out of memory", in->path);
    if (in->len > 0)
        memcpy(b, in->bytes, in->len);
    size_t len = in->len;
    seed_for(seed, in->path, k);
    for (size_t edits = 1 + below(EDITS_AT_MOST); edits > 0; edits--)
        len = edit(b, len, max);
    if (save_path) {
        FILE *f = fopen(save_path, "wb");
        if (!f || fwrite(b, 1, len, f) != len || fclose(f) != 0)
            die("cannot write", save_path);
    }
    run_one(b, len);
    free(b);
}

static void run_all(size_t mutations, uint64_t seed)
{
    printf("[ RUN      ] the_corpus_replays\n");
    for (size_t i = 0; i < input_count; i++) {
        snprintf(again, sizeof again, "\nagain: %s --mutations 0 %s\n", program, inputs[i].path);
        run_one(inputs[i].bytes, inputs[i].len);
    }
    printf("%zu inputs\n[       OK ] the_corpus_replays\n", input_count);
    if (mutations == 0)
        return;
    printf("[ RUN      ] mutations_of_the_corpus_do_no_harm\n");
    fflush(stdout);
    for (size_t n = 0; n < mutations; n++) {
        const struct input *in = &inputs[n % input_count];
        size_t k = n / input_count;
        const char *name = strrchr(in->path, '/');
        snprintf(again, sizeof again,
                 "\nagain: the same command with --seed %llu --only %s:%zu; --save FILE keeps it\n",
                 (unsigned long long)seed, name ? name + 1 : in->path, k);
        run_mutation(in, k, seed);
    }
    printf("%zu mutations\n[       OK ] mutations_of_the_corpus_do_no_harm\n", mutations);
}

static void run_only(const char *which, uint64_t seed)
{
    const char *colon = strrchr(which, ':');
    if (!colon)
        die("expected INPUT:K", which);
    for (size_t i = 0; i < input_count; i++) {
        const char *name = strrchr(inputs[i].path, '/');
        name = name ? name + 1 : inputs[i].path;
        if (strlen(name) == (size_t)(colon - which) &&
            memcmp(name, which, (size_t)(colon - which)) == 0) {
            run_mutation(&inputs[i], strtoul(colon + 1, NULL, 10), seed);
            return;
        }
    }
    die("no such input", which);
}

int main(int argc, char **argv)
{
    size_t mutations = MUTATIONS;
    uint64_t seed = getenv("SEED") ? strtoull(getenv("SEED"), NULL, 0) : 1;
    const char *only = NULL;
    program = argv[0];
    for (int i = 1; i < argc; i++) {
        bool has_value = i + 1 < argc;
        if (strcmp(argv[i], "--dict") == 0 && has_value)
            read_dictionary(argv[++i]);
        else if (strcmp(argv[i], "--mutations") == 0 && has_value)
            mutations = strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--seed") == 0 && has_value)
            seed = strtoull(argv[++i], NULL, 0);
        else if (strcmp(argv[i], "--only") == 0 && has_value)
            only = argv[++i];
        else if (strcmp(argv[i], "--save") == 0 && has_value)
            save_path = argv[++i];
        else
            add_path(argv[i], true);
    }
    if (input_count == 0)
        die("the corpus is empty", argc > 1 ? argv[argc - 1] : "no path given");
    watch_for_death();
    if (only)
        run_only(only, seed);
    else
        run_all(mutations, seed);
    again[0] = '\0';
    for (size_t i = 0; i < input_count; i++)
        free(inputs[i].bytes);
    return 0;
}
