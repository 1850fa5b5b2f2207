# Installs Parapack into a fresh prefix and builds the examples against it the three
# ways a user can: find_package with the shared and the static library, and
# pkg-config.
#
# cmake -D BUILD=... -D SOURCE=... -D WORK=... -D CC=... -D CFLAGS=... -D PKG_CONFIG=... -P ...
set(prefix ${WORK}/prefix)
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})

function(run)
  execute_process(COMMAND ${ARGV} COMMAND_ERROR_IS_FATAL ANY OUTPUT_VARIABLE output)
  set(output "${output}" PARENT_SCOPE)
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${prefix})

foreach(static OFF ON)
  set(build ${WORK}/examples-static-${static})
  run(${CMAKE_COMMAND} -S ${SOURCE}/examples/c -B ${build} -D CMAKE_PREFIX_PATH=${prefix}
      -D CMAKE_C_COMPILER=${CC} -D CMAKE_C_FLAGS=${CFLAGS} -D CMAKE_BUILD_TYPE=Release
      -D USE_STATIC=${static})
  run(${CMAKE_COMMAND} --build ${build})
  run(${CMAKE_CTEST_COMMAND} --test-dir ${build} --output-on-failure)
endforeach()

if(PKG_CONFIG)
  file(GLOB_RECURSE pc_file ${prefix}/*/parapack.pc)
  cmake_path(GET pc_file PARENT_PATH pc_dir)
  set(ENV{PKG_CONFIG_PATH} ${pc_dir})
  run(${PKG_CONFIG} --cflags --libs parapack)
  separate_arguments(flags UNIX_COMMAND "${output}")
  run(${PKG_CONFIG} --variable=libdir parapack)
  string(STRIP "${output}" libdir)
  separate_arguments(cflags UNIX_COMMAND "${CFLAGS}")
  run(${CC} -std=c11 ${cflags} ${SOURCE}/examples/c/growing_buffer.c -o ${WORK}/growing_buffer
      ${flags} -Wl,-rpath,${libdir})
  run(${WORK}/growing_buffer 10)
  if(NOT output MATCHES "^10 records, ")
    message(FATAL_ERROR "growing_buffer: ${output}")
  endif()
else()
  message(STATUS "pkg-config is missing: that way is not tested")
endif()
