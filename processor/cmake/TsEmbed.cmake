# SPDX-License-Identifier: Apache-2.0
# ts_embed(TARGET SYMBOL FILE): links the bytes of FILE into TARGET, so that what the program needs
# at run time cannot be lost or be of another version. C sees it as
#
#     extern const unsigned char SYMBOL[];
#     extern const size_t SYMBOL_size;
#
# A NUL that is not counted follows the bytes. The assembler includes the file as it is: nothing is
# generated from the contents, and a changed file is assembled again.
function(ts_embed target symbol file)
    get_filename_component(file ${file} ABSOLUTE)
    set(source ${CMAKE_CURRENT_BINARY_DIR}/embedded/${symbol}.S)
    file(CONFIGURE OUTPUT ${source} @ONLY CONTENT [[
    .section .rodata
    .balign 8
    .globl @symbol@
    .type @symbol@, %object
@symbol@:
    .incbin "@file@"
.Lend:
    .byte 0
    .size @symbol@, . - @symbol@
    .balign 8
    .globl @symbol@_size
    .type @symbol@_size, %object
@symbol@_size:
    .quad .Lend - @symbol@
    .size @symbol@_size, 8
    .section .note.GNU-stack, "", %progbits
]])
    set_source_files_properties(${source} PROPERTIES OBJECT_DEPENDS ${file})
    target_sources(${target} PRIVATE ${source})
endfunction()
