// SPDX-License-Identifier: GPL-2.0
/* The mock P-SEAMLDR, which replaces a TDX module by another at run time */
#include <linux/build_bug.h>
#include <linux/io.h>
#include <linux/string.h>
#include <asm/seamldr.h>
#include <asm/tdx.h>

#include "model.h"

/* SEAMLDR_PARAMS of the SEAMLDR interface specification */
#define PARAMS_MAX_MODULE_PAGES	496
#define PARAMS_SCENARIO_UPDATE	1

struct mock_seamldr_params {
	u32 version;
	u32 scenario;
	u64 sigstruct_pa;
	u8 reserved[104];
	u64 nr_module_pages;
	u64 module_pas[PARAMS_MAX_MODULE_PAGES];
};

static_assert(sizeof(struct mock_seamldr_params) == PAGE_SIZE);

/*
 * What the first page of a module image holds for the mock: this line, then
 * the configuration of the new module as tdx_mock= takes it, then a NUL.
 */
#define IMAGE_MAGIC		"TDX-MOCK-MODULE\n"

#define SEAMLDR_MAJOR		2
#define SEAMLDR_VENDOR_INTEL	0x8086

u64 mock_seamldr_info(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	struct seamldr_info *info = mock_operand(mock, call->args->rcx, sizeof(*info),
						 __alignof__(*info));

	if (!info)
		return MOCK_SEAMLDR_EBADPARAM;

	*info = (struct seamldr_info) {
		.vendor_id		= SEAMLDR_VENDOR_INTEL,
		.major_version		= SEAMLDR_MAJOR,
		.num_remaining_updates	= mock->config.updates,
		.seam_ready		= mock->state == MOCK_READY,
		.p_seam_ready		= 1,
	};
	return TDX_SUCCESS;
}

/* The configuration in @page, on top of that of the running module */
static u64 read_image(struct tdx_mock *mock, const char *page)
{
	const size_t magic_len = strlen(IMAGE_MAGIC);
	char text[256];
	const char *bad;

	if (memcmp(page, IMAGE_MAGIC, magic_len))
		return MOCK_SEAMLDR_EBADPARAM;
	if (strscpy(text, page + magic_len, sizeof(text)) < 0)
		return MOCK_SEAMLDR_EBADPARAM;

	mock->next_config = mock->config;
	if (tdx_mock_parse_config(&mock->next_config, text, &bad))
		return MOCK_SEAMLDR_EBADPARAM;

	return TDX_SUCCESS;
}

static u64 check_params(struct tdx_mock *mock, u64 params_pa)
{
	const struct mock_seamldr_params *params = mock_operand(mock, params_pa, sizeof(*params),
								PAGE_SIZE);

	if (!params || params->version || params->scenario != PARAMS_SCENARIO_UPDATE)
		return MOCK_SEAMLDR_EBADPARAM;

	if (memchr_inv(params->reserved, 0, sizeof(params->reserved)))
		return MOCK_SEAMLDR_EBADPARAM;

	if (!mock_operand(mock, params->sigstruct_pa, PAGE_SIZE, PAGE_SIZE))
		return MOCK_SEAMLDR_EBADPARAM;

	if (!params->nr_module_pages || params->nr_module_pages > PARAMS_MAX_MODULE_PAGES)
		return MOCK_SEAMLDR_EBADPARAM;

	for (unsigned int i = 0; i < params->nr_module_pages; i++) {
		if (!mock_operand(mock, params->module_pas[i], PAGE_SIZE, PAGE_SIZE))
			return MOCK_SEAMLDR_EBADPARAM;
	}

	return read_image(mock, phys_to_virt(params->module_pas[0]));
}

/* Every CPU has called: the new module is there, waiting for TDH.SYS.INIT */
static void load_module(struct tdx_mock *mock)
{
	mock->next_config.updates--;
	mock->config = mock->next_config;
	bitmap_zero(mock->lps, TDX_MOCK_MAX_CPUS);
	mock->has_handoff = true;
	mock->state = MOCK_INIT_PENDING;
}

u64 mock_seamldr_install(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	u64 status;

	if (mock->state == MOCK_SHUTDOWN) {
		if (!mock->config.updates)
			return MOCK_SEAMLDR_EBADCALL;

		status = check_params(mock, call->args->rcx);
		if (status)
			return status;

		/* The old module ran on these CPUs: it goes when all are here */
		bitmap_copy(mock->lps_to_install, mock->lps, TDX_MOCK_MAX_CPUS);
		mock->state = MOCK_UNLOADED;
	}

	if (mock->state != MOCK_UNLOADED || !test_and_clear_bit(call->cpu, mock->lps_to_install))
		return MOCK_SEAMLDR_EBADCALL;

	if (bitmap_empty(mock->lps_to_install, TDX_MOCK_MAX_CPUS))
		load_module(mock);

	return TDX_SUCCESS;
}
