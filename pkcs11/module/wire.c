/* wire.c: see wire.h. */
#include <stdlib.h>
#include <string.h>
#include "wire.h"

static const uint32_t null_bytes = 0xFFFFFFFF; /* the length that means NULL */

void wire_wipe(void *p, size_t n)
{
	volatile uint8_t *v = p;
	while (n--)
		*v++ = 0;
}

void wire_begin(wire_out *o, uint8_t call)
{
	o->data = o->room;
	o->cap = sizeof o->room;
	o->len = WIRE_HEADER;
	o->failed = CKR_OK;
	wire_put_byte(o, call);
}

void wire_free(wire_out *o)
{
	wire_wipe(o->data, o->len);
	if (o->data != o->room)
		free(o->data);
	o->data = o->room;
	o->len = 0;
}

static uint8_t *grow(wire_out *o, size_t n)
{
	if (o->failed)
		return NULL;
	if (n > WIRE_MAX_FRAME - o->len) {
		o->failed = CKR_HOST_MEMORY;
		return NULL;
	}
	if (o->len + n > o->cap) {
		size_t cap = o->cap * 2 > o->len + n ? o->cap * 2 : o->len + n;
		uint8_t *bigger = malloc(cap);
		if (!bigger) {
			o->failed = CKR_HOST_MEMORY;
			return NULL;
		}
		memcpy(bigger, o->data, o->len);
		size_t len = o->len;
		wire_free(o);
		o->data = bigger;
		o->cap = cap;
		o->len = len;
	}
	o->len += n;
	return o->data + o->len - n;
}

