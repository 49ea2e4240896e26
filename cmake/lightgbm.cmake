# SPDX-License-Identifier: Apache-2.0
# seqrec::lightgbm, optional: seqrec::seqrec and LightGBM's C library, for what is in seqrec/trees and seqrec/hybrid.
#
# LightGBM is taken from the system where it is there: LightGBM/c_api.h and lib_lightgbm, along CMAKE_PREFIX_PATH or where
# SEQREC_LIGHTGBM_INCLUDE_DIR and SEQREC_LIGHTGBM_LIBRARY say. Otherwise, and only with SEQREC_BRING_LIGHTGBM (on in seqrec's
# own builds), pip downloads it into the build tree, once: nothing is compiled, run or installed. Its wheel has the library
# and its source distribution the header; both are of one version, and their hashes are below. Without network or pip there
# is no target, and one line of status says so.
#
# Included by CMakeLists.txt and by the package that `cmake --install` leaves.

option(SEQREC_ENABLE_LIGHTGBM "Offer seqrec::lightgbm, where there is a LightGBM" ON)
option(SEQREC_BRING_LIGHTGBM "Have pip download LightGBM into the build tree where the system has none" OFF)

set(seqrec_lightgbm_version 4.6.0)
set(seqrec_lightgbm_wheel
    cb19b5afea55b5b61cbb2131095f50538bd608a00655f23ad5d25ae3e3bf1c8d  # x86_64, glibc 2.28
    4d68712bbd2b57a0b14390cbf9376c1d5ed773fa2e71e099cac588703b590336)  # aarch64, glibc 2.17
set(seqrec_lightgbm_source cb1c59720eb569389c0ba74d14f52351b573af489f230032a1c9f314f8bab7fe)

