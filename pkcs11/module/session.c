/* session.c: see session.h. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "session.h"

typedef struct session {
	struct session *next;
	CK_SESSION_HANDLE handle;
	CK_SLOT_ID slot;
	unsigned long accepted; /* the state of things when start was accepted; 0: never */
	bool held, active;
	sign_start start;
} session;

enum { BUCKETS = 256 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static session *table[BUCKETS];
static unsigned long now = 1;

static session **find(CK_SESSION_HANDLE h)
{
	session **s = &table[h % BUCKETS];
	while (*s && (*s)->handle != h)
		s = &(*s)->next;
	return s;
}

/* Without memory for it the session works all the same, in two round trips. */
void session_opened(CK_SESSION_HANDLE h, CK_SLOT_ID slot)
{
	session *s = calloc(1, sizeof *s);
	if (!s)
		return;
	s->handle = h;
	s->slot = slot;
	pthread_mutex_lock(&lock);
	session **at = find(h);
	if (*at) {
		free(s);
	} else {
		*at = s;
	}
	pthread_mutex_unlock(&lock);
}

static void drop(session **at)
{
	session *s = *at;
	*at = s->next;
	free(s);
}

/* The last session of a slot takes the login with it. */
void session_closed(CK_SESSION_HANDLE h)
{
	pthread_mutex_lock(&lock);
	session **at = find(h);
	if (*at)
		drop(at);
	now++;
	pthread_mutex_unlock(&lock);
}

static void drop_where(bool all, CK_SLOT_ID slot)
{
	pthread_mutex_lock(&lock);
	for (int i = 0; i < BUCKETS; i++)
		for (session **at = &table[i]; *at;)
			if (all || (*at)->slot == slot)
				drop(at);
			else
				at = &(*at)->next;
	now++;
	pthread_mutex_unlock(&lock);
}

void session_closed_all(CK_SLOT_ID slot)
{
	drop_where(false, slot);
}

void session_clear(void)
{
	drop_where(true, 0);
}

void session_forget(void)
{
	static const pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;
	memcpy(&lock, &fresh, sizeof lock);
}

void session_changed(void)
{
	pthread_mutex_lock(&lock);
	now++;
	pthread_mutex_unlock(&lock);
}

static CK_OBJECT_HANDLE held_key(const session *s)
{
	wire_in key = {s->start.bytes + s->start.len - 8, 8, false};
	return wire_ulong(&key);
}

/* Ends what is held: with the token of a slot, or with a key. */
static void end_held(const CK_SLOT_ID *slot, const CK_OBJECT_HANDLE *key)
{
	for (int i = 0; i < BUCKETS; i++)
		for (session *s = table[i]; s; s = s->next)
			if (s->held && ((slot && s->slot == *slot) || (key && held_key(s) == *key)))
				s->held = false;
	now++;
}

void session_logged_out(CK_SESSION_HANDLE h)
{
	pthread_mutex_lock(&lock);
	session *s = *find(h);
	end_held(s ? &s->slot : NULL, NULL);
	pthread_mutex_unlock(&lock);
}

void session_destroyed(CK_OBJECT_HANDLE object)
{
	pthread_mutex_lock(&lock);
	end_held(NULL, &object);
	pthread_mutex_unlock(&lock);
}

sign_answer session_sign_init(CK_SESSION_HANDLE h, const uint8_t *p, size_t n, unsigned long *asked)
{
	sign_answer answer = SIGN_ASK;
	pthread_mutex_lock(&lock);
	*asked = now;
	session *s = *find(h);
	if (s && s->held) {
		answer = SIGN_ACTIVE;
	} else if (s && !s->active && s->accepted == now && s->start.len == n && memcmp(s->start.bytes, p, n) == 0) {
		s->held = true;
		answer = SIGN_HELD;
	}
	pthread_mutex_unlock(&lock);
	return answer;
}

void session_sign_accepted(CK_SESSION_HANDLE h, const uint8_t *p, size_t n, unsigned long asked)
{
	pthread_mutex_lock(&lock);
	session *s = *find(h);
	if (s) {
		s->active = true;
		s->accepted = 0;
		if (n <= HELD_MAX) {
			s->accepted = asked;
			s->start.len = n;
			memcpy(s->start.bytes, p, n);
		}
	}
	pthread_mutex_unlock(&lock);
}

bool session_take_held(CK_SESSION_HANDLE h, sign_start *start)
{
	pthread_mutex_lock(&lock);
	session *s = *find(h);
	bool held = s && s->held;
	if (held) {
		s->held = false;
		*start = s->start;
	}
	pthread_mutex_unlock(&lock);
	return held;
}

void session_sign_active(CK_SESSION_HANDLE h, bool active)
{
	pthread_mutex_lock(&lock);
	session *s = *find(h);
	if (s)
		s->active = active;
	pthread_mutex_unlock(&lock);
}
