/* SPDX-License-Identifier: Apache-2.0 */
/* Named points at which a fault test kills the process, compiled in under the build option
 * TOLLSTREAM_FAULT_POINTS only. The environment variable TOLLSTREAM_FAULT_POINT="name:n" makes the
 * n-th pass of that point (from 1) end the process with SIGKILL; "name:n:stop" stops it with
 * SIGSTOP instead. */
#ifndef TS_BASE_FAULT_H
#define TS_BASE_FAULT_H

#ifdef TS_FAULT_POINTS
void ts_fault_point(const char *name);
#else
static inline void ts_fault_point(const char *name)
{
    (void)name;
}
#endif

#endif