# seqrec_pip_download(RESULT KIND FOLDER hash...): LightGBM's archive of a kind, `wheel` or `source`, in a folder of its own.
# RESULT is the archive's path, or empty.
function(seqrec_pip_download result kind folder)
  set(${result} "" PARENT_SCOPE)
  list(TRANSFORM ARGN PREPEND " --hash=sha256:" OUTPUT_VARIABLE hashes)
  list(JOIN hashes "" hashes)
  file(WRITE ${folder}/${kind}.txt "lightgbm==${seqrec_lightgbm_version}${hashes}\n")
  set(environment)
  if(kind STREQUAL wheel)
    set(form --only-binary lightgbm)
  else()
    # pip looks at a source distribution only after its build backend has told it name and version, and would fetch CMake,
    # Ninja and the backend to hear that. A backend that says just this takes the real one's place.
    set(form --no-binary lightgbm --no-build-isolation)
    set(environment PYTHONPATH=${folder}/backend)
    file(WRITE ${folder}/backend/scikit_build_core/__init__.py "")
    file(WRITE ${folder}/backend/scikit_build_core/build.py "
import os

def prepare_metadata_for_build_wheel(folder, settings=None):
    name = 'lightgbm-${seqrec_lightgbm_version}.dist-info'
    os.makedirs(os.path.join(folder, name))
    with open(os.path.join(folder, name, 'METADATA'), 'w') as file:
        file.write('Metadata-Version: 2.1\\nName: lightgbm\\nVersion: ${seqrec_lightgbm_version}\\n')
    return name

def build_wheel(*arguments, **options):
    raise RuntimeError('LightGBM is downloaded here, not built')
")
  endif()
  execute_process(
    COMMAND ${CMAKE_COMMAND} -E env ${environment} ${SEQREC_PYTHON} -m pip download --no-deps --require-hashes ${form}
            --disable-pip-version-check --no-input --retries 1 --timeout 15 --dest ${folder}/${kind}
            --requirement ${folder}/${kind}.txt
    RESULT_VARIABLE code OUTPUT_VARIABLE words ERROR_VARIABLE words TIMEOUT 120)
  file(WRITE ${folder}/${kind}.log "${words}")
  file(GLOB archives ${folder}/${kind}/lightgbm-*)
  list(LENGTH archives count)
  if(code EQUAL 0 AND count EQUAL 1)
    set(${result} ${archives} PARENT_SCOPE)
  endif()
endfunction()

# seqrec_bring_lightgbm(FOLDER REASON): leaves FOLDER/include and FOLDER/lib, whole or not at all.
function(seqrec_bring_lightgbm folder reason)
  set(${reason} "" PARENT_SCOPE)
  if(EXISTS ${folder}/include/LightGBM/c_api.h)
    return()
  endif()
  find_program(SEQREC_PYTHON NAMES python3 python)
  mark_as_advanced(SEQREC_PYTHON)
  if(NOT SEQREC_PYTHON)
    set(${reason} "python3 and its pip (Debian: python3-pip) would download it" PARENT_SCOPE)
    return()
  endif()
  set(parts ${folder}.parts)
  file(REMOVE_RECURSE ${parts})
  foreach(kind wheel source)
    seqrec_pip_download(archive ${kind} ${parts} ${seqrec_lightgbm_${kind}})
    if(NOT archive)
      set(${reason} "python3-pip could not download its ${kind} (${parts}/${kind}.log)" PARENT_SCOPE)
      return()
    endif()
    file(ARCHIVE_EXTRACT INPUT ${archive} DESTINATION ${parts}/unpacked)
  endforeach()
  set(source ${parts}/unpacked/lightgbm-${seqrec_lightgbm_version})
  set(headers c_api.h export.h arrow.h arrow.tpp)
  list(TRANSFORM headers PREPEND ${source}/include/LightGBM/)
  file(MAKE_DIRECTORY ${parts}/whole/include/LightGBM ${parts}/whole/lib)
  file(COPY ${headers} DESTINATION ${parts}/whole/include/LightGBM)
  file(COPY ${parts}/unpacked/lightgbm/lib/lib_lightgbm.so DESTINATION ${parts}/whole/lib)
  file(COPY ${source}/LICENSE DESTINATION ${parts}/whole)
  file(REMOVE_RECURSE ${folder})
  file(RENAME ${parts}/whole ${folder})
  file(REMOVE_RECURSE ${parts})
endfunction()

# seqrec_add_lightgbm(): makes seqrec::lightgbm, or says how to get it.
function(seqrec_add_lightgbm)
  find_path(SEQREC_LIGHTGBM_INCLUDE_DIR LightGBM/c_api.h)
  find_library(SEQREC_LIGHTGBM_LIBRARY NAMES _lightgbm)
  mark_as_advanced(SEQREC_LIGHTGBM_INCLUDE_DIR SEQREC_LIGHTGBM_LIBRARY)
  set(include_dir ${SEQREC_LIGHTGBM_INCLUDE_DIR})
  set(library ${SEQREC_LIGHTGBM_LIBRARY})
  if(NOT include_dir OR NOT library)
    set(folder ${PROJECT_BINARY_DIR}/lightgbm-${seqrec_lightgbm_version})
    set(reason "SEQREC_BRING_LIGHTGBM=ON has pip download it")
    if(SEQREC_BRING_LIGHTGBM OR EXISTS ${folder}/include/LightGBM/c_api.h)
      seqrec_bring_lightgbm(${folder} reason)
    endif()
    if(reason)
      message(STATUS "seqrec: no LightGBM and so no seqrec::lightgbm: ${reason}, or CMAKE_PREFIX_PATH names where it is")
      return()
    endif()
    set(include_dir ${folder}/include)
    set(library ${folder}/lib/lib_lightgbm.so)
  endif()

  # Imported, so that its headers are a system's to our warnings, and programs in the build tree find it where it lies.
  add_library(seqrec_lightgbm_library SHARED IMPORTED GLOBAL)
  set_target_properties(seqrec_lightgbm_library PROPERTIES IMPORTED_LOCATION ${library}
                                                           INTERFACE_INCLUDE_DIRECTORIES ${include_dir})
  add_library(seqrec_lightgbm INTERFACE)
  target_link_libraries(seqrec_lightgbm INTERFACE seqrec::seqrec seqrec_lightgbm_library)
  target_compile_definitions(seqrec_lightgbm INTERFACE SEQREC_WITH_LIGHTGBM)
  add_library(seqrec::lightgbm ALIAS seqrec_lightgbm)
endfunction()

# Two projects in one build may both look for the package.
if(SEQREC_ENABLE_LIGHTGBM AND NOT TARGET seqrec::lightgbm)
  seqrec_add_lightgbm()
endif()
