// SPDX-License-Identifier: GPL-2.0
/* What a TD exits with, and what gets back to it */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include <linux/kvm_para.h>

#include "kvm.h"
#include "test.h"

#define PORT		0x3f0
#define VECTOR		0x41

#define MSR_UCODE_REV	0x8b
#define MSR_X2APIC_SIVR	0x80f
#define APIC_ENABLED	0x1ff
#define MSR_NONE	0xdead

#define FUNCTION_NONE	0x1ffff

static const uint8_t *io_data(const struct kvm_run *run)
{
	return (const uint8_t *)run + run->io.data_offset;
}

static void port(void)
{
	struct script script = {};
	const struct kvm_run *run;
	uint32_t value = 0;
	struct td td;

	for (int size = 1; size <= 4; size *= 2)
		tdvmcall(&script, EXIT_IO, size, 1, PORT + size, 0x11223344);
	tdvmcall(&script, EXIT_IO, 4, 0, PORT);
	expect_status(&script, TDVMCALL_SUCCESS);
	expect_value(&script, 0x55667788);
	/* Sizes and directions that there are not */
	tdvmcall(&script, EXIT_IO, 3, 1, PORT, 0);
	expect_status(&script, TDVMCALL_INVALID);
	tdvmcall(&script, EXIT_IO, 4, 2, PORT, 0);
	expect_status(&script, TDVMCALL_INVALID);
	td_build(&td, &script, 1);
	run = td.vcpu[0].run;

	for (int size = 1; size <= 4; size *= 2) {
		value = 0;
		check_eq(td_run(&td, 0), KVM_EXIT_IO);
		check_eq(run->io.direction, KVM_EXIT_IO_OUT);
		check_eq(run->io.size, size);
		check_eq(run->io.count, 1);
		check_eq(run->io.port, PORT + size);
		memcpy(&value, io_data(run), size);
		check_eq(value, 0x11223344 & (~0U >> (32 - 8 * size)));
	}

	check_eq(td_run(&td, 0), KVM_EXIT_IO);
	check_eq(run->io.direction, KVM_EXIT_IO_IN);
	value = 0x55667788;
	memcpy((uint8_t *)io_data(run), &value, sizeof(value));
	td_run_to_end(&td, 0);
}

static void mmio(void)
{
	struct script script = {};
	struct kvm_run *run;
	uint64_t value = 0;
	struct td td;

	for (int size = 1; size <= 8; size *= 2)
		tdvmcall(&script, EXIT_MMIO, size, 1, TD_SHARED | (GPA_MMIO + size),
			 0x1122334455667788);
	tdvmcall(&script, EXIT_MMIO, 8, 0, TD_SHARED | GPA_MMIO);
	expect_status(&script, TDVMCALL_SUCCESS);
	expect_value(&script, 0xfedcba9876543210);
	/* Private memory has no devices */
	tdvmcall(&script, EXIT_MMIO, 8, 0, GPA_MMIO);
	expect_status(&script, TDVMCALL_INVALID);
	tdvmcall(&script, EXIT_MMIO, 5, 0, TD_SHARED | GPA_MMIO);
	expect_status(&script, TDVMCALL_INVALID);
	td_build(&td, &script, 1);
	run = td.vcpu[0].run;

	for (int size = 1; size <= 8; size *= 2) {
		value = 0;
		check_eq(td_run(&td, 0), KVM_EXIT_MMIO);
		check_eq(run->mmio.is_write, 1);
		check_eq(run->mmio.len, size);
		check_eq(run->mmio.phys_addr, GPA_MMIO + size);
		memcpy(&value, run->mmio.data, size);
		check_eq(value, 0x1122334455667788 & (~0ULL >> (64 - 8 * size)));
	}

	check_eq(td_run(&td, 0), KVM_EXIT_MMIO);
	check_eq(run->mmio.is_write, 0);
	check_eq(run->mmio.phys_addr, GPA_MMIO);
	value = 0xfedcba9876543210;
	memcpy(run->mmio.data, &value, sizeof(value));
	td_run_to_end(&td, 0);
}

static struct kvm_run *run_to_end;

/* A signal that comes before KVM_RUN ends that, too */
static void on_timer(int signal)
{
	(void)signal;
	run_to_end->immediate_exit = 1;
}

