/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _X86_VIRT_TDX_MOCK_REPORT_H
#define _X86_VIRT_TDX_MOCK_REPORT_H

struct tdx_mock;

void tdx_mock_report_start(struct tdx_mock *mock);

#endif /* _X86_VIRT_TDX_MOCK_REPORT_H */
