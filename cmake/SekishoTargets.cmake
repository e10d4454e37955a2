# How every target here is built: the language level, warnings, sanitizers, and three small functions.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

add_library(sekisho_flags INTERFACE)
target_include_directories(sekisho_flags INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR})
# The fold must give the same bits on every machine: no fused multiply-add behind our back.
# GCC 12's -Wrestrict sees overlaps in std::string where there are none (its bug 105651).
target_compile_options(sekisho_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict> -Wall -Wextra -Wshadow -Wnon-virtual-dtor -ffp-contract=off
  $<$<BOOL:${SEKISHO_WERROR}>:-Werror>)
if(SEKISHO_SANITIZE)
  target_compile_options(sekisho_flags INTERFACE -fsanitize=${SEKISHO_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
  target_link_options(sekisho_flags INTERFACE -fsanitize=${SEKISHO_SANITIZE})
endif()
if(SEKISHO_FUZZ)
  target_compile_options(sekisho_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# A test's own code is no quicker to run than to compile: where tests are built to be run once, it isn't optimised; what it
# tests is.
function(sekisho_unoptimized name)
  if(SEKISHO_SANITIZE OR SEKISHO_PRECOMPILE)
    target_compile_options(${name} PRIVATE -O0)
  endif()
endfunction()

# Where only the checks are wanted, parsing the same headers again and again is most of the wait: sekisho_precompile(name
# HEADERS) makes a target whose precompiled header others reuse. Builds without the option find the includes it would hide.
set(SEKISHO_COMMON_HEADERS <algorithm> <array> <cstdint> <functional> <map> <memory> <optional> <string> <string_view> <utility> <variant> <vector>
  <absl/container/flat_hash_map.h> <absl/status/statusor.h> <absl/strings/str_cat.h> <absl/time/time.h>)
function(sekisho_precompile name)
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/${name}.cc CONTENT "// Only carries a precompiled header.\n")
  add_library(${name} OBJECT ${CMAKE_BINARY_DIR}/${name}.cc)
  target_link_libraries(${name} PRIVATE sekisho_flags absl::flat_hash_map absl::statusor absl::strings absl::time)
  target_precompile_headers(${name} PRIVATE ${ARGN})
endfunction()
if(SEKISHO_PRECOMPILE STREQUAL "all")
  sekisho_precompile(sekisho_common_headers ${SEKISHO_COMMON_HEADERS})
endif()
if(SEKISHO_PRECOMPILE AND SEKISHO_TESTS)
  sekisho_precompile(sekisho_test_headers ${SEKISHO_COMMON_HEADERS} <gmock/gmock.h> <gtest/gtest.h>)
  target_link_libraries(sekisho_test_headers PRIVATE GTest::gmock)
  sekisho_unoptimized(sekisho_test_headers)
endif()

# sekisho_library(name SRCS a.cc b.cc DEPS x y)
function(sekisho_library name)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_SRCS})
  target_link_libraries(${name} PUBLIC sekisho_flags ${ARG_DEPS})
  if(SEKISHO_PRECOMPILE STREQUAL "all")
    target_precompile_headers(${name} REUSE_FROM sekisho_common_headers)
  endif()
endfunction()

# sekisho_test(name SRCS a_test.cc DEPS x [LABELS server] [THREADS] [OPTIMIZED]): a GoogleTest binary, one CTest entry for the
# binary. OPTIMIZED where the test's own code works long.
# THREADS where more than one thread runs in it, a library's own included: label "threads", and built by the target
# "threaded_tests", which is all that ThreadSanitizer can say something about.
if(SEKISHO_TESTS)
  add_custom_target(threaded_tests)
endif()
function(sekisho_test name)
  if(NOT SEKISHO_TESTS)
    return()
  endif()
  cmake_parse_arguments(ARG "THREADS;OPTIMIZED" "" "SRCS;DEPS;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SRCS})
  target_link_libraries(${name} PRIVATE sekisho_flags ${ARG_DEPS} GTest::gmock GTest::gtest_main)
  if(NOT ARG_OPTIMIZED)
    sekisho_unoptimized(${name})
    if(SEKISHO_PRECOMPILE)
      target_precompile_headers(${name} REUSE_FROM sekisho_test_headers)
    endif()
  endif()
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  if(ARG_THREADS)
    list(APPEND ARG_LABELS threads)
    add_dependencies(threaded_tests ${name})
  endif()
  if(ARG_LABELS)
    set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}")
  endif()
endfunction()

# sekisho_fuzz(name SRCS x_fuzz.cc DEPS y): a libFuzzer binary (only with SEKISHO_FUZZ), built by the target "fuzzers" and
# run by tests/fuzz, which finds it by the name's end, "_fuzz".
if(SEKISHO_FUZZ)
  add_custom_target(fuzzers)
endif()
function(sekisho_fuzz name)
  if(NOT SEKISHO_FUZZ)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SRCS})
  target_link_libraries(${name} PRIVATE sekisho_flags ${ARG_DEPS})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  add_dependencies(fuzzers ${name})
endfunction()
