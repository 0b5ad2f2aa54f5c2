/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a machine without TDX lacks to boot on the mock TDX module, apart from
 * the SEAMCALL instruction.  Only for tests.
 */
#ifndef _ASM_X86_TDX_MOCK_H
#define _ASM_X86_TDX_MOCK_H

#include <linux/errno.h>
#include <linux/types.h>

#ifdef CONFIG_INTEL_TDX_MOCK
int tdx_mock_keyids(u32 *start, u32 *nr);
bool tdx_mock_replaces_vmx(void);
bool tdx_mock_on(void);
#else
static inline int tdx_mock_keyids(u32 *start, u32 *nr) { return -ENODEV; }
static inline bool tdx_mock_replaces_vmx(void) { return false; }
static inline bool tdx_mock_on(void) { return false; }
#endif

#endif /* _ASM_X86_TDX_MOCK_H */
