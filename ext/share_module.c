/* The functions of parapack.share, and its part of the module. */
#include "share_module.h"

#include "parapack/collect.h"
#include "share_bin.h"
#include "share_counter.h"
#include "share_dict.h"
#include "share_list.h"
#include "share_missing.h"
#include "share_pickle.h"
#include "share_queue.h"
#include "share_set.h"

/* ---- functions --------------------------------------------------------------------------------
 */

PyDoc_STRVAR(root_doc,
             "share_root($module, /)\n--\n\n"
             "The Dict that every interpreter of the process finds: another proxy each time.");

static PyObject *share_root(PyObject *module, PyObject *Py_UNUSED(ignored))
{
    module_state *st = state_of_module(module);
    pp_thread *t = share_begin();
    if (!t)
        return NULL;
    pp_dict *root = pp_root(t);
    if (root)
        pp_retain(t, pp_dict_object(root));
    share_end(t);
    return root ? share_proxy_new(st, st->share.dict_type, pp_dict_object(root)) : PyErr_NoMemory();
}

PyDoc_STRVAR(
    collect_doc,
    "collect($module, /)\n--\n\n"
    "Find and free cycles of live containers that nothing else refers to. Returns how many\n"
    "objects were garbage, an int. It also happens by itself, as containers are made.\n\n"
    "Thread safety: any thread. The GIL is given up; all others' calls into the runtime\n"
    "wait for a short pause.");

static PyObject *share_collect_function(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    return PyLong_FromSize_t(share_collect());
}

/* Takes `value` over. */
static int put(PyObject *dict, const char *name, PyObject *value)
{
    int failed = value ? PyDict_SetItemString(dict, name, value) : -1;
    Py_XDECREF(value);
    return failed;
}

static PyObject *objects_by_kind(const pp_stats *stats)
{
    PyObject *objects = PyDict_New();
    for (int kind = 0; objects && kind < (int)Py_ARRAY_LENGTH(stats->objects); kind++) {
        uint64_t count = stats->objects[kind];
        if (count && put(objects, pp_kind_name((pp_kind)kind), PyLong_FromUnsignedLongLong(count)))
            Py_CLEAR(objects);
    }
    return objects;
}

PyDoc_STRVAR(stats_doc, "share_stats($module, /)\n--\n\nThe runtime's figures as a dict.");

static PyObject *share_stats(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    pp_stats s;
    pp_stats_get(&s);
    const struct {
        const char *name;
        uint64_t value;
    } figures[] = {
        {"bytes", s.bytes},
        {"reserved", s.reserved},
        {"retired_blocks", s.retired_blocks},
        {"retired_bytes", s.retired_bytes},
        {"epoch", s.epoch},
        {"oldest_epoch", s.oldest_epoch},
        {"threads", s.threads},
        {"thread_records", s.thread_records},
        {"merges", s.merges},
        {"lock_waits", s.lock_waits},
        {"collections", s.collections},
        {"collected", s.collected},
        {"pauses", s.pauses},
        {"pause_ns_last", s.pause_ns_last},
        {"pause_ns_max", s.pause_ns_max},
        {"pause_ns_total", s.pause_ns_total},
        {"pause_wait_ns_last", s.pause_wait_ns_last},
        {"pause_wait_ns_max", s.pause_wait_ns_max},
    };
    PyObject *dict = PyDict_New();
    int failed = !dict || put(dict, "objects", objects_by_kind(&s)) ||
                 put(dict, "heap", PyUnicode_FromString(s.heap));
    for (size_t i = 0; !failed && i < Py_ARRAY_LENGTH(figures); i++)
        failed = put(dict, figures[i].name, PyLong_FromUnsignedLongLong(figures[i].value));
    if (failed)
        Py_CLEAR(dict);
    return dict;
}

static PyMethodDef functions[] = {
    {"share_open", (PyCFunction)(void (*)(void))share_open, METH_FASTCALL, share_open_doc},
    {"share_root", share_root, METH_NOARGS, root_doc},
    {"share_stats", share_stats, METH_NOARGS, stats_doc},
    {"collect", share_collect_function, METH_NOARGS, collect_doc},
    {NULL, NULL, 0, NULL},
};

/* ---- the module --------------------------------------------------------------------------------
 */

int share_add(PyObject *module, module_state *st)
{
    if (PyModule_AddFunctions(module, functions) || share_dict_add_type(module, st) ||
        share_list_add_type(module, st) || share_set_add_type(module, st) ||
        share_counter_add_type(module, st) || share_queue_add_type(module, st) ||
        share_bin_add_type(module, st) || share_missing_add(module, st))
        return -1;
    st->share.opener = PyObject_GetAttrString(module, "share_open");
    return st->share.opener ? 0 : -1;
}

int share_traverse(module_state *st, visitproc visit, void *arg)
{
    Py_VISIT(st->share.dict_type);
    Py_VISIT(st->share.list_type);
    Py_VISIT(st->share.set_type);
    Py_VISIT(st->share.counter_type);
    Py_VISIT(st->share.queue_type);
    Py_VISIT(st->share.queue_notifier_type);
    Py_VISIT(st->share.bin_type);
    Py_VISIT(st->share.missing_type);
    Py_VISIT(st->share.missing);
    Py_VISIT(st->share.opener);
    return 0;
}

void share_clear(module_state *st)
{
    Py_CLEAR(st->share.dict_type);
    Py_CLEAR(st->share.list_type);
    Py_CLEAR(st->share.set_type);
    Py_CLEAR(st->share.counter_type);
    Py_CLEAR(st->share.queue_type);
    Py_CLEAR(st->share.queue_notifier_type);
    Py_CLEAR(st->share.bin_type);
    Py_CLEAR(st->share.missing);
    Py_CLEAR(st->share.missing_type);
    Py_CLEAR(st->share.opener);
#if !defined(Py_GIL_DISABLED)
    for (size_t i = 0; i < SHARE_TEXTS; i++)
        Py_CLEAR(st->share.texts[i]);
#endif
}
