/* SPDX-License-Identifier: Apache-2.0 */
#include "app/currency.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Those that do not have 2. */
static const struct {
    int decimals;
    const char *currencies;
} exceptions[] = {
    {0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"},
    {3, "BHD IQD JOD KWD LYD OMR TND"},
    {4, "CLF UYW"},
};

int ts_currency_decimals(const char *currency)
{
    bool whole = strlen(currency) == 3 && strchr(currency, ' ') == NULL;
    for (size_t i = 0; whole && i < sizeof exceptions / sizeof *exceptions; i++) {
        if (strstr(exceptions[i].currencies, currency) != NULL) {
            return exceptions[i].decimals;
        }
    }
    return 2;
}
