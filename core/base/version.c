#include "parapack/config.h"

const char *pp_version(void)
{
    return PP_VERSION_STRING;
}
