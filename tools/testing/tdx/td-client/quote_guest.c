// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "module.h"
#include "quote.h"
#include "quote_guest.h"
#include "test.h"

/* Where the guest stops before its first request, and after each one */
#define PORT			0x3f0

#define REPORT_WORDS		4	/* of report data, that a script can choose */

/**
 * max_quote_kb() - size of the largest quote of the module
 *
 * Return: the size in KB, rounded up; 0 if the module makes no quotes.
 */
unsigned int max_quote_kb(void)
{
	FILE *file = fopen("/sys/devices/faux/tdx_host/extensions/max_quote_kb", "r");
	unsigned int kb;

	check(file);
	check_eq(fscanf(file, "%u", &kb), 1);
	fclose(file);
	return kb;
}

/**
 * message_bytes() - size of a message that any quote fits into
 *
 * Return: bytes, whole pages; what it was when this was first called.
 */
uint64_t message_bytes(void)
{
	static uint64_t bytes;

	if (!bytes) {
		check(max_quote_kb());
		bytes = sizeof(struct message) + max_quote_kb() * 1024UL;
		bytes = (bytes + PAGE - 1) / PAGE * PAGE;
	}
	return bytes;
}

/**
 * quote_calls() - how often TDH.QUOTE.GET was called
 *
 * Return: the number of calls, each part of a quote counted.
 */
int quote_calls(void)
{
	int calls = module_number("calls", "TDH.QUOTE.GET");

	return calls < 0 ? 0 : calls;
}

/**
 * get_memory() - map zeroed memory
 * @bytes: its size
 *
 * Return: the memory.
 */
void *get_memory(uint64_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);

	check(memory != MAP_FAILED);
	return memory;
}

/**
 * set_slot() - KVM_SET_USER_MEMORY_REGION of memory that is not private
 * @td:		the TD
 * @slot:	number of the slot
 * @gpa:	where it begins
 * @bytes:	its size; 0: the slot goes
 * @host:	the memory
 */
void set_slot(struct td *td, unsigned int slot, uint64_t gpa, uint64_t bytes, void *host)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = gpa,
		.memory_size = bytes,
		.userspace_addr = (uint64_t)host,
	};

	check_eq(ioctl(td->fd, KVM_SET_USER_MEMORY_REGION, &region), 0);
}

/* Report data: numbers that tell one @seed from another */
static uint64_t report_word(unsigned int seed, unsigned int i)
{
	return 0x5eed0000 + seed * 0x100 + i;
}

/**
 * script_start() - begin the script of a vCPU: it has a report made
 * @script:	the script
 * @id:		of the vCPU, which is to start here
 * @seed:	number that the report data are made of
 */
void script_start(struct script *script, unsigned int id, unsigned int seed)
{
	script->entry[id] = script->count;
	step(script, TDX_MOCK_REPORT, TD_SHARED | (GPA_SHARED + id * PAGE), report_word(seed, 0),
	     report_word(seed, 1), report_word(seed, 2), report_word(seed, 3));
	tdvmcall(script, EXIT_IO, 4, 1, PORT, 0);
}

/**
 * script_request() - have the guest ask for a quote
 * @script:	the script
 * @gpa:	operand of the TDVMCALL
 * @size:	operand of the TDVMCALL
 * @status:	that the TDVMCALL has to return
 */
void script_request(struct script *script, uint64_t gpa, uint64_t size, uint64_t status)
{
	tdvmcall(script, TDVMCALL_GET_QUOTE, gpa, size);
	expect_status(script, status);
	tdvmcall(script, EXIT_IO, 4, 1, PORT, 0);
}

/**
 * script_good_request() - have the guest ask for a quote in good shape
 * @script:	the script
 * @id:		of the vCPU, whose message it is
 * @status:	that the TDVMCALL has to return
 */
void script_good_request(struct script *script, unsigned int id, uint64_t status)
{
	script_request(script, TD_SHARED | GPA_MESSAGE(id), message_bytes(), status);
}

/**
 * guest_run() - let the guest make its next request, up to where it has an answer
 * @guest:	the TD
 * @id:		of the vCPU
 *
 * Fails the test if user space is to have a part in it.
 */
void guest_run(struct guest *guest, unsigned int id)
{
	td_run_to_port(&guest->td, id, PORT);
}

/**
 * guest_make_message() - make the message for the next request
 * @guest:	the TD
 * @id:		of the vCPU
 */
void guest_make_message(struct guest *guest, unsigned int id)
{
	struct message *message = guest->message[id];

	message->version = MESSAGE_VERSION;
	message->status = NOT_ANSWERED;
	message->in_len = REPORT_SIZE;
	message->out_len = 0;
	memcpy(message->data, guest->td.shared + GPA_SHARED + id * PAGE, REPORT_SIZE);
}

/**
 * guest_build() - a TD whose vCPUs are about to make their first requests
 * @guest:	out; each vCPU has got its report, which is in its message
 * @script:	of the TD, with a script_start() for each vCPU
 * @vcpus:	how many vCPUs there are
 */
void guest_build(struct guest *guest, const struct script *script, unsigned int vcpus)
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
		guest_run(guest, id);
		guest_make_message(guest, id);
	}
}

/**
 * guest_build_good() - a TD with one vCPU, which asks for quotes in good shape
 * @guest:	out, as from guest_build()
 * @seed:	number that the report data are made of
 * @count:	how often it asks
 */
void guest_build_good(struct guest *guest, unsigned int seed, unsigned int count)
{
	struct script script = {};

	script_start(&script, 0, seed);
	for (unsigned int i = 0; i < count; i++)
		script_good_request(&script, 0, TDVMCALL_SUCCESS);
	guest_build(guest, &script, 1);
}

static uint64_t checksum(const uint8_t *bytes, uint32_t count)
{
	uint64_t sum = TDX_MOCK_CHECKSUM_START;

	for (uint32_t i = 0; i < count; i++)
		sum = tdx_mock_checksum(sum, bytes[i]);
	return sum;
}

/**
 * check_quote() - check a quote from the first byte to the last
 * @guest:	the TD that it has to be of
 * @message:	where it is
 * @seed:	of the report that it has to be of
 */
void check_quote(const struct guest *guest, const struct message *message, unsigned int seed)
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

/**
 * check_failed() - check that there is no quote
 * @message:	where there is none
 * @status:	why; NOT_ANSWERED: the host has left the message as it was
 */
void check_failed(const struct message *message, uint64_t status)
{
	check_eq(message->status, status);
	check_eq(message->out_len, 0);
}

/**
 * check_events_offered() - check what KVM offers with quotes made in user space
 * @td:		the TD
 * @offered:	whether that is to include SetupEventNotifyInterrupt
 */
void check_events_offered(struct td *td, bool offered)
{
	struct caps caps = {};

	check_eq(td_capabilities(td, &caps), 0);
	check_eq(caps.caps.user_tdvmcallinfo_1_r11 & EVENT_NOTIFY_OFFERED,
		 offered ? EVENT_NOTIFY_OFFERED : 0);
}
