# SPDX-License-Identifier: Apache-2.0
# Settings that every target of ours shares, and the shape of a layer's library.

# Warnings are errors for us, not for people who build a release.
function(ts_settings target)
    target_compile_definitions(${target} PRIVATE _GNU_SOURCE)
    target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/processor)
    if(TOLLSTREAM_DEVELOPER)
        target_compile_options(
            ${target} PRIVATE -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wvla -Werror)
    endif()
    if(TOLLSTREAM_FAULT_POINTS)
        target_compile_definitions(${target} PRIVATE TS_FAULT_POINTS=1)
    endif()
    if(TOLLSTREAM_FUZZ)
        target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
    endif()
    if(TOLLSTREAM_SANITIZE)
        target_compile_options(
            ${target} PRIVATE -fsanitize=${TOLLSTREAM_SANITIZE} -fno-sanitize-recover=all
                              -fno-omit-frame-pointer)
        target_link_options(${target} PRIVATE -fsanitize=${TOLLSTREAM_SANITIZE})
    endif()
endfunction()

# ts_library(NAME DIR LINKS...): a static library of all sources of one folder. Its headers form a
# header set, so that building all_verify_interface_header_sets proves each to be self-contained.
function(ts_library name dir)
    file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/processor/${dir}/*.c)
    file(GLOB headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/processor/${dir}/*.h)
    if(sources)
        add_library(${name} STATIC ${sources})
        ts_settings(${name})
        set(scope PUBLIC)
    else()
        add_library(${name} INTERFACE)
        set(scope INTERFACE)
    endif()
    target_sources(${name} ${scope} FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/processor FILES
                                    ${headers})
    target_link_libraries(${name} ${scope} ${ARGN})
    if(TOLLSTREAM_DEVELOPER)
        set_target_properties(${name} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
    endif()
endfunction()

# ts_executable(NAME SOURCES... LINKS libraries...)
function(ts_executable name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LINKS")
    add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
    ts_settings(${name})
    target_link_libraries(${name} PRIVATE ${arg_LINKS})
endfunction()
