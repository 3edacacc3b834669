# Target helpers. Every first-party target goes through one of these, so warnings, sanitizers and the
# precompiled header are decided in one place.

add_library(soliton_flags INTERFACE)
target_include_directories(soliton_flags INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/gen)
target_compile_options(soliton_flags INTERFACE
  -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough -Wunused
  -Wno-missing-field-initializers -Werror -fno-omit-frame-pointer)
target_compile_definitions(soliton_flags INTERFACE
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_SEPARATE_COMPILATION SPDLOG_FMT_EXTERNAL
  $<$<BOOL:${SOLITON_CHECKED}>:SOLITON_CHECKED=1>)
if(SOLITON_SANITIZE)
  target_compile_options(soliton_flags INTERFACE -fsanitize=${SOLITON_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(soliton_flags INTERFACE -fsanitize=${SOLITON_SANITIZE})
endif()
target_link_options(soliton_flags INTERFACE -fuse-ld=lld-19)

# One precompiled header, shared by every target that links the same flags.
add_library(soliton_pch STATIC ${CMAKE_SOURCE_DIR}/runtime/base/pch.cc)
target_link_libraries(soliton_pch PUBLIC soliton_flags fmt::fmt absl::status absl::statusor
                      absl::flat_hash_map absl::any_invocable Threads::Threads)
target_precompile_headers(soliton_pch PRIVATE ${CMAKE_SOURCE_DIR}/runtime/base/pch.h)
target_compile_options(soliton_pch PRIVATE -Xclang -fno-pch-timestamp)

function(soliton_use_pch target)
  target_precompile_headers(${target} REUSE_FROM soliton_pch)
  target_compile_options(${target} PRIVATE -Xclang -fno-pch-timestamp)
endfunction()

# soliton_library(NAME SOURCES a.cc ... DEPS soliton_x ... [LINK third::party ...])
# DEPS are the folders that NAME may include; tests/tidy checks the include lines against the same arrows.
function(soliton_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC soliton_pch ${ARG_DEPS} ${ARG_LINK})
  soliton_use_pch(${name})
endfunction()

# soliton_test(NAME SOURCES a_test.cc ... DEPS soliton_x ...): one gtest binary, each case a ctest test.
# LABELS threads: the cases use several threads, so ThreadSanitizer has something to say about them.
function(soliton_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT;LABELS" "SOURCES;DEPS;LINK;ENV" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE soliton_pch ${ARG_DEPS} ${ARG_LINK} GTest::gmock GTest::gtest GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE SOLITON_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  soliton_use_pch(${name})
  include(GoogleTest)
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST
                       PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}")
  if("threads" IN_LIST ARG_LABELS)
    set_property(GLOBAL APPEND PROPERTY SOLITON_THREADED_TESTS ${name})
  endif()
endfunction()
