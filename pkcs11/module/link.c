/*
 * link.c: see link.h.
 *
 * State goes NONE -> READY -> NONE, or READY -> DEAD -> NONE when the helper is gone. One lock, life, is held while it changes, and over
 * fork. users counts the calls under way; C_Finalize waits until there are none. A forked child starts at NONE with its parent's
 * sockets closed, in the handler of pthread_atfork or, when the host forked without libc, at its first call.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "link.h"
#include "session.h"

enum { NONE, READY, DEAD, CLOSING };

typedef struct {
	int fd;
	ino_t inode; /* a host that closes all descriptors may get our number for something else */
	pthread_mutex_t lock;
} connection;

static atomic_int state, users, next;
static pthread_mutex_t life = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t finalized = PTHREAD_COND_INITIALIZER;
static connection pool[LINK_POOL];
static int connections;
static pid_t owner, helper; /* helper: 0 for a daemon */
static bool forking; /* guarded by life */
static unsigned epoch; /* counts C_Finalize, for those who wait for it */

static bool ours(const connection *c)
{
	struct stat s;
	return c->fd >= 0 && fstat(c->fd, &s) == 0 && S_ISSOCK(s.st_mode) && s.st_ino == c->inode;
}

static void close_all(void)
{
	for (int i = 0; i < connections; i++) {
		if (ours(&pool[i]))
			close(pool[i].fd);
		pool[i].fd = -1;
	}
	connections = 0;
}

static void hang_up(void)
{
	for (int i = 0; i < connections; i++)
		if (ours(&pool[i]))
			shutdown(pool[i].fd, SHUT_RDWR);
}

/* In a forked child: only this thread is left, and what the others held is held for ever. */
static void forget(void)
{
	static const pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;
	static const pthread_cond_t unused = PTHREAD_COND_INITIALIZER;
	memcpy(&life, &fresh, sizeof life);
	memcpy(&finalized, &unused, sizeof finalized);
	close_all();
	for (int i = 0; i < LINK_POOL; i++)
		memcpy(&pool[i].lock, &fresh, sizeof fresh);
	session_forget();
	atomic_store(&users, 0);
	atomic_store(&state, NONE);
	owner = getpid();
	forking = false;
}

static void before_fork(void)
{
	pthread_mutex_lock(&life);
	forking = true;
}

static void after_fork(void)
{
	forking = false;
	pthread_mutex_unlock(&life);
}

/* A handler that ran before this one may have called C_Initialize already. */
static void in_child(void)
{
	if (forking)
		forget();
}

__attribute__((constructor)) static void loaded(void)
{
	owner = getpid();
	for (int i = 0; i < LINK_POOL; i++) {
		pool[i].fd = -1;
		pthread_mutex_init(&pool[i].lock, NULL);
	}
	pthread_atfork(before_fork, after_fork, in_child);
}

/* At dlclose and at exit. At exit other threads may still be in a call: their sockets end, and nothing is freed under them. */
__attribute__((destructor)) static void unloaded(void)
{
	if (owner != getpid())
		return;
	atomic_store(&state, NONE);
	hang_up();
	if (atomic_load(&users) == 0) {
		close_all();
		session_clear();
	}
}

static bool exchange(connection *c, link_exchange *x, int ms)
{
	wire_finish(&x->out);
	return ours(c) && stream_exchange(c->fd, x, ms);
}

/* A free connection, or the next in turn. */
static connection *take(void)
{
	for (int i = 0; i < connections; i++)
		if (pthread_mutex_trylock(&pool[i].lock) == 0)
			return &pool[i];
	connection *c = &pool[(unsigned)atomic_fetch_add(&next, 1) % (unsigned)connections];
	pthread_mutex_lock(&c->lock);
	return c;
}

/* What is out of step on one connection is trusted on none. Whoever waits on another gets the same answer. */
static CK_RV dead(void)
{
	int ready = READY;
	if (atomic_compare_exchange_strong(&state, &ready, DEAD))
		hang_up();
	return CKR_DEVICE_ERROR;
}

