/*
 * fuzz.c: calls the functions of a module with random arguments, from several threads.
 *
 *	fuzz MODULE SECONDS SEED
 *
 * Pointers are NULL or point to what is there; lengths are true, or larger than any memory. Whatever comes back is well, but a crash, a
 * hang or a report of a sanitizer. When the helper dies, C_Initialize starts another.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "../cryptoki.h"

static CK_FUNCTION_LIST_3_0 *f;
static time_t end;
static unsigned long calls, good;

typedef struct {
	uint64_t state;
	CK_SESSION_HANDLE sessions[4];
	CK_OBJECT_HANDLE objects[8];
	CK_BYTE in[512], out[4096];
	CK_ULONG n;
	CK_ATTRIBUTE template[24];
	CK_MECHANISM mechanism;
	union { CK_RSA_PKCS_PSS_PARAMS pss; CK_RSA_PKCS_OAEP_PARAMS oaep; CK_ECDH1_DERIVE_PARAMS ecdh; CK_GCM_PARAMS gcm; } params;
} fuzzer;

static uint64_t any(fuzzer *z)
{
	z->state ^= z->state << 13;
	z->state ^= z->state >> 7;
	z->state ^= z->state << 17;
	return z->state;
}

static const CK_ULONG huge[] = {~0UL, ~0UL - 7, 1UL << 31, 1UL << 40, (8 << 20) + 1};

static CK_ULONG number(fuzzer *z)
{
	static const CK_ULONG some[] = {0, 1, 2, 3, 8, 16, 31, 32, 33, 64, 255, 256, 1UL << 31, ~0UL, ~0UL - 1};
	return any(z) % 8 ? some[any(z) % (sizeof some / sizeof *some)] : any(z);
}

static CK_SESSION_HANDLE session(fuzzer *z) { return any(z) % 16 ? z->sessions[any(z) % 4] : number(z); }
static CK_OBJECT_HANDLE object(fuzzer *z) { return any(z) % 8 ? z->objects[any(z) % 8] : any(z) % 2 ? any(z) % 12 : number(z); }

static CK_BYTE *input(fuzzer *z) { return any(z) % 12 ? z->in : NULL; }
static CK_ULONG length(fuzzer *z)
{
	if (any(z) % 24 == 0)
		return huge[any(z) % (sizeof huge / sizeof *huge)];
	return any(z) % 3 ? (CK_ULONG[]){0, 1, 16, 20, 32, 48, 64, 256}[any(z) % 8] : any(z) % sizeof z->in;
}

static CK_BYTE *output(fuzzer *z)
{
	z->n = any(z) % 4 ? sizeof z->out : any(z) % 300;
	return any(z) % 8 ? z->out : NULL;
}
static CK_ULONG *count(fuzzer *z) { return any(z) % 32 ? &z->n : NULL; }

static CK_MECHANISM *mechanism(fuzzer *z)
{
	static const CK_MECHANISM_TYPE types[] = {CKM_ECDSA, CKM_ECDSA_SHA256, CKM_ECDSA_SHA512, CKM_RSA_PKCS, CKM_SHA256_RSA_PKCS, CKM_RSA_PKCS_PSS,
		CKM_SHA256_RSA_PKCS_PSS, CKM_RSA_PKCS_OAEP, CKM_RSA_X_509, CKM_SHA256, CKM_SHA512, CKM_SHA_1, CKM_SHA256_HMAC, CKM_EC_KEY_PAIR_GEN,
		CKM_ECDH1_DERIVE, CKM_AES_KEY_GEN, CKM_AES_CBC, CKM_AES_CBC_PAD, CKM_AES_GCM, CKM_AES_KEY_WRAP, CKM_AES_ECB, 0x12345};
	CK_MECHANISM *m = &z->mechanism;
	m->mechanism = types[any(z) % (sizeof types / sizeof *types)];
	m->pParameter = NULL;
	m->ulParameterLen = 0;
	switch (any(z) % 6) {
	case 0:
		return any(z) % 4 ? m : NULL;
	case 1:
		m->pParameter = input(z);
		m->ulParameterLen = any(z) % 2 ? 16 : length(z);
		/* A structure of this length is read, with what pointers there are in it. */
		if (m->ulParameterLen >= sizeof z->params.pss && m->ulParameterLen <= sizeof z->params.gcm)
			m->ulParameterLen = 16;
		return m;
	}
	m->pParameter = &z->params;
	switch (m->mechanism) {
	case CKM_RSA_PKCS_OAEP:
		z->params.oaep = (CK_RSA_PKCS_OAEP_PARAMS){any(z) % 2 ? CKM_SHA256 : number(z), any(z) % 2 ? CKG_MGF1_SHA256 : number(z), any(z) % 2, input(z), length(z)};
		m->ulParameterLen = sizeof z->params.oaep;
		break;
	case CKM_ECDH1_DERIVE:
		z->params.ecdh = (CK_ECDH1_DERIVE_PARAMS){any(z) % 2 ? CKD_NULL : number(z), length(z), input(z), any(z) % 2 ? 65 : length(z), input(z)};
		m->ulParameterLen = sizeof z->params.ecdh;
		break;
	case CKM_AES_GCM:
		z->params.gcm = (CK_GCM_PARAMS){input(z), any(z) % 2 ? 12 : length(z), 96, input(z), length(z), any(z) % 2 ? 128 : number(z)};
		m->ulParameterLen = sizeof z->params.gcm;
		break;
	case CKM_AES_CBC: case CKM_AES_CBC_PAD:
		m->pParameter = z->in;
		m->ulParameterLen = 16;
		break;
	default:
		z->params.pss = (CK_RSA_PKCS_PSS_PARAMS){any(z) % 2 ? CKM_SHA256 : number(z), any(z) % 2 ? CKG_MGF1_SHA256 : number(z), any(z) % 2 ? 32 : number(z)};
		m->ulParameterLen = sizeof z->params.pss;
	}
	return m;
}

