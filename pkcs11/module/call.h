/* call.h: what the files with the C_ functions share. */
#ifndef THINGWARD_CALL_H
#define THINGWARD_CALL_H

#include "link.h"
#include "session.h"

/* Starts a function: x is the exchange, rv its result. */
#define ENTER(call) \
	link_exchange x; \
	CK_RV rv = link_enter(&x, (call)); \
	if (rv != CKR_OK) \
		return rv

/* The host's arguments, before anything is sent. */
#define REQUIRE(condition) \
	if (!(condition)) \
		return link_leave(&x, CKR_ARGUMENTS_BAD)

enum { PIN_MAX = 1024 }; /* longer than any token takes */
enum { PART_MAX = 4 << 20 };

static inline CK_RV call_plain(link_exchange *x)
{
	return link_leave(x, link_call(x));
}

static inline CK_RV call_handle(link_exchange *x, CK_ULONG *h)
{
	CK_RV rv = link_call(x);
	if (rv == CKR_OK)
		*h = wire_ulong(&x->in);
	return link_leave(x, rv);
}

static inline CK_RV call_output(link_exchange *x, CK_BYTE *p, CK_ULONG *n)
{
	wire_put_capacity(&x->out, p, *n);
	return link_leave(x, wire_output(&x->in, link_call(x), p, n));
}

/* Leaves x with an error that the helper does not see, and ends the operation of the session, as any error does. */
CK_RV call_abandon(link_exchange *x, CK_RV rv, CK_SESSION_HANDLE h, CK_FLAGS operation);
CK_RV call_update(uint8_t call, CK_FLAGS operation, CK_SESSION_HANDLE h, const CK_BYTE *part, CK_ULONG n);
void sign_flush(CK_SESSION_HANDLE h);

#endif
