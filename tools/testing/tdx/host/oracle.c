// SPDX-License-Identifier: GPL-2.0
/*
 * Stands between the kernel and the module.  Looks at the operands of every
 * call, and works out from calls and answers alone which pages the module may
 * own: neither the record of the kernel nor the ledger of the mock is asked.
 * The answers may be made worse on their way back.
 *
 * Whether that makes a difference is a matter of what the kernel gets to see: it
 * does not look at the outputs of a call that has failed, for instance.
 */
#include <linux/bits.h>

#include "page_array.h"
#include "seamcall_internal.h"
#include "oracle.h"

/* Operands, by the ABI */
#define FRAME			0x000ffffffffff000ULL
#define FIRST_ENTRY(_info)	((_info) >> 3 & 0x1ff)
#define LAST_ENTRY(_operand)	((_operand) >> 55)
#define FIRST_ENTRY_MASK	0xff8ULL
#define LIST_INFO_RESERVED	0x0070000000000007ULL
#define ARRAY_RESERVED		0x0070000000000fffULL

/* Metadata fields in the order of boot and update: each by a newer id, then by the older one */
static const u64 needs[] = {
	0x3100000200000000, 0x3100000100000000, 0x3100000000000001, 0x3100000100000001,
};

#define MAX_QUOTE_SIZE		0x2300000200000002ULL
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
	struct oracle_step step;

	/* Answers that were not what they would have been, and is the kernel wrong about something? */
	unsigned int nr_disturbed;
	bool has_lied, has_quote_in_flight;

	/* The lists that arrays were in when they were offered */
	struct list {
		u64 purpose;
		u64 root;
		unsigned int nr_pages;
		u64 pages[TDX_PAGES_PER_ROOT];
	} lists[HOST_ARRAYS + 1];
	u64 nr_arrays;

	u8 claims[HOST_FEW_PAGES];
	bool disputed[HOST_FEW_PAGES];
	unsigned long nr_claimed, nr_disputed;
	u16 offered[TDX_PAGES_PER_ROOT];
	unsigned int nr_offered;

	/* TDH.EXT.MEM.ADD: what is to be fed back, if it was interrupted */
	bool interrupted;
	u64 before, returned;

	/* Of the step that is being done */
	u64 pool_size, quote_size;
	bool wants_init, has_good_report, has_begun;
	unsigned int next_need, nr_disturbed_before;
	u64 last_status, last_rcx;
	struct tdx_module_args quote_inputs;
	u32 nr_calls, nr_inits, nr_mem_adds, nr_creates, nr_quote_inits, nr_quote_gets;
} oracle;

/* For what each page that has a claim on it was offered */
static u64 purposes[HOST_FEW_PAGES];

const struct host_answer oracle_honest = { .reg_keep = ~0ULL };

static unsigned long index_of(phys_addr_t pa)
{
	unsigned long n = PHYS_PFN(pa - host_pages_start());

	host_check(pa >= host_pages_start() && pa < host_memory_end() && PAGE_ALIGNED(pa) &&
		   n < HOST_FEW_PAGES, "%#llx is no page of the allocator", pa);
	return n;
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
static void offer(phys_addr_t pa, u64 purpose)
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
		offer(list[i], regs->rcx);
}

/* Each field is asked for by its older id only if the newer one is not known */
static void check_sys_rd(const struct tdx_module_args *regs)
{
	u64 id = MAX_QUOTE_SIZE;

	if (!oracle.nr_quote_inits) {
		host_check(oracle.next_need < ARRAY_SIZE(needs), "reads more than it needs");
		id = needs[oracle.next_need];
	}
	host_check(!regs->rcx && regs->rdx == id, "reads field %#llx, not %#llx", regs->rdx, id);
	no_other_inputs(regs);
}