/* A template whose values are true memory: numbers and flags by kind, so that some of them are right. */
static CK_ATTRIBUTE *template(fuzzer *z, CK_ULONG *n)
{
	static CK_ULONG numbers[] = {0, 1, 2, 3, 4, 0x10, 0x1F, 16, 32, 2048};
	static CK_BYTE flags[] = {0, 1};
	static const CK_BYTE p256[] = {6, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 3, 1, 7};
	static const CK_ATTRIBUTE_TYPE types[] = {CKA_CLASS, CKA_KEY_TYPE, CKA_VALUE_LEN, CKA_MODULUS_BITS, CKA_TOKEN, CKA_PRIVATE, CKA_SENSITIVE, CKA_EXTRACTABLE, CKA_SIGN,
		CKA_VERIFY, CKA_ENCRYPT, CKA_DECRYPT, CKA_WRAP, CKA_UNWRAP, CKA_DERIVE, CKA_LABEL, CKA_ID, CKA_VALUE, CKA_EC_PARAMS, CKA_EC_POINT, CKA_MODULUS,
		CKA_PUBLIC_EXPONENT, CKA_WRAP_TEMPLATE, CKA_ALLOWED_MECHANISMS, 0x80000001};
	*n = any(z) % 24;
	for (CK_ULONG i = 0; i < *n; i++) {
		CK_ATTRIBUTE *a = &z->template[i];
		size_t which = any(z) % (sizeof types / sizeof *types);
		*a = (CK_ATTRIBUTE){types[which], z->in, length(z)};
		if (any(z) % 8 == 0)
			a->pValue = NULL;
		else if (which < 4)
			*a = (CK_ATTRIBUTE){types[which], &numbers[any(z) % 10], sizeof(CK_ULONG)};
		else if (which < 15)
			*a = (CK_ATTRIBUTE){types[which], &flags[any(z) % 4 ? 1 : 0], 1};
		else if (types[which] == CKA_EC_PARAMS)
			*a = (CK_ATTRIBUTE){CKA_EC_PARAMS, (void *)p256, sizeof p256};
	}
	if (any(z) % 64 == 0)
		*n = any(z) % 2 ? ~0UL : 1UL << 31;
	return any(z) % 32 ? z->template : NULL;
}

