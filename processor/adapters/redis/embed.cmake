# SPDX-License-Identifier: Apache-2.0
foreach(script IN ITEMS create open apply load)
    ts_embed(ts_adapter_redis ts_redis_${script}_lua
             ${CMAKE_CURRENT_LIST_DIR}/scripts/${script}.lua)
endforeach()
