/*
 * lifecycle.h: what the cases share. A case is a process: `lifecycle MODULE CASE` loads MODULE, does something that breaks modules, and ends
 * with 0 when the module took it well. Slot 0 has a token with the user PIN 1234 and a P-256 key with the label device.
 */
#ifndef LIFECYCLE_H
#define LIFECYCLE_H

#define _GNU_SOURCE
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../cryptoki.h"

#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#else
#define UNDER_ASAN 0
#endif

#define CHECK(condition) \
	do { \
		if (!(condition)) \
			fail(__FILE__, __LINE__, #condition, 0); \
	} while (0)
#define IS(call, want) \
	do { \
		CK_RV got_ = (call); \
		if (got_ != (want)) \
			fail(__FILE__, __LINE__, #call " is not " #want, got_); \
	} while (0)
#define EITHER(rv, one, other) \
	do { \
		if ((rv) != (one) && (rv) != (other)) \
			fail(__FILE__, __LINE__, "it is neither " #one " nor " #other, (rv)); \
	} while (0)
#define OK(call) IS(call, CKR_OK)

_Noreturn void fail(const char *file, int line, const char *what, CK_RV got);

extern CK_FUNCTION_LIST *f;
extern void *library;
extern const char *module_path;

typedef struct { const char *name; void (*run)(void); } life_case;
extern const life_case start_cases[], fork_cases[], thread_cases[], host_cases[], helper_cases[];

void load(void);                  /* dlopen and C_GetFunctionList */
void unload(void);
CK_SESSION_HANDLE login(void);    /* a session with the user logged in, after C_Initialize */
CK_OBJECT_HANDLE key(CK_SESSION_HANDLE s);
CK_RV try_sign(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE k);
CK_SESSION_HANDLE begin(void);    /* C_Initialize and login */
void work(int signatures);        /* begin, sign, and verify the last one */
void whole(void);                 /* C_Initialize, work, C_Finalize */
void child_ends_well(int pid);
int count_fds(void);
void run_threads(int n, void *(*run)(void *), void *arg);
bool gone(int pid);               /* ended, a zombie or not there */
int helper_pid(void);             /* of the helper that runs now; see named_helper */
void named_helper(void);          /* starts helpers through a script that writes their number to a file */

#endif
