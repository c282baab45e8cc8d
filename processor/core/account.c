/* SPDX-License-Identifier: Apache-2.0 */
#include "core/account.h"

#include "base/hash.h"

uint32_t ts_account_bucket(struct ts_bytes account_id)
{
    return ts_murmur2(account_id) % TS_BUCKET_COUNT;
}
