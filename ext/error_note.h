/* error_note.h - where an exception that others have raised happened.
 *
 * Errors of our own say in their message what is wrong and where. Those of CPython's
 * codecs and of the caller's objects get a note (PEP 678), which tracebacks show.
 */
#ifndef PARAPACK_EXT_ERROR_NOTE_H
#define PARAPACK_EXT_ERROR_NOTE_H

#include "pycompat.h"

/* Adds a note, in the format of PyUnicode_FromFormat(), to the exception that is set. Where
 * that fails there is none. May run code of the exception's class. */
void error_note(const char *format, ...);

#endif /* PARAPACK_EXT_ERROR_NOTE_H */
