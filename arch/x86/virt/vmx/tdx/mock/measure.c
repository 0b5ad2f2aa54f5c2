// SPDX-License-Identifier: GPL-2.0
/* The mock TDX module: the measurement of a TD, and the report that holds it */
#include <linux/align.h>
#include <linux/build_bug.h>
#include <linux/mm.h>
#include <linux/stddef.h>
#include <linux/string.h>

#include "td.h"

/* MRTD is the SHA-384 of one such record after the other */
struct mrtd_record {
	char name[16];
	u64 gpa;
	u8 reserved[104];
};

static_assert(sizeof(struct mrtd_record) == 128);

/* What one TDH.MR.EXTEND measures */
#define EXTEND_SIZE		256

/* TDREPORT_STRUCT: REPORTMACSTRUCT, TEE_TCB_INFO and TDINFO_STRUCT */
struct tdreport {
	u8 type;
	u8 subtype;
	u8 version;
	u8 reserved0[13];
	u8 cpusvn[16];
	u8 tee_tcb_info_hash[SHA384_DIGEST_SIZE];
	u8 tee_info_hash[SHA384_DIGEST_SIZE];
	u8 reportdata[TDX_MOCK_REPORT_DATA_LEN];
	u8 reserved1[32];
	u8 mac[32];
	u8 tee_tcb_info[239];
	u8 reserved2[17];
	struct tdinfo {
		u64 attributes;
		u64 xfam;
		u8 mrtd[SHA384_DIGEST_SIZE];
		u8 mrconfigid[SHA384_DIGEST_SIZE];
		u8 mrowner[SHA384_DIGEST_SIZE];
		u8 mrownerconfig[SHA384_DIGEST_SIZE];
		u8 rtmr[4][SHA384_DIGEST_SIZE];
		u8 servtd_hash[SHA384_DIGEST_SIZE];
		u8 reserved[64];
	} tdinfo;
};

static_assert(sizeof(struct tdreport) == MOCK_REPORT_SIZE);

#define TDREPORT_TYPE_TDX	0x81

/* No module of another platform knows it */
static const u8 report_key[] = "mock report key";

static void measure_record(struct mock_td *td, const char *name, u64 gpa)
{
	struct mrtd_record record = { .gpa = gpa };

	memcpy(record.name, name, strlen(name));
	sha384_update(&td->mrtd_ctx, (const u8 *)&record, sizeof(record));
}

/**
 * mock_measure_page_add() - a page was added to a TD that is being built
 * @td:		the TD
 * @gpa:	where the page was added
 */
void mock_measure_page_add(struct mock_td *td, u64 gpa)
{
	measure_record(td, "MEM.PAGE.ADD", gpa);
}

u64 mock_mr_extend(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	struct tdx_module_args *args = call->args;
	u64 gpa = args->rcx, tdr_pa = args->rdx;
	struct mock_sept_walk walk;
	struct mock_td *td;
	u64 status;

	args->rcx = 0;
	args->rdx = 0;
	status = mock_find_td_in(mock, MOCK_OPERAND_RDX, tdr_pa, MOCK_TD_IN(INITIALIZED), &td);
	if (status)
		return status;
	if (!IS_ALIGNED(gpa, EXTEND_SIZE) || !mock_is_private_gpa(td, gpa))
		return mock_operand_invalid(MOCK_OPERAND_RCX);

	if (!mock_sept_walk(mock, td, gpa, 0, &walk))
		return mock_sept_error(&walk, TDX_EPT_WALK_FAILED, args);
	if (mock_sept_state(&walk) != MOCK_SEPT_PRESENT)
		return mock_sept_error(&walk, TDX_EPT_ENTRY_STATE_INCORRECT, args);

	measure_record(td, "MR.EXTEND", gpa);
	sha384_update(&td->mrtd_ctx, mock_sept_page(&walk) + offset_in_page(gpa), EXTEND_SIZE);
	return TDX_SUCCESS;
}

u64 mock_mr_finalize(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	struct mock_td *td;
	u64 status;

	status = mock_find_td_in(mock, MOCK_OPERAND_RCX, call->args->rcx, MOCK_TD_IN(INITIALIZED),
				 &td);
	if (status)
		return status;
	if (!td->nr_vcpus)
		return MOCK_NO_VCPUS;

	sha384_final(&td->mrtd_ctx, td->mrtd);
	td->state = MOCK_TD_RUNNABLE;
	return TDX_SUCCESS;
}

static void fill_tdinfo(const struct mock_td *td, struct tdinfo *tdinfo)
{
	*tdinfo = (struct tdinfo) {
		.attributes	= td->attributes,
		.xfam		= td->xfam,
	};
	memcpy(tdinfo->mrtd, td->mrtd, sizeof(tdinfo->mrtd));
	memcpy(tdinfo->mrconfigid, td->mrconfigid, sizeof(tdinfo->mrconfigid));
	memcpy(tdinfo->mrowner, td->mrowner, sizeof(tdinfo->mrowner));
	memcpy(tdinfo->mrownerconfig, td->mrownerconfig, sizeof(tdinfo->mrownerconfig));
}

/* Of all that comes before it, hashes of the rest included */
static void make_mac(const struct tdreport *report, u8 digest[SHA384_DIGEST_SIZE])
{
	struct sha384_ctx ctx;

	sha384_init(&ctx);
	sha384_update(&ctx, report_key, sizeof(report_key));
	sha384_update(&ctx, (const u8 *)report, offsetof(struct tdreport, mac));
	sha384_final(&ctx, digest);
}

/**
 * mock_make_report() - a TDREPORT_STRUCT of a TD
 * @td:		a TD that is finalized
 * @data:	TDX_MOCK_REPORT_DATA_LEN bytes
 * @report:	out, MOCK_REPORT_SIZE bytes
 *
 * What a TDX module would say of itself is 0.
 */
void mock_make_report(const struct mock_td *td, const void *data, void *report)
{
	struct tdreport *tdreport = report;
	u8 digest[SHA384_DIGEST_SIZE];

	memset(tdreport, 0, sizeof(*tdreport));
	tdreport->type = TDREPORT_TYPE_TDX;
	memcpy(tdreport->reportdata, data, sizeof(tdreport->reportdata));
	fill_tdinfo(td, &tdreport->tdinfo);

	sha384((const u8 *)&tdreport->tdinfo, sizeof(tdreport->tdinfo), tdreport->tee_info_hash);
	sha384(tdreport->tee_tcb_info, sizeof(tdreport->tee_tcb_info),
	       tdreport->tee_tcb_info_hash);
	make_mac(tdreport, digest);
	memcpy(tdreport->mac, digest, sizeof(tdreport->mac));
}

/**
 * mock_check_report() - is this a report that mock_make_report() has made?
 * @td:		the TD that the report has to be of
 * @report:	MOCK_REPORT_SIZE bytes
 * @data:	out: its report data, TDX_MOCK_REPORT_DATA_LEN bytes
 *
 * Return: false if it is of another TD, or of nobody.
 */
bool mock_check_report(const struct mock_td *td, const void *report, void *data)
{
	const struct tdreport *tdreport = report;
	u8 digest[SHA384_DIGEST_SIZE];
	struct tdinfo tdinfo;

	make_mac(tdreport, digest);
	fill_tdinfo(td, &tdinfo);
	memcpy(data, tdreport->reportdata, sizeof(tdreport->reportdata));

	return !memcmp(tdreport->mac, digest, sizeof(tdreport->mac)) &&
	       !memcmp(&tdreport->tdinfo, &tdinfo, sizeof(tdinfo));
}
