// SPDX-License-Identifier: GPL-2.0
/*
 * Stands between the kernel and the module.  Looks at the operands of every
 * call, and works out from calls and answers alone which pages the module may
 * own: neither the record of the kernel nor the ledger of the mock is asked.
 * The answers may be made worse on their way back.
 */
#include <linux/bits.h>

#include "seamcall_internal.h"
#include "oracle.h"

/* Operands, by the ABI */
#define FRAME			0x000ffffffffff000ULL
#define FIRST_ENTRY(_info)	((_info) >> 3 & 0x1ff)
#define LAST_ENTRY(_operand)	((_operand) >> 55)
#define FIRST_ENTRY_MASK	0xff8ULL
#define LIST_INFO_RESERVED	0x0070000000000007ULL
#define ARRAY_RESERVED		0x0070000000000fffULL
#define FUNCTION_ID_RESERVED	0xfffffffffe000000ULL

#define QUOTE_ID_DEFAULT	0x0000ffff00000000ULL
#define NODE_PAGES		511
#define LIST_END		(~0ULL)

/* No call may go on for ever: extensions for a minute, others as long as there are entries */
#define MAX_EXT_CALLS		((1U << 18) * RDRAND_RETRY_LOOPS)
#define MAX_OTHER_CALLS		((u32)HOST_FEW_PAGES * 2 * RDRAND_RETRY_LOOPS)

enum claim {
	HOSTS,
	OFFERED,	/* in a call that has failed for lack of entropy */
	MODULES,	/* maybe */
	RETURNED,	/* private cache lines may be left */
};

static struct {
	oracle_disturb_t disturb;
	phys_addr_t tdr_pa;
	const struct tdx_page_array *array;
	bool has_lied;

	u8 claims[HOST_FEW_PAGES];
	unsigned long nr_claimed;
	u16 offered[TDX_PAGES_PER_ROOT];
	unsigned int nr_offered;

	/* TDH.EXT.MEM.ADD: what is to be fed back, if it was interrupted */
	bool interrupted;
	u64 before, returned;

	/* Of the step that is being done */
	u64 pool_size, quote_size;
	bool wants_init, has_good_report;
	u64 last_status, last_rcx;
	struct tdx_module_args quote_inputs;
	u32 nr_calls, nr_inits, nr_mem_adds, nr_creates, nr_quote_inits, nr_quote_gets;
} oracle;

/* For what each page that has a claim on it was offered */
static const void *purposes[HOST_FEW_PAGES];

const struct host_answer oracle_honest = { .reg_keep = ~0ULL };

static unsigned long index_of(phys_addr_t pa)
{
	host_check(pa >= host_pages_start() && pa < host_memory_end() && PAGE_ALIGNED(pa),
		   "%#llx is no page of the allocator", pa);
	return PHYS_PFN(pa - host_pages_start());
}

static void set_claim(unsigned long n, enum claim claim)
{
	oracle.nr_claimed += !!claim - !!oracle.claims[n];
	oracle.claims[n] = claim;
}

static void page_freed(phys_addr_t pa)
{
	host_check(!oracle.claims[index_of(pa)], "%#llx freed, the module may own it", pa);
}

/* An operand that the module reads, or writes to */
static u64 *carrier(phys_addr_t pa)
{
	host_check(pa >= host_memory_start() && pa < host_memory_end() && PAGE_ALIGNED(pa),
		   "carrier %#llx is no page", pa);
	host_check(!host_page_is_free(PHYS_PFN(pa)), "carrier %#llx is free", pa);
	host_check(pa < host_pages_start() || !oracle.claims[index_of(pa)],
		   "carrier %#llx is the module's", pa);
	return phys_to_virt(pa);
}

/* A page on offer is in use, and the module has it not yet, or from a try for the same */
static void offer(phys_addr_t pa, const void *purpose)
{
	unsigned long n = index_of(pa);

	host_check(!host_page_is_free(PHYS_PFN(pa)), "free page %#llx is given", pa);
	host_check(!oracle.claims[n] || (purposes[n] == purpose && oracle.claims[n] != RETURNED),
		   "%#llx is given twice", pa);
	if (!oracle.claims[n]) {
		set_claim(n, OFFERED);
		oracle.offered[oracle.nr_offered++] = n;
	}
	purposes[n] = purpose;
}

static void no_other_inputs(const struct tdx_module_args *regs)
{
	host_check(!(regs->r8 | regs->r9 | regs->r10 | regs->r11), "more inputs than there are");
}

