#include "state/bug.h"

#ifdef SLEEPER_BUGS
int state_bug_now;
#else
/* A file has something in it. */
typedef int state_bug_none;
#endif
