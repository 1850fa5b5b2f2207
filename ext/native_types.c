#include "native_types.h"

#include "pack_native.h"

enum { DATACLASSES_MAX = 1024 }; /* classes remembered before all are forgotten */

static const struct {
    const char *module, *name;
} sources[NATIVE_TYPE_COUNT] = {
    /* set and frozenset are there from the beginning */
    [TYPE_ENUM] = {"enum", "Enum"},
    [TYPE_UUID] = {"uuid", "UUID"},
    [TYPE_DECIMAL] = {"decimal", "Decimal"},
    [TYPE_DATETIME] = {"datetime", "datetime"},
    [TYPE_DATE] = {"datetime", "date"},
    [TYPE_TIME] = {"datetime", "time"},
    [TYPE_NUMPY_GENERIC] = {"numpy", "generic"},
    [TYPE_NUMPY_ARRAY] = {"numpy", "ndarray"},
};

static const char *const names[NATIVE_NAME_COUNT] = {
    [NAME_MSGPACK] = "__msgpack__",
    [NAME_DATACLASS_FIELDS] = "__dataclass_fields__",
    [NAME_NAME] = "name",
    [NAME_VALUE] = "value",
    [NAME_INT] = "int",
    [NAME_ISOFORMAT] = "isoformat",
    [NAME_UTCOFFSET] = "utcoffset",
    [NAME_DTYPE] = "dtype",
    [NAME_KIND] = "kind",
    [NAME_ITEMSIZE] = "itemsize",
    [NAME_ITEM] = "item",
    [NAME_TOLIST] = "tolist",
};

/* ---- one for each interpreter ---------------------------------------------- */

static void types_free(native_types *types)
{
    for (int i = 0; i < NATIVE_TYPE_COUNT; i++)
        Py_XDECREF(types->type[i]);
    for (int i = 0; i < NATIVE_NAME_COUNT; i++)
        Py_XDECREF(types->name[i]);
    Py_XDECREF(types->dataclass_fields);
    PyMem_Free(types);
}

static native_types *types_new(void)
{
    native_types *types = PyMem_Calloc(1, sizeof *types);
    if (!types) {
        PyErr_NoMemory();
        return NULL;
    }
    types->type[TYPE_SET] = Py_NewRef(&PySet_Type);
    types->type[TYPE_FROZENSET] = Py_NewRef(&PyFrozenSet_Type);
    types->dataclass_fields = PyDict_New();
    bool failed = !types->dataclass_fields;
    for (int i = 0; i < NATIVE_NAME_COUNT && !failed; i++) {
        types->name[i] = PyUnicode_InternFromString(names[i]);
        failed = !types->name[i];
    }
    if (failed) {
        types_free(types);
        return NULL;
    }
    return types;
}

