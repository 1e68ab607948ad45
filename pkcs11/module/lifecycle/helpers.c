/* helpers.c: helpers that are missing, refused, killed or out of their mind. */
#include "lifecycle.h"
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void killed(void)
{
	named_helper();
	load();
	for (int i = 0; i < 3; i++) {
		CK_SESSION_HANDLE s = begin();
		CK_OBJECT_HANDLE k = key(s);
		OK(try_sign(s, k));
		CHECK(kill(helper_pid(), SIGKILL) == 0);
		IS(try_sign(s, k), CKR_DEVICE_ERROR);
		IS(f->C_CloseSession(s), CKR_DEVICE_ERROR);
		if (i == 1)
			OK(f->C_Finalize(NULL)); /* or without */
	}
	whole();
}

static int signers;

static void *sign_until_dead(void *unused)
{
	CK_SESSION_HANDLE s = login();
	CK_OBJECT_HANDLE k = key(s);
	CK_RV rv;
	OK(try_sign(s, k));
	__atomic_add_fetch(&signers, 1, __ATOMIC_SEQ_CST);
	while ((rv = try_sign(s, k)) == CKR_OK)
		;
	CHECK(rv == CKR_DEVICE_ERROR);
	return unused;
}

static void killed_while_signing(void)
{
	pthread_t t[4];
	named_helper();
	load();
	OK(f->C_Initialize(NULL));
	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&t[i], NULL, sign_until_dead, NULL) == 0);
	while (__atomic_load_n(&signers, __ATOMIC_SEQ_CST) < 4)
		usleep(1000);
	CHECK(kill(helper_pid(), SIGKILL) == 0);
	for (int i = 0; i < 4; i++)
		CHECK(pthread_join(t[i], NULL) == 0);
	OK(f->C_Finalize(NULL));
	whole();
}

static void terminated(void)
{
	CK_ULONG n;
	named_helper();
	load();
	work(1);
	int pid = helper_pid();
	CHECK(kill(pid, SIGTERM) == 0);
	while (!gone(pid))
		usleep(1000);
	IS(f->C_GetSlotList(1, NULL, &n), CKR_DEVICE_ERROR);
	whole();
}

static void ends_with_host(bool kill_it)
{
	int pid = 0, pipes[2];
	CHECK(pipe(pipes) == 0);
	named_helper();
	load();
	int host = fork();
	if (host == 0) {
		work(1);
		pid = helper_pid();
		CHECK(write(pipes[1], &pid, sizeof pid) == sizeof pid);
		if (kill_it)
			raise(SIGKILL);
		_exit(0);
	}
	CHECK(waitpid(host, NULL, 0) == host);
	CHECK(read(pipes[0], &pid, sizeof pid) == sizeof pid);
	while (!gone(pid))
		usleep(1000);
}

static void host_killed(void)
{
	ends_with_host(true);
}

static void host_ended(void)
{
	ends_with_host(false);
}

static void ends_with_finalize(void)
{
	named_helper();
	load();
	work(1);
	int pid = helper_pid();
	CHECK(!gone(pid));
	OK(f->C_Finalize(NULL));
	while (!gone(pid))
		usleep(1000);
}

static const char *script(const char *text, mode_t mode)
{
	static char path[512];
	snprintf(path, sizeof path, "%s/bad-%d", getenv("LIFECYCLE_DIR"), (int)getpid());
	unlink(path);
	FILE *out = fopen(path, "w");
	CHECK(out);
	fputs(text, out);
	fclose(out);
	CHECK(chmod(path, mode) == 0);
	return path;
}

/* With this helper C_Initialize fails, twice, and with the right one all is well. */
static void refused(const char *helper)
{
	char good[512];
	snprintf(good, sizeof good, "%s", getenv("THINGWARD_TOKEN_HELPER"));
	setenv("THINGWARD_TOKEN_HELPER", helper, 1);
	load();
	int before = count_fds();
	IS(f->C_Initialize(NULL), CKR_GENERAL_ERROR);
	IS(f->C_Initialize(NULL), CKR_GENERAL_ERROR);
	IS(f->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
	CHECK(count_fds() == before);
	setenv("THINGWARD_TOKEN_HELPER", good, 1);
	whole();
}

static void missing(void) { refused("/nonexistent/thingward"); }
static void a_directory(void) { refused("/tmp"); }
static void not_executable(void) { refused(script("#!/bin/sh\nexit 0\n", 0644)); }
static void no_program(void) { refused(script("neither script nor program", 0755)); }
static void writable_by_others(void) { refused(script("#!/bin/sh\nexit 0\n", 0757)); }
static void ends_at_once(void) { refused(script("#!/bin/sh\nexit 0\n", 0755)); }

static void of_somebody_else(void)
{
	const char *path = script("#!/bin/sh\nexit 0\n", 0755);
	if (geteuid() == 0)
		CHECK(chown(path, 12345, 0) == 0);
	refused(path);
}

static void bad_configuration(void)
{
	char good[512];
	snprintf(good, sizeof good, "%s", getenv("THINGWARD_TOKEN_CONF"));
	load();
	setenv("THINGWARD_TOKEN_CONF", "/nonexistent/token.toml", 1);
	IS(f->C_Initialize(NULL), CKR_GENERAL_ERROR);
	setenv("THINGWARD_TOKEN_CONF", good, 1);
	whole();
}

static void no_daemon(void)
{
	load();
	setenv("THINGWARD_TOKEN_SOCKET", "/nonexistent/socket", 1);
	IS(f->C_Initialize(NULL), CKR_GENERAL_ERROR);
	unsetenv("THINGWARD_TOKEN_SOCKET");
	whole();
}

const life_case helper_cases[] = {
	{"helper_killed", killed}, {"helper_killed_while_signing", killed_while_signing}, {"helper_terminated", terminated},
	{"helper_host_killed", host_killed}, {"helper_host_ended", host_ended}, {"helper_ends_with_finalize", ends_with_finalize},
	{"helper_missing", missing}, {"helper_a_directory", a_directory}, {"helper_not_executable", not_executable},
	{"helper_no_program", no_program}, {"helper_writable_by_others", writable_by_others}, {"helper_ends_at_once", ends_at_once},
	{"helper_of_somebody_else", of_somebody_else}, {"helper_bad_configuration", bad_configuration}, {"helper_no_daemon", no_daemon},
	{NULL, NULL}};
