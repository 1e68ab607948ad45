/*
 * bench.c: how fast a module is, and what it costs its host. run.sh runs it for two modules in turn.
 *
 *	bench MODULE prepare OBJECTS    makes the keys and so many data objects (PIN 1234, slot of the token bench)
 *	bench MODULE measure SECONDS    prints one line a figure
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include "../cryptoki.h"

static CK_FUNCTION_LIST *f;
static CK_SLOT_ID slot;
static double seconds;

static void must(CK_RV rv, const char *what)
{
	if (rv == CKR_OK)
		return;
	fprintf(stderr, "%s: CK_RV 0x%lx\n", what, rv);
	exit(1);
}
#define OK(call) must((call), #call)

static double clock_of(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double now(void) { return clock_of(CLOCK_MONOTONIC); }
static double cpu(void) { return clock_of(CLOCK_PROCESS_CPUTIME_ID); }

static long resident(void) /* KiB, private and shared */
{
	long pages = 0;
	FILE *in = fopen("/proc/self/statm", "r");
	if (!in || fscanf(in, "%*d %ld", &pages) != 1)
		pages = 0;
	if (in)
		fclose(in);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static CK_SESSION_HANDLE session(CK_FLAGS flags)
{
	CK_SESSION_HANDLE s;
	OK(f->C_OpenSession(slot, CKF_SERIAL_SESSION | flags, NULL, NULL, &s));
	return s;
}

static CK_OBJECT_HANDLE find(CK_SESSION_HANDLE s, CK_OBJECT_CLASS class, const char *label)
{
	CK_ATTRIBUTE t[] = {{CKA_CLASS, &class, sizeof class}, {CKA_LABEL, (void *)label, strlen(label)}};
	CK_OBJECT_HANDLE o = 0;
	CK_ULONG n = 0;
	OK(f->C_FindObjectsInit(s, t, 2));
	OK(f->C_FindObjects(s, &o, 1, &n));
	OK(f->C_FindObjectsFinal(s));
	if (n != 1) {
		fprintf(stderr, "there is no %s\n", label);
		exit(1);
	}
	return o;
}

static void find_slot(void)
{
	CK_SLOT_ID slots[64];
	CK_ULONG n = 64;
	CK_TOKEN_INFO info;
	OK(f->C_GetSlotList(1, slots, &n));
	for (CK_ULONG i = 0; i < n; i++)
		if (f->C_GetTokenInfo(slots[i], &info) == CKR_OK && memcmp(info.label, "bench ", 6) == 0) {
			slot = slots[i];
			return;
		}
	fprintf(stderr, "there is no token bench\n");
	exit(1);
}

static void prepare(int objects)
{
	static const CK_BYTE p256[] = {6, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 3, 1, 7};
	CK_BYTE yes = 1, e[] = {1, 0, 1};
	CK_ULONG bits = 2048;
	CK_OBJECT_CLASS data = CKO_DATA;
	CK_OBJECT_HANDLE a, b;
	CK_MECHANISM ec = {CKM_EC_KEY_PAIR_GEN, NULL, 0}, rsa = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0};
	CK_ATTRIBUTE ec_public[] = {{CKA_EC_PARAMS, (void *)p256, sizeof p256}, {CKA_TOKEN, &yes, 1}, {CKA_LABEL, "ec", 2}};
	CK_ATTRIBUTE rsa_public[] = {{CKA_MODULUS_BITS, &bits, sizeof bits}, {CKA_PUBLIC_EXPONENT, e, 3}, {CKA_TOKEN, &yes, 1}, {CKA_LABEL, "rsa", 3}};
	CK_ATTRIBUTE private[] = {{CKA_SIGN, &yes, 1}, {CKA_TOKEN, &yes, 1}, {CKA_PRIVATE, &yes, 1}, {CKA_LABEL, NULL, 0}};
	CK_SESSION_HANDLE s = session(CKF_RW_SESSION);
	OK(f->C_Login(s, CKU_USER, (CK_BYTE *)"1234", 4));
	private[3] = (CK_ATTRIBUTE){CKA_LABEL, "ec", 2};
	OK(f->C_GenerateKeyPair(s, &ec, ec_public, 3, private, 4, &a, &b));
	private[3] = (CK_ATTRIBUTE){CKA_LABEL, "rsa", 3};
	OK(f->C_GenerateKeyPair(s, &rsa, rsa_public, 4, private, 4, &a, &b));
	double start = now();
	for (int i = 0; i < objects; i++) {
		char label[32];
		int n = snprintf(label, sizeof label, "object %d", i);
		CK_ATTRIBUTE t[] = {{CKA_CLASS, &data, sizeof data}, {CKA_TOKEN, &yes, 1}, {CKA_LABEL, label, (CK_ULONG)n}, {CKA_VALUE, label, (CK_ULONG)n}};
		OK(f->C_CreateObject(s, t, 4, &a));
	}
	printf("objects made: %.0f/s\n", objects / (now() - start));
}

