/*
 * functions.c: the lists of functions, C_GetInfo, and the functions that are not supported.
 *
 * A host reaches everything through a list, and gets the list from C_GetFunctionList or C_GetInterface, before C_Initialize if it likes.
 */
#include <string.h>
#include "call.h"

static CK_RV get_info_3_0(CK_INFO *pInfo);

#define X(name, params) name,
static CK_FUNCTION_LIST list_2_40 = {{2, 40}, CK_FUNCTIONS_2_40(X)};
static CK_FUNCTION_LIST_3_0 list_3_0 = {{3, 0}, CK_FUNCTIONS_2_40(X) CK_FUNCTIONS_3_0(X)};
#undef X

/* The newest is the default. */
static CK_INTERFACE interfaces[] = {
	{(CK_UTF8CHAR *)"PKCS 11", &list_3_0, 0},
	{(CK_UTF8CHAR *)"PKCS 11", &list_2_40, 0},
};
enum { INTERFACES = sizeof interfaces / sizeof *interfaces };

/* In v3.0 an operation is begun with no mechanism to end the one under way. */
#define INIT_3_0(name, operation) \
	static CK_RV name##_3_0(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE key) \
	{ \
		return m ? name(h, m, key) : C_SessionCancel(h, operation); \
	}
INIT_3_0(C_EncryptInit, CKF_ENCRYPT)
INIT_3_0(C_DecryptInit, CKF_DECRYPT)
INIT_3_0(C_SignInit, CKF_SIGN)
INIT_3_0(C_VerifyInit, CKF_VERIFY)

static CK_RV C_DigestInit_3_0(CK_SESSION_HANDLE h, CK_MECHANISM *m)
{
	return m ? C_DigestInit(h, m) : C_SessionCancel(h, CKF_DIGEST);
}

__attribute__((constructor)) static void loaded(void)
{
	list_3_0.C_GetInfo = get_info_3_0; /* the version of Cryptoki is that of the list */
	list_3_0.C_EncryptInit = C_EncryptInit_3_0;
	list_3_0.C_DecryptInit = C_DecryptInit_3_0;
	list_3_0.C_DigestInit = C_DigestInit_3_0;
	list_3_0.C_SignInit = C_SignInit_3_0;
	list_3_0.C_VerifyInit = C_VerifyInit_3_0;
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **ppFunctionList)
{
	if (!ppFunctionList)
		return CKR_ARGUMENTS_BAD;
	*ppFunctionList = &list_2_40;
	return CKR_OK;
}

CK_RV C_GetInterfaceList(CK_INTERFACE *pInterfacesList, CK_ULONG_PTR pulCount)
{
	if (!pulCount)
		return CKR_ARGUMENTS_BAD;
	CK_RV rv = pInterfacesList && *pulCount < INTERFACES ? CKR_BUFFER_TOO_SMALL : CKR_OK;
	if (pInterfacesList && rv == CKR_OK)
		memcpy(pInterfacesList, interfaces, sizeof interfaces);
	*pulCount = INTERFACES;
	return rv;
}

/* There is no fork-safe interface: a child calls C_Initialize again. */
CK_RV C_GetInterface(CK_UTF8CHAR_PTR pInterfaceName, CK_VERSION *pVersion, CK_INTERFACE **ppInterface, CK_FLAGS flags)
{
	if (!ppInterface)
		return CKR_ARGUMENTS_BAD;
	for (int i = 0; i < INTERFACES; i++) {
		const CK_VERSION *v = interfaces[i].pFunctionList; /* every list begins with it */
		if (pInterfaceName && strcmp((const char *)pInterfaceName, (const char *)interfaces[i].pInterfaceName) != 0)
			continue;
		if (pVersion && (pVersion->major != v->major || pVersion->minor != v->minor))
			continue;
		if (flags & ~interfaces[i].flags)
			continue;
		*ppInterface = &interfaces[i];
		return CKR_OK;
	}
	return CKR_FUNCTION_FAILED;
}

static void blank(CK_UTF8CHAR *field, size_t size, const char *text)
{
	memset(field, ' ', size);
	memcpy(field, text, strlen(text));
}

static CK_RV get_info(CK_INFO *pInfo, CK_VERSION version)
{
	ENTER(0);
	REQUIRE(pInfo);
	memset(pInfo, 0, sizeof *pInfo);
	pInfo->cryptokiVersion = version;
	blank(pInfo->manufacturerID, sizeof pInfo->manufacturerID, "Thingward");
	blank(pInfo->libraryDescription, sizeof pInfo->libraryDescription, "Thingward token");
	pInfo->libraryVersion = (CK_VERSION){0, 1};
	return link_leave(&x, CKR_OK);
}

CK_RV C_GetInfo(CK_INFO *pInfo)
{
	return get_info(pInfo, list_2_40.version);
}

static CK_RV get_info_3_0(CK_INFO *pInfo)
{
	return get_info(pInfo, list_3_0.version);
}

/* Not supported, and so they say, once the library is initialised. */
static CK_RV unsupported(void)
{
	ENTER(0);
	return link_leave(&x, CKR_FUNCTION_NOT_SUPPORTED);
}

