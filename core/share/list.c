#include "share/list.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/yield_point.h"
#include "share/container.h"
#include "share/heap.h"
#include "share/qsbr.h"
#include "share/snapshot.h"
#include "share/sum.h"

#if defined(PP_HOSTILE)
enum { LEAST = 1, MOVE_EVERY = 5, MOVE_BELOW = 100 };
#define LAST_VERSION(items) ((items)->capacity < 1000 ? UINT32_C(7) : UINT32_MAX)
#else
enum { LEAST = 4 };
#define LAST_VERSION(items) UINT32_MAX
#endif

/* What the length word can tell, and the address space can hold. */
#define MAX_COUNT (SIZE_MAX / 16 < UINT32_MAX ? SIZE_MAX / 16 : (size_t)UINT32_MAX)

/* ---- blocks ----------------------------------------------------------------------------- */

static _Atomic uint64_t *words_of(const pp_items *items)
{
    return (_Atomic uint64_t *)(uintptr_t)(items + 1);
}

static size_t size_of(uint32_t capacity)
{
    return sizeof(pp_items) + (size_t)capacity * sizeof(uint64_t);
}

/* That of lists without items: nobody writes it, nobody frees it. */
static pp_items nothing;

/* A new block of `count` items, for the caller to fill in, with room for more. NULL: no memory. */
static pp_items *new_block(pp_thread *thread, size_t count, size_t capacity)
{
    if (capacity > MAX_COUNT)
        capacity = MAX_COUNT;
    pp_items *items = pp_heap_alloc(thread, PP_HEAP_TABLES, size_of((uint32_t)capacity));
    if (items == NULL)
        return NULL;
    atomic_init(&items->length, (uint64_t)count << 32);
    items->capacity = (uint32_t)capacity;
    return items;
}

/* ---- for the holder of the lock. Relaxed: written under the lock ----------------------------- */

static pp_items *items_of(const pp_list *list)
{
    return atomic_load_explicit(&list->items, memory_order_relaxed);
}

static uint32_t count_of(const pp_items *items)
{
    return (uint32_t)(atomic_load_explicit(&items->length, memory_order_relaxed) >> 32);
}

static uint64_t word_at(const pp_items *items, size_t index)
{
    return atomic_load_explicit(&words_of(items)[index], memory_order_relaxed);
}

/* Writes a word that is not in the list yet. Release: pairs with word_for_reading() of one who
 * still has the length from before a pop, and must see that pop. */
static void fill(pp_items *items, size_t index, uint64_t word)
{
    atomic_store_explicit(&words_of(items)[index], word, memory_order_release);
}

/* `count` words of `from`, from index `at` on, go to index `index` of `to`. */
static void fill_from(pp_items *to, size_t index, const pp_items *from, size_t at, size_t count)
{
    for (size_t i = 0; i < count; i++)
        fill(to, index + i, word_at(from, at + i));
}

static void fill_values(pp_thread *thread, pp_items *items, size_t index, const pp_value *values,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        pp_object_publish(thread, values[i]);
        fill(items, index + i, values[i].word);
    }
}

/* What a change has left over, to be given up once the lock is given back. Starts as zeros. */
typedef struct change {
    pp_items *replaced; /* the block before */
    size_t from, to;    /* of its items, those whose references are to be released */
    uint64_t dropped;   /* one more reference */
} change;

static void finish(pp_thread *thread, pp_list *list, const change *left)
{
    pp_object_unlock(&list->base);
    pp_value_release(thread, (pp_value){left->dropped});
    if (PP_LIKELY(left->replaced == NULL) || left->replaced == &nothing)
        return;
    for (size_t i = left->from; i < left->to; i++)
        pp_value_release(thread, (pp_value){word_at(left->replaced, i)});
    pp_qsbr_retire(thread, left->replaced, size_of(left->replaced->capacity));
}

