/* SPDX-License-Identifier: Apache-2.0 */
#include "app/registry_codec.h"

#include "app/schema_files.h"

static struct ts_avro_codec *make_codec(const struct ts_config *config, struct ts_error *err)
{
    struct ts_schema_files files;
    struct ts_avro_codec *codec = NULL;
    if (ts_schema_files_read(&files, config->schemas_dir, err)) {
        codec = ts_avro_codec_create(files.schemas, files.count, err);
    }
    ts_schema_files_finish(&files);
    return codec;
}

bool ts_registry_codec_open(struct ts_registry_codec *codec,
                            const struct ts_config *config,
                            struct ts_observer observer,
                            struct ts_error *err)
{
    *codec = (struct ts_registry_codec){.codec = make_codec(config, err)};
    if (codec->codec == NULL || config->schema_registry.url[0] == '\0') {
        return codec->codec != NULL;
    }
    struct ts_registry_options options = ts_registry_defaults();
    options.url = config->schema_registry.url;
    options.cache_dir = config->schema_registry.cache_dir;
    options.timeout_ms = (int)config->schema_registry.timeout_ms;
    options.observer = observer;
    codec->registry = ts_registry_open(&options, err);
    return codec->registry != NULL &&
           ts_avro_codec_use_registry(codec->codec, ts_registry_port(codec->registry), err);
}

void ts_registry_codec_close(struct ts_registry_codec *codec)
{
    ts_avro_codec_destroy(codec->codec);
    ts_registry_close(codec->registry);
    *codec = (struct ts_registry_codec){0};
}
