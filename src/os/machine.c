#include "os/machine.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "os/file.h"

#define UNREADABLE_BYTES ((uint64_t)1 << 30)
#define TEXT_ROOM_BYTES  4096u
#define GROUP_LEVELS     32

/* The first bytes of a small text file, terminated; false if it cannot be read. */
static bool read_text(const char *root, const char *path, char text[TEXT_ROOM_BYTES])
{
    char whole[OS_PATH_MAX];
    int fd = -1;
    size_t got = 0;
    if (snprintf(whole, sizeof whole, "%s%s", root, path) >= (int)sizeof whole)
        return false;
    if (os_file_open(whole, OS_OPEN_READ, &fd, NULL) != SLP_OK)
        return false;
    slp_rc rc = os_file_read(fd, whole, text, TEXT_ROOM_BYTES - 1, &got, NULL);
    os_file_close(fd);
    text[rc == SLP_OK ? got : 0] = '\0';
    return rc == SLP_OK;
}

/* A number in a file; UINT64_MAX for "max" and for what cannot be read. */
static uint64_t read_limit(const char *root, const char *path)
{
    char text[TEXT_ROOM_BYTES];
    if (!read_text(root, path, text) || text[0] < '0' || text[0] > '9')
        return UINT64_MAX;
    return strtoull(text, NULL, 10);
}

/* The lowest memory.max from the process's own group up to the root of the hierarchy. */
static uint64_t group_limit(const char *root)
{
    char text[TEXT_ROOM_BYTES];
    char path[TEXT_ROOM_BYTES + 64];
    uint64_t least = read_limit(root, "/sys/fs/cgroup/memory/memory.limit_in_bytes");
    char *group = read_text(root, "/proc/self/cgroup", text) ? strstr(text, "0::/") : NULL;
    if (!group)
        return least;
    group += strlen("0::");
    group[strcspn(group, "\n")] = '\0';
    for (int level = 0; level < GROUP_LEVELS; level++) {
        (void)snprintf(path, sizeof path, "/sys/fs/cgroup%s/memory.max", group);
        uint64_t limit = read_limit(root, path);
        least = limit < least ? limit : least;
        char *slash = strrchr(group, '/');
        if (!slash)
            break;
        *slash = '\0';
    }
    return least;
}

uint64_t os_machine_memory(const char *root)
{
    char text[TEXT_ROOM_BYTES];
    uint64_t available = UINT64_MAX;
    const char *line =
        read_text(root, "/proc/meminfo", text) ? strstr(text, "MemAvailable:") : NULL;
    if (line)
        available = strtoull(line + strlen("MemAvailable:"), NULL, 10) * 1024;
    uint64_t limit = group_limit(root);
    uint64_t least = limit < available ? limit : available;
    return least == UINT64_MAX ? UNREADABLE_BYTES : least;
}

size_t os_machine_cores(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    int count = CPU_COUNT(&set);
    return count > 0 ? (size_t)count : 1;
}

uint64_t os_machine_peak_memory(void)
{
    struct rusage usage;
    memset(&usage, 0, sizeof usage);
    (void)getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)usage.ru_maxrss * 1024;
}
