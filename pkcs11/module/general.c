/* general.c: the library, slots, tokens and sessions. */
#include <string.h>
#include "call.h"

static CK_RV check_arguments(const CK_C_INITIALIZE_ARGS *a)
{
	if (!a)
		return CKR_OK;
	int given = (a->CreateMutex != NULL) + (a->DestroyMutex != NULL) + (a->LockMutex != NULL) + (a->UnlockMutex != NULL);
	/* Locks are always those of the operating system, which serve a host with mutexes of its own as well. No thread is ever made, so
	 * that CKF_LIBRARY_CANT_CREATE_OS_THREADS, which GnuTLS and NSS set, is no obstacle. */
	return a->pReserved || (given != 0 && given != 4) ? CKR_ARGUMENTS_BAD : CKR_OK;
}

CK_RV C_Initialize(CK_VOID_PTR pInitArgs)
{
	CK_RV rv = check_arguments(pInitArgs);
	return rv == CKR_OK ? link_start() : rv;
}

CK_RV C_Finalize(CK_VOID_PTR pReserved)
{
	return pReserved ? CKR_ARGUMENTS_BAD : link_stop();
}

CK_RV C_GetSlotList(CK_BBOOL tokenPresent, CK_SLOT_ID *pSlotList, CK_ULONG_PTR pulCount)
{
	ENTER(CALL_SLOT_LIST);
	REQUIRE(pulCount);
	wire_put_byte(&x.out, tokenPresent != CK_FALSE);
	return link_leave(&x, wire_list(&x.in, link_call(&x), pSlotList, pulCount));
}

CK_RV C_GetSlotInfo(CK_SLOT_ID slotID, CK_SLOT_INFO *pInfo)
{
	ENTER(CALL_SLOT_INFO);
	REQUIRE(pInfo);
	wire_put_ulong(&x.out, slotID);
	rv = link_call(&x);
	if (rv == CKR_OK) {
		wire_text(&x.in, pInfo->slotDescription, sizeof pInfo->slotDescription);
		wire_text(&x.in, pInfo->manufacturerID, sizeof pInfo->manufacturerID);
		pInfo->flags = wire_ulong(&x.in);
		wire_version(&x.in, &pInfo->hardwareVersion);
		wire_version(&x.in, &pInfo->firmwareVersion);
	}
	return link_leave(&x, rv);
}

CK_RV C_GetTokenInfo(CK_SLOT_ID slotID, CK_TOKEN_INFO *pInfo)
{
	ENTER(CALL_TOKEN_INFO);
	REQUIRE(pInfo);
	wire_put_ulong(&x.out, slotID);
	rv = link_call(&x);
	if (rv == CKR_OK) {
		CK_TOKEN_INFO *i = pInfo;
		CK_ULONG *numbers[] = {&i->flags, &i->ulMaxSessionCount, &i->ulSessionCount, &i->ulMaxRwSessionCount, &i->ulRwSessionCount,
			&i->ulMaxPinLen, &i->ulMinPinLen, &i->ulTotalPublicMemory, &i->ulFreePublicMemory, &i->ulTotalPrivateMemory,
			&i->ulFreePrivateMemory};
		wire_text(&x.in, i->label, sizeof i->label);
		wire_text(&x.in, i->manufacturerID, sizeof i->manufacturerID);
		wire_text(&x.in, i->model, sizeof i->model);
		wire_text(&x.in, i->serialNumber, sizeof i->serialNumber);
		for (size_t n = 0; n < sizeof numbers / sizeof *numbers; n++)
			*numbers[n] = wire_ulong(&x.in);
		wire_version(&x.in, &i->hardwareVersion);
		wire_version(&x.in, &i->firmwareVersion);
		wire_text(&x.in, i->utcTime, sizeof i->utcTime);
	}
	return link_leave(&x, rv);
}

CK_RV C_GetMechanismList(CK_SLOT_ID slotID, CK_MECHANISM_TYPE *pMechanismList, CK_ULONG_PTR pulCount)
{
	ENTER(CALL_MECHANISM_LIST);
	REQUIRE(pulCount);
	wire_put_ulong(&x.out, slotID);
	return link_leave(&x, wire_list(&x.in, link_call(&x), pMechanismList, pulCount));
}

CK_RV C_GetMechanismInfo(CK_SLOT_ID slotID, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *pInfo)
{
	ENTER(CALL_MECHANISM_INFO);
	REQUIRE(pInfo);
	wire_put_ulong(&x.out, slotID);
	wire_put_ulong(&x.out, type);
	rv = link_call(&x);
	if (rv == CKR_OK) {
		pInfo->ulMinKeySize = wire_ulong(&x.in);
		pInfo->ulMaxKeySize = wire_ulong(&x.in);
		pInfo->flags = wire_ulong(&x.in);
	}
	return link_leave(&x, rv);
}

static void put_pin(link_exchange *x, const CK_UTF8CHAR *pin, CK_ULONG n)
{
	if (pin && n > PIN_MAX)
		x->out.failed = CKR_PIN_LEN_RANGE;
	else
		wire_put_bytes(&x->out, pin, n, CKR_PIN_LEN_RANGE);
}

CK_RV C_InitToken(CK_SLOT_ID slotID, CK_UTF8CHAR_PTR pPin, CK_ULONG ulPinLen, CK_UTF8CHAR_PTR pLabel)
{
	ENTER(CALL_INIT_TOKEN);
	REQUIRE(pLabel && (pPin || !ulPinLen));
	wire_put_ulong(&x.out, slotID);
	put_pin(&x, pPin, ulPinLen);
	wire_put_bytes(&x.out, pLabel, 32, CKR_ARGUMENTS_BAD);
	rv = call_plain(&x);
	session_changed();
	return rv;
}

