/* SPDX-License-Identifier: Apache-2.0 */
/* Invoice dates as text: calendar days without a time zone. */
#ifndef TS_APP_INVOICE_DATE_H
#define TS_APP_INVOICE_DATE_H

#include <stdbool.h>
#include <stdint.h>

/* "2026-12-31" as 20261231. False (out unchanged) for what is no day of the calendar, or none from
 * 2000 to 2199. */
bool ts_invoice_date_parse(const char *text, int32_t *out);

enum { TS_INVOICE_DATE_TEXT_MAX = 40 };
void ts_invoice_date_format(int32_t date, char out[TS_INVOICE_DATE_TEXT_MAX]);

#endif
