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
# GCC 12's -O2 leaves loops alone whose length it doesn't know, as the windows' sums are: it may weigh that when they run.
# Its -Wrestrict sees overlaps in std::string where there are none (its bug 105651).
target_compile_options(sekisho_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict> -Wall -Wextra -Wshadow -Wnon-virtual-dtor -ffp-contract=off
  $<$<CXX_COMPILER_ID:GNU>:-fvect-cost-model=dynamic>
  $<$<BOOL:${SEKISHO_WERROR}>:-Werror>)
if(SEKISHO_SANITIZE)
  target_compile_options(sekisho_flags INTERFACE -fsanitize=${SEKISHO_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
  target_link_options(sekisho_flags INTERFACE -fsanitize=${SEKISHO_SANITIZE})
endif()
if(SEKISHO_SANITIZE STREQUAL "thread")
  set(CMAKE_INSTALL_RPATH ${CMAKE_BINARY_DIR})  # where programs that a test installs find tests/tsan_threads.cc
endif()
if(SEKISHO_FUZZ)
  target_compile_options(sekisho_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# Where only the checks are wanted, parsing the same headers again and again is most of the wait: a target's files are compiled
# as one there. Names in unnamed namespaces must differ within a target for that. Builds without the option find the includes
# it would hide.
set(CMAKE_UNITY_BUILD_BATCH_SIZE 0)
# GCC takes the one file's parts for headers, and with more in sight sees std::variant's other members uninitialized (its bug 80635).
if(SEKISHO_UNITY)
  target_compile_options(sekisho_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage -Wno-maybe-uninitialized>)
  set(CMAKE_UNITY_BUILD ON)
endif()

# sekisho_library(name SRCS a.cc b.cc DEPS x y)
function(sekisho_library name)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_SRCS})
  target_link_libraries(${name} PUBLIC sekisho_flags ${ARG_DEPS})
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
  if(SEKISHO_UNITY AND NOT ARG_OPTIMIZED)
    target_compile_options(${name} PRIVATE -O0)
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
