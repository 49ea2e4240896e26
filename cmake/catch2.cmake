# SPDX-License-Identifier: Apache-2.0
# One target, seqrec_catch2, for Catch2 2.13 (Debian 12) and 3 (newer; SEQREC_CATCH2_3 insists on it).
# tests/support/catch.hpp is the other half.
if(NOT SEQREC_CATCH2_3)
  find_package(Catch2 2.13 QUIET)
endif()
if(NOT Catch2_FOUND)
  find_package(Catch2 3 REQUIRED)
endif()
add_library(seqrec_catch2 INTERFACE)
target_link_libraries(seqrec_catch2 INTERFACE Catch2::Catch2)
