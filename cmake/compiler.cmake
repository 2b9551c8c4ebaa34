# Language level, warnings, hardening, sanitizers and the precompiled header: all flags hang on the
# interface target toast_flags.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -gline-tables-only")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1 -fno-omit-frame-pointer")

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

set(TOAST_SANITIZE "" CACHE STRING "Sanitizers for every target, as -fsanitize= takes them")
option(TOAST_FUZZ "Build the libFuzzer targets" OFF)
option(TOAST_PCH "Use one precompiled header for the whole project" ON)

# Coroutine temporaries are freed twice by some compilers (g++ 12.2 among them). Clang 16 is what the
# project is tested with; anything else must pass the canary first.
if(NOT (CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 16
        AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 17))
  message(STATUS "Compiler is not Clang 16: running the coroutine canary")
  try_run(TOAST_CANARY_EXIT TOAST_CANARY_BUILDS ${CMAKE_BINARY_DIR}/canary
          ${CMAKE_CURRENT_LIST_DIR}/compiler_canary.cc
          CMAKE_FLAGS -DCMAKE_CXX_STANDARD=20 -DCMAKE_CXX_STANDARD_REQUIRED=ON
          RUN_OUTPUT_VARIABLE canary_output COMPILE_OUTPUT_VARIABLE canary_compile_output)
  if(NOT TOAST_CANARY_BUILDS)
    message(FATAL_ERROR "This compiler cannot build C++20 coroutines:\n${canary_compile_output}\n"
            "Use Clang 16 (Debian package clang-16): cmake --preset release")
  endif()
  if(NOT TOAST_CANARY_EXIT EQUAL 0)
    message(FATAL_ERROR "This compiler miscompiles C++20 coroutines (${CMAKE_CXX_COMPILER}):\n"
            "${canary_output}\nA mail server built with it would free memory twice. "
            "Use Clang 16 (Debian package clang-16): cmake --preset release")
  endif()
endif()

add_library(toast_flags INTERFACE)
target_include_directories(toast_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(toast_flags INTERFACE
  -fPIE  # everywhere alike, because all share one precompiled header; our libraries are static
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wcast-qual -Werror)
target_link_options(toast_flags INTERFACE -pie)
# Asio 1.22 does not recognise Clang's coroutines unless told; it is compiled once, in base/.
target_compile_definitions(toast_flags INTERFACE
  ASIO_STANDALONE ASIO_NO_DEPRECATED ASIO_SEPARATE_COMPILATION
  ASIO_HAS_CO_AWAIT=1 ASIO_HAS_STD_COROUTINE=1
  # Otherwise Asio decides by which header came first, and translation units disagree.
  ASIO_HAS_STD_ALIGNED_ALLOC=1)
if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo" OR CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_options(toast_flags INTERFACE
    $<$<NOT:$<BOOL:$<TARGET_PROPERTY:TOAST_QUICK_TO_BUILD>>>:-D_FORTIFY_SOURCE=2>  # asks for -O1
    -fstack-protector-strong -fstack-clash-protection -fcf-protection)
  target_link_options(toast_flags INTERFACE -Wl,-z,relro,-z,now)
endif()
find_program(TOAST_LLD NAMES ld.lld-16 ld.lld)
if(TOAST_LLD AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_link_options(toast_flags INTERFACE --ld-path=${TOAST_LLD})
endif()
if(TOAST_SANITIZE)
  target_compile_options(toast_flags INTERFACE
    -fsanitize=${TOAST_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(toast_flags INTERFACE -fsanitize=${TOAST_SANITIZE})
endif()
if(TOAST_FUZZ)
  target_compile_options(toast_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
