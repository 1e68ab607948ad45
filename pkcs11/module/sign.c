/* sign.c: signatures. C_SignInit is held here when its answer is known, see session.h. */
#include "call.h"

static CK_RV send_init(CK_SESSION_HANDLE h, const uint8_t *p, size_t n)
{
	ENTER(CALL_SIGN_INIT);
	wire_put_ulong(&x.out, h);
	wire_put_raw(&x.out, p, n);
	return call_plain(&x);
}

/* Sends what is held, before a call that could tell. */
void sign_flush(CK_SESSION_HANDLE h)
{
	sign_start s;
	if (session_take_held(h, &s) && send_init(h, s.bytes, s.len) == CKR_OK)
		session_sign_active(h, true);
}

CK_RV C_SignInit(CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hKey)
{
	ENTER(CALL_SIGN_INIT);
	REQUIRE(pMechanism);
	wire_put_ulong(&x.out, hSession);
	size_t at = x.out.len;
	wire_put_mechanism(&x.out, pMechanism);
	wire_put_ulong(&x.out, hKey);
	if (x.out.failed)
		return link_leave(&x, x.out.failed);

	unsigned long asked;
	switch (session_sign_init(hSession, x.out.data + at, x.out.len - at, &asked)) {
	case SIGN_HELD:
		return link_leave(&x, CKR_OK);
	case SIGN_ACTIVE:
		return link_leave(&x, CKR_OPERATION_ACTIVE);
	case SIGN_ASK:
		rv = link_call(&x);
		if (rv == CKR_OK)
			session_sign_accepted(hSession, x.out.data + at, x.out.len - at, asked);
	}
	return link_leave(&x, rv);
}

/* An operation stays after CKR_BUFFER_TOO_SMALL, and when only the length was asked for. */
static bool stays(CK_RV rv, const CK_BYTE *out)
{
	return rv == CKR_BUFFER_TOO_SMALL || (rv == CKR_OK && !out);
}

static CK_RV sign(CK_SESSION_HANDLE h, const sign_start *start, const CK_BYTE *data, CK_ULONG n, CK_BYTE *out, CK_ULONG *outLen)
{
	static const CK_BYTE empty;
	ENTER(start ? CALL_SIGN_ONCE : CALL_SIGN);
	if (!outLen || (!data && n))
		return call_abandon(&x, CKR_ARGUMENTS_BAD, h, CKF_SIGN);
	wire_put_ulong(&x.out, h);
	if (start)
		wire_put_raw(&x.out, start->bytes, start->len);
	wire_put_bytes(&x.out, data ? data : &empty, n, CKR_DATA_LEN_RANGE);
	if (x.out.failed)
		return call_abandon(&x, x.out.failed, h, CKF_SIGN);
	rv = call_output(&x, out, outLen);
	/* Since C_SignInit somebody has destroyed the key, which ends the operation, or has used the session for another. */
	if (start && (rv == CKR_KEY_HANDLE_INVALID || rv == CKR_OPERATION_ACTIVE))
		rv = CKR_OPERATION_NOT_INITIALIZED;
	return rv;
}

CK_RV C_Sign(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pData, CK_ULONG ulDataLen, CK_BYTE_PTR pOut, CK_ULONG_PTR pulOutLen)
{
	sign_start start;
	bool held = session_take_held(hSession, &start);
	CK_RV rv = sign(hSession, held ? &start : NULL, pData, ulDataLen, pOut, pulOutLen);
	session_sign_active(hSession, stays(rv, pOut));
	return rv;
}

CK_RV C_SignUpdate(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pPart, CK_ULONG ulPartLen)
{
	sign_flush(hSession);
	return call_update(CALL_SIGN_UPDATE, CKF_SIGN, hSession, pPart, ulPartLen);
}

CK_RV C_SignFinal(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pOut, CK_ULONG_PTR pulOutLen)
{
	sign_flush(hSession);
	ENTER(CALL_SIGN_FINAL);
	if (!pulOutLen)
		return call_abandon(&x, CKR_ARGUMENTS_BAD, hSession, CKF_SIGN);
	wire_put_ulong(&x.out, hSession);
	rv = call_output(&x, pOut, pulOutLen);
	session_sign_active(hSession, stays(rv, pOut));
	return rv;
}
