/* threads.c: threads, and ends while they sign. */
#include "lifecycle.h"
#include <limits.h>
#include <pthread.h>

static void *own_session(void *unused)
{
	CK_SESSION_HANDLE s = login();
	CK_OBJECT_HANDLE k = key(s);
	for (int i = 0; i < 100; i++)
		OK(try_sign(s, k));
	OK(f->C_CloseSession(s));
	return unused;
}

static void sessions(void)
{
	load();
	CK_SESSION_HANDLE s = begin(); /* keeps the login */
	run_threads(8, own_session, NULL);
	OK(try_sign(s, key(s)));
	OK(f->C_Finalize(NULL));
}

/* The standard says that a host must not; it gets errors of the standard for it. */
static void *shared_session(void *arg)
{
	CK_SESSION_HANDLE s = *(CK_SESSION_HANDLE *)arg;
	CK_MECHANISM m = {CKM_ECDSA, NULL, 0};
	CK_BYTE b[64] = {0};
	CK_OBJECT_HANDLE k, found;
	CK_ULONG n;
	k = key(login());
	for (int i = 0; i < 100; i++) {
		CK_RV rv = f->C_SignInit(s, &m, k);
		EITHER(rv, CKR_OK, CKR_OPERATION_ACTIVE);
		n = sizeof b;
		rv = f->C_Sign(s, b, 32, b, &n);
		EITHER(rv, CKR_OK, CKR_OPERATION_NOT_INITIALIZED);
		rv = f->C_FindObjectsInit(s, NULL, 0);
		EITHER(rv, CKR_OK, CKR_OPERATION_ACTIVE);
		rv = f->C_FindObjects(s, &found, 1, &n);
		EITHER(rv, CKR_OK, CKR_OPERATION_NOT_INITIALIZED);
		rv = f->C_FindObjectsFinal(s);
		EITHER(rv, CKR_OK, CKR_OPERATION_NOT_INITIALIZED);
	}
	return NULL;
}

static void one_session(void)
{
	load();
	CK_SESSION_HANDLE s = begin();
	run_threads(6, shared_session, &s);
	OK(f->C_CloseAllSessions(0));
	s = login();
	OK(try_sign(s, key(s)));
}

static void *open_and_close(void *unused)
{
	for (int i = 0; i < 100; i++) {
		CK_SESSION_HANDLE s = login();
		OK(f->C_CloseSession(s));
	}
	return unused;
}

static void opening_and_closing(void)
{
	load();
	OK(f->C_Initialize(NULL));
	CK_SESSION_HANDLE keep = login();
	run_threads(6, open_and_close, NULL);
	OK(try_sign(keep, key(keep)));
	OK(f->C_Finalize(NULL));
}

static void small_stacks(void)
{
	pthread_attr_t a;
	pthread_t t;
	load();
	begin();
	pthread_attr_init(&a);
	size_t size = UNDER_ASAN ? 256 << 10 : 20 << 10;
	CHECK(pthread_attr_setstacksize(&a, size) == 0);
	CHECK(pthread_create(&t, &a, own_session, NULL) == 0);
	CHECK(pthread_join(t, NULL) == 0);
}

/* Any answer is good but a crash or a wrong one. */
static void *sign_for_ever(void *unused)
{
	CK_SESSION_HANDLE s;
	CK_OBJECT_HANDLE k = *(CK_OBJECT_HANDLE *)unused;
	if (f->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &s) != CKR_OK)
		return NULL;
	for (;;) {
		CK_RV rv = try_sign(s, k);
		CHECK(rv == CKR_OK || rv == CKR_DEVICE_ERROR || rv == CKR_CRYPTOKI_NOT_INITIALIZED || rv == CKR_SESSION_HANDLE_INVALID);
		if (rv == CKR_CRYPTOKI_NOT_INITIALIZED)
			return NULL;
		pthread_testcancel();
	}
}

static pthread_t signers[4];

static void start_signers(void)
{
	static CK_OBJECT_HANDLE k;
	k = key(begin());
	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&signers[i], NULL, sign_for_ever, &k) == 0);
	usleep(20000);
}

static void exit_while_signing(void)
{
	load();
	start_signers();
	exit(0);
}

static void finalize(void)
{
	f->C_Finalize(NULL);
}

