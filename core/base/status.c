#include "parapack/status.h"

const char *pp_status_text(pp_status status)
{
    switch (status) {
#define PP_STATUS_TEXT(name, number, text)                                                         \
    case name:                                                                                     \
        return text;
        PP_STATUS_LIST(PP_STATUS_TEXT)
#undef PP_STATUS_TEXT
    }
    return "unknown status";
}

const char *pp_status_name(pp_status status)
{
    switch (status) {
#define PP_STATUS_NAME(name, number, text)                                                         \
    case name:                                                                                     \
        return #name;
        PP_STATUS_LIST(PP_STATUS_NAME)
#undef PP_STATUS_NAME
    }
    return "PP_ERR_?";
}