static void check_mem_add(const struct tdx_module_args *regs)
{
	unsigned int first = FIRST_ENTRY(regs->rcx), last = LAST_ENTRY(regs->rcx);
	const u64 *list = carrier(regs->rcx & FRAME);

	host_check(!(regs->rcx & LIST_INFO_RESERVED) && first <= last, "operand %#llx", regs->rcx);
	if (oracle.interrupted) {
		host_check(regs->rcx == oracle.returned, "fed back %#llx, got %#llx", regs->rcx,
			   oracle.returned);
		host_check((regs->rcx | FIRST_ENTRY_MASK) == (oracle.before | FIRST_ENTRY_MASK),
			   "goes on with another list");
		host_check(first > FIRST_ENTRY(oracle.before), "goes on without progress");
		return;
	}

	host_check(!first, "starts with entry %u", first);
	no_other_inputs(regs);
	/* No page of the pool may be in another list: what distinguishes them is the operand */
	for (unsigned int i = 0; i <= last; i++)
		offer(list[i], (void *)(unsigned long)regs->rcx);
}

static const u64 *check_array(const u64 *operand)
{
	const struct tdx_page_array *array = oracle.array;
	const u64 *list = operand;

	host_check(!(*operand & ARRAY_RESERVED), "operand %#llx", *operand);
	host_check(LAST_ENTRY(*operand) + 1 == array->nr_pages, "operand for %llu pages",
		   LAST_ENTRY(*operand) + 1);
	if (array->nr_pages > 1)
		list = carrier(*operand & FRAME);
	for (unsigned int i = 0; i < array->nr_pages; i++)
		offer(list[i], array);
	return list;
}

static void check_delete(const struct tdx_module_args *regs)
{
	const struct tdx_page_array *array = oracle.array;

	no_other_inputs(regs);
	if (array->nr_pages == 1) {
		host_check(!regs->rdx, "aux page for a single page");
		return;
	}

	carrier(regs->rdx);
	host_check(regs->rdx != PFN_PHYS(vmalloc_to_pfn(array->hpas)),
		   "the aux page is the record");
	for (unsigned int i = 0; i < array->nr_pages; i++)
		host_check(array->hpas[i] != regs->rdx, "a page is the aux page");
}

static void check_wbinvd(const struct tdx_module_args *regs)
{
	u64 pa = regs->rcx & ((1ULL << HOST_PHYS_BITS) - 1);

	host_check(regs->rcx >> HOST_PHYS_BITS == HOST_KEYID, "flush with another KeyID");
	host_check(oracle.claims[index_of(pa)] == RETURNED, "flush of %#llx for nothing", pa);
}

/* Pages of a quote are in use, the host's, and there for nothing else */
static void check_quote_pages(u64 node, u64 nr_pages, u64 report)
{
	const u64 *entries = carrier(node);
	u64 last = 0;

	for (u64 i = 0; i < nr_pages; i++) {
		unsigned int n = i % NODE_PAGES;

		if (i && !n) {
			node = entries[NODE_PAGES];
			entries = carrier(node);
		}
		carrier(entries[n]);
		host_check(entries[n] != report && entries[n] != node && entries[n] != last,
			   "page %llu of the quote is used twice", i);
		last = entries[n];
	}

	for (unsigned int n = (nr_pages - 1) % NODE_PAGES + 1; n <= NODE_PAGES; n++)
		host_check(entries[n] == LIST_END, "entry %u of the list goes on", n);
}

static void check_quote_get(const struct tdx_module_args *regs)
{
	if (oracle.nr_quote_gets) {
		host_check(!memcmp(regs, &oracle.quote_inputs, offsetof(typeof(*regs), r12)),
			   "goes on with other inputs");
		return;
	}

	oracle.quote_inputs = *regs;
	host_check(regs->rcx == oracle.tdr_pa, "quote of TD %#llx", regs->rcx);
	host_check(regs->rdx == QUOTE_ID_DEFAULT, "quote id %#llx", regs->rdx);
	host_check(regs->r9 && regs->r9 <= PAGE_SIZE, "report of %llu bytes", regs->r9);
	host_check(regs->r11 && PAGE_ALIGNED(regs->r11), "room for %llu bytes", regs->r11);
	carrier(regs->r8);
	check_quote_pages(regs->r10, PHYS_PFN(regs->r11), regs->r8);
}