static void check_create(const struct tdx_module_args *regs)
{
	struct list *list = &oracle.lists[oracle.step.array];
	unsigned int nr_pages = LAST_ENTRY(regs->rdx) + 1;
	const u64 *pages = &regs->rdx;

	no_other_inputs(regs);
	host_check(regs->rcx == oracle.step.rcx, "function id %#llx", regs->rcx);
	host_check(!(regs->rdx & ARRAY_RESERVED), "operand %#llx", regs->rdx);
	host_check(nr_pages == oracle.step.nr_pages, "operand for %u pages", nr_pages);
	if (nr_pages > 1)
		pages = carrier(regs->rdx & FRAME);

	list->root = regs->rdx & FRAME;
	list->nr_pages = nr_pages;
	memcpy(list->pages, pages, nr_pages * sizeof(*pages));
	for (unsigned int i = 0; i < nr_pages; i++)
		offer(list->pages[i], list->purpose);
}

static void check_delete(const struct tdx_module_args *regs)
{
	const struct list *list = &oracle.lists[oracle.step.array];

	no_other_inputs(regs);
	host_check(regs->rcx == oracle.step.rcx, "session %#llx", regs->rcx);
	if (list->nr_pages == 1) {
		host_check(!regs->rdx, "aux page for a single page");
		return;
	}

	carrier(regs->rdx);
	host_check(regs->rdx != list->root, "the aux page is the record");
	for (unsigned int i = 0; i < list->nr_pages; i++)
		host_check(list->pages[i] != regs->rdx, "a page is the aux page");
}

static void check_wbinvd(const struct tdx_module_args *regs)
{
	u64 pa = regs->rcx & ((1ULL << HOST_PHYS_BITS) - 1);

	host_check(regs->rcx >> HOST_PHYS_BITS == HOST_KEYID, "flush with another KeyID");
	host_check(oracle.claims[index_of(pa)] == RETURNED, "flush of %#llx for nothing", pa);
}

static unsigned int nr_quotes;

/* A page for a quote is in use, the host's, and there for nothing else in this call */
static u64 *quote_page(phys_addr_t pa)
{
	static unsigned int last_uses[HOST_VMALLOC_PAGES + HOST_FEW_PAGES];
	u64 *page = carrier(pa);
	unsigned int *last_use = &last_uses[PHYS_PFN(pa - host_memory_start())];

	host_check(*last_use != nr_quotes, "%#llx is used twice for a quote", pa);
	*last_use = nr_quotes;
	return page;
}