static void publish(pp_list *list, pp_items *items, change *left)
{
    left->replaced = items_of(list);
    PP_YIELD_POINT();
    /* The moment of a change that replaces the block. Pairs with block_for_reading(). */
    atomic_store_explicit(&list->items, items, memory_order_seq_cst);
}

static void set_length(pp_items *items, size_t count)
{
    uint32_t version = (uint32_t)atomic_load_explicit(&items->length, memory_order_relaxed) + 1;
    PP_YIELD_POINT();
    /* The moment of a change at the end. Pairs with length_for_reading(). */
    atomic_store_explicit(&items->length, (uint64_t)count << 32 | version, memory_order_seq_cst);
    PP_YIELD_POINT();
}

/* Another block with the same items. False: no memory. */
static bool move(pp_thread *thread, pp_list *list, size_t capacity, change *left)
{
    const pp_items *from = items_of(list);
    uint32_t count = count_of(from);
    pp_items *to = new_block(thread, count, capacity);
    if (to == NULL)
        return false;
    fill_from(to, 0, from, 0, count);
    publish(list, to, left);
    return true;
}

/* The length of the block cannot change any more. */
static bool is_worn(const pp_items *items)
{
    return (uint32_t)atomic_load_explicit(&items->length, memory_order_relaxed) ==
           LAST_VERSION(items);
}

/* Room for `more` items. */
static pp_status reserve(pp_thread *thread, pp_list *list, size_t more, change *left)
{
    const pp_items *items = items_of(list);
    size_t count = count_of(items);
    if (PP_UNLIKELY(more > MAX_COUNT - count))
        return PP_ERR_TOO_LONG;
    if (PP_UNLIKELY(more > items->capacity - count || is_worn(items))) {
        size_t capacity = count + more + (count + more) / 2;
        return move(thread, list, capacity < LEAST ? LEAST : capacity, left) ? PP_OK : PP_ERR_NOMEM;
    }
#if defined(PP_HOSTILE)
    if (count % MOVE_EVERY == 0 && count < MOVE_BELOW)
        (void)move(thread, list, count + more, left);
#endif
    return PP_OK;
}

/* Gives memory back where most of the block is unused; without memory for a smaller one it stays as
 * it is. */
static void shrink(pp_thread *thread, pp_list *list, change *left)
{
    const pp_items *items = items_of(list);
    uint32_t count = count_of(items);
    if (PP_UNLIKELY(items->capacity > 16 && count < items->capacity / 8))
        (void)move(thread, list, count + count / 2 + LEAST, left);
}

static void release_all(pp_thread *thread, const pp_value *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        pp_value_release(thread, values[i]);
}

/* pp_container_lock for a change that takes values. */
static pp_status lock_taking(pp_thread *thread, pp_list *list, const pp_value *values, size_t count)
{
    pp_status status = pp_container_lock(thread, &list->base);
    if (PP_UNLIKELY(status == PP_ERR_GONE))
        release_all(thread, values, count);
    return status;
}

/* ---- the object --------------------------------------------------------------------------------
 */

pp_status pp_list_new(pp_thread *thread, size_t capacity, pp_list **list)
{
    pp_list *made = (pp_list *)pp_object_new(thread, PP_KIND_LIST, sizeof *made);
    if (made == NULL)
        return PP_ERR_NOMEM;
    atomic_init(&made->items, &nothing);
    if (capacity > 0) {
        pp_items *items = capacity > MAX_COUNT ? NULL : new_block(thread, 0, capacity);
        if (items == NULL) {
            pp_release(thread, &made->base);
            return PP_ERR_NOMEM;
        }
        atomic_init(&made->items, items);
    }
    *list = made;
    return PP_OK;
}

static void clear_object(pp_thread *thread, pp_object *object)
{
    pp_items *items = items_of((pp_list *)object);
    uint32_t count = count_of(items);
    for (size_t i = 0; i < count; i++)
        pp_object_drop_value(thread, object, (pp_value){word_at(items, i)});
    /* The pointer stays: who borrowed the object may still read. */
    if (items != &nothing)
        pp_qsbr_retire(thread, items, size_of(items->capacity));
}

