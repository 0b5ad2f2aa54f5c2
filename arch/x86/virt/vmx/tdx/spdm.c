// SPDX-License-Identifier: GPL-2.0
/* SPDM sessions, which the TDX module keeps in pages of the host */
#define pr_fmt(fmt)	"virt/tdx: " fmt

#include <linux/export.h>
#include <asm/tdx.h>

#include "page_array.h"
#include "seamcall_internal.h"
#include "tdx.h"

/**
 * tdh_spdm_create() - create an SPDM session
 * @function_id: TDISP function id: BDF in bits 15:0, segment in bits 23:16, and
 *		 bit 24 if the segment is valid
 * @array:	 pages for the session, as many as the module asks for; the
 *		 module's from here on
 * @spdm_id:	 out: the session
 *
 * TDH.SPDM.CREATE.  If it fails it may be tried again.  Whatever comes of it,
 * the caller releases @array when there is no session or no more.
 *
 * Context: may sleep.
 * Return: 0; -EINVAL for more than 512 pages; -ENOMEM; -EIO and the other
 * errors of a SEAMCALL.
 */
int tdh_spdm_create(u32 function_id, struct tdx_page_array *array, u64 *spdm_id)
{
	struct tdx_module_args args = { .rcx = function_id };
	struct tdx_page_array before;
	u64 status;
	int ret;

	ret = tdx_page_array_add_aux(array);
	if (ret)
		return ret;

	before = *array;
	args.rdx = tdx_hpa_array(array);
	tdx_page_array_lend(array, array->nr_pages);
	status = seamcall_ret(TDH_SPDM_CREATE, &args);

	if (!seamcall_reached_module(status))
		*array = before;

	*spdm_id = args.rcx;
	return seamcall_errno(TDH_SPDM_CREATE, status);
}
EXPORT_SYMBOL_FOR_MODULES(tdh_spdm_create, "tdx-host");

/**
 * tdh_spdm_delete() - end an SPDM session
 * @spdm_id:	the session, from tdh_spdm_create()
 * @array:	the pages that it was created with
 *
 * TDH.SPDM.DELETE.  If it fails the session may exist and the pages are the
 * module's still; it may be tried again.
 *
 * Context: may sleep.
 * Return: 0; -EIO and the other errors of a SEAMCALL, and if the module has
 * returned other pages than it was given.
 */
int tdh_spdm_delete(u64 spdm_id, struct tdx_page_array *array)
{
	struct tdx_module_args args = {
		.rcx = spdm_id,
		.rdx = tdx_hpa_array_aux(array),
	};
	u64 status = seamcall_ret(TDH_SPDM_DELETE, &args);
	int ret = seamcall_errno(TDH_SPDM_DELETE, status);

	return ret ?: tdx_page_array_take_back(array, args.rcx);
}
EXPORT_SYMBOL_FOR_MODULES(tdh_spdm_delete, "tdx-host");
