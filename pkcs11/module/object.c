/* object.c: objects, keys and random numbers. */
#include "call.h"

CK_RV C_CreateObject(CK_SESSION_HANDLE hSession, CK_ATTRIBUTE *pTemplate, CK_ULONG ulCount, CK_OBJECT_HANDLE *phObject)
{
	ENTER(CALL_CREATE_OBJECT);
	REQUIRE(phObject);
	wire_put_ulong(&x.out, hSession);
	wire_put_template(&x.out, pTemplate, ulCount);
	return call_handle(&x, phObject);
}

CK_RV C_CopyObject(CK_SESSION_HANDLE hSession, CK_OBJECT_HANDLE hObject, CK_ATTRIBUTE *pTemplate, CK_ULONG ulCount, CK_OBJECT_HANDLE *phNewObject)
{
	ENTER(CALL_COPY_OBJECT);
	REQUIRE(phNewObject);
	wire_put_ulong(&x.out, hSession);
	wire_put_ulong(&x.out, hObject);
	wire_put_template(&x.out, pTemplate, ulCount);
	return call_handle(&x, phNewObject);
}

CK_RV C_DestroyObject(CK_SESSION_HANDLE hSession, CK_OBJECT_HANDLE hObject)
{
	ENTER(CALL_DESTROY_OBJECT);
	wire_put_ulong(&x.out, hSession);
	wire_put_ulong(&x.out, hObject);
	rv = call_plain(&x);
	if (rv == CKR_OK)
		session_destroyed(hObject);
	return rv;
}

CK_RV C_GetObjectSize(CK_SESSION_HANDLE hSession, CK_OBJECT_HANDLE hObject, CK_ULONG_PTR pulSize)
{
	ENTER(CALL_OBJECT_SIZE);
	REQUIRE(pulSize);
	wire_put_ulong(&x.out, hSession);
	wire_put_ulong(&x.out, hObject);
	return call_handle(&x, pulSize);
}

CK_RV C_GetAttributeValue(CK_SESSION_HANDLE hSession, CK_OBJECT_HANDLE hObject, CK_ATTRIBUTE *pTemplate, CK_ULONG ulCount)
{
	ENTER(CALL_GET_ATTRIBUTES);
	REQUIRE(pTemplate && ulCount);
	if (ulCount > WIRE_MAX_ATTRIBUTES)
		return link_leave(&x, CKR_TEMPLATE_INCONSISTENT);
	wire_put_ulong(&x.out, hSession);
	wire_put_ulong(&x.out, hObject);
	wire_put_u32(&x.out, (uint32_t)ulCount);
	for (CK_ULONG i = 0; i < ulCount; i++)
		wire_put_ulong(&x.out, pTemplate[i].type);
	return link_leave(&x, wire_attributes(&x.in, link_call(&x), pTemplate, ulCount));
}

CK_RV C_SetAttributeValue(CK_SESSION_HANDLE hSession, CK_OBJECT_HANDLE hObject, CK_ATTRIBUTE *pTemplate, CK_ULONG ulCount)
{
	ENTER(CALL_SET_ATTRIBUTES);
	REQUIRE(pTemplate && ulCount);
	wire_put_ulong(&x.out, hSession);
	wire_put_ulong(&x.out, hObject);
	wire_put_template(&x.out, pTemplate, ulCount);
	rv = call_plain(&x);
	session_changed();
	return rv;
}

CK_RV C_FindObjectsInit(CK_SESSION_HANDLE hSession, CK_ATTRIBUTE *pTemplate, CK_ULONG ulCount)
{
	ENTER(CALL_FIND_INIT);
	wire_put_ulong(&x.out, hSession);
	wire_put_template(&x.out, pTemplate, ulCount);
	return call_plain(&x);
}

static CK_RV find_some(CK_SESSION_HANDLE hSession, CK_OBJECT_HANDLE *found, CK_ULONG max, CK_ULONG *count)
{
	ENTER(CALL_FIND);
	wire_put_ulong(&x.out, hSession);
	wire_put_u32(&x.out, (uint32_t)max);
	*count = max;
	return link_leave(&x, wire_list(&x.in, link_call(&x), found, count));
}

/* Large batches are fetched in parts; fewer than asked for means that there are no more. */
CK_RV C_FindObjects(CK_SESSION_HANDLE hSession, CK_OBJECT_HANDLE *phObject, CK_ULONG ulMaxObjectCount, CK_ULONG_PTR pulObjectCount)
{
	{
		ENTER(0);
		REQUIRE(phObject && pulObjectCount && ulMaxObjectCount);
		link_leave(&x, CKR_OK);
	}
	CK_ULONG have = 0;
	for (;;) {
		CK_ULONG want = ulMaxObjectCount - have < WIRE_MAX_HANDLES ? ulMaxObjectCount - have : WIRE_MAX_HANDLES, got = 0;
		CK_RV rv = find_some(hSession, phObject + have, want, &got);
		if (rv != CKR_OK)
			return rv == CKR_BUFFER_TOO_SMALL ? CKR_DEVICE_ERROR : rv;
		have += got;
		*pulObjectCount = have;
		if (got < want || have == ulMaxObjectCount)
			return CKR_OK;
	}
}

