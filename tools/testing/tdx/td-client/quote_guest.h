/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TDs whose quotes the TDX module makes: KVM answers TDG.VP.VMCALL<GetQuote>,
 * and user space does not hear of it.
 *
 * A script cannot copy its report into the message, so the guest stops before
 * each request, and the client makes the message.
 */
#ifndef TD_CLIENT_QUOTE_GUEST_H
#define TD_CLIENT_QUOTE_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "kvm.h"
#include "sha384.h"

/* Memory for the messages of each vCPU, in a slot of its own */
#define GPA_MESSAGE(_id)	(0x10000000UL + (_id) * 0x4000000UL)
#define SLOT_MESSAGE(_id)	(1 + (_id))
#define SLOT_MORE		(1 + TD_MAX_VCPUS)

#define REPORT_SIZE		1024

/* The message in the memory that guest and host share (GHCI) */
struct message {
	uint64_t version;
	uint64_t status;
	uint32_t in_len;
	uint32_t out_len;
	uint8_t data[];
};

#define MESSAGE_VERSION		1
#define STATUS_SUCCESS		0ULL
#define STATUS_ERROR		0x8000000000000000ULL
#define STATUS_UNAVAILABLE	0x8000000000000001ULL
/* What no host answers */
#define NOT_ANSWERED		0x1234ULL

/* SetupEventNotifyInterrupt in R11 of GetTdVmCallInfo */
#define EVENT_NOTIFY_OFFERED	2

struct guest {
	struct td td;
	uint8_t mrtd[SHA384_BYTES];
	struct message *message[TD_MAX_VCPUS];
};

unsigned int max_quote_kb(void);
uint64_t message_bytes(void);
int quote_calls(void);
void *get_memory(uint64_t bytes);
void set_slot(struct td *td, unsigned int slot, uint64_t gpa, uint64_t bytes, void *host);

/* The guest's part: a report, then requests */
void script_start(struct script *script, unsigned int id, unsigned int seed);
void script_request(struct script *script, uint64_t gpa, uint64_t size, uint64_t status);
void script_good_request(struct script *script, unsigned int id, uint64_t status);

/* The host's part */
void guest_build(struct guest *guest, const struct script *script, unsigned int vcpus);
void guest_build_good(struct guest *guest, unsigned int seed, unsigned int count);
void guest_make_message(struct guest *guest, unsigned int id);
void guest_run(struct guest *guest, unsigned int id);

void check_quote(const struct guest *guest, const struct message *message, unsigned int seed);
void check_failed(const struct message *message, uint64_t status);
void check_events_offered(struct td *td, bool offered);

#endif /* TD_CLIENT_QUOTE_GUEST_H */
