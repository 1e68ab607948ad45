/*
 * selftest.c: signs and verifies with every key of a token and every mechanism, through the library that programs load. `thingward token
 * selftest` runs it:
 *
 *	thingward-token-selftest MODULE SLOT < PIN
 *
 * The PIN is the first line of standard input; none means no login. It writes one line for each check, and ends with 1 when one failed.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "../cryptoki.h"

static CK_FUNCTION_LIST *f;
static CK_SESSION_HANDLE session;
static CK_SLOT_ID slot;
static int failed, done;

typedef struct { CK_MECHANISM_TYPE type; const char *name; CK_ULONG digest, hash, mgf; } mechanism;

/* With digest 0 the mechanism hashes by itself. */
static const mechanism ec[] = {{CKM_ECDSA, "ECDSA", 32, 0, 0}, {CKM_ECDSA_SHA1, "ECDSA-SHA1", 0, 0, 0}, {CKM_ECDSA_SHA224, "ECDSA-SHA224", 0, 0, 0},
	{CKM_ECDSA_SHA256, "ECDSA-SHA256", 0, 0, 0}, {CKM_ECDSA_SHA384, "ECDSA-SHA384", 0, 0, 0}, {CKM_ECDSA_SHA512, "ECDSA-SHA512", 0, 0, 0}, {0, NULL, 0, 0, 0}};
static const mechanism rsa[] = {{CKM_RSA_PKCS, "RSA-PKCS", 32, 0, 0}, {CKM_SHA256_RSA_PKCS, "SHA256-RSA-PKCS", 0, 0, 0}, {CKM_SHA384_RSA_PKCS, "SHA384-RSA-PKCS", 0, 0, 0},
	{CKM_SHA512_RSA_PKCS, "SHA512-RSA-PKCS", 0, 0, 0}, {CKM_RSA_PKCS_PSS, "RSA-PKCS-PSS", 32, CKM_SHA256, CKG_MGF1_SHA256},
	{CKM_SHA256_RSA_PKCS_PSS, "SHA256-RSA-PKCS-PSS", 0, CKM_SHA256, CKG_MGF1_SHA256}, {0, NULL, 0, 0, 0}};