CK_RV C_InitPIN(CK_SESSION_HANDLE hSession, CK_UTF8CHAR_PTR pPin, CK_ULONG ulPinLen)
{
	ENTER(CALL_INIT_PIN);
	REQUIRE(pPin || !ulPinLen);
	wire_put_ulong(&x.out, hSession);
	put_pin(&x, pPin, ulPinLen);
	return call_plain(&x);
}

CK_RV C_SetPIN(CK_SESSION_HANDLE hSession, CK_UTF8CHAR_PTR pOldPin, CK_ULONG ulOldLen, CK_UTF8CHAR_PTR pNewPin, CK_ULONG ulNewLen)
{
	ENTER(CALL_SET_PIN);
	REQUIRE((pOldPin || !ulOldLen) && (pNewPin || !ulNewLen));
	wire_put_ulong(&x.out, hSession);
	put_pin(&x, pOldPin, ulOldLen);
	put_pin(&x, pNewPin, ulNewLen);
	return call_plain(&x);
}

CK_RV C_OpenSession(CK_SLOT_ID slotID, CK_FLAGS flags, CK_VOID_PTR pApplication, CK_NOTIFY Notify, CK_SESSION_HANDLE *phSession)
{
	(void)pApplication;
	(void)Notify; /* nothing is ever surrendered */
	ENTER(CALL_OPEN_SESSION);
	REQUIRE(phSession);
	wire_put_ulong(&x.out, slotID);
	wire_put_ulong(&x.out, flags);
	rv = link_call(&x);
	if (rv == CKR_OK) {
		*phSession = wire_ulong(&x.in);
		if (!x.in.bad)
			session_opened(*phSession, slotID);
	}
	return link_leave(&x, rv);
}

CK_RV C_CloseSession(CK_SESSION_HANDLE hSession)
{
	ENTER(CALL_CLOSE_SESSION);
	wire_put_ulong(&x.out, hSession);
	session_closed(hSession); /* before the number can be given out again */
	return call_plain(&x);
}

CK_RV C_CloseAllSessions(CK_SLOT_ID slotID)
{
	ENTER(CALL_CLOSE_ALL_SESSIONS);
	wire_put_ulong(&x.out, slotID);
	session_closed_all(slotID);
	return call_plain(&x);
}

CK_RV C_GetSessionInfo(CK_SESSION_HANDLE hSession, CK_SESSION_INFO *pInfo)
{
	ENTER(CALL_SESSION_INFO);
	REQUIRE(pInfo);
	wire_put_ulong(&x.out, hSession);
	rv = link_call(&x);
	if (rv == CKR_OK) {
		pInfo->slotID = wire_ulong(&x.in);
		pInfo->state = wire_ulong(&x.in);
		pInfo->flags = wire_ulong(&x.in);
		pInfo->ulDeviceError = wire_ulong(&x.in);
	}
	return link_leave(&x, rv);
}

CK_RV C_Login(CK_SESSION_HANDLE hSession, CK_USER_TYPE userType, CK_UTF8CHAR_PTR pPin, CK_ULONG ulPinLen)
{
	sign_flush(hSession); /* CKU_CONTEXT_SPECIFIC is for the operation under way */
	ENTER(CALL_LOGIN);
	REQUIRE(pPin || !ulPinLen);
	wire_put_ulong(&x.out, hSession);
	wire_put_ulong(&x.out, userType);
	put_pin(&x, pPin, ulPinLen);
	rv = call_plain(&x);
	session_changed();
	return rv;
}

/* A token here has no user names: v3.0 says that an empty one is the same as C_Login. */
CK_RV C_LoginUser(CK_SESSION_HANDLE hSession, CK_USER_TYPE userType, CK_UTF8CHAR_PTR pPin, CK_ULONG ulPinLen, CK_UTF8CHAR_PTR pUsername, CK_ULONG ulUsernameLen)
{
	if (!ulUsernameLen)
		return C_Login(hSession, userType, pPin, ulPinLen);
	ENTER(CALL_LOGIN);
	REQUIRE(pUsername);
	return link_leave(&x, CKR_FUNCTION_NOT_SUPPORTED);
}

CK_RV C_Logout(CK_SESSION_HANDLE hSession)
{
	ENTER(CALL_LOGOUT);
	wire_put_ulong(&x.out, hSession);
	rv = call_plain(&x);
	if (rv == CKR_OK)
		session_logged_out(hSession);
	return rv;
}

CK_RV C_SessionCancel(CK_SESSION_HANDLE hSession, CK_FLAGS flags)
{
	sign_flush(hSession);
	ENTER(CALL_SESSION_CANCEL);
	wire_put_ulong(&x.out, hSession);
	wire_put_ulong(&x.out, flags);
	return call_plain(&x);
}

CK_RV call_abandon(link_exchange *x, CK_RV rv, CK_SESSION_HANDLE h, CK_FLAGS operation)
{
	rv = link_leave(x, rv);
	C_SessionCancel(h, operation);
	return rv;
}

CK_RV C_GetFunctionStatus(CK_SESSION_HANDLE hSession)
{
	(void)hSession;
	ENTER(0);
	return link_leave(&x, CKR_FUNCTION_NOT_PARALLEL);
}

CK_RV C_CancelFunction(CK_SESSION_HANDLE hSession)
{
	return C_GetFunctionStatus(hSession);
}

CK_RV C_WaitForSlotEvent(CK_FLAGS flags, CK_SLOT_ID *pSlot, CK_VOID_PTR pReserved)
{
	ENTER(0);
	REQUIRE(pSlot && !pReserved);
	rv = link_leave(&x, CKR_NO_EVENT);
	return flags & CKF_DONT_BLOCK ? rv : link_wait();
}