/* Run the vCPU for a while; it must not come back before */
static void run_halted(struct td *td)
{
	const struct sigaction action = { .sa_handler = on_timer };
	const struct itimerspec soon = { .it_value.tv_nsec = 50 * 1000 * 1000 };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	timer_t timer;

	run_to_end = td->vcpu[0].run;
	check_eq(sigaction(SIGUSR1, &action, NULL), 0);
	check_eq(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	check_eq(timer_settime(timer, 0, &soon, NULL), 0);
	check_eq(td_run(td, 0), -EINTR);
	check_eq(timer_delete(timer), 0);
	run_to_end->immediate_exit = 0;
}

static void send_interrupt(struct td *td)
{
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = VECTOR };

	check_eq(ioctl(td->fd, KVM_SIGNAL_MSI, &msi), 1);
}

static void halt(void)
{
	struct script script = {};
	struct td td;

	tdvmcall(&script, EXIT_WRMSR, MSR_X2APIC_SIVR, APIC_ENABLED);
	expect_status(&script, TDVMCALL_SUCCESS);
	for (int i = 0; i < 2; i++) {
		tdvmcall(&script, EXIT_HLT, 0);
		expect_status(&script, TDVMCALL_SUCCESS);
		tdvmcall(&script, EXIT_IO, 4, 1, PORT, i);
	}
	td_build(&td, &script, 1);

	for (int i = 0; i < 2; i++) {
		run_halted(&td);
		run_halted(&td);
		send_interrupt(&td);
		check_eq(td_run(&td, 0), KVM_EXIT_IO);
		check_eq(td.vcpu[0].run->io.port, PORT);
		check_eq(io_data(td.vcpu[0].run)[0], i);
	}
	td_run_to_end(&td, 0);
}

/* An interrupt that came before the HLT is not lost */
static void halt_late(void)
{
	struct script script = {};
	struct td td;

	tdvmcall(&script, EXIT_WRMSR, MSR_X2APIC_SIVR, APIC_ENABLED);
	tdvmcall(&script, EXIT_IO, 4, 1, PORT, 0);
	tdvmcall(&script, EXIT_HLT, 0);
	td_build(&td, &script, 1);
	check_eq(td_run(&td, 0), KVM_EXIT_IO);
	send_interrupt(&td);
	/* Taken when the vCPU is entered, so that the HLT waits for another one */
	run_halted(&td);
	send_interrupt(&td);
	td_run_to_end(&td, 0);
}

static void cpuid(void)
{
	struct script script = {};
	struct td td;

	tdvmcall(&script, EXIT_CPUID, 0, 0);
	expect_status(&script, TDVMCALL_SUCCESS);
	td_build(&td, &script, 1);
	td_run_to_end(&td, 0);
}

static void msr(void)
{
	struct script script = {};
	struct td td;

	tdvmcall(&script, EXIT_RDMSR, MSR_UCODE_REV);
	expect_status(&script, TDVMCALL_SUCCESS);
	tdvmcall(&script, EXIT_RDMSR, MSR_NONE);
	expect_status(&script, TDVMCALL_INVALID);
	tdvmcall(&script, EXIT_WRMSR, MSR_NONE, 1);
	expect_status(&script, TDVMCALL_INVALID);
	td_build(&td, &script, 1);
	td_run_to_end(&td, 0);
}

