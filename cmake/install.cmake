# Installs the C library of core/CMakeLists.txt: headers, static and shared library,
# find_package and pkg-config files.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/parapack)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/parapack TYPE INCLUDE FILES_MATCHING PATTERN "*.h")
install(TARGETS parapack parapack_core EXPORT parapackTargets)
install(EXPORT parapackTargets NAMESPACE parapack:: DESTINATION ${package_dir})

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/parapackConfig.cmake.in
  ${PROJECT_BINARY_DIR}/parapackConfig.cmake INSTALL_DESTINATION ${package_dir})
# Before 1.0 a new minor version may change anything.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/parapackConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/parapackConfig.cmake
  ${PROJECT_BINARY_DIR}/parapackConfigVersion.cmake DESTINATION ${package_dir})

# The prefix is found from where the .pc file lies, so that the tree can be moved.
file(RELATIVE_PATH PARAPACK_PC_PREFIX ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
set(PARAPACK_PC_PRIVATE "-pthread")
if(PARAPACK_HEAP STREQUAL "mimalloc")
  string(APPEND PARAPACK_PC_PRIVATE " -lmimalloc")
endif()
configure_file(${CMAKE_CURRENT_LIST_DIR}/parapack.pc.in ${PROJECT_BINARY_DIR}/parapack.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/parapack.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
