/* SPDX-License-Identifier: Apache-2.0 */
/* How many decimals a currency is shown with (ISO 4217). Amounts are kept in micro-units whatever
 * the currency; this is for people only. */
#ifndef TS_APP_CURRENCY_H
#define TS_APP_CURRENCY_H

/* 2 for a currency that is not known. */
int ts_currency_decimals(const char *currency);

#endif