/* For C_GetAttributeValue: buffers that are really there. */
static CK_ATTRIBUTE *places(fuzzer *z, CK_ULONG *n)
{
	CK_ATTRIBUTE *t = template(z, n);
	for (CK_ULONG i = 0; i < 24; i++)
		z->template[i].pValue = any(z) % 3 ? z->out + 128 * i : NULL, z->template[i].ulValueLen = any(z) % 4 ? 128 : any(z) % 128;
	if (*n <= 24 && any(z) % 4)
		t = z->template;
	return t;
}

static CK_RV call(fuzzer *z)
{
	CK_ULONG n, m;
	CK_ATTRIBUTE *t;
	CK_OBJECT_HANDLE *slot = &z->objects[any(z) % 8];
	switch (any(z) % 52) {
	case 0: return f->C_GetSlotList((CK_BBOOL)any(z), any(z) % 2 ? (CK_SLOT_ID *)z->out : NULL, (z->n = 400, count(z)));
	case 1: return f->C_GetSlotInfo(number(z) % 3, any(z) % 8 ? (CK_SLOT_INFO *)z->out : NULL);
	case 2: return f->C_GetTokenInfo(number(z) % 3, any(z) % 8 ? (CK_TOKEN_INFO *)z->out : NULL);
	case 3: return f->C_GetMechanismList(number(z) % 3, any(z) % 2 ? (CK_MECHANISM_TYPE *)z->out : NULL, (z->n = any(z) % 500, count(z)));
	case 4: return f->C_GetMechanismInfo(number(z) % 3, number(z), any(z) % 8 ? (CK_MECHANISM_INFO *)z->out : NULL);
	case 5: return f->C_OpenSession(number(z) % 4 % 2, any(z) % 8 ? CKF_SERIAL_SESSION | CKF_RW_SESSION : number(z), NULL, NULL, &z->sessions[any(z) % 4]);
	case 6: return any(z) % 4 ? CKR_OK : f->C_CloseSession(session(z));
	case 7: return any(z) % 64 ? CKR_OK : f->C_CloseAllSessions(number(z));
	case 8: return f->C_GetSessionInfo(session(z), any(z) % 8 ? (CK_SESSION_INFO *)z->out : NULL);
	case 9: return f->C_Login(session(z), any(z) % 8 ? CKU_USER : number(z), (CK_BYTE *)"1234", any(z) % 16 ? 4 : huge[any(z) % 5]);
	case 10: return any(z) % 16 ? CKR_OK : f->C_Logout(session(z));
	case 11: t = template(z, &n); return f->C_CreateObject(session(z), t, n, any(z) % 16 ? slot : NULL);
	case 12: t = template(z, &n); return f->C_CopyObject(session(z), object(z), t, n, any(z) % 16 ? slot : NULL);
	case 13: return any(z) % 8 ? CKR_OK : f->C_DestroyObject(session(z), object(z));
	case 14: return f->C_GetObjectSize(session(z), object(z), count(z));
	case 15: case 16: t = places(z, &n); return f->C_GetAttributeValue(session(z), object(z), t, n);
	case 17: t = template(z, &n); return f->C_SetAttributeValue(session(z), object(z), t, n);
	case 18: t = template(z, &n); return f->C_FindObjectsInit(session(z), t, any(z) % 2 ? 0 : n);
	case 19: return f->C_FindObjects(session(z), any(z) % 16 ? z->objects : NULL, any(z) % 9, count(z));
	case 20: return f->C_FindObjectsFinal(session(z));
	case 21: return f->C_EncryptInit(session(z), mechanism(z), object(z));
	case 22: return f->C_Encrypt(session(z), input(z), length(z), output(z), count(z));
	case 23: return f->C_EncryptUpdate(session(z), input(z), length(z), output(z), count(z));
	case 24: return f->C_EncryptFinal(session(z), output(z), count(z));
	case 25: return f->C_DecryptInit(session(z), mechanism(z), object(z));
	case 26: return f->C_Decrypt(session(z), input(z), length(z), output(z), count(z));
	case 27: return f->C_DecryptUpdate(session(z), input(z), length(z), output(z), count(z));
	case 28: return f->C_DecryptFinal(session(z), output(z), count(z));
	case 29: return f->C_DigestInit(session(z), mechanism(z));
	case 30: return f->C_Digest(session(z), input(z), length(z), output(z), count(z));
	case 31: return f->C_DigestUpdate(session(z), input(z), any(z) % 8 ? 16 : ~0UL);
	case 32: return f->C_DigestKey(session(z), object(z));
	case 33: return f->C_DigestFinal(session(z), output(z), count(z));
	case 34: case 35: case 36: return f->C_SignInit(session(z), mechanism(z), object(z));
	case 37: case 38: return f->C_Sign(session(z), input(z), length(z), output(z), count(z));
	case 39: return f->C_SignUpdate(session(z), input(z), any(z) % 8 ? 16 : ~0UL);
	case 40: return f->C_SignFinal(session(z), output(z), count(z));
	case 41: return f->C_VerifyInit(session(z), mechanism(z), object(z));
	case 42: return f->C_Verify(session(z), input(z), length(z), input(z), length(z));
	case 43: return f->C_VerifyFinal(session(z), input(z), length(z));
	case 44: t = template(z, &n); return f->C_GenerateKey(session(z), mechanism(z), t, n, any(z) % 16 ? slot : NULL);
	case 45: t = template(z, &n); m = n; return f->C_GenerateKeyPair(session(z), mechanism(z), t, n, t, m, slot, any(z) % 16 ? &z->objects[0] : NULL);
	case 46: return f->C_WrapKey(session(z), mechanism(z), object(z), object(z), output(z), count(z));
	case 47: t = template(z, &n); return f->C_UnwrapKey(session(z), mechanism(z), object(z), input(z), length(z), t, n, slot);
	case 48: t = template(z, &n); return f->C_DeriveKey(session(z), mechanism(z), object(z), t, n, slot);
	case 49: return f->C_SeedRandom(session(z), input(z), length(z));
	case 50: return f->C_GenerateRandom(session(z), z->out, any(z) % 32 ? any(z) % sizeof z->out : huge[any(z) % 5]);
	default: return f->C_SessionCancel(session(z), number(z));
	}
}