static void visit(pp_object *object, pp_visit *show, void *context)
{
    const pp_items *items = items_of((pp_list *)object);
    uint32_t count = count_of(items);
    for (size_t i = 0; i < count; i++) {
        pp_value value = {word_at(items, i)};
        if (pp_value_object(value) != NULL)
            show(context, value);
    }
}

static size_t size(const pp_object *object)
{
    (void)object;
    return sizeof(pp_list);
}

static void check(const pp_object *object)
{
    const pp_items *items = items_of((const pp_list *)object);
    uint32_t count = count_of(items);
    bool holds = count <= items->capacity;
    for (size_t i = 0; holds && i < count; i++)
        holds = word_at(items, i) != 0;
    if (holds)
        return;
    fprintf(stderr, "list %p: longer than its items\n", (const void *)object);
    abort();
}

const pp_object_type pp_list_type = {.kind = PP_KIND_LIST,
                                     .container = true,
                                     .clear = clear_object,
                                     .visit = visit,
                                     .reads_first = offsetof(pp_list, items),
                                     .size = size,
                                     .check = check};

pp_list *pp_object_list(pp_object *object)
{
    return pp_object_kind(object) == PP_KIND_LIST ? (pp_list *)object : NULL;
}

/* ---- reading
 * ------------------------------------------------------------------------------------- */

/* Pairs with publish(). */
static const pp_items *block_for_reading(const pp_list *list)
{
    return atomic_load_explicit(&list->items, memory_order_seq_cst);
}

/* Pairs with set_length(). */
static uint64_t length_for_reading(const pp_items *items)
{
    return atomic_load_explicit(&items->length, memory_order_seq_cst);
}

/* Pairs with set_word() and fill(). */
static uint64_t word_for_reading(const pp_items *items, size_t index)
{
    PP_YIELD_POINT();
    uint64_t word = atomic_load_explicit(&words_of(items)[index], memory_order_seq_cst);
    PP_YIELD_POINT();
    return word;
}

size_t pp_list_count(const pp_list *list)
{
    return (size_t)(length_for_reading(block_for_reading(list)) >> 32);
}

/* The invariant L2. */
static pp_value get_from_end(const pp_items *items, int64_t index)
{
    for (;;) {
        uint64_t length = length_for_reading(items);
        if ((int64_t)(length >> 32) < -index)
            return PP_NO_VALUE;
        uint64_t word = word_for_reading(items, (size_t)((int64_t)(length >> 32) + index));
#if defined(PP_MUTANT_LIST_VERSION_IGNORED)
        length = length_for_reading(items);
#endif
        if (PP_LIKELY(length_for_reading(items) == length))
            return (pp_value){word};
    }
}

/* The invariant L1. */
pp_value pp_list_get(pp_thread *thread, const pp_list *list, int64_t index)
{
    const pp_items *items = block_for_reading(list);
    (void)thread; /* its scope is what keeps the block readable */
    if (PP_UNLIKELY(index < 0))
        return index < -(int64_t)MAX_COUNT ? PP_NO_VALUE : get_from_end(items, index);
    if (PP_UNLIKELY((uint64_t)index >= length_for_reading(items) >> 32))
        return PP_NO_VALUE;
    uint64_t word = word_for_reading(items, (size_t)index);
#if defined(PP_MUTANT_LIST_LENGTH_ONCE)
    return (pp_value){word};
#endif
    if (PP_UNLIKELY((uint64_t)index >= length_for_reading(items) >> 32))
        return PP_NO_VALUE;
    return (pp_value){word};
}

/* ---- one item
 * -------------------------------------------------------------------------------------- */

