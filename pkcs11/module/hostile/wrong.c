/*
 * wrong.c: a host that gets everything wrong, and what the standard says to that.
 *
 *	wrong MODULE
 *
 * Slot 0 has a token with the user PIN 1234, a P-256 and an RSA key with the labels device and rsa. Afterwards its PIN is locked.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../cryptoki.h"

static CK_FUNCTION_LIST *f;
static CK_FUNCTION_LIST_3_0 *f3;
static int failures;

static void check(const char *call, CK_RV got, CK_RV want, int line)
{
	if (got == want)
		return;
	fprintf(stderr, "wrong.c:%d: %s: 0x%lx, want 0x%lx\n", line, call, got, want);
	failures++;
}
#define IS(call, want) check(#call, (call), (want), __LINE__)
#define OK(call) IS(call, CKR_OK)

static const CK_ULONG minus_one = ~0UL, large = 1UL << 31;
static CK_BYTE data[64], out[512];
static CK_ULONG n;
static CK_MECHANISM ecdsa = {CKM_ECDSA, NULL, 0}, sha256 = {CKM_SHA256, NULL, 0}, pkcs = {CKM_RSA_PKCS, NULL, 0};

static CK_SESSION_HANDLE open_session(CK_FLAGS flags)
{
	CK_SESSION_HANDLE s = 0;
	OK(f->C_OpenSession(0, CKF_SERIAL_SESSION | flags, NULL, NULL, &s));
	return s;
}

static CK_OBJECT_HANDLE find(CK_SESSION_HANDLE s, CK_OBJECT_CLASS class, const char *label)
{
	CK_ATTRIBUTE t[] = {{CKA_CLASS, &class, sizeof class}, {CKA_LABEL, (void *)label, strlen(label)}};
	CK_OBJECT_HANDLE o = 0;
	OK(f->C_FindObjectsInit(s, t, 2));
	OK(f->C_FindObjects(s, &o, 1, &n));
	OK(f->C_FindObjectsFinal(s));
	return o;
}

static void sign_once(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
	OK(f->C_SignInit(s, m, key));
	n = sizeof out;
	OK(f->C_Sign(s, data, 32, out, &n));
}

static void null_pointers(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key)
{
	IS(f->C_GetFunctionList(NULL), CKR_ARGUMENTS_BAD);
	IS(f->C_GetInfo(NULL), CKR_ARGUMENTS_BAD);
	IS(f->C_GetSlotList(1, NULL, NULL), CKR_ARGUMENTS_BAD);
	IS(f->C_GetSlotInfo(0, NULL), CKR_ARGUMENTS_BAD);
	IS(f->C_GetTokenInfo(0, NULL), CKR_ARGUMENTS_BAD);
	IS(f->C_GetMechanismList(0, NULL, NULL), CKR_ARGUMENTS_BAD);
	IS(f->C_GetMechanismInfo(0, CKM_ECDSA, NULL), CKR_ARGUMENTS_BAD);
	IS(f->C_InitToken(0, NULL, 4, data), CKR_ARGUMENTS_BAD);
	IS(f->C_InitToken(0, data, 4, NULL), CKR_ARGUMENTS_BAD);
	IS(f->C_InitPIN(s, NULL, 4), CKR_ARGUMENTS_BAD);
	IS(f->C_SetPIN(s, NULL, 4, data, 4), CKR_ARGUMENTS_BAD);
	IS(f->C_SetPIN(s, data, 4, NULL, 4), CKR_ARGUMENTS_BAD);
	IS(f->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, NULL), CKR_ARGUMENTS_BAD);
	IS(f->C_GetSessionInfo(s, NULL), CKR_ARGUMENTS_BAD);
	IS(f->C_Login(s, CKU_USER, NULL, 4), CKR_ARGUMENTS_BAD);
	IS(f->C_CreateObject(s, NULL, 3, &n), CKR_ARGUMENTS_BAD);
	IS(f->C_CreateObject(s, NULL, 0, NULL), CKR_ARGUMENTS_BAD);
	IS(f->C_CopyObject(s, key, NULL, 1, &n), CKR_ARGUMENTS_BAD);
	IS(f->C_GetObjectSize(s, key, NULL), CKR_ARGUMENTS_BAD);
	IS(f->C_GetAttributeValue(s, key, NULL, 1), CKR_ARGUMENTS_BAD);
	IS(f->C_SetAttributeValue(s, key, NULL, 1), CKR_ARGUMENTS_BAD);
	IS(f->C_FindObjectsInit(s, NULL, 1), CKR_ARGUMENTS_BAD);
	IS(f->C_FindObjects(s, NULL, 1, &n), CKR_ARGUMENTS_BAD);
	IS(f->C_FindObjects(s, &n, 1, NULL), CKR_ARGUMENTS_BAD);
	IS(f->C_EncryptInit(s, NULL, key), CKR_ARGUMENTS_BAD);
	IS(f->C_DecryptInit(s, NULL, key), CKR_ARGUMENTS_BAD);
	IS(f->C_DigestInit(s, NULL), CKR_ARGUMENTS_BAD);
	IS(f->C_SignInit(s, NULL, key), CKR_ARGUMENTS_BAD);
	IS(f->C_VerifyInit(s, NULL, key), CKR_ARGUMENTS_BAD);
	IS(f->C_GenerateKey(s, NULL, NULL, 0, &n), CKR_ARGUMENTS_BAD);
	IS(f->C_GenerateKey(s, &ecdsa, NULL, 0, NULL), CKR_ARGUMENTS_BAD);
	IS(f->C_GenerateKeyPair(s, &ecdsa, NULL, 0, NULL, 0, NULL, &n), CKR_ARGUMENTS_BAD);
	IS(f->C_WrapKey(s, NULL, key, key, out, &n), CKR_ARGUMENTS_BAD);
	IS(f->C_UnwrapKey(s, &ecdsa, key, NULL, 4, NULL, 0, &n), CKR_ARGUMENTS_BAD);
	IS(f->C_DeriveKey(s, NULL, key, NULL, 0, &n), CKR_ARGUMENTS_BAD);
	IS(f->C_SeedRandom(s, NULL, 4), CKR_ARGUMENTS_BAD);
	IS(f->C_GenerateRandom(s, NULL, 4), CKR_ARGUMENTS_BAD);
	IS(f->C_WaitForSlotEvent(CKF_DONT_BLOCK, NULL, NULL), CKR_ARGUMENTS_BAD);
}

/* Bad arguments end an operation, as every error but CKR_BUFFER_TOO_SMALL does. */
static void null_in_operations(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key, CK_OBJECT_HANDLE public)
{
	for (int again = 0; again < 3; again++) { /* the third C_SignInit is held in the library */
		OK(f->C_SignInit(s, &ecdsa, key));
		IS(f->C_SignInit(s, &ecdsa, key), CKR_OPERATION_ACTIVE);
		IS(f->C_Sign(s, NULL, 32, out, &n), CKR_ARGUMENTS_BAD);
		n = sizeof out;
		IS(f->C_Sign(s, data, 32, out, &n), CKR_OPERATION_NOT_INITIALIZED);
		OK(f->C_SignInit(s, &ecdsa, key));
		IS(f->C_Sign(s, data, 32, out, NULL), CKR_ARGUMENTS_BAD);
		OK(f->C_SignInit(s, &ecdsa, key));
		n = 0;
		OK(f->C_Sign(s, data, 32, NULL, &n));
		if (n != 64)
			check("length of a signature", n, 64, __LINE__);
		n = 63;
		IS(f->C_Sign(s, data, 32, out, &n), CKR_BUFFER_TOO_SMALL);
		n = sizeof out;
		OK(f->C_Sign(s, data, 32, out, &n));
		OK(f->C_SignInit(s, &ecdsa, key));
		n = 10;
		IS(f->C_Sign(s, data, 32, out, &n), CKR_BUFFER_TOO_SMALL);
		n = sizeof out;
		OK(f->C_Sign(s, data, 32, out, &n));
		OK(f->C_SignInit(s, &ecdsa, key));
		IS(f->C_Sign(s, data, minus_one, out, &n), CKR_DATA_LEN_RANGE);
		n = sizeof out;
		OK(f->C_SignInit(s, &ecdsa, key));
		OK(f->C_Sign(s, data, 32, out, &n));
	}
	OK(f->C_VerifyInit(s, &ecdsa, public));
	IS(f->C_Verify(s, data, 32, NULL, 64), CKR_ARGUMENTS_BAD);
	OK(f->C_VerifyInit(s, &ecdsa, public));
	IS(f->C_Verify(s, data, 32, out, minus_one), CKR_SIGNATURE_LEN_RANGE);
	OK(f->C_VerifyInit(s, &ecdsa, public));
	IS(f->C_Verify(s, data, 32, out, 63), CKR_SIGNATURE_LEN_RANGE);
	OK(f->C_VerifyInit(s, &ecdsa, public));
	out[5] ^= 1;
	IS(f->C_Verify(s, data, 32, out, 64), CKR_SIGNATURE_INVALID);
	OK(f->C_DigestInit(s, &sha256));
	IS(f->C_DigestInit(s, &sha256), CKR_OPERATION_ACTIVE);
	IS(f->C_DigestUpdate(s, NULL, 10), CKR_ARGUMENTS_BAD);
	IS(f->C_DigestFinal(s, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	OK(f->C_DigestInit(s, &sha256));
	n = 32;
	OK(f->C_Digest(s, NULL, 0, out, &n));
	IS(f->C_Digest(s, data, 1, out, &n), CKR_OPERATION_NOT_INITIALIZED);
}

/* What ends an operation of the token ends one that C_SignInit holds in the library. */
static void held(CK_SESSION_HANDLE s)
{
	CK_BYTE no = 0, yes = 1;
	CK_ULONG length = 32;
	CK_ATTRIBUTE t[] = {{CKA_TOKEN, &no, 1}, {CKA_SIGN, &yes, 1}, {CKA_VALUE_LEN, &length, sizeof length}};
	CK_MECHANISM hmac = {CKM_SHA256_HMAC, NULL, 0}, generate = {0x350 /* CKM_GENERIC_SECRET_KEY_GEN */, NULL, 0};
	CK_OBJECT_HANDLE secret, other, key;
	for (int again = 0; again < 2; again++) {
		key = find(s, CKO_PRIVATE_KEY, "device");
		sign_once(s, &ecdsa, key);
		OK(f->C_SignInit(s, &ecdsa, key));
		OK(f->C_Logout(s));
		n = sizeof out;
		if (again)
			IS(f->C_Sign(s, data, 32, out, &n), CKR_OPERATION_NOT_INITIALIZED);
		else
			IS(f->C_SignInit(s, &ecdsa, key), CKR_KEY_HANDLE_INVALID);
		OK(f->C_Login(s, CKU_USER, (CK_BYTE *)"1234", 4));
	}
	key = find(s, CKO_PRIVATE_KEY, "device");
	sign_once(s, &ecdsa, key);

	OK(f->C_GenerateKey(s, &generate, t, 3, &secret));
	OK(f->C_GenerateKey(s, &generate, t, 3, &other));
	sign_once(s, &hmac, secret);
	OK(f->C_SignInit(s, &hmac, secret));
	OK(f->C_DestroyObject(s, other));
	IS(f->C_SignInit(s, &ecdsa, key), CKR_OPERATION_ACTIVE);
	OK(f->C_DestroyObject(s, secret));
	sign_once(s, &ecdsa, key);
}

static void handles(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key)
{
	const CK_ULONG strange[] = {0, large, large - 1, large * 2 - 1, minus_one, minus_one - 1, 0x5A5A5A5A5A5A5A5A};
	CK_SESSION_INFO info;
	CK_ATTRIBUTE a = {CKA_LABEL, NULL, 0};
	for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
		CK_ULONG h = strange[i];
		IS(f->C_GetSessionInfo(h, &info), CKR_SESSION_HANDLE_INVALID);
		IS(f->C_CloseSession(h), CKR_SESSION_HANDLE_INVALID);
		IS(f->C_SignInit(h, &ecdsa, key), CKR_SESSION_HANDLE_INVALID);
		n = sizeof out;
		IS(f->C_Sign(h, data, 32, out, &n), CKR_SESSION_HANDLE_INVALID);
		IS(f->C_GenerateRandom(h, out, 8), CKR_SESSION_HANDLE_INVALID);
		IS(f->C_SignInit(s, &ecdsa, h), CKR_KEY_HANDLE_INVALID);
		IS(f->C_VerifyInit(s, &ecdsa, h), CKR_KEY_HANDLE_INVALID);
		IS(f->C_DestroyObject(s, h), CKR_OBJECT_HANDLE_INVALID);
		IS(f->C_GetAttributeValue(s, h, &a, 1), CKR_OBJECT_HANDLE_INVALID);
		if (h) {
			CK_SLOT_INFO slot;
			IS(f->C_GetSlotInfo(h, &slot), CKR_SLOT_ID_INVALID);
			IS(f->C_OpenSession(h, CKF_SERIAL_SESSION, NULL, NULL, &n), CKR_SLOT_ID_INVALID);
		}
	}
	IS(f->C_OpenSession(0, 0, NULL, NULL, &n), CKR_SESSION_PARALLEL_NOT_SUPPORTED);
}

static void attributes(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key)
{
	CK_BYTE b[64];
	CK_ATTRIBUTE some[] = {{CKA_LABEL, b, sizeof b}, {CKA_VALUE, b, sizeof b}, {0x80001234, b, sizeof b}, {CKA_ID, b, 0}, {CKA_KEY_TYPE, NULL, 0}};
	CK_RV rv = f->C_GetAttributeValue(s, key, some, 5);
	if (rv != CKR_ATTRIBUTE_SENSITIVE && rv != CKR_ATTRIBUTE_TYPE_INVALID && rv != CKR_BUFFER_TOO_SMALL)
		check("some attributes", rv, CKR_ATTRIBUTE_SENSITIVE, __LINE__);
	check("label", some[0].ulValueLen, 6, __LINE__);
	check("value", some[1].ulValueLen, minus_one, __LINE__);
	check("unknown", some[2].ulValueLen, minus_one, __LINE__);
	check("too small", some[3].ulValueLen, minus_one, __LINE__);
	check("length", some[4].ulValueLen, sizeof(CK_ULONG), __LINE__);

	enum { MANY = 10000 };
	CK_ATTRIBUTE *many = calloc(MANY + 10000, sizeof *many);
	CK_BYTE yes = 1;
	for (int i = 0; i < MANY + 10000; i++)
		many[i] = (CK_ATTRIBUTE){CKA_TOKEN, &yes, 1};
	OK(f->C_GetAttributeValue(s, key, many, MANY));
	for (int i = 0; i < MANY; i++)
		many[i] = (CK_ATTRIBUTE){CKA_LABEL, "x", 1};
	rv = f->C_CreateObject(s, many, MANY, &n);
	if (rv != CKR_TEMPLATE_INCONSISTENT && rv != CKR_TEMPLATE_INCOMPLETE)
		check("C_CreateObject of 10,000 attributes", rv, CKR_TEMPLATE_INCONSISTENT, __LINE__);
	IS(f->C_CreateObject(s, many, MANY + 10000, &n), CKR_TEMPLATE_INCONSISTENT);
	IS(f->C_CreateObject(s, many, minus_one, &n), CKR_TEMPLATE_INCONSISTENT);
	IS(f->C_GetAttributeValue(s, key, many, minus_one), CKR_TEMPLATE_INCONSISTENT);
	rv = f->C_FindObjectsInit(s, many, MANY);
	if (rv == CKR_OK)
		OK(f->C_FindObjectsFinal(s));
	free(many);
	CK_ATTRIBUTE long_one = {CKA_LABEL, "x", minus_one}, null = {CKA_LABEL, NULL, 5}, nested = {CKA_WRAP_TEMPLATE, &long_one, sizeof long_one};
	IS(f->C_CreateObject(s, &long_one, 1, &n), CKR_ATTRIBUTE_VALUE_INVALID);
	IS(f->C_CreateObject(s, &null, 1, &n), CKR_ATTRIBUTE_VALUE_INVALID);
	IS(f->C_CreateObject(s, &nested, 1, &n), CKR_ATTRIBUTE_TYPE_INVALID);
	IS(f->C_FindObjectsInit(s, &long_one, 1), CKR_ATTRIBUTE_VALUE_INVALID);
}

static void mechanisms(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key, CK_OBJECT_HANDLE rsa)
{
	CK_RSA_PKCS_PSS_PARAMS pss = {CKM_SHA256, CKG_MGF1_SHA256, 32};
	CK_MECHANISM m = {0x7FFFFFFF, NULL, 0};
	IS(f->C_SignInit(s, &m, key), CKR_MECHANISM_INVALID);
	IS(f->C_SignInit(s, &pkcs, key), CKR_KEY_TYPE_INCONSISTENT);
	m = (CK_MECHANISM){CKM_RSA_PKCS_PSS, &pss, sizeof pss - 1};
	IS(f->C_SignInit(s, &m, rsa), CKR_MECHANISM_PARAM_INVALID);
	m = (CK_MECHANISM){CKM_RSA_PKCS_PSS, NULL, sizeof pss};
	IS(f->C_SignInit(s, &m, rsa), CKR_MECHANISM_PARAM_INVALID);
	m = (CK_MECHANISM){CKM_RSA_PKCS_PSS, &pss, sizeof pss};
	pss.sLen = minus_one;
	IS(f->C_SignInit(s, &m, rsa), CKR_MECHANISM_PARAM_INVALID);
	m = (CK_MECHANISM){CKM_ECDSA, data, minus_one};
	IS(f->C_SignInit(s, &m, key), CKR_MECHANISM_PARAM_INVALID);
	OK(f->C_SignInit(s, &pkcs, rsa));
	n = sizeof out;
	IS(f->C_Sign(s, out, 300, out, &n), CKR_DATA_LEN_RANGE);
}

static void states(void)
{
	CK_SESSION_HANDLE s = open_session(0), rw = open_session(CKF_RW_SESSION);
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_BYTE yes = 1;
	CK_ATTRIBUTE t[] = {{CKA_CLASS, &class, sizeof class}, {CKA_TOKEN, &yes, 1}, {CKA_LABEL, "x", 1}};
	IS(f->C_CreateObject(s, t, 3, &n), CKR_SESSION_READ_ONLY);
	IS(f->C_SetPIN(s, (CK_BYTE *)"1234", 4, (CK_BYTE *)"5678", 4), CKR_SESSION_READ_ONLY);
	IS(f->C_Login(rw, CKU_USER, (CK_BYTE *)"1234", 4), CKR_USER_ALREADY_LOGGED_IN);
	OK(f->C_Logout(rw));
	IS(f->C_Logout(rw), CKR_USER_NOT_LOGGED_IN);
	IS(f->C_InitPIN(rw, (CK_BYTE *)"5678", 4), CKR_USER_NOT_LOGGED_IN);
	IS(f->C_Login(rw, 77, (CK_BYTE *)"1234", 4), 0x103 /* CKR_USER_TYPE_INVALID */);
	IS(f->C_Login(rw, CKU_USER, (CK_BYTE *)"1234", minus_one), CKR_PIN_LEN_RANGE);
	IS(f->C_FindObjects(s, &n, 1, &n), CKR_OPERATION_NOT_INITIALIZED);
	IS(f->C_FindObjectsFinal(s), CKR_OPERATION_NOT_INITIALIZED);
	OK(f->C_FindObjectsInit(s, NULL, 0));
	IS(f->C_FindObjectsInit(s, NULL, 0), CKR_OPERATION_ACTIVE);
	OK(f->C_FindObjectsFinal(s));
	CK_RV rv;
	int tries = 0;
	while ((rv = f->C_Login(rw, CKU_USER, (CK_BYTE *)"9999", 4)) == CKR_PIN_INCORRECT && tries++ < 50)
		;
	check("a wrong PIN, many times", rv, CKR_PIN_LOCKED, __LINE__);
	IS(f->C_Login(rw, CKU_USER, (CK_BYTE *)"1234", 4), CKR_PIN_LOCKED);
}

static void unsupported(CK_SESSION_HANDLE s)
{
	IS(f->C_GetOperationState(s, out, &n), CKR_FUNCTION_NOT_SUPPORTED);
	IS(f->C_SignRecoverInit(s, &pkcs, 1), CKR_FUNCTION_NOT_SUPPORTED);
	IS(f->C_DigestEncryptUpdate(s, data, 1, out, &n), CKR_FUNCTION_NOT_SUPPORTED);
	IS(f->C_GetFunctionStatus(s), CKR_FUNCTION_NOT_PARALLEL);
	IS(f->C_CancelFunction(s), CKR_FUNCTION_NOT_PARALLEL);
	IS(f3->C_MessageSignInit(s, &pkcs, 1), CKR_FUNCTION_NOT_SUPPORTED);
	IS(f3->C_MessageVerifyFinal(s), CKR_FUNCTION_NOT_SUPPORTED);
	IS(f3->C_LoginUser(s, CKU_USER, (CK_BYTE *)"1234", 4, (CK_BYTE *)"me", 2), CKR_FUNCTION_NOT_SUPPORTED);
	IS(f3->C_LoginUser(s, CKU_USER, (CK_BYTE *)"1234", 4, NULL, 0), CKR_USER_ALREADY_LOGGED_IN);
	OK(f->C_DigestInit(s, &sha256));
	OK(f3->C_SessionCancel(s, CKF_DIGEST));
	IS(f->C_DigestUpdate(s, data, 1), CKR_OPERATION_NOT_INITIALIZED);
}

/* In v3.0 no mechanism ends the operation; in v2.40 it is a bad argument. */
static void no_mechanism(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key, CK_OBJECT_HANDLE public, CK_OBJECT_HANDLE rsa, CK_OBJECT_HANDLE rsa_public)
{
	for (int again = 0; again < 2; again++) {
		OK(f3->C_SignInit(s, &ecdsa, key));
		OK(f3->C_SignInit(s, NULL, 0));
		OK(f3->C_VerifyInit(s, &ecdsa, public));
		OK(f3->C_VerifyInit(s, NULL, 0));
		OK(f3->C_DigestInit(s, &sha256));
		OK(f3->C_DigestInit(s, NULL));
		OK(f3->C_EncryptInit(s, &pkcs, rsa_public));
		OK(f3->C_EncryptInit(s, NULL, 0));
		OK(f3->C_DecryptInit(s, &pkcs, rsa));
		OK(f3->C_DecryptInit(s, NULL, 0));
		sign_once(s, &ecdsa, key);
	}
	IS(f->C_SignInit(s, NULL, 0), CKR_ARGUMENTS_BAD);
	IS(f3->C_SignInit(0, NULL, 0), CKR_SESSION_HANDLE_INVALID);
}

static void interfaces(void *library)
{
	CK_RV (*get)(CK_UTF8CHAR_PTR, CK_VERSION *, CK_INTERFACE **, CK_FLAGS);
	CK_RV (*list)(CK_INTERFACE *, CK_ULONG_PTR);
	*(void **)&get = dlsym(library, "C_GetInterface");
	*(void **)&list = dlsym(library, "C_GetInterfaceList");
	CK_INTERFACE *i, both[2];
	CK_VERSION v = {2, 40}, none = {4, 0};
	CK_INFO info;
	OK(get(NULL, NULL, &i, 0));
	f3 = i->pFunctionList;
	check("default", f3->version.major, 3, __LINE__);
	OK(get((CK_BYTE *)"PKCS 11", &v, &i, 0));
	check("asked for 2.40", ((CK_FUNCTION_LIST *)i->pFunctionList)->version.minor, 40, __LINE__);
	IS(get((CK_BYTE *)"PKCS 11", &none, &i, 0), CKR_FUNCTION_FAILED);
	IS(get((CK_BYTE *)"Vendor", NULL, &i, 0), CKR_FUNCTION_FAILED);
	IS(get(NULL, NULL, &i, 1), CKR_FUNCTION_FAILED);
	IS(get(NULL, NULL, NULL, 0), CKR_ARGUMENTS_BAD);
	IS(list(NULL, NULL), CKR_ARGUMENTS_BAD);
	OK(list(NULL, &n));
	check("interfaces", n, 2, __LINE__);
	n = 1;
	IS(list(both, &n), CKR_BUFFER_TOO_SMALL);
	OK(list(both, &n));
	OK(f->C_GetInfo(&info));
	check("version of the old list", info.cryptokiVersion.major, 2, __LINE__);
	OK(f3->C_GetInfo(&info));
	check("version of the new list", info.cryptokiVersion.major, 3, __LINE__);
	for (void **p = (void **)&f->C_Initialize; p <= (void **)&f->C_WaitForSlotEvent; p++)
		check("a missing function", *p == NULL, 0, __LINE__);
	for (void **p = (void **)&f3->C_Initialize; p <= (void **)&f3->C_MessageVerifyFinal; p++)
		check("a missing function of v3.0", *p == NULL, 0, __LINE__);
}

int main(int argc, char **argv)
{
	void *library = argc == 2 ? dlopen(argv[1], RTLD_NOW) : NULL;
	CK_RV (*get)(CK_FUNCTION_LIST **) = NULL;
	if (library)
		*(void **)&get = dlsym(library, "C_GetFunctionList");
	if (!get) {
		fprintf(stderr, "usage: wrong MODULE\n%s\n", dlerror());
		return 2;
	}
	OK(get(&f));
	OK(f->C_Initialize(NULL));
	interfaces(library);
	CK_SESSION_HANDLE s = open_session(CKF_RW_SESSION);
	IS(f->C_Login(s, CKU_USER, (CK_BYTE *)"4321", 4), CKR_PIN_INCORRECT);
	OK(f->C_Login(s, CKU_USER, (CK_BYTE *)"1234", 4));
	CK_OBJECT_HANDLE key = find(s, CKO_PRIVATE_KEY, "device"), public = find(s, CKO_PUBLIC_KEY, "device"), rsa = find(s, CKO_PRIVATE_KEY, "rsa");
	null_pointers(s, key);
	null_in_operations(s, key, public);
	handles(s, key);
	attributes(s, key);
	mechanisms(s, key, rsa);
	unsupported(s);
	no_mechanism(s, key, public, rsa, find(s, CKO_PUBLIC_KEY, "rsa"));
	held(s);
	states();
	OK(f->C_Finalize(NULL));
	if (failures)
		fprintf(stderr, "%d wrong answers\n", failures);
	else
		puts("every answer is that of the standard");
	return failures != 0;
}
