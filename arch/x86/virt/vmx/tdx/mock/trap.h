/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _X86_VIRT_TDX_MOCK_TRAP_H
#define _X86_VIRT_TDX_MOCK_TRAP_H

#include "mock.h"

bool tdx_mock_trap_possible(void);
struct tdx_mock *tdx_mock_trap(struct tdx_mock *mock);
void tdx_mock_this_machine(struct tdx_mock_platform *platform);

#endif /* _X86_VIRT_TDX_MOCK_TRAP_H */
