/* SPDX-License-Identifier: Apache-2.0 */
#include "app/invoice_date.h"

#include "core/timestamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { YEAR_MIN = 2000, YEAR_MAX = 2199 };

bool ts_invoice_date_parse(const char *text, int32_t *out)
{
    static const char shape[] = "dddd-dd-dd";
    if (strlen(text) != sizeof shape - 1) {
        return false;
    }
    for (size_t i = 0; i < sizeof shape - 1; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (shape[i] == 'd' ? !digit : text[i] != shape[i]) {
            return false;
        }
    }
    int32_t year = (int32_t)strtol(text, NULL, 10);
    int32_t month = (int32_t)strtol(text + 5, NULL, 10);
    int32_t day = (int32_t)strtol(text + 8, NULL, 10);
    if (year < YEAR_MIN || year > YEAR_MAX || month < 1 || month > 12 || day < 1 ||
        day > ts_days_in_month(year, month)) {
        return false;
    }
    *out = (year * 100 + month) * 100 + day;
    return true;
}

void ts_invoice_date_format(int32_t date, char out[TS_INVOICE_DATE_TEXT_MAX])
{
    snprintf(out,
             TS_INVOICE_DATE_TEXT_MAX,
             "%04d-%02d-%02d",
             (int)(date / 10000),
             (int)(date / 100 % 100),
             (int)(date % 100));
}