static void finalize_in_atexit_while_signing(void)
{
	load();
	atexit(finalize);
	start_signers();
	exit(0);
}

static void finalize_while_signing(void)
{
	load();
	for (int i = 0; i < 3; i++) {
		start_signers();
		OK(f->C_Finalize(NULL));
		for (int j = 0; j < 4; j++)
			CHECK(pthread_join(signers[j], NULL) == 0);
	}
	whole();
}

static void *sign_and_exit(void *unused)
{
	CK_SESSION_HANDLE s = login();
	(void)unused;
	OK(try_sign(s, key(s)));
	exit(0);
}

static void *exit_now(void *unused)
{
	(void)unused;
	exit(0);
}

static void exit_in_a_thread(void)
{
	pthread_t t;
	load();
	start_signers();
	CHECK(pthread_create(&t, NULL, exit_now, NULL) == 0);
	for (;;)
		pause();
}

static void end_at_once(void)
{
	load();
	start_signers();
	_exit(0);
}

static void main_thread_ends_first(void)
{
	pthread_t t;
	load();
	begin();
	CHECK(pthread_create(&t, NULL, sign_and_exit, NULL) == 0);
	pthread_exit(NULL);
}

static void cancelled(void)
{
	load();
	start_signers();
	for (int i = 0; i < 4; i++)
		CHECK(pthread_cancel(signers[i]) == 0);
	for (int i = 0; i < 4; i++)
		CHECK(pthread_join(signers[i], NULL) == 0);
	CK_SESSION_HANDLE s = login();
	OK(try_sign(s, key(s)));
	OK(f->C_Finalize(NULL));
}

static void many_sessions(void)
{
	static CK_SESSION_HANDLE s[1000];
	load();
	begin();
	for (int i = 0; i < 1000; i++)
		OK(f->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &s[i]));
	OK(try_sign(s[999], key(s[999])));
	for (int i = 0; i < 1000; i += 2)
		OK(f->C_CloseSession(s[i]));
	IS(f->C_CloseSession(s[0]), CKR_SESSION_HANDLE_INVALID);
	OK(f->C_CloseAllSessions(0));
	IS(f->C_CloseSession(s[1]), CKR_SESSION_HANDLE_INVALID);
}

static CK_BYTE secret[64];

static void *receive_secret(void *session)
{
	OK(f->C_GenerateRandom(*(CK_SESSION_HANDLE *)session, secret, sizeof secret));
	return NULL;
}

/* What the token answers may be a secret: it stands where the host wanted it, and nowhere else. */
static void secrets_on_the_stack(void)
{
	size_t size = 1 << 20;
	char *stack = aligned_alloc(1 << 16, size);
	pthread_attr_t a;
	pthread_t t;
	load();
	CK_SESSION_HANDLE s = begin();
	memset(stack, 0, size);
	pthread_attr_init(&a);
	CHECK(pthread_attr_setstack(&a, stack, size) == 0);
	CHECK(pthread_create(&t, &a, receive_secret, &s) == 0);
	CHECK(pthread_join(t, NULL) == 0);
	CHECK(memmem(stack, size, secret, sizeof secret) == NULL);
	free(stack);
	OK(f->C_Finalize(NULL));
}

static void *whole_in_a_thread(void *unused)
{
	whole();
	return unused;
}

static void other_threads_only(void)
{
	load();
	for (int i = 0; i < 3; i++)
		run_threads(1, whole_in_a_thread, NULL);
	unload();
}

const life_case thread_cases[] = {
	{"threads_sessions", sessions}, {"threads_one_session", one_session}, {"threads_opening_and_closing", opening_and_closing},
	{"threads_small_stacks", small_stacks}, {"threads_exit_while_signing", exit_while_signing},
	{"threads_finalize_in_atexit_while_signing", finalize_in_atexit_while_signing},
	{"threads_finalize_while_signing", finalize_while_signing}, {"threads_exit_in_a_thread", exit_in_a_thread},
	{"threads_end_at_once", end_at_once}, {"threads_main_thread_ends_first", main_thread_ends_first},
	{"threads_cancelled", cancelled}, {"threads_many_sessions", many_sessions}, {"threads_secrets_on_the_stack", secrets_on_the_stack},
	{"threads_other_threads_only", other_threads_only},
	{NULL, NULL}};