static void map_gpa(void)
{
	const uint64_t big = 3UL << 20, wide = TD_SHARED << 1;
	struct script script = {};
	struct kvm_run *run;
	struct td td;

	tdvmcall(&script, TDVMCALL_MAP_GPA, TD_SHARED | GPA_DATA, PAGE);
	expect_status(&script, TDVMCALL_SUCCESS);
	tdvmcall(&script, TDVMCALL_MAP_GPA, GPA_DATA, PAGE);
	expect_status(&script, TDVMCALL_RETRY);
	expect_value(&script, GPA_DATA);
	tdvmcall(&script, TDVMCALL_MAP_GPA, GPA_DATA, PAGE);
	expect_status(&script, TDVMCALL_INVALID);
	/* In parts of 2 MB */
	tdvmcall(&script, TDVMCALL_MAP_GPA, 0, big);
	expect_status(&script, TDVMCALL_SUCCESS);
	/* What does not get to user space */
	tdvmcall(&script, TDVMCALL_MAP_GPA, GPA_DATA + 8, PAGE);
	expect_status(&script, TDVMCALL_ALIGN_ERROR);
	tdvmcall(&script, TDVMCALL_MAP_GPA, GPA_DATA, 0);
	expect_status(&script, TDVMCALL_INVALID);
	tdvmcall(&script, TDVMCALL_MAP_GPA, wide, PAGE);
	expect_status(&script, TDVMCALL_INVALID);
	tdvmcall(&script, TDVMCALL_MAP_GPA, TD_SHARED - PAGE, 2 * PAGE);
	expect_status(&script, TDVMCALL_INVALID);
	td_build(&td, &script, 1);
	run = td.vcpu[0].run;

	check_eq(td_run(&td, 0), KVM_EXIT_HYPERCALL);
	check_eq(run->hypercall.nr, KVM_HC_MAP_GPA_RANGE);
	check_eq(run->hypercall.args[0], GPA_DATA);
	check_eq(run->hypercall.args[1], 1);
	check_eq(run->hypercall.args[2], KVM_MAP_GPA_RANGE_DECRYPTED);
	run->hypercall.ret = 0;

	check_eq(td_run(&td, 0), KVM_EXIT_HYPERCALL);
	check_eq(run->hypercall.args[2], KVM_MAP_GPA_RANGE_ENCRYPTED);
	run->hypercall.ret = EAGAIN;

	check_eq(td_run(&td, 0), KVM_EXIT_HYPERCALL);
	run->hypercall.ret = EINVAL;

	check_eq(td_run(&td, 0), KVM_EXIT_HYPERCALL);
	check_eq(run->hypercall.args[0], 0);
	check_eq(run->hypercall.args[1], (2UL << 20) / PAGE);
	check_eq(td_run(&td, 0), KVM_EXIT_HYPERCALL);
	check_eq(run->hypercall.args[0], 2UL << 20);
	check_eq(run->hypercall.args[1], (1UL << 20) / PAGE);
	td_run_to_end(&td, 0);
}

static void get_quote(void)
{
	struct script script = {};
	struct kvm_run *run;
	struct td td;

	tdvmcall(&script, TDVMCALL_GET_QUOTE, GPA_SHARED, PAGE);
	expect_status(&script, TDVMCALL_INVALID);
	tdvmcall(&script, TDVMCALL_GET_QUOTE, TD_SHARED | GPA_SHARED, 2 * PAGE);
	expect_status(&script, TDVMCALL_SUCCESS);
	/* User space that does not know it leaves the answer alone */
	tdvmcall(&script, TDVMCALL_GET_QUOTE, TD_SHARED | GPA_SHARED, 2 * PAGE);
	expect_status(&script, TDVMCALL_UNSUPPORTED);
	td_build(&td, &script, 1);
	run = td.vcpu[0].run;

	check_eq(td_run(&td, 0), KVM_EXIT_TDX);
	check_eq(run->tdx.nr, TDVMCALL_GET_QUOTE);
	check_eq(run->tdx.get_quote.gpa, GPA_SHARED);
	check_eq(run->tdx.get_quote.size, 2 * PAGE);
	run->tdx.get_quote.ret = TDVMCALL_SUCCESS;
	check_eq(td_run(&td, 0), KVM_EXIT_TDX);
	td_run_to_end(&td, 0);
}

static void get_info(void)
{
	struct script script = {};
	struct kvm_run *run;
	struct td td;

	tdvmcall(&script, TDVMCALL_GET_INFO, 0);
	expect_status(&script, TDVMCALL_SUCCESS);
	expect_value(&script, 0);
	tdvmcall(&script, TDVMCALL_GET_INFO, 1);
	expect_status(&script, TDVMCALL_SUCCESS);
	expect_value(&script, 0x1f);
	tdvmcall(&script, TDVMCALL_GET_INFO, 2);
	expect_status(&script, TDVMCALL_INVALID);
	td_build(&td, &script, 1);
	run = td.vcpu[0].run;

	check_eq(td_run(&td, 0), KVM_EXIT_TDX);
	check_eq(run->tdx.nr, TDVMCALL_GET_INFO);
	check_eq(run->tdx.get_tdvmcall_info.leaf, 1);
	run->tdx.get_tdvmcall_info.r11 = 0x1f;
	td_run_to_end(&td, 0);
}

