# SPDX-License-Identifier: Apache-2.0
# Every schema that ever wrote a record is part of the program (adapters/avro/embedded.c lists them).
ts_embed(ts_adapter_avro ts_avsc_cdr ${PROJECT_SOURCE_DIR}/schemas/avro/call_detail_record.avsc)
ts_embed(ts_adapter_avro ts_avsc_cdr_1
         ${PROJECT_SOURCE_DIR}/schemas/avro/history/call_detail_record.1.avsc)
ts_embed(ts_adapter_avro ts_avsc_credit ${PROJECT_SOURCE_DIR}/schemas/avro/credit.avsc)
ts_embed(ts_adapter_avro ts_avsc_adjustment ${PROJECT_SOURCE_DIR}/schemas/avro/adjustment.avsc)
ts_embed(ts_adapter_avro ts_avsc_event ${PROJECT_SOURCE_DIR}/schemas/avro/event.avsc)
ts_embed(ts_adapter_avro ts_avsc_dead_letter ${PROJECT_SOURCE_DIR}/schemas/avro/dead_letter.avsc)
