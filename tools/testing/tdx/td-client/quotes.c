// SPDX-License-Identifier: GPL-2.0
/*
 * Quotes of a TDX module that makes them: KVM answers TDG.VP.VMCALL<GetQuote>,
 * and user space does not hear of it.
 *
 * A script cannot copy its report into the message, so the guest stops before
 * each request, and the client makes the message.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kvm.h"
#include "module.h"
#include "quote.h"
#include "test.h"

/* Where the guest stops before its first request, and after each one */
#define PORT			0x3f0

/* Memory for the messages of each vCPU, in a slot of its own */
#define GPA_MESSAGE(_id)	(0x10000000UL + (_id) * 0x4000000UL)
#define SLOT_MESSAGE(_id)	(1 + (_id))
#define SLOT_MORE		(1 + TD_MAX_VCPUS)

#define REPORT_SIZE		1024
#define REPORT_WORDS		4	/* of report data, that a script can choose */

/* The message in the memory that guest and host share (GHCI) */
struct message {
	uint64_t version;
	uint64_t status;
	uint32_t in_len;
	uint32_t out_len;
	uint8_t data[];
};

#define VERSION			1
#define STATUS_SUCCESS		0ULL
#define STATUS_ERROR		0x8000000000000000ULL
#define STATUS_UNAVAILABLE	0x8000000000000001ULL
/* What no host answers */
#define NOT_ANSWERED		0x1234ULL

#define EVENT_NOTIFY_OFFERED	2

struct guest {
	struct td td;
	uint8_t mrtd[SHA384_BYTES];
	struct message *message[TD_MAX_VCPUS];
};

static unsigned int max_quote_kb(void)
{
	FILE *file = fopen("/sys/devices/faux/tdx_host/extensions/max_quote_kb", "r");
	unsigned int kb;

	check(file);
	check_eq(fscanf(file, "%u", &kb), 1);
	fclose(file);
	return kb;
}

/* Bytes of a message that any quote fits into */
static uint64_t message_bytes(void)
{
	static uint64_t bytes;

	if (!bytes) {
		check(max_quote_kb());
		bytes = sizeof(struct message) + max_quote_kb() * 1024UL;
		bytes = (bytes + PAGE - 1) / PAGE * PAGE;
	}
	return bytes;
}

static int quote_calls(void)
{
	int calls = module_number("calls", "TDH.QUOTE.GET");

	return calls < 0 ? 0 : calls;
}

/* Have memory at @host in a slot; 0 @bytes: the slot goes */
static void set_slot(struct td *td, unsigned int slot, uint64_t gpa, uint64_t bytes, void *host)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = gpa,
		.memory_size = bytes,
		.userspace_addr = (uint64_t)host,
	};

	check_eq(ioctl(td->fd, KVM_SET_USER_MEMORY_REGION, &region), 0);
}

static void *get_memory(uint64_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);

	check(memory != MAP_FAILED);
	return memory;
}

/* Report data: numbers that tell one @seed from another */
static uint64_t report_word(unsigned int seed, unsigned int i)
{
	return 0x5eed0000 + seed * 0x100 + i;
}

/* vCPU @id starts here, and has a report made */
static void script_start(struct script *script, unsigned int id, unsigned int seed)
{
	script->entry[id] = script->count;
	step(script, TDX_MOCK_REPORT, TD_SHARED | (GPA_SHARED + id * PAGE), report_word(seed, 0),
	     report_word(seed, 1), report_word(seed, 2), report_word(seed, 3));
	tdvmcall(script, EXIT_IO, 4, 1, PORT, 0);
}

static void script_request(struct script *script, uint64_t gpa, uint64_t size, uint64_t status)
{
	tdvmcall(script, TDVMCALL_GET_QUOTE, gpa, size);
	expect_status(script, status);
	tdvmcall(script, EXIT_IO, 4, 1, PORT, 0);
}

/* The same, of a buffer with which all is well */
static void script_good_request(struct script *script, unsigned int id, uint64_t status)
{
	script_request(script, TD_SHARED | GPA_MESSAGE(id), message_bytes(), status);
}

/* The vCPU stays behind its last request */
static void script_end(struct script *script)
{
	step(script, TDX_MOCK_DONE, 0);
}

static void run(struct guest *guest, unsigned int id)
{
	td_run_to_port(&guest->td, id, PORT);
}