static void begin(link_exchange *x, uint8_t call)
{
	wire_begin(&x->out, call);
	x->in = (wire_in){x->room, 0, false};
	x->answer = NULL;
}

static void end(link_exchange *x)
{
	wire_free(&x->out);
	wire_wipe(x->room, sizeof x->room); /* the answer may be a secret */
	if (x->answer) {
		wire_wipe(x->answer, x->size);
		free(x->answer);
		x->answer = NULL;
	}
}

static void check_fork(void)
{
	if (owner != getpid())
		forget();
}

CK_RV link_enter(link_exchange *x, uint8_t call)
{
	check_fork();
	atomic_fetch_add(&users, 1);
	int s = atomic_load(&state);
	if (s != READY) {
		atomic_fetch_sub(&users, 1);
		return s == DEAD ? CKR_DEVICE_ERROR : CKR_CRYPTOKI_NOT_INITIALIZED;
	}
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &x->cancel);
	begin(x, call);
	return CKR_OK;
}

CK_RV link_call(link_exchange *x)
{
	if (x->out.failed)
		return x->out.failed;
	connection *c = take();
	bool ok = atomic_load(&state) == READY && exchange(c, x, -1);
	pthread_mutex_unlock(&c->lock);
	if (!ok) {
		int s = atomic_load(&state);
		return s == NONE || s == CLOSING ? CKR_CRYPTOKI_NOT_INITIALIZED : dead();
	}
	CK_RV rv = wire_u32(&x->in);
	return x->in.bad ? dead() : rv;
}

CK_RV link_leave(link_exchange *x, CK_RV rv)
{
	if (x->in.bad)
		rv = dead();
	end(x);
	int cancel = x->cancel;
	atomic_fetch_sub(&users, 1);
	pthread_setcancelstate(cancel, NULL);
	return rv;
}

/* Says hello on one connection. The first makes the application; the others join it by its token. */
static CK_RV hello(connection *c, uint8_t token[WIRE_TOKEN], bool first)
{
	link_exchange x;
	begin(&x, CALL_HELLO);
	wire_put_ulong(&x.out, WIRE_VERSION);
	wire_put_bytes(&x.out, first ? NULL : token, WIRE_TOKEN, CKR_GENERAL_ERROR);
	CK_RV rv = CKR_GENERAL_ERROR;
	if (exchange(c, &x, HELLO_MS)) {
		rv = wire_u32(&x.in);
		size_t n;
		const uint8_t *t = wire_bytes(&x.in, &n);
		if (x.in.bad || (rv == CKR_OK && (n != WIRE_TOKEN || !t)))
			rv = CKR_GENERAL_ERROR;
		else if (rv == CKR_OK && first)
			memcpy(token, t, WIRE_TOKEN);
		else if (rv != CKR_OK && t) {
			char text[256];
			size_t len = n < sizeof text - 1 ? n : sizeof text - 1;
			memcpy(text, t, len);
			text[len] = 0;
			complain("the helper refuses", text);
		}
	} else {
		complain("no answer from the helper", "it ended before it said hello");
	}
	end(&x);
	return rv;
}

/* 0, 1 and 2 may be free in a host, but are no numbers for a socket. */
static int above_stdio(int fd)
{
	if (fd < 0 || fd > 2)
		return fd;
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	close(fd);
	return moved;
}

static bool adopt(int fd)
{
	struct stat s;
	if (fd < 0 || fstat(fd, &s) != 0)
		return false;
	pool[connections].fd = fd;
	pool[connections].inode = s.st_ino;
	connections++;
	return true;
}