static void *run(void *arg)
{
	fuzzer z = {.state = (uint64_t)(uintptr_t)arg * 2654435761u + 88172645463325252u};
	while (time(NULL) < end)
		for (int i = 0; i < 100; i++) {
			CK_RV rv = call(&z);
			__atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
			if (rv == CKR_OK)
				__atomic_add_fetch(&good, 1, __ATOMIC_RELAXED);
			if (rv == CKR_DEVICE_ERROR || rv == CKR_CRYPTOKI_NOT_INITIALIZED) {
				f->C_Initialize(NULL);
				for (int j = 0; j < 4; j++)
					f->C_OpenSession(0, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &z.sessions[j]);
				f->C_Login(z.sessions[0], CKU_USER, (CK_BYTE *)"1234", 4);
			}
		}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[3];
	CK_RV (*get)(CK_UTF8CHAR_PTR, CK_VERSION *, CK_INTERFACE **, CK_FLAGS) = NULL;
	CK_INTERFACE *interface;
	void *library = argc == 4 ? dlopen(argv[1], RTLD_NOW) : NULL;
	if (library)
		*(void **)&get = dlsym(library, "C_GetInterface");
	if (!get || get(NULL, NULL, &interface, 0) != CKR_OK) {
		fprintf(stderr, "usage: fuzz MODULE SECONDS SEED\n");
		return 2;
	}
	f = interface->pFunctionList;
	end = time(NULL) + atoi(argv[2]);
	for (uintptr_t i = 0; i < 3; i++)
		if (pthread_create(&threads[i], NULL, run, (void *)(i + (uintptr_t)atol(argv[3]) * 3 + 1)) != 0)
			return 1;
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	f->C_Finalize(NULL);
	printf("%lu calls, %lu with CKR_OK\n", calls, good);
	return 0;
}
