/* crypt.c: encryption, decryption, digests and verification; signatures have sign.c. */
#include "call.h"

static CK_RV init(uint8_t call, CK_SESSION_HANDLE h, const CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
	ENTER(call);
	REQUIRE(m);
	wire_put_ulong(&x.out, h);
	wire_put_mechanism(&x.out, m);
	wire_put_ulong(&x.out, key);
	return call_plain(&x);
}

/* A call with data and output: bad arguments end the operation. */
static CK_RV transform(uint8_t call, CK_FLAGS operation, CK_SESSION_HANDLE h, const CK_BYTE *data, CK_ULONG n, CK_BYTE *out, CK_ULONG *outLen)
{
	static const CK_BYTE empty;
	ENTER(call);
	if (!outLen || (!data && n))
		return call_abandon(&x, CKR_ARGUMENTS_BAD, h, operation);
	wire_put_ulong(&x.out, h);
	wire_put_bytes(&x.out, data ? data : &empty, n, operation == CKF_DECRYPT ? CKR_ENCRYPTED_DATA_LEN_RANGE : CKR_DATA_LEN_RANGE);
	if (x.out.failed)
		return call_abandon(&x, x.out.failed, h, operation);
	return call_output(&x, out, outLen);
}

static CK_RV final(uint8_t call, CK_FLAGS operation, CK_SESSION_HANDLE h, CK_BYTE *out, CK_ULONG *outLen)
{
	ENTER(call);
	if (!outLen)
		return call_abandon(&x, CKR_ARGUMENTS_BAD, h, operation);
	wire_put_ulong(&x.out, h);
	return call_output(&x, out, outLen);
}

static CK_RV update_part(uint8_t call, CK_FLAGS operation, CK_SESSION_HANDLE h, const CK_BYTE *part, CK_ULONG n)
{
	static const CK_BYTE empty;
	ENTER(call);
	if (!part && n)
		return call_abandon(&x, CKR_ARGUMENTS_BAD, h, operation);
	wire_put_ulong(&x.out, h);
	wire_put_bytes(&x.out, part ? part : &empty, n, CKR_DATA_LEN_RANGE);
	if (x.out.failed)
		return call_abandon(&x, x.out.failed, h, operation);
	return call_plain(&x);
}

/* A part may be as large as the host likes, up to what no buffer has. */
CK_RV call_update(uint8_t call, CK_FLAGS operation, CK_SESSION_HANDLE h, const CK_BYTE *part, CK_ULONG n)
{
	if (n > (CK_ULONG)-1 / 4)
		return update_part(call, operation, h, part, n);
	CK_RV rv;
	do {
		CK_ULONG some = n < PART_MAX ? n : PART_MAX;
		rv = update_part(call, operation, h, part, some);
		if (part)
			part += some;
		n -= some;
	} while (rv == CKR_OK && n > 0);
	return rv;
}

CK_RV C_EncryptInit(CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hKey)
{
	return init(CALL_ENCRYPT_INIT, hSession, pMechanism, hKey);
}

CK_RV C_Encrypt(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pData, CK_ULONG ulDataLen, CK_BYTE_PTR pOut, CK_ULONG_PTR pulOutLen)
{
	return transform(CALL_ENCRYPT, CKF_ENCRYPT, hSession, pData, ulDataLen, pOut, pulOutLen);
}

CK_RV C_EncryptUpdate(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pPart, CK_ULONG ulPartLen, CK_BYTE_PTR pOut, CK_ULONG_PTR pulOutLen)
{
	return transform(CALL_ENCRYPT_UPDATE, CKF_ENCRYPT, hSession, pPart, ulPartLen, pOut, pulOutLen);
}

CK_RV C_EncryptFinal(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pOut, CK_ULONG_PTR pulOutLen)
{
	return final(CALL_ENCRYPT_FINAL, CKF_ENCRYPT, hSession, pOut, pulOutLen);
}

CK_RV C_DecryptInit(CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hKey)
{
	return init(CALL_DECRYPT_INIT, hSession, pMechanism, hKey);
}

