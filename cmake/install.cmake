# SPDX-License-Identifier: Apache-2.0
# The package: headers, and what find_package(seqrec) reads.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_DATADIR}/cmake/seqrec)

install(DIRECTORY include/seqrec TYPE INCLUDE FILES_MATCHING PATTERN "*.hpp" PATTERN "*.cuh")
install(TARGETS seqrec seqrec_native EXPORT seqrec-targets)
install(EXPORT seqrec-targets NAMESPACE seqrec:: DESTINATION ${package_dir})

# Kept apart, so that a machine without a CUDA toolkit can use the rest of a package that was made on one with it.
if(TARGET seqrec_cuda)
  install(TARGETS seqrec_cuda EXPORT seqrec-cuda-targets)
  install(EXPORT seqrec-cuda-targets NAMESPACE seqrec:: DESTINATION ${package_dir})
endif()

configure_package_config_file(cmake/seqrec-config.cmake.in ${PROJECT_BINARY_DIR}/seqrec-config.cmake
                              INSTALL_DESTINATION ${package_dir})
# 0.x: a minor version may break its users, so only the same minor version will do.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/seqrec-config-version.cmake
                                 COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${PROJECT_BINARY_DIR}/seqrec-config.cmake ${PROJECT_BINARY_DIR}/seqrec-config-version.cmake
              cmake/compiled.cmake cmake/lightgbm.cmake
        DESTINATION ${package_dir})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
