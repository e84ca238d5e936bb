#include "stack/kind.h"

static const char *const names[STACK_KIND_COUNT] = {"put", "delete", "reset"};

const char *stack_kind_name(enum stack_kind kind)
{
    return names[kind];
}

bool stack_kind_parse(struct slice text, enum stack_kind *out)
{
    for (size_t k = 0; k < STACK_KIND_COUNT; k++) {
        size_t n = strlen(names[k]);
        size_t i = 0;
        while (text.len == n && i < n && (text.ptr[i] | 0x20) == (uint8_t)names[k][i])
            i++;
        if (i == n) {
            *out = (enum stack_kind)k;
            return true;
        }
    }
    return false;
}