static void put_le(wire_out *o, uint64_t v, size_t n)
{
	uint8_t *p = grow(o, n);
	for (size_t i = 0; p && i < n; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

void wire_put_byte(wire_out *o, uint8_t v)
{
	put_le(o, v, 1);
}

void wire_put_raw(wire_out *o, const void *p, size_t n)
{
	uint8_t *to = grow(o, n);
	if (to)
		memcpy(to, p, n);
}

void wire_put_u32(wire_out *o, uint32_t v)
{
	put_le(o, v, 4);
}

void wire_put_ulong(wire_out *o, CK_ULONG v)
{
	put_le(o, v == CK_UNAVAILABLE_INFORMATION ? ~(uint64_t)0 : v, 8);
}

void wire_put_bytes(wire_out *o, const void *p, CK_ULONG n, CK_RV too_long)
{
	if (!p) {
		put_le(o, null_bytes, 4);
		return;
	}
	if (n > WIRE_MAX_BYTES) {
		if (!o->failed)
			o->failed = too_long;
		return;
	}
	put_le(o, n, 4);
	uint8_t *to = grow(o, n);
	if (to && n)
		memcpy(to, p, n);
}

void wire_put_capacity(wire_out *o, const void *p, CK_ULONG n)
{
	wire_put_ulong(o, p ? (n > WIRE_MAX_BYTES ? WIRE_MAX_BYTES : n) : CK_UNAVAILABLE_INFORMATION);
}

/* Values that are CK_ULONG travel with 8 bytes, whatever the host has. */
static bool is_ulong(CK_ATTRIBUTE_TYPE type)
{
	switch (type) {
	case CKA_CLASS: case CKA_CERTIFICATE_TYPE: case CKA_CERTIFICATE_CATEGORY: case CKA_JAVA_MIDP_SECURITY_DOMAIN:
	case CKA_NAME_HASH_ALGORITHM: case CKA_KEY_TYPE: case CKA_MODULUS_BITS: case CKA_PRIME_BITS: case CKA_SUBPRIME_BITS:
	case CKA_VALUE_BITS: case CKA_VALUE_LEN: case CKA_KEY_GEN_MECHANISM: case CKA_HW_FEATURE_TYPE: case CKA_ALLOWED_MECHANISMS:
		return true;
	}
	return false;
}

static bool is_template(CK_ATTRIBUTE_TYPE type)
{
	return type == CKA_WRAP_TEMPLATE || type == CKA_UNWRAP_TEMPLATE || type == CKA_DERIVE_TEMPLATE;
}

static void put_value(wire_out *o, const CK_ATTRIBUTE *a)
{
	if (!is_ulong(a->type) || !a->pValue || a->ulValueLen % sizeof(CK_ULONG) || a->ulValueLen > WIRE_MAX_BYTES / 8) {
		wire_put_bytes(o, a->pValue, a->ulValueLen, CKR_ATTRIBUTE_VALUE_INVALID);
		return;
	}
	put_le(o, a->ulValueLen / sizeof(CK_ULONG) * 8, 4);
	for (CK_ULONG i = 0; i < a->ulValueLen; i += sizeof(CK_ULONG)) {
		CK_ULONG v;
		memcpy(&v, (const uint8_t *)a->pValue + i, sizeof v); /* it need not be aligned */
		wire_put_ulong(o, v);
	}
}

void wire_put_template(wire_out *o, const CK_ATTRIBUTE *t, CK_ULONG count)
{
	if (o->failed)
		return;
	if (!t && count) {
		o->failed = CKR_ARGUMENTS_BAD;
		return;
	}
	if (count > WIRE_MAX_ATTRIBUTES) {
		o->failed = CKR_TEMPLATE_INCONSISTENT;
		return;
	}
	put_le(o, count, 4);
	for (CK_ULONG i = 0; i < count && !o->failed; i++) {
		wire_put_ulong(o, t[i].type);
		if (!t[i].pValue && t[i].ulValueLen)
			o->failed = CKR_ATTRIBUTE_VALUE_INVALID;
		else if (is_template(t[i].type))
			o->failed = CKR_ATTRIBUTE_TYPE_INVALID; /* it holds pointers, and no token here has it */
		else
			put_value(o, &t[i]);
	}
}

/* The parameter of a mechanism: a kind, then what that kind has. */
enum { PARAM_NONE, PARAM_BYTES, PARAM_PSS, PARAM_OAEP, PARAM_ECDH, PARAM_GCM };

static void put_pss(wire_out *o, const CK_MECHANISM *m)
{
	CK_RSA_PKCS_PSS_PARAMS p;
	memcpy(&p, m->pParameter, sizeof p);
	wire_put_byte(o, PARAM_PSS);
	wire_put_ulong(o, p.hashAlg);
	wire_put_ulong(o, p.mgf);
	wire_put_ulong(o, p.sLen);
}

static void put_oaep(wire_out *o, const CK_MECHANISM *m)
{
	CK_RSA_PKCS_OAEP_PARAMS p;
	memcpy(&p, m->pParameter, sizeof p);
	wire_put_byte(o, PARAM_OAEP);
	wire_put_ulong(o, p.hashAlg);
	wire_put_ulong(o, p.mgf);
	wire_put_ulong(o, p.source);
	if (!p.pSourceData && p.ulSourceDataLen)
		o->failed = CKR_MECHANISM_PARAM_INVALID;
	wire_put_bytes(o, p.pSourceData, p.ulSourceDataLen, CKR_MECHANISM_PARAM_INVALID);
}

static void put_ecdh(wire_out *o, const CK_MECHANISM *m)
{
	CK_ECDH1_DERIVE_PARAMS p;
	memcpy(&p, m->pParameter, sizeof p);
	wire_put_byte(o, PARAM_ECDH);
	wire_put_ulong(o, p.kdf);
	if ((!p.pSharedData && p.ulSharedDataLen) || (!p.pPublicData && p.ulPublicDataLen))
		o->failed = CKR_MECHANISM_PARAM_INVALID;
	wire_put_bytes(o, p.pSharedData, p.ulSharedDataLen, CKR_MECHANISM_PARAM_INVALID);
	wire_put_bytes(o, p.pPublicData, p.ulPublicDataLen, CKR_MECHANISM_PARAM_INVALID);
}

static void put_gcm(wire_out *o, const CK_MECHANISM *m)
{
	CK_GCM_PARAMS p;
	memcpy(&p, m->pParameter, sizeof p);
	wire_put_byte(o, PARAM_GCM);
	if ((!p.pIv && p.ulIvLen) || (!p.pAAD && p.ulAADLen))
		o->failed = CKR_MECHANISM_PARAM_INVALID;
	wire_put_bytes(o, p.pIv, p.ulIvLen, CKR_MECHANISM_PARAM_INVALID);
	wire_put_bytes(o, p.pAAD, p.ulAADLen, CKR_MECHANISM_PARAM_INVALID);
	wire_put_ulong(o, p.ulTagBits);
}

void wire_put_mechanism(wire_out *o, const CK_MECHANISM *m)
{
	static const struct { CK_MECHANISM_TYPE type; size_t size; void (*put)(wire_out *, const CK_MECHANISM *); } structured[] = {
		{CKM_RSA_PKCS_PSS, sizeof(CK_RSA_PKCS_PSS_PARAMS), put_pss},
		{CKM_SHA1_RSA_PKCS_PSS, sizeof(CK_RSA_PKCS_PSS_PARAMS), put_pss},
		{CKM_SHA224_RSA_PKCS_PSS, sizeof(CK_RSA_PKCS_PSS_PARAMS), put_pss},
		{CKM_SHA256_RSA_PKCS_PSS, sizeof(CK_RSA_PKCS_PSS_PARAMS), put_pss},
		{CKM_SHA384_RSA_PKCS_PSS, sizeof(CK_RSA_PKCS_PSS_PARAMS), put_pss},
		{CKM_SHA512_RSA_PKCS_PSS, sizeof(CK_RSA_PKCS_PSS_PARAMS), put_pss},
		{CKM_RSA_PKCS_OAEP, sizeof(CK_RSA_PKCS_OAEP_PARAMS), put_oaep},
		{CKM_ECDH1_DERIVE, sizeof(CK_ECDH1_DERIVE_PARAMS), put_ecdh},
		{CKM_ECDH1_COFACTOR_DERIVE, sizeof(CK_ECDH1_DERIVE_PARAMS), put_ecdh},
		{CKM_AES_GCM, sizeof(CK_GCM_PARAMS), put_gcm},
	};

	wire_put_ulong(o, m->mechanism);
	if (!m->pParameter || !m->ulParameterLen) {
		if (m->ulParameterLen && !o->failed)
			o->failed = CKR_MECHANISM_PARAM_INVALID;
		wire_put_byte(o, PARAM_NONE);
		return;
	}
	for (size_t i = 0; i < sizeof structured / sizeof *structured; i++) {
		if (structured[i].type != m->mechanism)
			continue;
		if (structured[i].size == m->ulParameterLen)
			structured[i].put(o, m);
		else if (!o->failed)
			o->failed = CKR_MECHANISM_PARAM_INVALID;
		return;
	}
	wire_put_byte(o, PARAM_BYTES);
	wire_put_bytes(o, m->pParameter, m->ulParameterLen, CKR_MECHANISM_PARAM_INVALID);
}

void wire_finish(wire_out *o)
{
	size_t n = o->len - WIRE_HEADER;
	for (size_t i = 0; i < WIRE_HEADER; i++)
		o->data[i] = (uint8_t)(n >> (8 * i));
}

static uint64_t take_le(wire_in *in, size_t n)
{
	uint64_t v = 0;
	if (in->bad || in->left < n) {
		in->bad = true;
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)in->p[i] << (8 * i);
	in->p += n;
	in->left -= n;
	return v;
}

uint8_t wire_byte(wire_in *in)
{
	return (uint8_t)take_le(in, 1);
}

uint32_t wire_u32(wire_in *in)
{
	return (uint32_t)take_le(in, 4);
}

CK_ULONG wire_ulong(wire_in *in)
{
	uint64_t v = take_le(in, 8);
	if (v == ~(uint64_t)0)
		return CK_UNAVAILABLE_INFORMATION;
	if (v > (uint64_t)~(CK_ULONG)0)
		in->bad = true;
	return (CK_ULONG)v;
}

const uint8_t *wire_bytes(wire_in *in, size_t *n)
{
	uint32_t len = wire_u32(in);
	*n = 0;
	if (len == null_bytes || in->bad)
		return NULL;
	if (len > WIRE_MAX_BYTES || len > in->left) {
		in->bad = true;
		return NULL;
	}
	const uint8_t *p = in->p;
	in->p += len;
	in->left -= len;
	*n = len;
	return p;
}

void wire_text(wire_in *in, CK_UTF8CHAR *field, size_t size)
{
	size_t n;
	const uint8_t *p = wire_bytes(in, &n);
	memset(field, ' ', size);
	if (n > size)
		in->bad = true;
	else if (p)
		memcpy(field, p, n);
}

void wire_version(wire_in *in, CK_VERSION *v)
{
	v->major = wire_byte(in);
	v->minor = wire_byte(in);
}

/* The output of a function: the length, then the bytes. Without bytes the call was for the length, or the buffer too small. */
CK_RV wire_output(wire_in *in, CK_RV rv, void *p, CK_ULONG *n)
{
	if (rv != CKR_OK && rv != CKR_BUFFER_TOO_SMALL)
		return rv;
	CK_ULONG need = wire_ulong(in);
	size_t len;
	const uint8_t *bytes = wire_bytes(in, &len);
	if (bytes && (!p || len > *n || rv != CKR_OK))
		in->bad = true;
	if (!bytes && p && rv == CKR_OK)
		in->bad = true;
	if (in->bad)
		return CKR_DEVICE_ERROR;
	if (bytes && len)
		memcpy(p, bytes, len);
	*n = bytes ? len : need;
	return rv;
}

/* A whole list, of which the host may want only the length. */
CK_RV wire_list(wire_in *in, CK_RV rv, CK_ULONG *list, CK_ULONG *n)
{
	if (rv != CKR_OK)
		return rv;
	uint32_t count = wire_u32(in);
	if (in->bad || count > in->left / 8) {
		in->bad = true;
		return CKR_DEVICE_ERROR;
	}
	if (list && *n < count)
		rv = CKR_BUFFER_TOO_SMALL;
	for (uint32_t i = 0; i < count && list && rv == CKR_OK; i++)
		list[i] = wire_ulong(in);
	*n = count;
	return rv;
}

static CK_RV take_value(CK_ATTRIBUTE *a, const uint8_t *value, size_t n)
{
	bool convert = is_ulong(a->type) && n % 8 == 0 && sizeof(CK_ULONG) != 8;
	size_t size = convert ? n / 8 * sizeof(CK_ULONG) : n;
	if (a->pValue && a->ulValueLen < size) {
		a->ulValueLen = CK_UNAVAILABLE_INFORMATION;
		return CKR_BUFFER_TOO_SMALL;
	}
	a->ulValueLen = size;
	if (!a->pValue)
		return CKR_OK;
	if (is_ulong(a->type) && n % 8 == 0) {
		wire_in in = {value, n, false};
		for (size_t i = 0; i < size; i += sizeof(CK_ULONG)) {
			CK_ULONG v = wire_ulong(&in);
			memcpy((uint8_t *)a->pValue + i, &v, sizeof v);
		}
	} else if (n) {
		memcpy(a->pValue, value, n);
	}
	return CKR_OK;
}

/*
 * The answer of C_GetAttributeValue: one result a type, complete also when one of them is an error. What can be filled in is; the rest
 * gets CK_UNAVAILABLE_INFORMATION.
 */
CK_RV wire_attributes(wire_in *in, CK_RV rv, CK_ATTRIBUTE *t, CK_ULONG count)
{
	if (rv != CKR_OK && rv != CKR_ATTRIBUTE_SENSITIVE && rv != CKR_ATTRIBUTE_TYPE_INVALID)
		return rv;
	if (wire_u32(in) != count)
		in->bad = true;
	for (CK_ULONG i = 0; i < count && !in->bad; i++) {
		CK_RV one = wire_u32(in);
		size_t n;
		const uint8_t *value = wire_bytes(in, &n);
		if (in->bad)
			break;
		if (one != CKR_OK)
			t[i].ulValueLen = CK_UNAVAILABLE_INFORMATION;
		else if ((one = take_value(&t[i], value, n)) != CKR_OK && rv == CKR_OK)
			rv = one;
	}
	return in->bad ? CKR_DEVICE_ERROR : rv;
}
