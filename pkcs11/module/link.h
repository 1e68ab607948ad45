/*
 * link.h: the connections to the process that holds the token, and the life of the library: C_Initialize, C_Finalize, fork, exit.
 */
#ifndef THINGWARD_LINK_H
#define THINGWARD_LINK_H

#include <sys/types.h>
#include "wire.h"

enum { LINK_POOL = 4 };

/* One call of the host: link_enter, fill out, link_call, read in, link_leave. It lives on the stack. */
typedef struct {
	wire_out out;
	wire_in in;
	uint8_t *answer; /* where in points, when it does not fit into room */
	size_t size;
	int cancel;
	uint8_t room[384];
} link_exchange;

CK_RV link_start(void);                        /* CKR_CRYPTOKI_ALREADY_INITIALIZED, or why there is no helper */
CK_RV link_stop(void);
CK_RV link_enter(link_exchange *x, uint8_t call); /* CKR_CRYPTOKI_NOT_INITIALIZED: then there is nothing to leave */
CK_RV link_call(link_exchange *x);             /* the CK_RV of the answer */
CK_RV link_leave(link_exchange *x, CK_RV rv);  /* rv, or CKR_DEVICE_ERROR where the answer was garbage */
CK_RV link_wait(void);                         /* until C_Finalize */

/* An answer may take as long as the token needs, but once it has begun, and when a helper starts or ends, nobody waits for ever. */
enum { PATIENCE_MS = 10000, HELLO_MS = 60000 };

/* stream.c */
bool stream_exchange(int fd, link_exchange *x, int ms);
/* spawn.c: starts the helper with the other ends of the sockets. */
CK_RV spawn_helper(const int *sockets, int count, pid_t *helper);
/* connect.c */
int connect_daemon(const char *path);
void complain(const char *what, const char *about);

#endif