native_types *native_types_of(module_state *st)
{
    native_types *types = __atomic_load_n((native_types **)&st->native_types, __ATOMIC_ACQUIRE);
    if (PP_LIKELY(types != NULL))
        return types;
    types = types_new();
    native_types *first = NULL;
    /* The release pairs with the acquire above: who sees it sees it complete. */
    if (types && !__atomic_compare_exchange_n((native_types **)&st->native_types, &first, types,
                                              false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        types_free(types); /* another thread was first */
        types = first;
    }
    return types;
}

int native_traverse(module_state *st, visitproc visit, void *arg)
{
    native_types *types = st->native_types;
    if (types) {
        for (int i = 0; i < NATIVE_TYPE_COUNT; i++)
            Py_VISIT(types->type[i]);
        Py_VISIT(types->dataclass_fields);
    }
    return 0;
}

void native_clear(module_state *st)
{
    native_types *types = st->native_types;
    st->native_types = NULL;
    if (types)
        types_free(types);
}

/* ---- types -------------------------------------------------------------------- */

int native_optional_attribute(PyObject *o, PyObject *name, PyObject **value)
{
#if PY_VERSION_HEX >= 0x030d0000
    return PyObject_GetOptionalAttr(o, name, value);
#else
    *value = PyObject_GetAttr(o, name);
    if (*value)
        return 1;
    if (!PyErr_ExceptionMatches(PyExc_AttributeError))
        return -1;
    PyErr_Clear();
    return 0;
#endif
}

/* module.name for an imported module, as native_optional_attribute(). A module
 * that is still being imported may lack the name. */
static int imported_attribute(const char *module, const char *name, PyObject **value)
{
    PyObject *key = PyUnicode_FromString(module), *attribute = PyUnicode_InternFromString(name);
    PyObject *object = key && attribute ? PyImport_GetModule(key) : NULL;
    int found =
        object ? native_optional_attribute(object, attribute, value) : -(PyErr_Occurred() != NULL);
    Py_XDECREF(key);
    Py_XDECREF(attribute);
    Py_XDECREF(object);
    return found;
}

PyTypeObject *native_type_known(native_types *types, native_type which)
{
    return (PyTypeObject *)__atomic_load_n(&types->type[which], __ATOMIC_ACQUIRE);
}

int native_type_find(native_types *types, native_type which, PyTypeObject **type)
{
    *type = native_type_known(types, which);
    if (*type)
        return 1;
    PyObject *found;
    int result = imported_attribute(sources[which].module, sources[which].name, &found);
    if (result <= 0)
        return result;
    if (!PyType_Check(found)) {
        Py_DECREF(found);
        return 0;
    }
    PyObject *first = NULL;
    if (!__atomic_compare_exchange_n(&types->type[which], &first, found, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE)) {
        Py_DECREF(found); /* another thread was first */
        found = first;
    }
    *type = (PyTypeObject *)found;
    return 1;
}

/* ---- dataclasses ---------------------------------------------------------------- */

/* [field.name for field in dataclasses.fields(cls)], as a tuple. */
static PyObject *ask_dataclass_fields(native_types *types, PyTypeObject *cls)
{
    PyObject *function = NULL;
    int found = imported_attribute("dataclasses", "fields", &function);
    if (found <= 0) {
        if (found == 0)
            PyErr_SetString(PyExc_ImportError, "dataclasses is not imported");
        return NULL;
    }
    PyObject *fields = PyObject_CallOneArg(function, (PyObject *)cls);
    Py_DECREF(function);
    if (fields)
        Py_SETREF(fields, PySequence_Tuple(fields));
    if (!fields)
        return NULL;
    Py_ssize_t count = PyTuple_GET_SIZE(fields);
    PyObject *result = PyTuple_New(count);
    for (Py_ssize_t i = 0; result && i < count; i++) {
        PyObject *name = PyObject_GetAttr(PyTuple_GET_ITEM(fields, i), types->name[NAME_NAME]);
        if (name)
            PyTuple_SET_ITEM(result, i, name);
        else
            Py_CLEAR(result);
    }
    Py_DECREF(fields);
    return result;
}

static PyObject *dict_lookup(PyObject *dict, PyObject *key)
{
    PyObject *value;
#if PY_VERSION_HEX >= 0x030d0000
    if (PyDict_GetItemRef(dict, key, &value) < 0)
        return NULL;
#else
    value = Py_XNewRef(PyDict_GetItemWithError(dict, key));
#endif
    return value;
}

PyObject *native_dataclass_fields(native_types *types, PyTypeObject *cls)
{
    /* Keyed by weak references, so that classes made at run time can go away.
     * The references of those stay, hence the bound. */
    PyObject *cache = types->dataclass_fields;
    PyObject *key = PyWeakref_NewRef((PyObject *)cls, NULL);
    if (!key)
        return NULL;
    PyObject *fields = dict_lookup(cache, key);
    if (!fields && !PyErr_Occurred()) {
        fields = ask_dataclass_fields(types, cls);
        if (fields && PyDict_Size(cache) >= DATACLASSES_MAX)
            PyDict_Clear(cache);
        if (fields && PyDict_SetItem(cache, key, fields))
            Py_CLEAR(fields);
    }
    Py_DECREF(key);
    return fields;
}
