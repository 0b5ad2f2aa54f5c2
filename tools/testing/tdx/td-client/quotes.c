// SPDX-License-Identifier: GPL-2.0
/* Quotes that a TD asks for, and what it may come up with when it asks */
#include <string.h>
#include <sys/mman.h>

#include "quote_guest.h"
#include "test.h"

/* Offset in a TDREPORT_STRUCT */
#define REPORT_DATA	128

/* The second quote takes the place of the first; what is behind it is not touched */
static void plain(void)
{
	const uint8_t rest = 0x99;
	int calls = quote_calls();
	struct message *message;
	struct guest guest;
	uint32_t len;

	guest_build_good(&guest, 1, 2);
	message = guest.message[0];
	len = message_bytes() - sizeof(*message);
	memset(message->data + REPORT_SIZE, rest, len - REPORT_SIZE);

	for (int i = 0; i < 2; i++) {
		guest_make_message(&guest, 0);
		guest_run(&guest, 0);
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
	guest_build(&guest, &script, 1);
	message = guest.message[0];

	for (unsigned int i = 0; i < count; i++) {
		test_note("%s", requests[i].name);
		guest_make_message(&guest, 0);
		message->version = requests[i].version;
		message->in_len = requests[i].in_len;
		guest_run(&guest, 0);
		if (requests[i].status == STATUS_SUCCESS) {
			check_quote(&guest, message, 2);
			continue;
		}
		/* Not even a part of a quote has come */
		check_failed(message, requests[i].status);
		check(!memcmp(message->data, guest.td.shared + GPA_SHARED, REPORT_SIZE));
	}
	guest_make_message(&guest, 0);
	guest_run(&guest, 0);
	check_quote(&guest, message, 2);
}

static void buffers(void)
{
	const uint64_t gpa = TD_SHARED | GPA_MESSAGE(0), size = message_bytes();
	const struct request requests[] = {
#define REQUEST(_name, _gpa, _size, _tdvmcall_status) \
	{ _name, _gpa, _size, MESSAGE_VERSION, REPORT_SIZE, _tdvmcall_status, NOT_ANSWERED }
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
		{ "size far beyond the memory", gpa, TD_SHARED / 2, MESSAGE_VERSION, REPORT_SIZE,
		  TDVMCALL_SUCCESS, STATUS_SUCCESS },
	};

	ask(requests, sizeof(requests) / sizeof(requests[0]));
}

static void messages(void)
{
	const uint64_t gpa = TD_SHARED | GPA_MESSAGE(0), size = message_bytes();
	const uint32_t in_page = PAGE - sizeof(struct message);
	const struct request requests[] = {
#define INVALID(_name, _size, _version, _in_len) \
	{ _name, gpa, _size, _version, _in_len, TDVMCALL_INVALID, NOT_ANSWERED }
#define ERROR(_name, _size, _in_len) \
	{ _name, gpa, _size, MESSAGE_VERSION, _in_len, TDVMCALL_SUCCESS, STATUS_ERROR }
		INVALID("version 0", size, 0, REPORT_SIZE),
		INVALID("version 2", size, 2, REPORT_SIZE),
		INVALID("version 2^32 + 1", size, (1ULL << 32) + 1, REPORT_SIZE),
		INVALID("no report", size, MESSAGE_VERSION, 0),
		INVALID("report beyond the buffer", PAGE, MESSAGE_VERSION, in_page + 1),
		INVALID("report larger than a page", size, MESSAGE_VERSION, PAGE + 1),
		INVALID("report larger than anything", size, MESSAGE_VERSION, ~0U),
		/* What only the module sees */
		ERROR("short report", size, REPORT_SIZE - 1),
		ERROR("report of a page", size, PAGE),
		ERROR("report up to the buffer's end", PAGE, in_page),
		ERROR("buffer smaller than the quote", PAGE, REPORT_SIZE),
		ERROR("buffer a page too small", size - PAGE, REPORT_SIZE),
#undef INVALID
#undef ERROR
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
	guest_build(&guest, &script, 1);
	message = guest.message[0];
	more = get_memory(bytes);
	set_slot(&guest.td, SLOT_MESSAGE(0), gpa, 0, NULL);
	set_slot(&guest.td, SLOT_MESSAGE(0), gpa, PAGE, message);

	set_slot(&guest.td, SLOT_MORE, gpa + PAGE, bytes - PAGE, more);
	guest_run(&guest, 0);
	memcpy((uint8_t *)message + PAGE, more, bytes - PAGE);
	check_quote(&guest, message, 3);

	guest_make_message(&guest, 0);
	set_slot(&guest.td, SLOT_MORE, gpa + PAGE, 0, NULL);
	guest_run(&guest, 0);
	check_failed(message, NOT_ANSWERED);

	/* A slot whose memory cannot be written to, and one that has none */
	guest_make_message(&guest, 0);
	check_eq(mprotect(more, bytes, PROT_READ), 0);
	set_slot(&guest.td, SLOT_MORE, gpa + PAGE, bytes - PAGE, more);
	guest_run(&guest, 0);
	check_failed(message, NOT_ANSWERED);
	guest_make_message(&guest, 0);
	check_eq(munmap(more, bytes), 0);
	guest_run(&guest, 0);
	check_failed(message, NOT_ANSWERED);

	set_slot(&guest.td, SLOT_MORE, gpa + PAGE, 0, NULL);
	set_slot(&guest.td, SLOT_MORE, gpa + PAGE, bytes - PAGE, (uint8_t *)message + PAGE);
	guest_make_message(&guest, 0);
	guest_run(&guest, 0);
	check_quote(&guest, message, 3);
}

/* Reports that no module has made, and one of another TD */
static void other_report(void)
{
	struct guest guest, other;
	struct message *message;

	guest_build_good(&other, 4, 1);
	guest_build_good(&guest, 5, 4);
	message = guest.message[0];

	memset(message->data, 0, REPORT_SIZE);
	guest_run(&guest, 0);
	check_failed(message, STATUS_ERROR);

	guest_make_message(&guest, 0);
	message->data[REPORT_DATA] ^= 1;
	guest_run(&guest, 0);
	check_failed(message, STATUS_ERROR);

	guest_make_message(&guest, 0);
	memcpy(message->data, other.message[0]->data, REPORT_SIZE);
	guest_run(&guest, 0);
	check_failed(message, STATUS_ERROR);

	guest_make_message(&guest, 0);
	guest_run(&guest, 0);
	check_quote(&guest, message, 5);
	guest_run(&other, 0);
	check_quote(&other, other.message[0], 4);
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

/* The module is busy, refuses, tells a length that makes no sense, and makes a quote */
static void failing(void)
{
	struct message *message;
	struct guest guest;

	guest_build_good(&guest, 9, 4);
	message = guest.message[0];
	guest_run(&guest, 0);
	check_failed(message, STATUS_UNAVAILABLE);
	for (int i = 0; i < 2; i++) {
		guest_make_message(&guest, 0);
		guest_run(&guest, 0);
		check_failed(message, STATUS_ERROR);
	}
	guest_make_message(&guest, 0);
	guest_run(&guest, 0);
	check_quote(&guest, message, 9);
}

const struct test quote_tests[] = {
	{ "quote-plain", plain },
	{ "quote-buffers", buffers },
	{ "quote-messages", messages },
	{ "quote-two-slots", two_slots },
	{ "quote-other-report", other_report },
	{ "quote-no-events", no_events },
	{ "fail-quote", failing },
	{ }
};