/* As many as the host's limits permit: one is enough. */
static CK_RV start_private(void)
{
	int theirs[LINK_POOL], count = 0;
	while (count < LINK_POOL) {
		int pair[2];
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
			break;
		int ours = above_stdio(pair[0]), other = above_stdio(pair[1]);
		if (ours < 0 || other < 0) {
			close(ours);
			close(other);
			break;
		}
		adopt(ours);
		theirs[count++] = other;
	}
	CK_RV rv = count > 0 ? spawn_helper(theirs, count, &helper) : CKR_GENERAL_ERROR;
	for (int i = 0; i < count; i++)
		close(theirs[i]);
	return rv;
}

static CK_RV start_daemon(const char *path)
{
	for (int i = 0; i < LINK_POOL; i++)
		if (!adopt(above_stdio(connect_daemon(path))))
			break;
	return connections > 0 ? CKR_OK : CKR_GENERAL_ERROR;
}

static CK_RV start(void)
{
	uint8_t token[WIRE_TOKEN] = {0};
	helper = 0;
	const char *path = secure_getenv("THINGWARD_TOKEN_SOCKET");
	CK_RV rv = path && *path ? start_daemon(path) : start_private();
	for (int i = 0; rv == CKR_OK && i < connections; i++)
		rv = hello(&pool[i], token, i == 0);
	wire_wipe(token, sizeof token);
	return rv;
}

static void pause_for(long ns)
{
	struct timespec moment = {0, ns};
	nanosleep(&moment, NULL);
}

/* Calls under way get their answers first; those of a dead helper have theirs already. */
static void wait_for_calls(void)
{
	while (atomic_load(&users) > 0)
		pause_for(200000);
}

/* The answer says that sessions, login and locks are gone: the next program finds the token free. */
static bool goodbye(void)
{
	link_exchange x;
	begin(&x, CALL_FINALIZE);
	bool answered = exchange(&pool[0], &x, PATIENCE_MS);
	end(&x);
	return answered;
}

/* Of a host that inherits orphans the helper is a child, of others it is not. One that was alive a moment ago has its number still. */
static void reap(void)
{
	for (int ms = 0; helper > 0 && ms < PATIENCE_MS && waitpid(helper, NULL, WNOHANG) == 0; ms++)
		pause_for(1000000);
}

static void stop(bool alive)
{
	wait_for_calls();
	bool ending = alive && goodbye();
	hang_up(); /* a child that libc knows nothing of may have the sockets too */
	close_all();
	if (ending)
		reap();
	session_clear();
}

CK_RV link_start(void)
{
	check_fork();
	int cancel;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	pthread_mutex_lock(&life);
	CK_RV rv = CKR_CRYPTOKI_ALREADY_INITIALIZED;
	if (atomic_load(&state) != READY) {
		atomic_store(&state, NONE);
		stop(false);
		rv = start();
		if (rv == CKR_OK)
			atomic_store(&state, READY);
		else
			close_all();
	}
	pthread_mutex_unlock(&life);
	pthread_setcancelstate(cancel, NULL);
	return rv;
}

CK_RV link_stop(void)
{
	check_fork();
	int cancel;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	pthread_mutex_lock(&life);
	int before = atomic_exchange(&state, CLOSING);
	if (before == READY || before == DEAD) {
		epoch++;
		pthread_cond_broadcast(&finalized);
		stop(before == READY);
	}
	atomic_store(&state, NONE);
	pthread_mutex_unlock(&life);
	pthread_setcancelstate(cancel, NULL);
	return before == NONE ? CKR_CRYPTOKI_NOT_INITIALIZED : CKR_OK;
}

/* A slot never comes or goes here, so the only event is the end. */
CK_RV link_wait(void)
{
	check_fork();
	int cancel;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	pthread_mutex_lock(&life);
	for (unsigned before = epoch; atomic_load(&state) == READY && epoch == before;)
		pthread_cond_wait(&finalized, &life);
	pthread_mutex_unlock(&life);
	pthread_setcancelstate(cancel, NULL);
	return CKR_CRYPTOKI_NOT_INITIALIZED;
}