static void check_operands(u64 fn, const struct tdx_module_args *regs)
{
	u32 nr_ext_calls;

	switch (fn) {
	case TDH_SYS_RD:
		host_check(!regs->rcx && regs->rdx, "operand of TDH.SYS.RD");
		no_other_inputs(regs);
		break;
	case TDH_EXT_INIT:
	case TDH_QUOTE_INIT:
		host_check(!regs->rcx && !regs->rdx, "operand of leaf %llu", fn);
		no_other_inputs(regs);
		break;
	case TDH_EXT_MEM_ADD:
		check_mem_add(regs);
		break;
	case TDH_SPDM_CREATE:
		host_check(!(regs->rcx & FUNCTION_ID_RESERVED), "function id %#llx", regs->rcx);
		no_other_inputs(regs);
		check_array(&regs->rdx);
		break;
	case TDH_SPDM_DELETE:
		check_delete(regs);
		break;
	case TDH_PHYMEM_PAGE_WBINVD:
		check_wbinvd(regs);
		break;
	case TDH_QUOTE_GET:
		check_quote_get(regs);
		break;
	default:
		host_check(false, "leaf or version %#llx", fn);
	}

	oracle.nr_calls++;
	oracle.nr_inits += fn == TDH_EXT_INIT;
	oracle.nr_mem_adds += fn == TDH_EXT_MEM_ADD;
	oracle.nr_creates += fn == TDH_SPDM_CREATE;
	oracle.nr_quote_inits += fn == TDH_QUOTE_INIT;
	oracle.nr_quote_gets += fn == TDH_QUOTE_GET;
	nr_ext_calls = oracle.nr_inits + oracle.nr_quote_inits + oracle.nr_quote_gets;
	host_check(nr_ext_calls <= MAX_EXT_CALLS &&
		   oracle.nr_calls - nr_ext_calls <= MAX_OTHER_CALLS, "leaf %llu without end", fn);
}

/* The CPU has not made the call: there is no module, no SEAM, or not now */
static bool is_refusal(u64 status)
{
	return status == TDX_SEAMCALL_VMFAILINVALID || status == TDX_SEAMCALL_GP ||
	       status == TDX_SEAMCALL_UD;
}

/* If the call has not taken place, what it offered is not the module's */
static void settle_offers(bool refused)
{
	while (oracle.nr_offered)
		set_claim(oracle.offered[--oracle.nr_offered], refused ? HOSTS : MODULES);
}

/* Has the module returned all, and says so without a mistake? */
static bool is_good_report(const struct tdx_module_args *in, const struct tdx_module_args *out)
{
	const struct tdx_page_array *array = oracle.array;

	if (array->nr_pages == 1)
		return out->rcx == array->hpas[0];

	return out->rcx == (in->rdx | (array->nr_pages - 1ULL) << 55) &&
	       !memcmp(phys_to_virt(in->rdx), array->hpas, array->nr_pages * sizeof(u64));
}

/* Metadata: the rest of an id is the width of the field, and its class */
static void note_field(u64 id, u64 value)
{
	switch ((u32)id) {
	case 0:
		oracle.pool_size = (u32)value;
		break;
	case 1:
		oracle.wants_init = value;
		break;
	case 2:
		oracle.quote_size = value;
		break;
	}
}

static void settle(u64 fn, const struct tdx_module_args *in, const struct tdx_module_args *out,
		   u64 status)
{
	oracle.last_status = status;
	oracle.last_rcx = out->rcx;
	if (status == TDX_RND_NO_ENTROPY)
		return;

	if (fn == TDH_EXT_MEM_ADD || fn == TDH_SPDM_CREATE)
		settle_offers(is_refusal(status));

	oracle.interrupted = fn == TDH_EXT_MEM_ADD && status == TDX_INTERRUPTED_RESUMABLE;
	oracle.before = in->rcx;
	oracle.returned = out->rcx;

	if (fn == TDH_SYS_RD)
		note_field(in->rdx, out->r8);

	oracle.has_good_report = fn == TDH_SPDM_DELETE && !status && is_good_report(in, out);
	if (oracle.has_good_report) {
		for (unsigned int i = 0; i < oracle.array->nr_pages; i++)
			set_claim(index_of(oracle.array->hpas[i]), RETURNED);
	}
	if (fn == TDH_PHYMEM_PAGE_WBINVD && !status)
		set_claim(index_of(in->rcx & ((1ULL << HOST_PHYS_BITS) - 1)), HOSTS);
}

static void lie(u64 fn, const struct host_answer *answer, const struct tdx_module_args *in,
		struct tdx_module_args *out)
{
	u64 *reg = &out->rcx + answer->reg;

