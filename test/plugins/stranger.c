/* A shared object that is no plug-in. */
#include "sleeper/plugin.h"

SLP_PLUGIN_EXPORT int stranger(void);

int stranger(void)
{
    return SLEEPER_PLUGIN_VERSION;
}
