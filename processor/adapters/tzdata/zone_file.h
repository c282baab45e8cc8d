/* SPDX-License-Identifier: Apache-2.0 */
/* Time zones from the machine's zoneinfo files: those of $TZDIR, else of the system's tzdata. */
#ifndef TS_ADAPTERS_TZDATA_ZONE_FILE_H
#define TS_ADAPTERS_TZDATA_ZONE_FILE_H

#include "base/error.h"
#include "ports/zones.h"

/* As struct ts_zones has it (ports/zones.h). "UTC" needs no file. */
struct ts_zone *ts_zone_file_load(const char *name, struct ts_error *err);

/* The same as a port. */
struct ts_zones ts_zone_files(void);

#endif