CK_RV C_Decrypt(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pData, CK_ULONG ulDataLen, CK_BYTE_PTR pOut, CK_ULONG_PTR pulOutLen)
{
	return transform(CALL_DECRYPT, CKF_DECRYPT, hSession, pData, ulDataLen, pOut, pulOutLen);
}

CK_RV C_DecryptUpdate(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pPart, CK_ULONG ulPartLen, CK_BYTE_PTR pOut, CK_ULONG_PTR pulOutLen)
{
	return transform(CALL_DECRYPT_UPDATE, CKF_DECRYPT, hSession, pPart, ulPartLen, pOut, pulOutLen);
}

CK_RV C_DecryptFinal(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pOut, CK_ULONG_PTR pulOutLen)
{
	return final(CALL_DECRYPT_FINAL, CKF_DECRYPT, hSession, pOut, pulOutLen);
}

CK_RV C_DigestInit(CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism)
{
	ENTER(CALL_DIGEST_INIT);
	REQUIRE(pMechanism);
	wire_put_ulong(&x.out, hSession);
	wire_put_mechanism(&x.out, pMechanism);
	return call_plain(&x);
}

CK_RV C_Digest(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pData, CK_ULONG ulDataLen, CK_BYTE_PTR pOut, CK_ULONG_PTR pulOutLen)
{
	return transform(CALL_DIGEST, CKF_DIGEST, hSession, pData, ulDataLen, pOut, pulOutLen);
}

CK_RV C_DigestUpdate(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pPart, CK_ULONG ulPartLen)
{
	return call_update(CALL_DIGEST_UPDATE, CKF_DIGEST, hSession, pPart, ulPartLen);
}

CK_RV C_DigestKey(CK_SESSION_HANDLE hSession, CK_OBJECT_HANDLE hKey)
{
	ENTER(CALL_DIGEST_KEY);
	wire_put_ulong(&x.out, hSession);
	wire_put_ulong(&x.out, hKey);
	return call_plain(&x);
}

CK_RV C_DigestFinal(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pOut, CK_ULONG_PTR pulOutLen)
{
	return final(CALL_DIGEST_FINAL, CKF_DIGEST, hSession, pOut, pulOutLen);
}

CK_RV C_VerifyInit(CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hKey)
{
	return init(CALL_VERIFY_INIT, hSession, pMechanism, hKey);
}

CK_RV C_Verify(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pData, CK_ULONG ulDataLen, CK_BYTE_PTR pSignature, CK_ULONG ulSignatureLen)
{
	static const CK_BYTE empty;
	ENTER(CALL_VERIFY);
	if (!pSignature || (!pData && ulDataLen))
		return call_abandon(&x, CKR_ARGUMENTS_BAD, hSession, CKF_VERIFY);
	wire_put_ulong(&x.out, hSession);
	wire_put_bytes(&x.out, pData ? pData : &empty, ulDataLen, CKR_DATA_LEN_RANGE);
	wire_put_bytes(&x.out, pSignature, ulSignatureLen, CKR_SIGNATURE_LEN_RANGE);
	if (x.out.failed)
		return call_abandon(&x, x.out.failed, hSession, CKF_VERIFY);
	return call_plain(&x);
}

CK_RV C_VerifyUpdate(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pPart, CK_ULONG ulPartLen)
{
	return call_update(CALL_VERIFY_UPDATE, CKF_VERIFY, hSession, pPart, ulPartLen);
}

CK_RV C_VerifyFinal(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pSignature, CK_ULONG ulSignatureLen)
{
	ENTER(CALL_VERIFY_FINAL);
	if (!pSignature)
		return call_abandon(&x, CKR_ARGUMENTS_BAD, hSession, CKF_VERIFY);
	wire_put_ulong(&x.out, hSession);
	wire_put_bytes(&x.out, pSignature, ulSignatureLen, CKR_SIGNATURE_LEN_RANGE);
	if (x.out.failed)
		return call_abandon(&x, x.out.failed, hSession, CKF_VERIFY);
	return call_plain(&x);
}
