/*
 * wire.h: the frames between this library and the process that holds the token. pkcs11/wire describes the format and is the
 * other end. Nothing here knows of sockets.
 */
#ifndef THINGWARD_WIRE_H
#define THINGWARD_WIRE_H

#include <stdbool.h>
#include <stdint.h>
#include "cryptoki.h"

enum {
	WIRE_VERSION = 1,
	WIRE_HEADER = 4,            /* bytes of the length in front of a frame */
	WIRE_MAX_FRAME = 16 << 20,  /* of a whole frame, header included */
	WIRE_MAX_BYTES = 8 << 20,   /* of one string of bytes */
	WIRE_MAX_ATTRIBUTES = 16384,
	WIRE_MAX_HANDLES = 4096,    /* in one answer of C_FindObjects */
	WIRE_TOKEN = 16             /* bytes that tell an application's connections from those of others */
};

/* The first byte of a request. The numbers are part of the format and never change their meaning. */
enum {
	CALL_HELLO = 1, CALL_FINALIZE, CALL_SLOT_LIST, CALL_SLOT_INFO, CALL_TOKEN_INFO, CALL_MECHANISM_LIST, CALL_MECHANISM_INFO,
	CALL_INIT_TOKEN, CALL_INIT_PIN, CALL_SET_PIN, CALL_OPEN_SESSION, CALL_CLOSE_SESSION, CALL_CLOSE_ALL_SESSIONS,
	CALL_SESSION_INFO, CALL_SESSION_CANCEL, CALL_LOGIN, CALL_LOGOUT, CALL_CREATE_OBJECT, CALL_COPY_OBJECT, CALL_DESTROY_OBJECT,
	CALL_OBJECT_SIZE, CALL_GET_ATTRIBUTES, CALL_SET_ATTRIBUTES, CALL_FIND_INIT, CALL_FIND, CALL_FIND_FINAL, CALL_ENCRYPT_INIT,
	CALL_ENCRYPT, CALL_ENCRYPT_UPDATE, CALL_ENCRYPT_FINAL, CALL_DECRYPT_INIT, CALL_DECRYPT, CALL_DECRYPT_UPDATE,
	CALL_DECRYPT_FINAL, CALL_DIGEST_INIT, CALL_DIGEST, CALL_DIGEST_UPDATE, CALL_DIGEST_KEY, CALL_DIGEST_FINAL, CALL_SIGN_INIT,
	CALL_SIGN, CALL_SIGN_UPDATE, CALL_SIGN_FINAL, CALL_SIGN_ONCE, CALL_VERIFY_INIT, CALL_VERIFY, CALL_VERIFY_UPDATE,
	CALL_VERIFY_FINAL, CALL_GENERATE_KEY, CALL_GENERATE_KEY_PAIR, CALL_WRAP_KEY, CALL_UNWRAP_KEY, CALL_DERIVE_KEY,
	CALL_SEED_RANDOM, CALL_GENERATE_RANDOM
};

/* A frame under construction. Small ones live in room, on the stack; failed is a CK_RV. */
typedef struct {
	uint8_t *data;
	size_t len, cap;
	CK_RV failed;
	uint8_t room[384];
} wire_out;

void wire_begin(wire_out *o, uint8_t call);
void wire_free(wire_out *o); /* wipes it: requests carry PINs */
void wire_put_byte(wire_out *o, uint8_t v);
void wire_put_raw(wire_out *o, const void *p, size_t n);
void wire_put_u32(wire_out *o, uint32_t v);
void wire_put_ulong(wire_out *o, CK_ULONG v); /* CK_UNAVAILABLE_INFORMATION is all ones on every machine */
void wire_put_bytes(wire_out *o, const void *p, CK_ULONG n, CK_RV too_long);
void wire_put_capacity(wire_out *o, const void *p, CK_ULONG n); /* of an output buffer: NULL asks for the length only */
void wire_put_template(wire_out *o, const CK_ATTRIBUTE *t, CK_ULONG count);
void wire_put_mechanism(wire_out *o, const CK_MECHANISM *m);
void wire_finish(wire_out *o); /* writes the length */

/* A frame being read: what goes past the end, or over a limit, makes it bad, and gives zeros. */
typedef struct {
	const uint8_t *p;
	size_t left;
	bool bad;
} wire_in;

uint8_t wire_byte(wire_in *in);
uint32_t wire_u32(wire_in *in);
CK_ULONG wire_ulong(wire_in *in);
const uint8_t *wire_bytes(wire_in *in, size_t *n); /* NULL where the frame says so */
void wire_text(wire_in *in, CK_UTF8CHAR *field, size_t size); /* pads with blanks */
void wire_version(wire_in *in, CK_VERSION *v);
CK_RV wire_output(wire_in *in, CK_RV rv, void *p, CK_ULONG *n);
CK_RV wire_list(wire_in *in, CK_RV rv, CK_ULONG *list, CK_ULONG *n); /* C_GetSlotList, C_GetMechanismList */
CK_RV wire_attributes(wire_in *in, CK_RV rv, CK_ATTRIBUTE *t, CK_ULONG count);

void wire_wipe(void *p, size_t n); /* memset that the compiler must not drop */

#endif