static void say(const char *what, const char *label, const char *with, CK_RV rv, double ms)
{
	done++;
	if (rv == CKR_OK) {
		printf("well    %s  %s  %s  %.1f ms\n", label, what, with, ms);
	} else {
		printf("FAILED  %s  %s  %s  CK_RV 0x%lx\n", label, what, with, rv);
		failed++;
	}
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static CK_RV verify(CK_OBJECT_HANDLE public, CK_MECHANISM *m, CK_BYTE *data, CK_ULONG n, CK_BYTE *signature, CK_ULONG size)
{
	CK_RV rv = f->C_VerifyInit(session, m, public);
	if (rv == CKR_OK)
		rv = f->C_Verify(session, data, n, signature, size);
	if (rv != CKR_OK)
		return rv;
	signature[size / 2] ^= 1; /* a wrong signature must be found */
	rv = f->C_VerifyInit(session, m, public);
	if (rv == CKR_OK)
		rv = f->C_Verify(session, data, n, signature, size);
	return rv == CKR_OK ? CKR_GENERAL_ERROR : rv == CKR_SIGNATURE_INVALID ? CKR_OK : rv;
}

static void check(CK_OBJECT_HANDLE private, CK_OBJECT_HANDLE public, const char *label, const mechanism *how)
{
	CK_MECHANISM_INFO info;
	CK_RSA_PKCS_PSS_PARAMS pss = {how->hash, how->mgf, 32};
	CK_MECHANISM m = {how->type, how->hash ? &pss : NULL, how->hash ? sizeof pss : 0};
	CK_BYTE data[32], signature[1024];
	CK_ULONG n = sizeof signature;
	if (f->C_GetMechanismInfo(slot, how->type, &info) != CKR_OK || !(info.flags & CKF_SIGN))
		return;
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (CK_BYTE)(i * 7 + 1);
	double start = now();
	CK_RV rv = f->C_SignInit(session, &m, private);
	if (rv == CKR_OK)
		rv = f->C_Sign(session, data, sizeof data, signature, &n);
	say("sign", label, how->name, rv, now() - start);
	if (rv == CKR_OK && public)
		say("verify", label, how->name, verify(public, &m, data, sizeof data, signature, n), 0);
}

/* One object of the class with this id and label; 0 when there is none. */
static CK_OBJECT_HANDLE partner(CK_ATTRIBUTE *id)
{
	CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
	CK_ATTRIBUTE t[] = {{CKA_CLASS, &class, sizeof class}, *id};
	CK_OBJECT_HANDLE found = 0;
	CK_ULONG n = 0;
	if (id->ulValueLen == 0 || f->C_FindObjectsInit(session, t, 2) != CKR_OK)
		return 0;
	if (f->C_FindObjects(session, &found, 1, &n) != CKR_OK || n == 0)
		found = 0;
	f->C_FindObjectsFinal(session);
	return found;
}

static void check_key(CK_OBJECT_HANDLE private)
{
	char label[256] = "";
	CK_BYTE id[256], sign = 0;
	CK_KEY_TYPE type = 0;
	CK_ATTRIBUTE a[] = {{CKA_LABEL, label, sizeof label - 1}, {CKA_ID, id, sizeof id}, {CKA_KEY_TYPE, &type, sizeof type}, {CKA_SIGN, &sign, 1}};
	CK_RV rv = f->C_GetAttributeValue(session, private, a, 4);
	if (rv != CKR_OK) {
		say("read", "a private key", "its label, id and type", rv, 0);
		return;
	}
	if (!sign)
		return;
	CK_OBJECT_HANDLE public = partner(&a[1]);
	for (const mechanism *m = type == CKK_EC ? ec : rsa; m->name; m++)
		check(private, public, label[0] ? label : "(a key without label)", m);
}

static void check_keys(void)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE t = {CKA_CLASS, &class, sizeof class};
	CK_OBJECT_HANDLE keys[256];
	CK_ULONG n = 0;
	CK_RV rv = f->C_FindObjectsInit(session, &t, 1);
	if (rv == CKR_OK)
		rv = f->C_FindObjects(session, keys, 256, &n);
	f->C_FindObjectsFinal(session);
	if (rv != CKR_OK)
		say("find", "the token", "private keys", rv, 0);
	for (CK_ULONG i = 0; i < n; i++)
		check_key(keys[i]);
}

static int give_up(const char *what, CK_RV rv)
{
	fprintf(stderr, "%s: CK_RV 0x%lx\n", what, rv);
	return 2;
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: thingward-token-selftest MODULE SLOT < PIN\n");
		return 2;
	}
	void *library = dlopen(argv[1], RTLD_NOW);
	CK_RV (*get)(CK_FUNCTION_LIST **) = NULL;
	if (library)
		*(void **)&get = dlsym(library, "C_GetFunctionList");
	if (!get) {
		fprintf(stderr, "%s\n", dlerror());
		return 2;
	}
	char pin[1026] = "";
	if (fgets(pin, sizeof pin, stdin))
		pin[strcspn(pin, "\r\n")] = 0;
	slot = strtoul(argv[2], NULL, 10);
	double start = now();
	CK_RV rv = get(&f);
	if (rv == CKR_OK)
		rv = f->C_Initialize(NULL);
	if (rv != CKR_OK)
		return give_up("C_Initialize", rv);
	say("C_Initialize", "the library", argv[1], CKR_OK, now() - start);
	rv = f->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session);
	if (rv != CKR_OK)
		return give_up("C_OpenSession", rv);
	start = now();
	if (pin[0]) {
		rv = f->C_Login(session, CKU_USER, (CK_BYTE *)pin, strlen(pin));
		if (rv != CKR_OK)
			return give_up("C_Login", rv);
		say("C_Login", "the token", "CKU_USER", CKR_OK, now() - start);
	}
	CK_BYTE random[32];
	say("C_GenerateRandom", "the token", "32 bytes", f->C_GenerateRandom(session, random, sizeof random), 0);
	int before = done;
	check_keys();
	if (done == before)
		puts("        no private key that signs, or none that may be seen without the PIN");
	say("C_Finalize", "the library", "", f->C_Finalize(NULL), 0);
	return failed != 0;
}
