/* A plug-in of a version that this program does not know. */
#include "sleeper/plugin.h"

SLP_PLUGIN_EXPORT const struct sleeper_plugin *sleeper_plugin(void);

const struct sleeper_plugin *sleeper_plugin(void)
{
    static const struct sleeper_plugin plugin = {.version = 99, .bytes = sizeof plugin};
    return &plugin;
}