static void make_message(struct guest *guest, unsigned int id)
{
	struct message *message = guest->message[id];

	message->version = VERSION;
	message->status = NOT_ANSWERED;
	message->in_len = REPORT_SIZE;
	message->out_len = 0;
	memcpy(message->data, guest->td.shared + GPA_SHARED + id * PAGE, REPORT_SIZE);
}

/* A TD whose vCPUs have got a report each, and are about to ask for quotes */
static void build(struct guest *guest, const struct script *script, unsigned int vcpus)
{
	struct sha384 hash;

	td_build(&guest->td, script, vcpus);
	sha384_start(&hash);
	module_measure_page(&hash, GPA_SCRIPT, script->step, true);
	module_measure_page(&hash, GPA_DATA, td_data_page(), true);
	sha384_end(&hash, guest->mrtd);

	for (unsigned int id = 0; id < vcpus; id++) {
		guest->message[id] = get_memory(message_bytes());
		set_slot(&guest->td, SLOT_MESSAGE(id), GPA_MESSAGE(id), message_bytes(),
			 guest->message[id]);
		run(guest, id);
		make_message(guest, id);
	}
}

/* A TD with one vCPU that makes @count good requests */
static void build_good(struct guest *guest, unsigned int seed, unsigned int count)
{
	struct script script = {};

	script_start(&script, 0, seed);
	for (unsigned int i = 0; i < count; i++)
		script_good_request(&script, 0, TDVMCALL_SUCCESS);
	build(guest, &script, 1);
}

static uint64_t checksum(const uint8_t *bytes, uint32_t count)
{
	uint64_t sum = TDX_MOCK_CHECKSUM_START;

	for (uint32_t i = 0; i < count; i++)
		sum = tdx_mock_checksum(sum, bytes[i]);
	return sum;
}

/* A quote of this TD and of the report with @seed, from the first byte to the last */
static void check_quote(const struct guest *guest, const struct message *message, unsigned int seed)
{
	const struct tdx_mock_quote *quote = (const struct tdx_mock_quote *)message->data;
	uint64_t data[TDX_MOCK_REPORT_DATA_LEN / 8] = {}, sum;
	uint32_t end;

	for (unsigned int i = 0; i < REPORT_WORDS; i++)
		data[i] = report_word(seed, i);

	check_eq(message->status, STATUS_SUCCESS);
	check_eq((message->out_len + 1023) / 1024, max_quote_kb());
	check_eq(quote->magic, TDX_MOCK_QUOTE_MAGIC);
	check_eq(quote->version, TDX_MOCK_QUOTE_VERSION);
	check_eq(quote->len, message->out_len);
	check(!memcmp(quote->mrtd, guest->mrtd, SHA384_BYTES));
	check(!memcmp(quote->report_data, data, sizeof(data)));

	end = message->out_len - TDX_MOCK_QUOTE_CHECKSUM_LEN;
	for (uint32_t at = sizeof(*quote); at < end; at++) {
		if (message->data[at] != tdx_mock_quote_filler(at))
			check_eq(at, end);
	}
	memcpy(&sum, message->data + end, sizeof(sum));
	check_eq(sum, checksum(message->data, end));
}

static uint64_t quote_key(const struct message *message)
{
	return ((const struct tdx_mock_quote *)message->data)->key;
}

/* KVM has left the message as make_message() made it */
static void check_not_answered(const struct message *message)
{
	check_eq(message->status, NOT_ANSWERED);
	check_eq(message->out_len, 0);
}

static void check_failed(const struct message *message, uint64_t status)
{
	check_eq(message->status, status);
	check_eq(message->out_len, 0);
}

/* The second quote takes the place of the first; what is behind it is not touched */
static void plain(void)
{
	const uint8_t rest = 0x99;
	struct message *message;
	int calls = quote_calls();
	struct guest guest;
	uint32_t len;

	build_good(&guest, 1, 2);
	message = guest.message[0];
	len = message_bytes() - sizeof(*message);
	memset(message->data + REPORT_SIZE, rest, len - REPORT_SIZE);

	for (int i = 0; i < 2; i++) {
		make_message(&guest, 0);
		run(&guest, 0);
		check_quote(&guest, message, 1);
		for (uint32_t at = message->out_len; at < len; at++)
			check_eq(message->data[at], rest);
	}
	test_note("%u bytes in %d SEAMCALLs", message->out_len, (quote_calls() - calls) / 2);
	td_run_to_end(&guest.td, 0);
}

struct request {
	const char *name;
	uint64_t gpa, size;
	uint64_t version;
	uint32_t in_len;
	uint64_t tdvmcall_status;
	uint64_t status;
};

