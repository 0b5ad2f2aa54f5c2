// SPDX-License-Identifier: GPL-2.0
/* The mock TDX module: TDH.SYS.RD, the global metadata */
#include <linux/array_size.h>
#include <linux/stddef.h>
#include <asm/tdx.h>

#include "td.h"

/* Fields that are as the module is configured */
static const struct {
	u64 id;
	size_t offset;
} configured_fields[] = {
#define FIELD(_field) offsetof(struct tdx_mock_config, _field)
	{ 0x0800000100000003, FIELD(minor) },
	{ 0x0800000100000004, FIELD(major) },
	{ 0x0800000100000005, FIELD(update) },
	{ 0x0A00000300000008, FIELD(features0) },
	{ 0x9100000100000008, FIELD(max_tdmrs) },
	{ 0x9100000100000009, FIELD(max_rsvd) },
	{ 0x9100000100000010, FIELD(pamt_entry[TDX_PS_4K]) },
	{ 0x9100000100000011, FIELD(pamt_entry[TDX_PS_2M]) },
	{ 0x9100000100000012, FIELD(pamt_entry[TDX_PS_1G]) },
	{ 0x8900000100000000, FIELD(hv) },
#undef FIELD
};

/* Fields that are the same in every mock */
static const struct {
	u64 id;
	u64 value;
} constant_fields[] = {
	/* TDR_BASE_SIZE, TDCS_BASE_SIZE, TDVPS_BASE_SIZE */
	{ 0x9800000100000000, PAGE_SIZE },
	{ 0x9800000100000100, MOCK_NR_TDCS_PAGES * PAGE_SIZE },
	{ 0x9800000100000200, (1 + MOCK_NR_TDVPS_PAGES) * PAGE_SIZE },
	/* ATTRIBUTES_FIXED0 and 1, XFAM_FIXED0 and 1 */
	{ 0x1900000300000000, MOCK_ATTRIBUTES_FIXED0 },
	{ 0x1900000300000001, MOCK_ATTRIBUTES_FIXED1 },
	{ 0x1900000300000002, MOCK_XFAM_FIXED0 },
	{ 0x1900000300000003, MOCK_XFAM_FIXED1 },
	/* MAX_VCPUS_PER_TD */
	{ 0x9900000100000008, MOCK_MAX_VCPUS },
	/* NUM_CPUID_CONFIG, CPUID_CONFIG_LEAVES, CPUID_CONFIG_VALUES */
	{ 0x9900000100000004, 1 },
	{ 0x9900000300000400, 0xffffffff00000000 | MOCK_CPUID_CONFIG_LEAF },
	{ 0x9900000300000500, (u64)MOCK_CPUID_CONFIG_EBX << 32 },
	{ 0x9900000300000501, 0 },
};

/* Fields of the extensions: there for modules that have them, once configured */
static const struct {
	u64 id;
	bool is_old;
	bool is_pool;
} ext_fields[] = {
	/* MEMORY_POOL_REQUIRED_PAGES */
	{ 0x3100000200000000, .is_pool = true },
	{ 0x3100000100000000, .is_pool = true, .is_old = true },
	/* EXT_REQUIRED */
	{ 0x3100000000000001 },
	{ 0x3100000100000001, .is_old = true },
};

static bool read_ext_field(struct tdx_mock *mock, struct tdx_module_args *args, u64 *status)
{
	if (!(mock->config.features0 & MOCK_FEATURE_EXT))
		return false;

	for (unsigned int i = 0; i < ARRAY_SIZE(ext_fields); i++) {
		if (ext_fields[i].id != args->rdx || ext_fields[i].is_old != mock->config.ext_old)
			continue;

		*status = TDX_METADATA_FIELD_NOT_READABLE;
		args->r8 = 0;
		if (mock->state == MOCK_INIT_DONE)
			return true;

		*status = TDX_SUCCESS;
		args->r8 = ext_fields[i].is_pool ? mock->ext.nr_missing : mock->ext.init_required;
		return true;
	}

	return false;
}

#define MAX_QUOTE_SIZE_FIELD	0x2300000200000002ULL

static bool read_quote_field(struct tdx_mock *mock, struct tdx_module_args *args, u64 *status)
{
	if (!(mock->config.features0 & MOCK_FEATURE_QUOTE) || args->rdx != MAX_QUOTE_SIZE_FIELD)
		return false;

	*status = mock->quoting.ready ? TDX_SUCCESS : TDX_METADATA_FIELD_NOT_READABLE;
	args->r8 = mock->quoting.ready ? mock->config.quote_size : 0;
	return true;
}

u64 mock_sys_rd(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	struct tdx_module_args *args = call->args;
	u64 status;

	if (read_ext_field(mock, args, &status) || read_quote_field(mock, args, &status))
		return status;

	for (unsigned int i = 0; i < ARRAY_SIZE(configured_fields); i++) {
		if (configured_fields[i].id == args->rdx) {
			args->r8 = *(u64 *)((u8 *)&mock->config + configured_fields[i].offset);
			return TDX_SUCCESS;
		}
	}

	for (unsigned int i = 0; i < ARRAY_SIZE(constant_fields); i++) {
		if (constant_fields[i].id == args->rdx) {
			args->r8 = constant_fields[i].value;
			return TDX_SUCCESS;
		}
	}

	args->r8 = 0;
	return MOCK_METADATA_FIELD_ID_INCORRECT | MOCK_OPERAND_RDX;
}
