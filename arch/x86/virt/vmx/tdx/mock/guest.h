/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a TD of the mock TDX module runs instead of code: a script, that is an
 * array of steps in its private memory, from the GPA on that TDH.VP.INIT got as
 * initial RCX of the vCPU, a multiple of 64.
 *
 * User space that makes such scripts includes this header, too.
 */
#ifndef _X86_VIRT_TDX_MOCK_GUEST_H
#define _X86_VIRT_TDX_MOCK_GUEST_H

#include <linux/types.h>

/**
 * struct tdx_mock_step - what a vCPU does next
 * @op:		enum tdx_mock_op; with any other the vCPU ends in a triple fault
 * @flags:	0; or 1 + N: the last value takes the place of @arg[N]
 * @arg:	operands of @op
 *
 * A vCPU has a last value and a last status: R11 and R10 that the last TDVMCALL
 * has returned, what the last READ has read, the status of the last ACCEPT.
 */
struct tdx_mock_step {
	__u32 op;
	__u32 flags;
	__u64 arg[7];
};

/* Memory is accessed in 8 bytes, at GPAs that are a multiple of 8 */
enum tdx_mock_op {
	/* Write arg[0], 4 bytes, to TDX_MOCK_DONE_PORT; again and again */
	TDX_MOCK_DONE,
	/* TDG.VP.VMCALL with arg[0] to arg[5] in R10 to R15 */
	TDX_MOCK_TDVMCALL,
	/* TDG.MEM.PAGE.ACCEPT of the page at GPA arg[0], of level arg[1] */
	TDX_MOCK_ACCEPT,
	/* Read at GPA arg[0], private or shared */
	TDX_MOCK_READ,
	/* Write arg[1] at GPA arg[0], private or shared */
	TDX_MOCK_WRITE,
	/*
	 * TDG.MR.REPORT to GPA arg[0], private or shared, a multiple of 1024;
	 * arg[1] to arg[4] are the first 32 bytes of the report data
	 */
	TDX_MOCK_REPORT,
	/*
	 * The last value, or the last status if arg[2] is not 0, has to be
	 * arg[1] in the bits arg[0]. If not: TDVMCALL of ReportFatalError, with
	 * the number of the step in R12, again and again
	 */
	TDX_MOCK_EXPECT,
	/* Go on at step number arg[0], counted from 0 */
	TDX_MOCK_JUMP,
	/*
	 * A VM exit of reason arg[0], exit qualification arg[1] and interruption
	 * information arg[2].  A vCPU that exits by a triple fault does not run again.
	 */
	TDX_MOCK_EXIT,
};

#define TDX_MOCK_DONE_PORT	0xf4

#endif /* _X86_VIRT_TDX_MOCK_GUEST_H */
