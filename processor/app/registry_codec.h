/* SPDX-License-Identifier: Apache-2.0 */
/* The codec as the settings want it: the schemas of schemas_dir, and the registry if there is
 * one. */
#ifndef TS_APP_REGISTRY_CODEC_H
#define TS_APP_REGISTRY_CODEC_H

#include "adapters/avro/codec.h"
#include "adapters/registry/registry.h"
#include "app/config.h"
#include "ports/observer.h"

#include <stdbool.h>

struct ts_registry_codec {
    struct ts_registry *registry; /* NULL: none is configured */
    struct ts_avro_codec *codec;
};

/* Close it in either case. */
bool ts_registry_codec_open(struct ts_registry_codec *codec,
                            const struct ts_config *config,
                            struct ts_observer observer,
                            struct ts_error *err);
void ts_registry_codec_close(struct ts_registry_codec *codec);

#endif