/* Makes an index of one from the end. False: out of range. */
static bool resolve(const pp_items *items, int64_t index, size_t *at)
{
    int64_t count = count_of(items);
    if (index < -count || index >= count)
        return false;
    *at = (size_t)(index < 0 ? index + count : index);
    return true;
}

/* Gives the word that was there. `word` was published. */
static uint64_t set_word(pp_items *items, size_t index, uint64_t word)
{
    PP_YIELD_POINT();
    /* The moment of the change. Pairs with word_for_reading(). */
    return atomic_exchange_explicit(&words_of(items)[index], word, memory_order_seq_cst);
}

pp_status pp_list_set(pp_thread *thread, pp_list *list, int64_t index, pp_value value)
{
    change left = {.dropped = value.word};
    size_t at;
    pp_status status = lock_taking(thread, list, &value, 1);
    if (PP_UNLIKELY(status != PP_OK))
        return status;
    pp_items *items = items_of(list);
    if (resolve(items, index, &at)) {
        pp_object_publish(thread, value);
        left.dropped = set_word(items, at, value.word);
    } else {
        status = PP_ERR_RANGE;
    }
    finish(thread, list, &left);
    return status;
}

pp_status pp_list_compare_and_set(pp_thread *thread, pp_list *list, int64_t index,
                                  pp_value expected, pp_value desired, bool *swapped)
{
    change left = {.dropped = desired.word};
    size_t at;
    pp_status status = lock_taking(thread, list, &desired, 1);
    if (PP_UNLIKELY(status != PP_OK))
        return status;
    pp_items *items = items_of(list);
    if (!resolve(items, index, &at)) {
        status = PP_ERR_RANGE;
    } else {
        *swapped = pp_container_expects((pp_value){word_at(items, at)}, expected);
        if (*swapped) {
            pp_object_publish(thread, desired);
            left.dropped = set_word(items, at, desired.word);
        }
    }
    finish(thread, list, &left);
    return status;
}

pp_status pp_list_add(pp_thread *thread, pp_list *list, int64_t index, pp_value delta,
                      pp_value *sum)
{
    change left = {0};
    size_t at;
    pp_value added;
    pp_status status = pp_container_lock(thread, &list->base);
    if (PP_UNLIKELY(status != PP_OK))
        return status;
    pp_items *items = items_of(list);
    status = resolve(items, index, &at)
                 ? pp_value_sum(thread, (pp_value){word_at(items, at)}, delta, &added)
                 : PP_ERR_RANGE;
    if (PP_LIKELY(status == PP_OK)) {
        pp_object_publish(thread, added);
        left.dropped = set_word(items, at, added.word);
        *sum = added;
    }
    finish(thread, list, &left);
    return status;
}

/* ---- at the end
 * -------------------------------------------------------------------------------------- */

/* Takes the values on PP_OK. */
static pp_status extend(pp_thread *thread, pp_list *list, const pp_value *values, size_t count,
                        change *left)
{
    pp_status status = reserve(thread, list, count, left);
    if (PP_UNLIKELY(status != PP_OK))
        return status;
    pp_items *items = items_of(list);
    uint32_t before = count_of(items);
#if defined(PP_MUTANT_LIST_LENGTH_FIRST)
    set_length(items, before + count);
#endif
    fill_values(thread, items, before, values, count);
    set_length(items, before + count);
    return PP_OK;
}

pp_status pp_list_extend(pp_thread *thread, pp_list *list, const pp_value *values, size_t count)
{
    change left = {0};
    pp_status status = lock_taking(thread, list, values, count);
    if (PP_UNLIKELY(status != PP_OK))
        return status;
    if (count > 0)
        status = extend(thread, list, values, count, &left);
    finish(thread, list, &left);
    if (PP_UNLIKELY(status != PP_OK))
        release_all(thread, values, count);
    return status;
}

pp_status pp_list_append(pp_thread *thread, pp_list *list, pp_value value)
{
    return pp_list_extend(thread, list, &value, 1);
}