typedef struct { CK_MECHANISM m; const char *key; CK_BYTE data[64]; CK_ULONG n; double end; long done; } job;

static void *sign_many(void *arg)
{
	job *j = arg;
	CK_SESSION_HANDLE s = session(0);
	CK_OBJECT_HANDLE k = find(s, CKO_PRIVATE_KEY, j->key);
	long done = 0;
	for (; now() < j->end; done++) {
		CK_BYTE out[512];
		CK_ULONG n = sizeof out;
		OK(f->C_SignInit(s, &j->m, k));
		OK(f->C_Sign(s, j->data, j->n, out, &n));
	}
	__atomic_add_fetch(&j->done, done, __ATOMIC_RELAXED);
	OK(f->C_CloseSession(s));
	return NULL;
}

static void signatures(const char *what, CK_MECHANISM_TYPE type, const char *key, CK_ULONG n, int threads)
{
	pthread_t t[16];
	job j = {.m = {type, NULL, 0}, .key = key, .n = n};
	memset(j.data, 7, sizeof j.data);
	double start = now(), before = cpu();
	j.end = start + seconds;
	for (int i = 0; i < threads; i++)
		pthread_create(&t[i], NULL, sign_many, &j);
	for (int i = 0; i < threads; i++)
		pthread_join(t[i], NULL);
	printf("%s, %d thread%s: %.0f/s, %.1f us of the host's CPU each\n", what, threads, threads > 1 ? "s" : "", (double)j.done / (now() - start), (cpu() - before) / (double)j.done * 1e6);
}

static void finding(CK_SESSION_HANDLE s)
{
	double best = 1e9, sum = 0;
	int rounds = 50;
	for (int i = 0; i < rounds; i++) {
		char label[32];
		snprintf(label, sizeof label, "object %d", i * 37 % 200);
		double start = now();
		find(s, CKO_DATA, label);
		double took = now() - start;
		sum += took;
		best = took < best ? took : best;
	}
	printf("find one object by label: %.3f ms, at best %.3f ms\n", sum / rounds * 1e3, best * 1e3);
}

static void load(const char *path)
{
	void *library = dlopen(path, RTLD_NOW);
	CK_RV (*get)(CK_FUNCTION_LIST **) = NULL;
	if (library)
		*(void **)&get = dlsym(library, "C_GetFunctionList");
	if (!get) {
		fprintf(stderr, "%s\n", dlerror());
		exit(2);
	}
	OK(get(&f));
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: bench MODULE prepare OBJECTS, or bench MODULE measure SECONDS\n");
		return 2;
	}
	long before = resident();
	double start = now();
	load(argv[1]);
	double loaded = now();
	CK_C_INITIALIZE_ARGS threads = {.flags = CKF_OS_LOCKING_OK};
	OK(f->C_Initialize(&threads));
	double initialized = now();
	find_slot();
	if (strcmp(argv[2], "prepare") == 0) {
		prepare(atoi(argv[3]));
		return f->C_Finalize(NULL) != CKR_OK;
	}
	seconds = atof(argv[3]);
	long at_load = resident();
	CK_SESSION_HANDLE s = session(0);
	OK(f->C_Login(s, CKU_USER, (CK_BYTE *)"1234", 4));
	printf("load: %.2f ms, initialise: %.2f ms, to login: %.2f ms\n", (loaded - start) * 1e3, (initialized - loaded) * 1e3, (now() - initialized) * 1e3);
	job warm = {.m = {CKM_ECDSA, NULL, 0}, .key = "ec", .n = 32, .end = now() + 0.2};
	sign_many(&warm);
	printf("resident memory added: %ld KiB at load, %ld KiB after %ld signatures\n", at_load - before, resident() - before, warm.done);
	signatures("ECDSA P-256", CKM_ECDSA, "ec", 32, 1);
	signatures("ECDSA P-256", CKM_ECDSA, "ec", 32, 4);
	signatures("RSA-2048", CKM_RSA_PKCS, "rsa", 51, 1);
	signatures("RSA-2048", CKM_RSA_PKCS, "rsa", 51, 4);
	finding(s);
	return f->C_Finalize(NULL) != CKR_OK;
}