static void event_notify(void)
{
	struct script script = {};
	struct kvm_run *run;
	struct td td;

	tdvmcall(&script, TDVMCALL_EVENT_NOTIFY, 31);
	expect_status(&script, TDVMCALL_INVALID);
	tdvmcall(&script, TDVMCALL_EVENT_NOTIFY, 256);
	expect_status(&script, TDVMCALL_INVALID);
	tdvmcall(&script, TDVMCALL_EVENT_NOTIFY, VECTOR);
	expect_status(&script, TDVMCALL_SUCCESS);
	td_build(&td, &script, 1);
	run = td.vcpu[0].run;

	check_eq(td_run(&td, 0), KVM_EXIT_TDX);
	check_eq(run->tdx.nr, TDVMCALL_EVENT_NOTIFY);
	check_eq(run->tdx.setup_event_notify.vector, VECTOR);
	run->tdx.setup_event_notify.ret = TDVMCALL_SUCCESS;
	td_run_to_end(&td, 0);
}

static void unsupported(void)
{
	struct script script = {};
	struct td td;

	tdvmcall(&script, FUNCTION_NONE, 0);
	expect_status(&script, TDVMCALL_UNSUPPORTED);
	td_build(&td, &script, 1);
	td_run_to_end(&td, 0);
}

/* A hypercall of KVM's own: R10 is its number */
static void hypercall(void)
{
	struct script script = {};
	struct td td;

	step(&script, TDX_MOCK_TDVMCALL, 0x1234);
	expect_status(&script, (uint64_t)-KVM_ENOSYS);
	td_build(&td, &script, 1);
	td_run_to_end(&td, 0);
}

static void fatal_error(void)
{
	struct script script = {};
	const struct kvm_run *run;
	struct td td;

	tdvmcall(&script, TDVMCALL_FATAL_ERROR, 0xbad, 1, 2, 3);
	td_build(&td, &script, 1);
	run = td.vcpu[0].run;

	check_eq(td_run(&td, 0), KVM_EXIT_SYSTEM_EVENT);
	check_eq(run->system_event.type, KVM_SYSTEM_EVENT_TDX_FATAL);
	check_eq(run->system_event.ndata, 16);
	check_eq(run->system_event.data[FATAL_ERROR_R12], 0xbad);
	check_eq(run->system_event.data[FATAL_ERROR_R12 + 1], 1);
	check_eq(run->system_event.data[FATAL_ERROR_R12 + 2], 2);
	check_eq(run->system_event.data[FATAL_ERROR_R12 + 3], 3);
}

static void triple_fault(void)
{
	struct script script = {};
	struct td td;

	step(&script, TDX_MOCK_EXIT, EXIT_TRIPLE_FAULT);
	td_build(&td, &script, 1);
	check_eq(td_run(&td, 0), KVM_EXIT_SHUTDOWN);
	td_destroy(&td);

	/* A script that leads nowhere ends the same way */
	memset(&script, 0, sizeof(script));
	step(&script, 0x7777, 0);
	td_build(&td, &script, 1);
	check_eq(td_run(&td, 0), KVM_EXIT_SHUTDOWN);
}

/* Exits that KVM deals with, and goes on */
static void smi(void)
{
	struct script script = {};
	struct td td;

	for (int i = 0; i < 10; i++)
		step(&script, TDX_MOCK_EXIT, EXIT_SMI);
	td_build(&td, &script, 1);
	td_run_to_end(&td, 0);
}

/* A vCPU that never exits on its own stops for a signal */
static void loop(void)
{
	struct script script = {};
	struct td td;

	step(&script, TDX_MOCK_JUMP, 0);
	td_build(&td, &script, 1);
	run_halted(&td);
	run_halted(&td);
}

const struct test exit_tests[] = {
	{ "exit-port", port },
	{ "exit-mmio", mmio },
	{ "exit-halt", halt },
	{ "exit-halt-late", halt_late },
	{ "exit-cpuid", cpuid },
	{ "exit-msr", msr },
	{ "exit-map-gpa", map_gpa },
	{ "exit-get-quote", get_quote },
	{ "exit-get-info", get_info },
	{ "exit-event-notify", event_notify },
	{ "exit-unsupported", unsupported },
	{ "exit-hypercall", hypercall },
	{ "exit-fatal-error", fatal_error },
	{ "exit-triple-fault", triple_fault },
	{ "exit-smi", smi },
	{ "exit-loop", loop },
	{ }
};
