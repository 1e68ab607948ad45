/* start.c: loading, C_Initialize and C_Finalize. */
#include "lifecycle.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/wait.h>
#include <pthread.h>

static void load_only(void)
{
	for (int i = 0; i < 100; i++) {
		load();
		unload();
	}
}

static void load_without_unload(void)
{
	load();
}

static void once(void)
{
	load();
	whole();
	unload();
}

static void load_cycles(void)
{
	for (int i = 0; i < 10; i++) {
		load();
		whole();
		unload();
	}
	int pid = fork(); /* handlers of the unloaded library would crash here */
	if (pid == 0)
		_exit(0);
	child_ends_well(pid);
}

static void initialize_cycles(void)
{
	load();
	int before = count_fds();
	for (int i = 0; i < 15; i++)
		whole();
	CHECK(count_fds() == before);
}

static void unload_without_finalize(void)
{
	int before = count_fds();
	load();
	work(2);
	unload();
#ifndef __GLIBC__
	(void)before;
	return; /* musl never unloads */
#endif
	CHECK(count_fds() == before);
	int pid = fork();
	if (pid == 0)
		_exit(0);
	child_ends_well(pid);
	load();
	whole();
}

static void exit_without_finalize(void)
{
	load();
	work(2);
}

static void initialize_twice(void)
{
	load();
	OK(f->C_Initialize(NULL));
	IS(f->C_Initialize(NULL), CKR_CRYPTOKI_ALREADY_INITIALIZED);
	CK_SESSION_HANDLE s = login();
	OK(try_sign(s, key(s)));
	OK(f->C_Finalize(NULL));
}

