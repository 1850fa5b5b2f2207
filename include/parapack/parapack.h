/* parapack/parapack.h - the whole C API. Each header can also be included alone. */
#ifndef PARAPACK_PARAPACK_H
#define PARAPACK_PARAPACK_H

#include "parapack/alloc.h"
#include "parapack/buffer.h"
#include "parapack/collect.h"
#include "parapack/config.h"
#include "parapack/counter.h"
#include "parapack/dict.h"
#include "parapack/doc.h"
#include "parapack/format.h"
#include "parapack/list.h"
#include "parapack/object.h"
#include "parapack/queue.h"
#include "parapack/reader.h"
#include "parapack/set.h"
#include "parapack/skip.h"
#include "parapack/status.h"
#include "parapack/thread.h"
#include "parapack/timestamp.h"
#include "parapack/tree.h"
#include "parapack/utf8.h"
#include "parapack/value.h"
#include "parapack/writer.h"

#endif /* PARAPACK_PARAPACK_H */
