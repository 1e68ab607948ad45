/* lifecycle.c: the main program, and what the cases share. */
#include "lifecycle.h"
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>

CK_FUNCTION_LIST *f;
void *library;
const char *module_path;

_Noreturn void fail(const char *file, int line, const char *what, CK_RV got)
{
	fprintf(stderr, "%s:%d: %s (CK_RV 0x%lx, errno %d)\n", file, line, what, got, errno);
	_exit(1);
}

void load(void)
{
	library = dlopen(module_path, RTLD_NOW | RTLD_LOCAL);
	if (!library)
		fail(__FILE__, __LINE__, dlerror(), 0);
	CK_RV (*get)(CK_FUNCTION_LIST **);
	*(void **)&get = dlsym(library, "C_GetFunctionList");
	CHECK(get);
	OK(get(&f));
}

void unload(void)
{
	CHECK(dlclose(library) == 0);
	library = NULL;
	f = NULL;
}

CK_SESSION_HANDLE login(void)
{
	CK_SESSION_HANDLE s;
	OK(f->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &s));
	CK_RV rv = f->C_Login(s, CKU_USER, (CK_BYTE *)"1234", 4);
	EITHER(rv, CKR_OK, CKR_USER_ALREADY_LOGGED_IN);
	return s;
}

static CK_OBJECT_HANDLE find(CK_SESSION_HANDLE s, CK_OBJECT_CLASS class)
{
	CK_ATTRIBUTE t[] = {{CKA_CLASS, &class, sizeof class}, {CKA_LABEL, "device", 6}};
	CK_OBJECT_HANDLE o;
	CK_ULONG n;
	OK(f->C_FindObjectsInit(s, t, 2));
	OK(f->C_FindObjects(s, &o, 1, &n));
	OK(f->C_FindObjectsFinal(s));
	CHECK(n == 1);
	return o;
}

CK_OBJECT_HANDLE key(CK_SESSION_HANDLE s)
{
	return find(s, CKO_PRIVATE_KEY);
}

static CK_BYTE digest[32] = "32 bytes that have to be signed", signature[64];

CK_RV try_sign(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE k)
{
	CK_MECHANISM m = {CKM_ECDSA, NULL, 0};
	CK_BYTE out[64];
	CK_ULONG n = sizeof out;
	CK_RV rv = f->C_SignInit(s, &m, k);
	if (rv == CKR_OK)
		rv = f->C_Sign(s, digest, sizeof digest, out, &n);
	if (rv == CKR_OK)
		memcpy(signature, out, sizeof out);
	return rv;
}

CK_SESSION_HANDLE begin(void)
{
	OK(f->C_Initialize(NULL));
	return login();
}

static void sign_and_verify(CK_SESSION_HANDLE s, int signatures)
{
	CK_MECHANISM m = {CKM_ECDSA, NULL, 0};
	CK_OBJECT_HANDLE k = key(s);
	while (signatures--)
		OK(try_sign(s, k));
	OK(f->C_VerifyInit(s, &m, find(s, CKO_PUBLIC_KEY)));
	OK(f->C_Verify(s, digest, sizeof digest, signature, sizeof signature));
}

void work(int signatures)
{
	sign_and_verify(begin(), signatures);
}

void whole(void)
{
	work(3);
	OK(f->C_Finalize(NULL));
}

void child_ends_well(int pid)
{
	int status, done;
	CHECK(pid > 0);
	while ((done = waitpid(pid, &status, 0)) < 0 && errno == EINTR)
		;
	CHECK(done == pid);
	CHECK(WIFEXITED(status));
	CHECK(WEXITSTATUS(status) == 0);
}

int count_fds(void)
{
	int n = 0;
	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

void run_threads(int n, void *(*run)(void *), void *arg)
{
	pthread_t t[64];
	CHECK(n <= 64);
	for (int i = 0; i < n; i++)
		CHECK(pthread_create(&t[i], NULL, run, arg) == 0);
	for (int i = 0; i < n; i++)
		CHECK(pthread_join(t[i], NULL) == 0);
}

bool gone(int pid)
{
	char path[64], state = 0;
	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	FILE *stat = fopen(path, "r");
	if (!stat)
		return true;
	if (fscanf(stat, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	fclose(stat);
	return state == 'Z' || state == 'X' || state == 0;
}

static char number_file[512];

void named_helper(void)
{
	static char script[512];
	const char *dir = getenv("LIFECYCLE_DIR"), *helper = getenv("THINGWARD_TOKEN_HELPER");
	CHECK(dir && helper);
	snprintf(script, sizeof script, "%s/helper-%d", dir, (int)getpid());
	snprintf(number_file, sizeof number_file, "%s/number-%d", dir, (int)getpid());
	FILE *out = fopen(script, "w");
	CHECK(out);
	fprintf(out, "#!/bin/sh\necho $$ > %s\nexec %s \"$@\"\n", number_file, helper);
	fclose(out);
	CHECK(chmod(script, 0755) == 0);
	setenv("THINGWARD_TOKEN_HELPER", script, 1);
}

int helper_pid(void)
{
	int pid = 0;
	FILE *in = fopen(number_file, "r");
	CHECK(in);
	CHECK(fscanf(in, "%d", &pid) == 1);
	fclose(in);
	return pid;
}

int main(int argc, char **argv)
{
	const life_case *all[] = {start_cases, fork_cases, thread_cases, host_cases, helper_cases};
	if (argc == 2 && strcmp(argv[1], "list") == 0) {
		for (size_t i = 0; i < sizeof all / sizeof *all; i++)
			for (const life_case *c = all[i]; c->name; c++)
				puts(c->name);
		return 0;
	}
	if (argc < 3) {
		fprintf(stderr, "usage: lifecycle MODULE CASE, or lifecycle list\n");
		return 2;
	}
	module_path = argv[1];
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		for (const life_case *c = all[i]; c->name; c++)
			if (strcmp(c->name, argv[2]) == 0) {
				c->run();
				return 0;
			}
	fprintf(stderr, "lifecycle: no case %s\n", argv[2]);
	return 2;
}
