/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _X86_VIRT_TDX_EXT_H
#define _X86_VIRT_TDX_EXT_H

#include <linux/types.h>
#include <asm/tdx.h>

/* Success, or an error that does not go away: the module has done with the call */
static inline bool tdx_ext_is_over(u64 status)
{
	return !(status & TDX_ERROR) || (status & TDX_NON_RECOVERABLE);
}

u64 tdx_ext_seamcall(u64 fn, struct tdx_module_args *args);
void tdx_ext_init(u64 features0);
void tdx_ext_stop(void);
void tdx_ext_update(void);

#endif /* _X86_VIRT_TDX_EXT_H */
