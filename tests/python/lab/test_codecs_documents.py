"""The libraries under test and the documents: what is there works, what is missing says why."""

import importlib
import json
import sys

import pytest

from parapack.lab import codecs, documents

pytestmark = pytest.mark.thread_unsafe(reason="replaces modules")


def test_parapack_is_loaded_and_compiled():
    codec = codecs.load("parapack")
    assert isinstance(codec, codecs.Codec)
    assert codec.compiled
    assert codec.implementation == "parapack._parapack"
    pack, unpack = codec.make()
    assert unpack(pack({"a": [1, None]})) == {"a": [1, None]}


def test_a_library_that_is_not_installed_is_absent_with_its_reason(monkeypatch):
    monkeypatch.setitem(sys.modules, "ormsgpack", None)
    missing = codecs.load("ormsgpack")
    assert isinstance(missing, codecs.Absent)
    assert "ormsgpack" in missing.reason


def test_an_unknown_library_is_refused():
    with pytest.raises(ValueError, match="known: parapack, msgpack"):
        codecs.load("marshal")


def test_a_library_that_breaks_messages_is_absent(monkeypatch):
    monkeypatch.setitem(codecs._MAKERS, "msgpack", lambda: (lambda value: b"", lambda data: None))
    missing = codecs.load("msgpack")
    assert isinstance(missing, codecs.Absent)
    assert "round trip" in missing.reason


def test_the_pure_python_twin_of_msgpack_is_not_taken_for_the_real_one(monkeypatch):
    class Packer:
        __module__ = "msgpack.fallback"

    module = type(sys)("msgpack")
    module.Packer = Packer
    module.__version__ = "0"
    parapack = importlib.import_module("parapack")
    module.packb, module.unpackb = parapack.packb, parapack.unpackb
    monkeypatch.setitem(sys.modules, "msgpack", module)
    codec = codecs.load("msgpack")
    assert isinstance(codec, codecs.Codec)
    assert not codec.compiled
    assert codec.implementation == "msgpack.fallback"


def test_documents_that_need_no_package_are_always_there():
    found, missing = documents.load()
    assert {"ints", "trade", "rpc", "span"} <= found.keys()
    assert found.keys() | missing.keys() == set(documents.NAMES)
    assert all("pip install" in reason for reason in missing.values())


def test_documents_survive_the_file(tmp_path):
    found, _ = documents.load()
    path = tmp_path / "documents.json"
    documents.save(found, path)
    again, missing = documents.load(path)
    assert again == found
    assert set(missing) == set(documents.NAMES) - set(found)


def test_the_file_is_found_by_the_environment(tmp_path, monkeypatch):
    path = tmp_path / "documents.json"
    path.write_text(json.dumps({"trade": {"m": True}}))
    monkeypatch.setenv(documents.ENVIRONMENT_VARIABLE, str(path))
    found, missing = documents.load()
    assert found == {"trade": {"m": True}}
    assert "aws-ec2" in missing


def test_every_document_survives_parapack():
    parapack = importlib.import_module("parapack")
    found, _ = documents.load()
    for name, document in found.items():
        assert parapack.unpackb(parapack.packb(document)) == document, name


def test_sizes():
    assert documents.sizes({"a": [1, "é"]}) == {"a": len(b'[1,"\xc3\xa9"]')}