/* A TD makes all @requests and one more, which is good */
static void ask(const struct request *requests, unsigned int count)
{
	struct script script = {};
	struct message *message;
	struct guest guest;

	script_start(&script, 0, 2);
	for (unsigned int i = 0; i < count; i++)
		script_request(&script, requests[i].gpa, requests[i].size,
			       requests[i].tdvmcall_status);
	script_good_request(&script, 0, TDVMCALL_SUCCESS);
	build(&guest, &script, 1);
	message = guest.message[0];

	for (unsigned int i = 0; i < count; i++) {
		test_note("%s", requests[i].name);
		make_message(&guest, 0);
		message->version = requests[i].version;
		message->in_len = requests[i].in_len;
		run(&guest, 0);
		if (requests[i].status == STATUS_SUCCESS)
			check_quote(&guest, message, 2);
		else
			check_failed(message, requests[i].status);
	}
	make_message(&guest, 0);
	run(&guest, 0);
	check_quote(&guest, message, 2);
}

static void buffers(void)
{
	const uint64_t gpa = TD_SHARED | GPA_MESSAGE(0), size = message_bytes();
	const struct request requests[] = {
#define REQUEST(_name, _gpa, _size, _tdvmcall_status) \
	{ _name, _gpa, _size, VERSION, REPORT_SIZE, _tdvmcall_status, NOT_ANSWERED }
		REQUEST("misaligned GPA", gpa + 1024, size, TDVMCALL_ALIGN_ERROR),
		REQUEST("misaligned size", gpa, size - 8, TDVMCALL_ALIGN_ERROR),
		REQUEST("smaller than the header", gpa, 8, TDVMCALL_ALIGN_ERROR),
		REQUEST("private GPA", GPA_MESSAGE(0), size, TDVMCALL_INVALID),
		REQUEST("private end", gpa, TD_SHARED, TDVMCALL_INVALID),
		REQUEST("size 0", gpa, 0, TDVMCALL_INVALID),
		REQUEST("size that wraps around", gpa, -PAGE, TDVMCALL_INVALID),
		REQUEST("end at the end of all addresses", gpa, -gpa, TDVMCALL_INVALID),
		REQUEST("no memory", TD_SHARED | GPA_MMIO, size, TDVMCALL_INVALID),
		REQUEST("GPA too wide", gpa | TD_SHARED << 1, size, TDVMCALL_INVALID),
		REQUEST("GPA far too wide", gpa | 1ULL << 63, size, TDVMCALL_INVALID),
#undef REQUEST
		{ "size far beyond the memory", gpa, TD_SHARED / 2, VERSION, REPORT_SIZE,
		  TDVMCALL_SUCCESS, STATUS_SUCCESS },
	};

	ask(requests, sizeof(requests) / sizeof(requests[0]));
}

static void messages(void)
{
	const uint64_t gpa = TD_SHARED | GPA_MESSAGE(0), size = message_bytes();
	const struct request requests[] = {
#define REQUEST(_name, _size, _version, _in_len, ...) \
	{ _name, gpa, _size, _version, _in_len, __VA_ARGS__ }
		REQUEST("version 0", size, 0, REPORT_SIZE, TDVMCALL_INVALID, NOT_ANSWERED),
		REQUEST("version 2", size, 2, REPORT_SIZE, TDVMCALL_INVALID, NOT_ANSWERED),
		REQUEST("version 2^32 + 1", size, VERSION + (1ULL << 32), REPORT_SIZE,
			TDVMCALL_INVALID, NOT_ANSWERED),
		REQUEST("no report", size, VERSION, 0, TDVMCALL_INVALID, NOT_ANSWERED),
		REQUEST("report beyond the buffer", PAGE, VERSION,
			PAGE - sizeof(struct message) + 1, TDVMCALL_INVALID, NOT_ANSWERED),
		REQUEST("report larger than a page", size, VERSION, PAGE + 1, TDVMCALL_INVALID,
			NOT_ANSWERED),
		REQUEST("report of all lengths", size, VERSION, ~0U, TDVMCALL_INVALID,
			NOT_ANSWERED),
		/* Only the module knows what a report is */
		REQUEST("short report", size, VERSION, REPORT_SIZE - 1, TDVMCALL_SUCCESS,
			STATUS_ERROR),
		REQUEST("report of a page", size, VERSION, PAGE, TDVMCALL_SUCCESS, STATUS_ERROR),
		REQUEST("report up to the buffer's end", PAGE, VERSION,
			PAGE - sizeof(struct message), TDVMCALL_SUCCESS, STATUS_ERROR),
		REQUEST("buffer smaller than the quote", PAGE, VERSION, REPORT_SIZE,
			TDVMCALL_SUCCESS, STATUS_ERROR),
		REQUEST("buffer a page too small", size - PAGE, VERSION, REPORT_SIZE,
			TDVMCALL_SUCCESS, STATUS_ERROR),
#undef REQUEST
	};

	ask(requests, sizeof(requests) / sizeof(requests[0]));
}

