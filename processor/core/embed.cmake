# SPDX-License-Identifier: Apache-2.0
ts_embed(ts_core ts_numbering_plan_csv ${PROJECT_SOURCE_DIR}/schemas/numbering-plan/numbering_plan.csv)