#pragma GCC diagnostic ignored "-Wunused-parameter"
CK_RV C_GetOperationState(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pState, CK_ULONG_PTR pulStateLen) { return unsupported(); }
CK_RV C_SetOperationState(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pState, CK_ULONG ulStateLen, CK_OBJECT_HANDLE hEncryptionKey, CK_OBJECT_HANDLE hAuthenticationKey) { return unsupported(); }
CK_RV C_SignRecoverInit(CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hKey) { return unsupported(); }
CK_RV C_SignRecover(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pData, CK_ULONG ulDataLen, CK_BYTE_PTR pOut, CK_ULONG_PTR pulOutLen) { return unsupported(); }
CK_RV C_VerifyRecoverInit(CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hKey) { return unsupported(); }
CK_RV C_VerifyRecover(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pSignature, CK_ULONG ulSignatureLen, CK_BYTE_PTR pOut, CK_ULONG_PTR pulOutLen) { return unsupported(); }
CK_RV C_DigestEncryptUpdate(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pPart, CK_ULONG ulPartLen, CK_BYTE_PTR pOut, CK_ULONG_PTR pulOutLen) { return unsupported(); }
CK_RV C_DecryptDigestUpdate(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pPart, CK_ULONG ulPartLen, CK_BYTE_PTR pOut, CK_ULONG_PTR pulOutLen) { return unsupported(); }
CK_RV C_SignEncryptUpdate(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pPart, CK_ULONG ulPartLen, CK_BYTE_PTR pOut, CK_ULONG_PTR pulOutLen) { return unsupported(); }
CK_RV C_DecryptVerifyUpdate(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pPart, CK_ULONG ulPartLen, CK_BYTE_PTR pOut, CK_ULONG_PTR pulOutLen) { return unsupported(); }
CK_RV C_MessageEncryptInit(CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hKey) { return unsupported(); }
CK_RV C_EncryptMessage(CK_SESSION_HANDLE hSession, CK_VOID_PTR pParameter, CK_ULONG ulParameterLen, CK_BYTE_PTR pAad, CK_ULONG ulAadLen, CK_BYTE_PTR pIn, CK_ULONG ulInLen, CK_BYTE_PTR pOut, CK_ULONG_PTR pulOutLen) { return unsupported(); }
CK_RV C_EncryptMessageBegin(CK_SESSION_HANDLE hSession, CK_VOID_PTR pParameter, CK_ULONG ulParameterLen, CK_BYTE_PTR pAad, CK_ULONG ulAadLen) { return unsupported(); }
CK_RV C_EncryptMessageNext(CK_SESSION_HANDLE hSession, CK_VOID_PTR pParameter, CK_ULONG ulParameterLen, CK_BYTE_PTR pIn, CK_ULONG ulInLen, CK_BYTE_PTR pOut, CK_ULONG_PTR pulOutLen, CK_FLAGS flags) { return unsupported(); }
CK_RV C_MessageEncryptFinal(CK_SESSION_HANDLE hSession) { return unsupported(); }
CK_RV C_MessageDecryptInit(CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hKey) { return unsupported(); }
CK_RV C_DecryptMessage(CK_SESSION_HANDLE hSession, CK_VOID_PTR pParameter, CK_ULONG ulParameterLen, CK_BYTE_PTR pAad, CK_ULONG ulAadLen, CK_BYTE_PTR pIn, CK_ULONG ulInLen, CK_BYTE_PTR pOut, CK_ULONG_PTR pulOutLen) { return unsupported(); }
CK_RV C_DecryptMessageBegin(CK_SESSION_HANDLE hSession, CK_VOID_PTR pParameter, CK_ULONG ulParameterLen, CK_BYTE_PTR pAad, CK_ULONG ulAadLen) { return unsupported(); }
CK_RV C_DecryptMessageNext(CK_SESSION_HANDLE hSession, CK_VOID_PTR pParameter, CK_ULONG ulParameterLen, CK_BYTE_PTR pIn, CK_ULONG ulInLen, CK_BYTE_PTR pOut, CK_ULONG_PTR pulOutLen, CK_FLAGS flags) { return unsupported(); }
CK_RV C_MessageDecryptFinal(CK_SESSION_HANDLE hSession) { return unsupported(); }
CK_RV C_MessageSignInit(CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hKey) { return unsupported(); }
CK_RV C_SignMessage(CK_SESSION_HANDLE hSession, CK_VOID_PTR pParameter, CK_ULONG ulParameterLen, CK_BYTE_PTR pData, CK_ULONG ulDataLen, CK_BYTE_PTR pOut, CK_ULONG_PTR pulOutLen) { return unsupported(); }
CK_RV C_SignMessageBegin(CK_SESSION_HANDLE hSession, CK_VOID_PTR pParameter, CK_ULONG ulParameterLen) { return unsupported(); }
CK_RV C_SignMessageNext(CK_SESSION_HANDLE hSession, CK_VOID_PTR pParameter, CK_ULONG ulParameterLen, CK_BYTE_PTR pData, CK_ULONG ulDataLen, CK_BYTE_PTR pOut, CK_ULONG_PTR pulOutLen) { return unsupported(); }
CK_RV C_MessageSignFinal(CK_SESSION_HANDLE hSession) { return unsupported(); }
CK_RV C_MessageVerifyInit(CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hKey) { return unsupported(); }
CK_RV C_VerifyMessage(CK_SESSION_HANDLE hSession, CK_VOID_PTR pParameter, CK_ULONG ulParameterLen, CK_BYTE_PTR pData, CK_ULONG ulDataLen, CK_BYTE_PTR pSignature, CK_ULONG ulSignatureLen) { return unsupported(); }
CK_RV C_VerifyMessageBegin(CK_SESSION_HANDLE hSession, CK_VOID_PTR pParameter, CK_ULONG ulParameterLen) { return unsupported(); }
CK_RV C_VerifyMessageNext(CK_SESSION_HANDLE hSession, CK_VOID_PTR pParameter, CK_ULONG ulParameterLen, CK_BYTE_PTR pData, CK_ULONG ulDataLen, CK_BYTE_PTR pSignature, CK_ULONG ulSignatureLen) { return unsupported(); }
CK_RV C_MessageVerifyFinal(CK_SESSION_HANDLE hSession) { return unsupported(); }