/* The message begins in one slot and ends in another, or there is nothing behind the first */
static void two_slots(void)
{
	const uint64_t bytes = message_bytes(), gpa = GPA_MESSAGE(0);
	struct script script = {};
	struct message *message;
	struct guest guest;
	uint8_t *more;

	script_start(&script, 0, 3);
	script_good_request(&script, 0, TDVMCALL_SUCCESS);
	script_good_request(&script, 0, TDVMCALL_INVALID);
	script_good_request(&script, 0, TDVMCALL_INVALID);
	script_good_request(&script, 0, TDVMCALL_INVALID);
	script_good_request(&script, 0, TDVMCALL_SUCCESS);
	build(&guest, &script, 1);
	message = guest.message[0];
	more = get_memory(bytes);
	set_slot(&guest.td, SLOT_MESSAGE(0), gpa, 0, NULL);
	set_slot(&guest.td, SLOT_MESSAGE(0), gpa, PAGE, message);

	set_slot(&guest.td, SLOT_MORE, gpa + PAGE, bytes - PAGE, more);
	run(&guest, 0);
	memcpy((uint8_t *)message + PAGE, more, bytes - PAGE);
	check_quote(&guest, message, 3);

	make_message(&guest, 0);
	set_slot(&guest.td, SLOT_MORE, gpa + PAGE, 0, NULL);
	run(&guest, 0);
	check_not_answered(message);

	/* A slot whose memory cannot be written to, and one that has none */
	make_message(&guest, 0);
	check_eq(mprotect(more, bytes, PROT_READ), 0);
	set_slot(&guest.td, SLOT_MORE, gpa + PAGE, bytes - PAGE, more);
	run(&guest, 0);
	check_not_answered(message);
	make_message(&guest, 0);
	check_eq(munmap(more, bytes), 0);
	run(&guest, 0);
	check_not_answered(message);

	set_slot(&guest.td, SLOT_MORE, gpa + PAGE, 0, NULL);
	set_slot(&guest.td, SLOT_MORE, gpa + PAGE, bytes - PAGE, (uint8_t *)message + PAGE);
	make_message(&guest, 0);
	run(&guest, 0);
	check_quote(&guest, message, 3);
}

/* Reports that no module has made, and one of another TD */
static void other_report(void)
{
	struct guest guest, other;
	struct message *message;

	build_good(&other, 4, 1);
	build_good(&guest, 5, 4);
	message = guest.message[0];

	memset(message->data, 0, REPORT_SIZE);
	run(&guest, 0);
	check_failed(message, STATUS_ERROR);

	make_message(&guest, 0);
	message->data[REPORT_SIZE - 1] ^= 1;
	run(&guest, 0);
	check_failed(message, STATUS_ERROR);

	make_message(&guest, 0);
	memcpy(message->data, other.message[0]->data, REPORT_SIZE);
	run(&guest, 0);
	check_failed(message, STATUS_ERROR);

	make_message(&guest, 0);
	run(&guest, 0);
	check_quote(&guest, message, 5);
	run(&other, 0);
	check_quote(&other, other.message[0], 4);
}

/* One vCPU, in a thread of its own */
struct runner {
	struct guest *guest;
	unsigned int id;
	unsigned int seed;
	pthread_t thread;
};

#define ROUNDS		3

static void *run_rounds(void *data)
{
	const struct runner *runner = data;
	struct message *message = runner->guest->message[runner->id];

	for (int i = 0; i < ROUNDS; i++) {
		make_message(runner->guest, runner->id);
		run(runner->guest, runner->id);
		check_quote(runner->guest, message, runner->seed);
	}
	td_run_to_end(&runner->guest->td, runner->id);
	return NULL;
}

static void *run_once(void *data)
{
	const struct runner *runner = data;

	run(runner->guest, runner->id);
	return NULL;
}