/* Removes the last item and gives its word. */
static pp_status pop_last(pp_thread *thread, pp_list *list, uint64_t *word, change *left)
{
    if (PP_UNLIKELY(is_worn(items_of(list)))) {
        pp_status status = reserve(thread, list, 0, left);
        if (status != PP_OK)
            return status;
    }
    pp_items *items = items_of(list);
    uint32_t count = count_of(items);
    *word = word_at(items, count - 1);
    set_length(items, count - 1);
    if (left->replaced == NULL)
        shrink(thread, list, left);
    return PP_OK;
}

/* ---- in the middle
 * --------------------------------------------------------------------------------------- */

/* A new block in which `count` values, which it takes on PP_OK, stand for the items from `start` to
 * before `stop`. */
static pp_status replace_range(pp_thread *thread, pp_list *list, size_t start, size_t stop,
                               const pp_value *values, size_t count, change *left)
{
    const pp_items *from = items_of(list);
    size_t before = count_of(from), rest = before - stop;
    if (count > MAX_COUNT - start - rest)
        return PP_ERR_TOO_LONG;
    size_t after = start + count + rest;
    if (after == 0) {
        publish(list, &nothing, left);
        return PP_OK;
    }
    pp_items *to = new_block(thread, after, after + after / 8 + LEAST);
    if (to == NULL)
        return PP_ERR_NOMEM;
    fill_from(to, 0, from, 0, start);
    fill_values(thread, to, start, values, count);
    fill_from(to, start + count, from, stop, rest);
    publish(list, to, left);
    return PP_OK;
}

/* Python's slices. */
static size_t clamp(int64_t index, size_t count)
{
    if (index < 0)
        return index < -(int64_t)count ? 0 : count - (size_t)-index;
    return (uint64_t)index > count ? count : (size_t)index;
}

static void clamp_range(const pp_items *items, int64_t first, int64_t last, size_t *start,
                        size_t *stop)
{
    size_t count = count_of(items);
    *start = clamp(first, count);
    *stop = clamp(last, count);
    if (*stop < *start)
        *stop = *start;
}

pp_status pp_list_splice(pp_thread *thread, pp_list *list, int64_t start, int64_t stop,
                         const pp_value *values, size_t count)
{
    change left = {0};
    size_t from, to;
    pp_status status = lock_taking(thread, list, values, count);
    if (PP_UNLIKELY(status != PP_OK))
        return status;
    clamp_range(items_of(list), start, stop, &from, &to);
    if (from == to && count == 0) {
        /* nothing to change */
    } else if (from == count_of(items_of(list))) {
        status = extend(thread, list, values, count, &left);
    } else {
        left.from = from;
        left.to = to;
        status = replace_range(thread, list, from, to, values, count, &left);
    }
    finish(thread, list, &left);
    if (PP_UNLIKELY(status != PP_OK))
        release_all(thread, values, count);
    return status;
}

/* Removes the item at `at` and gives its word. */
static pp_status remove_at(pp_thread *thread, pp_list *list, size_t at, uint64_t *word,
                           change *left)
{
    const pp_items *items = items_of(list);
    if (at + 1 == count_of(items))
        return pop_last(thread, list, word, left);
    *word = word_at(items, at);
#if defined(PP_MUTANT_LIST_SHIFTED_IN_PLACE)
    pp_items *same = items_of(list);
    for (size_t i = at; i + 1 < count_of(same); i++)
        (void)set_word(same, i, word_at(same, i + 1));
    set_length(same, count_of(same) - 1);
    return PP_OK;
#endif
    return replace_range(thread, list, at, at + 1, NULL, 0, left);
}

pp_status pp_list_pop(pp_thread *thread, pp_list *list, int64_t index, pp_value *value)
{
    change left = {0};
    size_t at;
    uint64_t word = 0;
    pp_status status = pp_container_lock(thread, &list->base);
    if (PP_UNLIKELY(status != PP_OK))
        return status;
    status = resolve(items_of(list), index, &at) ? remove_at(thread, list, at, &word, &left)
                                                 : PP_ERR_RANGE;
    if (status == PP_OK && value != NULL)
        *value = (pp_value){word};
    else if (status == PP_OK)
        left.dropped = word;
    finish(thread, list, &left);
    return status;
}