CK_RV C_FindObjectsFinal(CK_SESSION_HANDLE hSession)
{
	ENTER(CALL_FIND_FINAL);
	wire_put_ulong(&x.out, hSession);
	return call_plain(&x);
}

CK_RV C_GenerateKey(CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_ATTRIBUTE *pTemplate, CK_ULONG ulCount, CK_OBJECT_HANDLE *phKey)
{
	ENTER(CALL_GENERATE_KEY);
	REQUIRE(pMechanism && phKey);
	wire_put_ulong(&x.out, hSession);
	wire_put_mechanism(&x.out, pMechanism);
	wire_put_template(&x.out, pTemplate, ulCount);
	return call_handle(&x, phKey);
}

CK_RV C_GenerateKeyPair(CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_ATTRIBUTE *pPublicTemplate, CK_ULONG ulPublicCount,
	CK_ATTRIBUTE *pPrivateTemplate, CK_ULONG ulPrivateCount, CK_OBJECT_HANDLE *phPublicKey, CK_OBJECT_HANDLE *phPrivateKey)
{
	ENTER(CALL_GENERATE_KEY_PAIR);
	REQUIRE(pMechanism && phPublicKey && phPrivateKey);
	wire_put_ulong(&x.out, hSession);
	wire_put_mechanism(&x.out, pMechanism);
	wire_put_template(&x.out, pPublicTemplate, ulPublicCount);
	wire_put_template(&x.out, pPrivateTemplate, ulPrivateCount);
	rv = link_call(&x);
	if (rv == CKR_OK) {
		*phPublicKey = wire_ulong(&x.in);
		*phPrivateKey = wire_ulong(&x.in);
	}
	return link_leave(&x, rv);
}

CK_RV C_WrapKey(CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hWrappingKey, CK_OBJECT_HANDLE hKey, CK_BYTE_PTR pOut, CK_ULONG_PTR pulOutLen)
{
	ENTER(CALL_WRAP_KEY);
	REQUIRE(pMechanism && pulOutLen);
	wire_put_ulong(&x.out, hSession);
	wire_put_mechanism(&x.out, pMechanism);
	wire_put_ulong(&x.out, hWrappingKey);
	wire_put_ulong(&x.out, hKey);
	return call_output(&x, pOut, pulOutLen);
}

CK_RV C_UnwrapKey(CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hUnwrappingKey, CK_BYTE_PTR pWrappedKey, CK_ULONG ulWrappedKeyLen,
	CK_ATTRIBUTE *pTemplate, CK_ULONG ulCount, CK_OBJECT_HANDLE *phKey)
{
	ENTER(CALL_UNWRAP_KEY);
	REQUIRE(pMechanism && pWrappedKey && phKey);
	wire_put_ulong(&x.out, hSession);
	wire_put_mechanism(&x.out, pMechanism);
	wire_put_ulong(&x.out, hUnwrappingKey);
	wire_put_bytes(&x.out, pWrappedKey, ulWrappedKeyLen, CKR_WRAPPED_KEY_LEN_RANGE);
	wire_put_template(&x.out, pTemplate, ulCount);
	return call_handle(&x, phKey);
}

CK_RV C_DeriveKey(CK_SESSION_HANDLE hSession, CK_MECHANISM *pMechanism, CK_OBJECT_HANDLE hBaseKey, CK_ATTRIBUTE *pTemplate, CK_ULONG ulCount, CK_OBJECT_HANDLE *phKey)
{
	ENTER(CALL_DERIVE_KEY);
	REQUIRE(pMechanism && phKey);
	wire_put_ulong(&x.out, hSession);
	wire_put_mechanism(&x.out, pMechanism);
	wire_put_ulong(&x.out, hBaseKey);
	wire_put_template(&x.out, pTemplate, ulCount);
	return call_handle(&x, phKey);
}

CK_RV C_SeedRandom(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pSeed, CK_ULONG ulSeedLen)
{
	ENTER(CALL_SEED_RANDOM);
	REQUIRE(pSeed || !ulSeedLen);
	wire_put_ulong(&x.out, hSession);
	wire_put_bytes(&x.out, pSeed, ulSeedLen, CKR_ARGUMENTS_BAD);
	return call_plain(&x);
}

CK_RV C_GenerateRandom(CK_SESSION_HANDLE hSession, CK_BYTE_PTR pRandom, CK_ULONG ulRandomLen)
{
	ENTER(CALL_GENERATE_RANDOM);
	REQUIRE((pRandom || !ulRandomLen) && ulRandomLen <= WIRE_MAX_BYTES);
	wire_put_ulong(&x.out, hSession);
	wire_put_u32(&x.out, (uint32_t)ulRandomLen);
	CK_BYTE none;
	CK_ULONG n = ulRandomLen;
	rv = wire_output(&x.in, link_call(&x), pRandom ? pRandom : &none, &n);
	if (rv == CKR_OK && n != ulRandomLen)
		x.in.bad = true;
	return link_leave(&x, rv);
}