static void start(struct runner *runner, void *(*function)(void *))
{
	check_eq(pthread_create(&runner->thread, NULL, function, runner), 0);
}

static void join(struct runner *runner)
{
	check_eq(pthread_join(runner->thread, NULL), 0);
}

/* Several TDs, each with as many vCPUs as there can be */
static void at_once(void)
{
	struct runner runners[3][TD_MAX_VCPUS];
	struct guest guests[3];
	unsigned int seed = 16;

	for (int i = 0; i < 3; i++) {
		struct script script = {};

		for (unsigned int id = 0; id < TD_MAX_VCPUS; id++) {
			runners[i][id] = (struct runner){
				.guest = &guests[i], .id = id, .seed = seed,
			};
			script_start(&script, id, seed++);
			for (int round = 0; round < ROUNDS; round++)
				script_good_request(&script, id, TDVMCALL_SUCCESS);
			script_end(&script);
		}
		build(&guests[i], &script, TD_MAX_VCPUS);
	}
	for (int i = 0; i < 3; i++)
		for (unsigned int id = 0; id < TD_MAX_VCPUS; id++)
			start(&runners[i][id], run_rounds);
	for (int i = 0; i < 3; i++)
		for (unsigned int id = 0; id < TD_MAX_VCPUS; id++)
			join(&runners[i][id]);
}

/* A quote that is being made, by a module that lets itself be interrupted */
struct unfinished {
	struct runner runner;
	int first_call, calls;
};

/* The guest has one quote made, and is in the middle of the next one */
static void start_unfinished(struct unfinished *unfinished, struct guest *guest)
{
	int calls = quote_calls();

	run(guest, 0);
	check_eq(guest->message[0]->status, STATUS_SUCCESS);
	make_message(guest, 0);
	unfinished->first_call = quote_calls();
	unfinished->calls = unfinished->first_call - calls;
	check(unfinished->calls >= 10);

	unfinished->runner = (struct runner){ .guest = guest };
	start(&unfinished->runner, run_once);
	while (quote_calls() == unfinished->first_call)
		;
}

static void check_unfinished(const struct unfinished *unfinished)
{
	check(quote_calls() - unfinished->first_call < unfinished->calls);
}

/* Nobody who takes memory away from a VM has to wait for a quote */
static void slot_deleted(void)
{
	struct unfinished unfinished;
	struct script script = {};
	struct guest guest;

	script_start(&script, 0, 6);
	script_good_request(&script, 0, TDVMCALL_SUCCESS);
	script_good_request(&script, 0, TDVMCALL_INVALID);
	script_good_request(&script, 0, TDVMCALL_SUCCESS);
	build(&guest, &script, 1);

	start_unfinished(&unfinished, &guest);
	set_slot(&guest.td, SLOT_MESSAGE(0), GPA_MESSAGE(0), 0, NULL);
	check_unfinished(&unfinished);
	join(&unfinished.runner);
	check_not_answered(guest.message[0]);

	set_slot(&guest.td, SLOT_MESSAGE(0), GPA_MESSAGE(0), message_bytes(), guest.message[0]);
	run(&guest, 0);
	check_quote(&guest, guest.message[0], 6);
}

/* KVM looks at the message once */
static void changed(void)
{
	struct unfinished unfinished;
	struct message *message;
	struct guest guest;

	build_good(&guest, 7, 2);
	message = guest.message[0];
	start_unfinished(&unfinished, &guest);
	memset(message, 0xff, PAGE);
	check_unfinished(&unfinished);
	join(&unfinished.runner);
	check_eq(message->version, ~0ULL);
	check_eq(message->in_len, ~0U);
	check_quote(&guest, message, 7);
}

static void live_until_killed(void)
{
	struct guest guest;

	build_good(&guest, 8, 20);
	for (int i = 0; i < 20; i++) {
		make_message(&guest, 0);
		run(&guest, 0);
	}
	pause();
}

/* Two are killed: one while its quote is made, one while it waits for the other */
static void killed(void)
{
	int calls, status;
	pid_t pids[2];

	for (int round = 0; round < 3; round++) {
		calls = quote_calls();
		for (int i = 0; i < 2; i++) {
			pids[i] = fork();
			check(pids[i] >= 0);
			if (!pids[i])
				live_until_killed();
		}
		while (quote_calls() == calls)
			;
		usleep(round * 100 * 1000);
		for (int i = 0; i < 2; i++)
			check_eq(kill(pids[i], SIGKILL), 0);
		for (int i = 0; i < 2; i++) {
			check_eq(waitpid(pids[i], &status, 0), pids[i]);
			check(WIFSIGNALED(status));
		}
	}
	plain();
}