pp_status pp_list_remove(pp_thread *thread, pp_list *list, pp_value value, bool *removed)
{
    change left = {0};
    uint64_t word = 0;
    pp_status status = pp_container_lock(thread, &list->base);
    if (PP_UNLIKELY(status != PP_OK))
        return status;
    const pp_items *items = items_of(list);
    size_t count = count_of(items), at = 0;
    while (at < count && !pp_container_expects((pp_value){word_at(items, at)}, value))
        at++;
    if (at < count)
        status = remove_at(thread, list, at, &word, &left);
    if (PP_LIKELY(status == PP_OK)) {
        *removed = at < count;
        left.dropped = word;
    }
    finish(thread, list, &left);
    return status;
}

pp_status pp_list_reverse(pp_thread *thread, pp_list *list)
{
    change left = {0};
    pp_status status = pp_container_lock(thread, &list->base);
    if (PP_UNLIKELY(status != PP_OK))
        return status;
    const pp_items *from = items_of(list);
    uint32_t count = count_of(from);
    if (count > 1) {
        pp_items *to = new_block(thread, count, from->capacity);
        for (uint32_t i = 0; to != NULL && i < count; i++)
            fill(to, i, word_at(from, count - 1 - i));
        if (to != NULL)
            publish(list, to, &left);
        else
            status = PP_ERR_NOMEM;
    }
    finish(thread, list, &left);
    return status;
}

pp_status pp_list_clear(pp_thread *thread, pp_list *list)
{
    change left = {0};
    pp_status status = pp_container_lock(thread, &list->base);
    if (PP_UNLIKELY(status != PP_OK))
        return status;
    left.to = count_of(items_of(list));
    publish(list, &nothing, &left);
    finish(thread, list, &left);
    return PP_OK;
}

/* ---- all of it at once
 * -------------------------------------------------------------------------------------- */

pp_status pp_list_snapshot(pp_thread *thread, pp_list *list, int64_t start, int64_t stop,
                           pp_values *snapshot)
{
    pp_values taken;
    size_t from, to;
    pp_status status = pp_container_lock(thread, &list->base);
    if (PP_UNLIKELY(status != PP_OK))
        return status;
    const pp_items *items = items_of(list);
    clamp_range(items, start, stop, &from, &to);
    if (pp_values_init(thread, &taken, to - from)) {
        for (size_t i = from; i < to; i++)
            pp_values_push(thread, &taken, (pp_value){word_at(items, i)});
        *snapshot = taken;
    } else {
        status = PP_ERR_NOMEM;
    }
    pp_object_unlock(&list->base);
    return status;
}

/* Whether the list has just these items: the same words, so the same objects. */
static bool is_same(const pp_items *items, const pp_values *seen)
{
    if (count_of(items) != seen->count)
        return false;
    for (size_t i = 0; i < seen->count; i++)
        if (word_at(items, i) != seen->items[i].word)
            return false;
    return true;
}

pp_status pp_list_replace(pp_thread *thread, pp_list *list, const pp_values *seen,
                          const pp_value *values, size_t count, bool *replaced)
{
    change left = {0};
    pp_status status = lock_taking(thread, list, values, count);
    if (PP_UNLIKELY(status != PP_OK))
        return status;
    bool same = is_same(items_of(list), seen);
    if (same) {
        left.to = seen->count;
        status = replace_range(thread, list, 0, seen->count, values, count, &left);
    }
    finish(thread, list, &left);
    if (!same || status != PP_OK)
        release_all(thread, values, count);
    if (PP_LIKELY(status == PP_OK))
        *replaced = same;
    return status;
}