static void check_quote_pages(u64 node, u64 nr_pages)
{
	const u64 *entries = quote_page(node);

	for (u64 i = 0; i < nr_pages; i++) {
		unsigned int n = i % NODE_PAGES;

		if (i && !n)
			entries = quote_page(entries[NODE_PAGES]);
		quote_page(entries[n]);
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
	nr_quotes++;
	quote_page(regs->r8);
	check_quote_pages(regs->r10, PHYS_PFN(regs->r11));
}

static void check_operands(u64 fn, const struct tdx_module_args *regs)
{
	u32 nr_ext_calls;

	switch (fn) {
	case TDH_SYS_RD:
		check_sys_rd(regs);
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
		check_create(regs);
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
	const struct list *list = &oracle.lists[oracle.step.array];

	if (list->nr_pages == 1)
		return out->rcx == list->pages[0];

	return out->rcx == (in->rdx | (list->nr_pages - 1ULL) << 55) &&
	       !memcmp(phys_to_virt(in->rdx), list->pages, list->nr_pages * sizeof(u64));
}

static void note_field(u64 id, u64 status, u64 value)
{
	bool is_known = (status & TDX_SEAMCALL_STATUS_MASK) != TDX_METADATA_FIELD_ID_INCORRECT;

	if (id == MAX_QUOTE_SIZE) {
		oracle.quote_size = value;
		return;
	}

	if (oracle.next_need < 2)
		oracle.pool_size = value;
	else
		oracle.wants_init = value;
	oracle.next_need = is_known ? (oracle.next_need | 1) + 1 : oracle.next_need + 1;
}

/* What the kernel is to make of it: a call that was begun is over with an answer that ends it */
static u64 outcome(u64 fn, u64 status)
{
	bool is_over = !(status & TDX_ERROR) || (status & TDX_NON_RECOVERABLE);

	if (fn != TDH_EXT_INIT && fn != TDH_QUOTE_INIT && fn != TDH_QUOTE_GET)
		return status;

	oracle.has_begun = !is_over && (oracle.has_begun || status == TDX_INTERRUPTED_RESUMABLE);
	return oracle.has_begun ? TDX_INTERRUPTED_RESUMABLE : status;
}

static void settle(u64 fn, const struct tdx_module_args *in, const struct tdx_module_args *out,
		   u64 status)
{
	const struct list *list = &oracle.lists[oracle.step.array];

	oracle.last_status = outcome(fn, status);
	oracle.last_rcx = out->rcx;
	if (status == TDX_RND_NO_ENTROPY)
		return;

	if (fn == TDH_EXT_MEM_ADD || fn == TDH_SPDM_CREATE)
		settle_offers(is_refusal(status));

	oracle.interrupted = fn == TDH_EXT_MEM_ADD && status == TDX_INTERRUPTED_RESUMABLE;
	oracle.before = in->rcx;
	oracle.returned = out->rcx;

	if (fn == TDH_SYS_RD)
		note_field(in->rdx, status, out->r8);

	oracle.has_good_report = fn == TDH_SPDM_DELETE && !status && is_good_report(in, out);
	if (oracle.has_good_report) {
		for (unsigned int i = 0; i < list->nr_pages; i++)
			set_claim(index_of(list->pages[i]), RETURNED);
	}
	if (fn == TDH_PHYMEM_PAGE_WBINVD && !status)
		set_claim(index_of(in->rcx & ((1ULL << HOST_PHYS_BITS) - 1)), HOSTS);
}

/* The output that the kernel goes by after a call that has ended like this; NULL: none */
static u64 *seen_output(u64 fn, u64 status, struct tdx_module_args *regs)
{
	u64 expected = fn == TDH_EXT_MEM_ADD ? TDX_INTERRUPTED_RESUMABLE : TDX_SUCCESS;
	int reg = oracle_output(fn);

	return status == expected && reg >= 0 ? &regs->rcx + reg : NULL;
}

static void dispute(phys_addr_t pa)
{
	bool *disputed = &oracle.disputed[index_of(pa)];

	oracle.nr_disputed += !*disputed;
	*disputed = true;
}

static void dispute_all(const u64 *pages, unsigned int nr_pages)
{
	while (nr_pages--)
		dispute(*pages++);
}

/*
 * The kernel has been told that it may do to some pages what it may not: what
 * the ledger says of these is no breach of the kernel.
 */
static void settle_lie(u64 fn, const struct tdx_module_args *in, u64 status)
{
	const struct list *list = &oracle.lists[oracle.step.array];

	oracle.has_lied = true;
	if (fn == TDH_EXT_MEM_ADD && status == TDX_INTERRUPTED_RESUMABLE)
		dispute_all(phys_to_virt(in->rcx & FRAME), LAST_ENTRY(in->rcx) + 1);
	if ((fn == TDH_SPDM_CREATE && status) || (fn == TDH_SPDM_DELETE && oracle.has_good_report))
		dispute_all(list->pages, list->nr_pages);
	if (fn == TDH_PHYMEM_PAGE_WBINVD && !status)
		dispute(in->rcx & ((1ULL << HOST_PHYS_BITS) - 1));
}

static bool spoil_aux(u64 fn, const struct host_answer *answer, const struct tdx_module_args *in)
{
	const struct list *list = &oracle.lists[oracle.step.array];
	u64 *aux;

	if (!answer->aux_xor || fn != TDH_SPDM_DELETE || !in->rdx)
		return false;

	aux = phys_to_virt(in->rdx);
	aux[answer->aux_entry % list->nr_pages] ^= answer->aux_xor;
	return true;
}

/* Have the module answer, and make that worse.  Is there a difference that the kernel can see? */
static bool spoil(u64 fn, const struct host_answer *answer, struct tdx_module_args *regs,
		  u64 *status)
{
	const struct tdx_module_args in = *regs;
	u64 *reg = &regs->rcx + answer->reg;
	bool is_spoilt;
	u64 *seen;

	*status = host_module(fn, regs);
	if (fn == TDH_QUOTE_GET && (!*status || *status == TDX_INTERRUPTED_RESUMABLE))
		oracle.has_quote_in_flight = *status;
	is_spoilt = answer->lies && answer->status != *status;
	if (answer->lies)
		*status = answer->status;

	seen = seen_output(fn, *status, regs);
	is_spoilt |= seen == reg && *reg != ((*reg & answer->reg_keep) ^ answer->reg_xor);
	*reg = (*reg & answer->reg_keep) ^ answer->reg_xor;
	return (spoil_aux(fn, answer, &in) && !*status) || is_spoilt;
}

static u64 answer_call(u64 fn, struct tdx_module_args *regs)
{
	struct host_answer answer = oracle_honest;
	const struct tdx_module_args in = *regs;
	bool has_lied = false;
	u64 status;

	check_operands(fn, regs);

	if (oracle.disturb)
		oracle.disturb(fn, &answer);
	if (answer.lies && (is_refusal(answer.status) || answer.status == TDX_RND_NO_ENTROPY))
		answer.dropped = true;

	if (answer.dropped) {
		status = answer.status;
		oracle.nr_disturbed++;
		/* To fail a call that was not made is no lie */
		has_lied = !status;
	} else {
		has_lied = spoil(fn, &answer, regs, &status);
		oracle.nr_disturbed += has_lied;
	}

	settle(fn, &in, regs, status);
	if (has_lied)
		settle_lie(fn, &in, status);
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
 * @step: what it is
 */
void oracle_next_step(struct oracle_step step)
{
	settle_offers(false);
	oracle.step = step;
	oracle.nr_disturbed_before = oracle.nr_disturbed;
	oracle.next_need = 0;
	oracle.interrupted = false;
	oracle.pool_size = 0;
	oracle.quote_size = 0;
	oracle.wants_init = false;
	oracle.has_begun = false;
	oracle.has_good_report = false;
	oracle.last_status = TDX_SUCCESS;
	oracle.nr_calls = 0;
	oracle.nr_inits = 0;
	oracle.nr_mem_adds = 0;
	oracle.nr_creates = 0;
	oracle.nr_quote_inits = 0;
	oracle.nr_quote_gets = 0;
}

/* There is an array of this number, in place of the one that there was */
void oracle_new_array(unsigned int array)
{
	oracle.lists[array].purpose = ++oracle.nr_arrays;
	oracle.lists[array].nr_pages = 0;
}

/* Which register has the output of a leaf, as index into struct tdx_module_args; -1: none */
int oracle_output(u64 leaf)
{
	switch (leaf) {
	case TDH_SYS_RD:
		return 2;
	case TDH_EXT_MEM_ADD:
	case TDH_SPDM_CREATE:
	case TDH_SPDM_DELETE:
	case TDH_QUOTE_GET:
		return 0;
	default:
		return -1;
	}
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

/* Calls that the kernel has seen another answer to than the honest one */
unsigned int oracle_nr_disturbed(void)
{
	return oracle.nr_disturbed;
}

/* Was all that the kernel has seen in this step honest, and is what it believes from before? */
bool oracle_is_undisturbed(void)
{
	return oracle.nr_disturbed == oracle.nr_disturbed_before && !oracle.has_lied;
}

/* Has a call for a quote been interrupted, and not come to its end? */
bool oracle_has_quote_in_flight(void)
{
	return oracle.has_quote_in_flight;
}

/* Is it the module's fault what the kernel does to this page? */
bool oracle_is_disputed(phys_addr_t pa)
{
	return pa >= host_pages_start() && oracle.disputed[index_of(pa)];
}

unsigned long oracle_nr_disputed(void)
{
	return oracle.nr_disputed;
}

/* Pages of an array that the module may own */
unsigned long oracle_nr_lent(unsigned int array)
{
	const struct list *list = &oracle.lists[array];
	unsigned long nr_lent = 0;

	for (unsigned int i = 0; i < list->nr_pages; i++) {
		unsigned long n = index_of(list->pages[i]);

		nr_lent += oracle.claims[n] && purposes[n] == list->purpose;
	}

	return nr_lent;
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
