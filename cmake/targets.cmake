# The four kinds of target, so that every folder's CMakeLists.txt is a list of names.

function(toast_use_pch target)
  if(TOAST_PCH AND NOT target STREQUAL "toast_base")
    target_precompile_headers(${target} REUSE_FROM toast_base)
  endif()
endfunction()

# Our headers weigh more than our sources: sixteen of a library's files, eight of a test's, are
# compiled as one, which takes a third of the time. A name in an anonymous namespace is therefore
# used once in a library, and once in a test program.
option(TOAST_UNITY "Compile files in batches" OFF)

function(toast_batch target files)  # so many that both cores have something to do
  if(TOAST_UNITY)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${files})
  endif()
endfunction()

# What runs for a moment, or once: to build it takes longer than it will ever compute.
function(toast_runs_briefly target)
  if(NOT TOAST_SANITIZE)
    target_compile_options(${target} PRIVATE -O1 -fno-inline-functions)
  endif()
endfunction()

# toast_library(NAME SOURCES a.cc ... LINK lib ... [BRIEF])
# BRIEF: for commands and the parent, not for what handles mail.
function(toast_library name)
  cmake_parse_arguments(arg "BRIEF" "" "SOURCES;LINK" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC toast_flags ${arg_LINK})
  if(arg_BRIEF)
    toast_runs_briefly(${name})
  endif()
  toast_use_pch(${name})
  toast_batch(${name} 16)
endfunction()

# All that is installed, without tests: cmake --build --preset release --target programs.
add_custom_target(programs)

# toast_program(NAME SOURCES main.cc LINK lib ... [BRIEF] [ADMIN|COMPAT]): installed where toastd looks for its children,
# with ADMIN where an administrator's shell looks for commands, with COMPAT in a folder of its own, because
# its name is another mail server's as well
function(toast_program name)
  cmake_parse_arguments(arg "ADMIN;BRIEF;COMPAT" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE toast_flags ${arg_LINK})
  if(arg_BRIEF)
    toast_runs_briefly(${name})
  endif()
  toast_use_pch(${name})
  add_dependencies(programs ${name})
  if(arg_ADMIN)
    install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
  elseif(arg_COMPAT)
    install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/toastmaster/compat)
  else()
    install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/toastmaster)
  endif()
endfunction()

# A test costs its headers and templates when it is built, and next to nothing when it runs: GoogleTest
# is in its precompiled header, and it is not optimised, as the libraries are that it tests. (Sanitizers
# are slow enough without that.)
function(toast_quick_to_build target)
  set_target_properties(${target} PROPERTIES TOAST_QUICK_TO_BUILD ON)
  if(NOT TOAST_SANITIZE)
    target_compile_options(${target} PRIVATE -O0 -g0)
  endif()
endfunction()

function(toast_use_test_pch target)
  toast_quick_to_build(${target})
  if(TOAST_PCH)
    target_precompile_headers(${target} REUSE_FROM toast_test_pch)
  endif()
endfunction()

# toast_test(NAME SOURCES a_test.cc ... LINK lib ... [ARGS ...] [LABELS ...] [TIMEOUT s] [COMPUTES])
# COMPUTES: for minutes, so that it is worth optimising.
function(toast_test name)
  cmake_parse_arguments(arg "COMPUTES" "TIMEOUT" "SOURCES;LINK;ARGS;LABELS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE toast_flags ${arg_LINK} GTest::gmock GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE TOAST_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  if(arg_COMPUTES)
    toast_use_pch(${name})
  else()
    toast_use_test_pch(${name})
    toast_batch(${name} 8)
  endif()
  add_test(NAME ${name} COMMAND ${name} ${arg_ARGS})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${arg_TIMEOUT} LABELS "unit;${arg_LABELS}")
endfunction()

# toast_fuzz(NAME SOURCE x_fuzz.cc LINK lib ... CORPUS folder-in-tests/fuzz)
# In the fuzz preset: a libFuzzer program. Everywhere else the same file is linked with a small
# driver that replays the kept corpus as a test.
function(toast_fuzz name)
  cmake_parse_arguments(arg "" "SOURCE;CORPUS" "LINK" ${ARGN})
  set(corpus ${PROJECT_SOURCE_DIR}/tests/fuzz/${arg_CORPUS})
  if(TOAST_FUZZ)
    add_executable(${name} ${arg_SOURCE})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  else()
    if(NOT TARGET toast_fuzz_replay)
      add_library(toast_fuzz_replay OBJECT ${PROJECT_SOURCE_DIR}/tests/fuzz/replay_main.cc)
      target_link_libraries(toast_fuzz_replay PRIVATE toast_flags)
    endif()
    add_executable(${name} ${arg_SOURCE} $<TARGET_OBJECTS:toast_fuzz_replay>)
    add_test(NAME ${name}_replay COMMAND ${name} ${corpus})
    set_tests_properties(${name}_replay PROPERTIES LABELS "unit;fuzz" TIMEOUT 120)
  endif()
  target_link_libraries(${name} PRIVATE toast_flags ${arg_LINK})
  toast_use_pch(${name})
endfunction()
