#include "os/library.h"

#include <dlfcn.h>
#include <string.h>
#include <unistd.h>

slp_rc os_library_open(const char *path, struct os_library *out, struct slp_err *err)
{
    if (strchr(path, '/') && access(path, F_OK) != 0)
        FAIL(err, NOT_FOUND, "there is no file \"%s\"", path);
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        const char *said = dlerror();
        FAIL(err, INVALID, "\"%s\" cannot be loaded: %s", path, said ? said : "no reason given");
    }
    out->handle = handle;
    return SLP_OK;
}

bool os_library_function(struct os_library library, const char *name, void *function)
{
    /* POSIX promises that copying the bytes makes a function pointer of it. */
    void *address = dlsym(library.handle, name);
    memcpy(function, &address, sizeof address);
    return address != NULL;
}

void os_library_close(struct os_library *library)
{
    if (library->handle)
        (void)dlclose(library->handle);
    library->handle = NULL;
}