	*reg = (*reg & answer->reg_keep) ^ answer->reg_xor;
	if (answer->aux_xor && fn == TDH_SPDM_DELETE && in->rdx) {
		u64 *aux = phys_to_virt(in->rdx);

		aux[answer->aux_entry % oracle.array->nr_pages] ^= answer->aux_xor;
	}
}

static u64 answer_call(u64 fn, struct tdx_module_args *regs)
{
	struct host_answer answer = oracle_honest;
	const struct tdx_module_args in = *regs;
	u64 status;

	check_operands(fn, regs);

	if (oracle.disturb)
		oracle.disturb(fn, &answer);
	if ((answer.dropped || answer.lies) &&
	    (is_refusal(answer.status) || answer.status == TDX_RND_NO_ENTROPY)) {
		settle(fn, &in, regs, answer.status);
		return answer.status;
	}

	status = answer.dropped ? answer.status : host_module(fn, regs);
	if (answer.lies)
		status = answer.status;
	lie(fn, &answer, &in, regs);

	/* To fail a call that was not made is no lie */
	if (answer.dropped ? !status || status == TDX_INTERRUPTED_RESUMABLE : answer.lies)
		oracle.has_lied = true;
	if (answer.reg_xor || ~answer.reg_keep || answer.aux_xor)
		oracle.has_lied = true;

	settle(fn, &in, regs, status);
	return status;
}

/**
 * oracle_start() - look at all calls from now on
 * @tdr_pa:  physical address of the root page of the only TD
 * @disturb: decides on the answers; NULL: all are honest
 *
 * No page is the module's.
 */
void oracle_start(phys_addr_t tdr_pa, oracle_disturb_t disturb)
{
	memset(&oracle, 0, sizeof(oracle));
	oracle.tdr_pa = tdr_pa;
	oracle.disturb = disturb;
	host_seamcall_filter = answer_call;
	host_page_freed = page_freed;
}

void oracle_stop(void)
{
	host_seamcall_filter = NULL;
	host_page_freed = NULL;
}

/**
 * oracle_next_step() - the kernel is asked to do something
 * @array: what it is done with; NULL: no array of the caller
 */
void oracle_next_step(const struct tdx_page_array *array)
{
	settle_offers(false);
	oracle.array = array;
	oracle.interrupted = false;
	oracle.pool_size = 0;
	oracle.quote_size = 0;
	oracle.wants_init = false;
	oracle.has_good_report = false;
	oracle.last_status = TDX_SUCCESS;
	oracle.nr_calls = 0;
	oracle.nr_inits = 0;
	oracle.nr_mem_adds = 0;
	oracle.nr_creates = 0;
	oracle.nr_quote_inits = 0;
	oracle.nr_quote_gets = 0;
}

/* SEAMCALLs of this step: of one leaf, 0 for all */
unsigned int oracle_nr_calls(u64 leaf)
{
	switch (leaf) {
	case TDH_EXT_INIT:	return oracle.nr_inits;
	case TDH_EXT_MEM_ADD:	return oracle.nr_mem_adds;
	case TDH_SPDM_CREATE:	return oracle.nr_creates;
	case TDH_QUOTE_INIT:	return oracle.nr_quote_inits;
	case TDH_QUOTE_GET:	return oracle.nr_quote_gets;
	default:		return oracle.nr_calls;
	}
}

/* Status of the last call of this step, as the kernel saw it */
u64 oracle_last_status(void)
{
	return oracle.last_status;
}

/* And what it got in RCX */
u64 oracle_last_rcx(void)
{
	return oracle.last_rcx;
}

/* Has the last call returned all pages of the array, and said so without a mistake? */
bool oracle_has_good_report(void)
{
	return oracle.has_good_report;
}

/* Have the kernel and the ledger of the mock been told what is not so? */
bool oracle_has_lied(void)
{
	return oracle.has_lied;
}

bool oracle_is_claimed(phys_addr_t pa)
{
	return oracle.claims[index_of(pa)];
}

unsigned long oracle_nr_claimed(void)
{
	return oracle.nr_claimed;
}

/* Pages that the module has asked for in this step, whether that was true or not */
u64 oracle_pool_size(void)
{
	return oracle.pool_size;
}

/* How large it says that quotes are */
u64 oracle_quote_size(void)
{
	return oracle.quote_size;
}

/* Has it asked to be initialized? */
bool oracle_wants_init(void)
{
	return oracle.wants_init;
}