static void finalize_twice(void)
{
	load();
	IS(f->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
	whole();
	IS(f->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
}

static void use_without_initialize(void)
{
	CK_BYTE b[64] = {0};
	CK_ULONG n = sizeof b;
	CK_SESSION_HANDLE s;
	CK_INFO info;
	CK_MECHANISM m = {CKM_ECDSA, NULL, 0};
	load();
	for (int i = 0; i < 2; i++) {
		IS(f->C_GetInfo(&info), CKR_CRYPTOKI_NOT_INITIALIZED);
		IS(f->C_GetSlotList(1, NULL, &n), CKR_CRYPTOKI_NOT_INITIALIZED);
		IS(f->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &s), CKR_CRYPTOKI_NOT_INITIALIZED);
		IS(f->C_SignInit(1, &m, 1), CKR_CRYPTOKI_NOT_INITIALIZED);
		IS(f->C_Sign(1, b, 32, b, &n), CKR_CRYPTOKI_NOT_INITIALIZED);
		IS(f->C_GetOperationState(1, b, &n), CKR_CRYPTOKI_NOT_INITIALIZED);
		IS(f->C_WaitForSlotEvent(0, &s, NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
		if (i == 0)
			whole();
	}
}

static CK_RV some_mutex(void *p)
{
	(void)p;
	return CKR_OK;
}

static CK_RV create_mutex(void **p)
{
	*p = p;
	return CKR_OK;
}

static void arguments(void)
{
	load();
	CK_C_INITIALIZE_ARGS a = {create_mutex, some_mutex, some_mutex, NULL, CKF_OS_LOCKING_OK, NULL};
	IS(f->C_Initialize(&a), CKR_ARGUMENTS_BAD);
	a.UnlockMutex = some_mutex;
	a.CreateMutex = NULL;
	IS(f->C_Initialize(&a), CKR_ARGUMENTS_BAD);
	CK_C_INITIALIZE_ARGS reserved = {NULL, NULL, NULL, NULL, CKF_OS_LOCKING_OK, &a};
	IS(f->C_Initialize(&reserved), CKR_ARGUMENTS_BAD);
	OK(f->C_Initialize(NULL));
	IS(f->C_Finalize(&a), CKR_ARGUMENTS_BAD);
	OK(f->C_Finalize(NULL));
}

static void flags(void)
{
	load();
	for (CK_FLAGS flags = 0; flags < 4; flags++) {
		CK_C_INITIALIZE_ARGS a = {NULL, NULL, NULL, NULL, flags, NULL};
		OK(f->C_Initialize(&a));
		OK(f->C_Finalize(NULL));
	}
	CK_C_INITIALIZE_ARGS own = {create_mutex, some_mutex, some_mutex, some_mutex, 0, NULL};
	OK(f->C_Initialize(&own));
	OK(f->C_Finalize(NULL));
}

static int started;

static void *initialize(void *unused)
{
	CK_RV rv = f->C_Initialize(NULL);
	EITHER(rv, CKR_OK, CKR_CRYPTOKI_ALREADY_INITIALIZED);
	if (rv == CKR_OK)
		__atomic_add_fetch(&started, 1, __ATOMIC_SEQ_CST);
	return unused;
}

static void initialize_concurrently(void)
{
	load();
	for (int i = 0; i < 5; i++) {
		started = 0;
		run_threads(16, initialize, NULL);
		CHECK(started == 1);
		OK(f->C_Finalize(NULL));
	}
}

static void *storm(void *unused)
{
	for (int i = 0; i < 10; i++) {
		CK_ULONG n = 0;
		CK_RV rv = f->C_Initialize(NULL);
		EITHER(rv, CKR_OK, CKR_CRYPTOKI_ALREADY_INITIALIZED);
		rv = f->C_GetSlotList(1, NULL, &n);
		EITHER(rv, CKR_OK, CKR_CRYPTOKI_NOT_INITIALIZED);
		rv = f->C_Finalize(NULL);
		EITHER(rv, CKR_OK, CKR_CRYPTOKI_NOT_INITIALIZED);
	}
	return unused;
}

static void initialize_storm(void)
{
	load();
	run_threads(6, storm, NULL);
	whole();
}

static void finalize(void)
{
	f->C_Finalize(NULL);
}

static void finalize_in_atexit(void)
{
	load();
	atexit(finalize);
	work(2);
	exit(0);
}

static void finalize_in_atexit_before_load(void)
{
	atexit(finalize);
	load();
	work(2);
	exit(0);
}

static void relative_path_and_chdir(void)
{
	char dir[PATH_MAX];
	snprintf(dir, sizeof dir, "%s", module_path);
	char *slash = strrchr(dir, '/');
	CHECK(slash);
	*slash = 0;
	CHECK(chdir(dir) == 0);
	static char path[PATH_MAX];
	snprintf(path, sizeof path, "./%s", strrchr(module_path, '/') + 1);
	module_path = path;
	unsetenv("THINGWARD_TOKEN_HELPER"); /* it is by the side of the library */
	load();
	whole();
	CHECK(chdir("/") == 0); /* as a daemon does */
	whole();
}

static void symbolic_link(void)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/link-%d.so", getenv("LIFECYCLE_DIR"), (int)getpid());
	CHECK(symlink(module_path, path) == 0);
	module_path = path;
	unsetenv("THINGWARD_TOKEN_HELPER");
	load();
	whole();
}

static void two_copies(void)
{
	char path[PATH_MAX], command[3 * PATH_MAX];
	snprintf(path, sizeof path, "%s/copy-%d.so", getenv("LIFECYCLE_DIR"), (int)getpid());
	snprintf(command, sizeof command, "cp '%s' '%s'", module_path, path);
	CHECK(system(command) == 0);
	load();
	CK_FUNCTION_LIST *first = f;
	work(2);
	module_path = path;
	load();
	CHECK(f != first);
	whole();
	f = first;
	CK_SESSION_HANDLE s = login();
	OK(try_sign(s, key(s)));
	OK(f->C_Finalize(NULL));
}

/* As packages install it: usr/bin has the program, usr/lib the library, usr/lib/thingward what else there is. */
static void installed(void)
{
	char command[4 * PATH_MAX];
	static char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/usr/lib/module.so", getenv("LIFECYCLE_DIR"));
	snprintf(command, sizeof command, "cd '%s' && mkdir -p usr/bin usr/lib/thingward && cp '%s' usr/lib/module.so && ln -s '%s' usr/bin/thingward",
		getenv("LIFECYCLE_DIR"), module_path, getenv("THINGWARD_TOKEN_HELPER"));
	CHECK(system(command) == 0);
	module_path = path;
	unsetenv("THINGWARD_TOKEN_HELPER");
	load();
	whole();
}

static void *wait_for_event(void *unused)
{
	CK_SLOT_ID slot;
	IS(f->C_WaitForSlotEvent(0, &slot, NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
	return unused;
}

static void wait_ends_with_finalize(void)
{
	CK_SLOT_ID slot;
	pthread_t t;
	load();
	OK(f->C_Initialize(NULL));
	IS(f->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL), CKR_NO_EVENT);
	CHECK(pthread_create(&t, NULL, wait_for_event, NULL) == 0);
	usleep(20000);
	OK(f->C_Finalize(NULL));
	CHECK(pthread_join(t, NULL) == 0);
}

const life_case start_cases[] = {
	{"load_only", load_only}, {"load_without_unload", load_without_unload}, {"once", once}, {"load_cycles", load_cycles},
	{"initialize_cycles", initialize_cycles}, {"unload_without_finalize", unload_without_finalize},
	{"exit_without_finalize", exit_without_finalize}, {"initialize_twice", initialize_twice}, {"finalize_twice", finalize_twice},
	{"use_without_initialize", use_without_initialize}, {"arguments", arguments}, {"flags", flags},
	{"initialize_concurrently", initialize_concurrently}, {"initialize_storm", initialize_storm},
	{"finalize_in_atexit", finalize_in_atexit}, {"finalize_in_atexit_before_load", finalize_in_atexit_before_load},
	{"relative_path_and_chdir", relative_path_and_chdir}, {"symbolic_link", symbolic_link}, {"two_copies", two_copies},
	{"installed", installed}, {"wait_ends_with_finalize", wait_ends_with_finalize}, {NULL, NULL}};
