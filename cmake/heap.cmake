# Where the share runtime's memory comes from: PARAPACK_HEAP. Sets PARAPACK_HEAP_SOURCES and, for
# mimalloc, PARAPACK_HEAP_LIBRARY.
if(PARAPACK_HEAP STREQUAL "slab")
  set(PARAPACK_HEAP_SOURCES share/heap_slab.c)
elseif(PARAPACK_HEAP STREQUAL "mimalloc")
  if(PARAPACK_SANITIZE)
    message(FATAL_ERROR "Sanitizers cannot see into mimalloc: set PARAPACK_HEAP=slab.")
  endif()
  # Its heaps belong to one thread in version 2, which heap_mimalloc.c is written for.
  find_package(mimalloc 2.0 CONFIG QUIET)
  if(NOT mimalloc_FOUND OR mimalloc_VERSION VERSION_GREATER_EQUAL 3)
    message(FATAL_ERROR "PARAPACK_HEAP=mimalloc needs mimalloc 2 (found: ${mimalloc_VERSION}). "
                        "On Debian: apt-get install libmimalloc-dev; or set PARAPACK_HEAP=slab.")
  endif()
  include(CheckFunctionExists)
  check_function_exists(__cxa_thread_atexit_impl PARAPACK_HAS_THREAD_ATEXIT)
  if(NOT PARAPACK_HAS_THREAD_ATEXIT)
    message(FATAL_ERROR "PARAPACK_HEAP=mimalloc needs a C library with __cxa_thread_atexit_impl "
                        "(glibc): set PARAPACK_HEAP=slab.")
  endif()
  set(PARAPACK_HEAP_SOURCES share/heap_mimalloc.c)
  set(PARAPACK_HEAP_LIBRARY mimalloc)
else()
  message(FATAL_ERROR "PARAPACK_HEAP is slab or mimalloc, not ${PARAPACK_HEAP}.")
endif()
