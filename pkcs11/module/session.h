/*
 * session.h: what the library remembers of sessions, so that C_SignInit and C_Sign take one round trip.
 *
 * A C_SignInit that the helper has accepted before, with the same key and mechanism on the same session, and nothing has
 * changed since (login, objects), would be accepted again: it is held here, and travels with C_Sign. Any other call that could tell
 * the difference sends it first.
 */
#ifndef THINGWARD_SESSION_H
#define THINGWARD_SESSION_H

#include "wire.h"

enum { HELD_MAX = 96 }; /* a mechanism and a key, as they travel; longer ones are never held */

typedef struct {
	uint8_t bytes[HELD_MAX];
	size_t len;
} sign_start;

void session_opened(CK_SESSION_HANDLE h, CK_SLOT_ID slot);
void session_closed(CK_SESSION_HANDLE h);
void session_closed_all(CK_SLOT_ID slot);
void session_changed(void); /* what was accepted must be asked again */
void session_logged_out(CK_SESSION_HANDLE h);     /* which ends the operations of all sessions with the token */
void session_destroyed(CK_OBJECT_HANDLE object);  /* which ends the operations with it */
void session_clear(void);
void session_forget(void);  /* in a forked child: frees the lock; the next C_Initialize clears */

typedef enum { SIGN_HELD, SIGN_ACTIVE, SIGN_ASK } sign_answer;
sign_answer session_sign_init(CK_SESSION_HANDLE h, const uint8_t *p, size_t n, unsigned long *asked);
void session_sign_accepted(CK_SESSION_HANDLE h, const uint8_t *p, size_t n, unsigned long asked);
bool session_take_held(CK_SESSION_HANDLE h, sign_start *s); /* false: nothing is held */
void session_sign_active(CK_SESSION_HANDLE h, bool active);  /* whether the helper has an operation under way */

#endif