static void check_events_offered(struct td *td, bool offered)
{
	struct caps caps = {};

	check_eq(td_capabilities(td, &caps), 0);
	check_eq(caps.caps.user_tdvmcallinfo_1_r11 & EVENT_NOTIFY_OFFERED,
		 offered ? EVENT_NOTIFY_OFFERED : 0);
}

/* What has ended when the TDVMCALL returns needs no event at its end */
static void no_events(void)
{
	struct script script = {};
	struct kvm_run *run;
	struct td td;

	tdvmcall(&script, TDVMCALL_EVENT_NOTIFY, 0x41);
	expect_status(&script, TDVMCALL_UNSUPPORTED);
	tdvmcall(&script, TDVMCALL_GET_INFO, 1);
	expect_status(&script, TDVMCALL_SUCCESS);
	expect_value(&script, 0x1f & ~EVENT_NOTIFY_OFFERED);
	td_build(&td, &script, 1);
	check_events_offered(&td, false);

	run = td.vcpu[0].run;
	check_eq(td_run(&td, 0), KVM_EXIT_TDX);
	check_eq(run->tdx.nr, TDVMCALL_GET_INFO);
	run->tdx.get_tdvmcall_info.r11 = 0x1f;
	td_run_to_end(&td, 0);
}

const struct test quote_tests[] = {
	{ "quote-plain", plain },
	{ "quote-buffers", buffers },
	{ "quote-messages", messages },
	{ "quote-two-slots", two_slots },
	{ "quote-other-report", other_report },
	{ "quote-at-once", at_once },
	{ "quote-slot-deleted", slot_deleted },
	{ "quote-changed", changed },
	{ "quote-killed", killed },
	{ "quote-no-events", no_events },
	{ }
};

static void update(void)
{
	check_eq(system("upload /image"), 0);
}

/* Mind: fails unless the module is one that answers as the test wants it */
static void failing(void)
{
	struct message *message;
	struct guest guest;

	build_good(&guest, 9, 4);
	message = guest.message[0];
	run(&guest, 0);
	check_failed(message, STATUS_UNAVAILABLE);
	for (int i = 0; i < 2; i++) {
		make_message(&guest, 0);
		run(&guest, 0);
		check_failed(message, STATUS_ERROR);
	}
	make_message(&guest, 0);
	run(&guest, 0);
	check_quote(&guest, message, 9);
}

/* The new module starts with the quote from the beginning, and signs it */
static void updated(void)
{
	struct unfinished unfinished;
	struct message *message;
	struct guest guest;
	uint64_t key;

	build_good(&guest, 10, 2);
	message = guest.message[0];
	start_unfinished(&unfinished, &guest);
	key = quote_key(message);
	update();
	join(&unfinished.runner);
	check(quote_calls() - unfinished.first_call > unfinished.calls);
	check_quote(&guest, message, 10);
	check_eq(quote_key(message), key + 1);
}

/* Who makes the quotes of a TD does not change */
static void lost(void)
{
	struct script script = {};
	struct message *message;
	struct guest guest;
	struct td td;
	uint64_t key;

	build_good(&guest, 11, 3);
	message = guest.message[0];
	run(&guest, 0);
	check_quote(&guest, message, 11);
	key = quote_key(message);

	update();
	check_eq(max_quote_kb(), 0);
	make_message(&guest, 0);
	run(&guest, 0);
	check_failed(message, STATUS_UNAVAILABLE);

	for (int i = 0; i < 2; i++) {
		tdvmcall(&script, TDVMCALL_GET_QUOTE, TD_SHARED | GPA_SHARED, PAGE);
		expect_status(&script, TDVMCALL_UNSUPPORTED);
	}
	td_build(&td, &script, 1);
	check_eq(td_run(&td, 0), KVM_EXIT_TDX);
	check_events_offered(&td, true);

	update();
	check_eq(td_run(&td, 0), KVM_EXIT_TDX);
	check_events_offered(&td, true);
	td_run_to_end(&td, 0);

	make_message(&guest, 0);
	run(&guest, 0);
	check_quote(&guest, message, 11);
	check_eq(quote_key(message), key + 1);
	check_events_offered(&guest.td, false);
}

const struct test update_tests[] = {
	{ "fail-quote", failing },
	{ "update-quote", updated },
	{ "update-loses-quotes", lost },
	{ }
};
