/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _X86_VIRT_TDX_EXT_H
#define _X86_VIRT_TDX_EXT_H

#include <linux/types.h>

struct tdx_module_args;

u64 tdx_ext_seamcall(u64 fn, struct tdx_module_args *args);
void tdx_ext_init(u64 features0);
void tdx_ext_stop(void);
void tdx_ext_update(void);

#endif /* _X86_VIRT_TDX_EXT_H */
