/*
 * spawn.c: starts `thingward token helper` so that the host notices nothing of it: no child to wait for, no SIGCHLD, no signal
 * disposition, descriptor or environment variable changed.
 *
 * The host's child is a task without exit signal that shares its memory, as in vfork; it spawns the helper and returns. The
 * helper is thus nobody's child. It ends when its sockets are closed. Only a host that inherits orphans, as process 1 of a container does,
 * has it as a child: C_Finalize waits for it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "link.h"

extern char **environ;

enum { SPAWN_STACK = 128 << 10 };

/* On standard error, and only when asked: a library is silent. */
void complain(const char *what, const char *about)
{
	const char *debug = secure_getenv("THINGWARD_TOKEN_DEBUG");
	if (debug && *debug)
		fprintf(stderr, "libthingward-pkcs11: %s: %s\n", what, about);
}

/* Nobody but root and the user may be able to change what we run. */
static bool trusted(const char *path)
{
	struct stat s;
	if (stat(path, &s) != 0) {
		complain(path, strerror(errno));
		return false;
	}
	if (!S_ISREG(s.st_mode) || access(path, X_OK) != 0) {
		complain("not a program", path);
		return false;
	}
	if (s.st_uid != 0 && s.st_uid != geteuid()) {
		complain("refused, as it belongs neither to root nor to you", path);
		return false;
	}
	if ((s.st_mode & S_IWOTH) || ((s.st_mode & S_IWGRP) && s.st_gid != 0 && s.st_gid != getegid())) {
		complain("refused, as others may write it", path);
		return false;
	}
	return true;
}

static char home[PATH_MAX]; /* of this library */

/* At once: the host may have given a name that holds only where it is now. */
__attribute__((constructor)) static void loaded(void)
{
	Dl_info self;
	char *slash;
	if (dladdr(home, &self) && self.dli_fname && realpath(self.dli_fname, home) && (slash = strrchr(home, '/')))
		*slash = 0;
	else
		home[0] = 0;
}

/* The helper named by the environment, or the one installed with this library. */
static bool find_helper(char path[PATH_MAX])
{
	const char *named = secure_getenv("THINGWARD_TOKEN_HELPER");
	if (named && *named)
		return snprintf(path, PATH_MAX, "%s", named) < PATH_MAX && trusted(path);

	static const char *const places[] = {"thingward", "../bin/thingward", "../../bin/thingward", "../../../bin/thingward"};
	struct stat s; /* a directory of the name is where packages put what else there is */
	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		if (snprintf(path, PATH_MAX, "%s/%s", home, places[i]) < PATH_MAX && stat(path, &s) == 0 && !S_ISDIR(s.st_mode))
			return trusted(path);
	complain("no helper: set THINGWARD_TOKEN_HELPER to the path of thingward; it is not near", home);
	return false;
}

struct spawn {
	const char *path;
	char **argv, **environment;
	const posix_spawn_file_actions_t *files;
	const posix_spawnattr_t *attributes;
	pid_t helper;
	int failed;
};

/* The host's soft limits are for the host; the helper gets what is allowed. */
__attribute__((no_sanitize("address", "undefined")))
static void raise_limits(void)
{
	static const int which[] = {RLIMIT_AS, RLIMIT_DATA, RLIMIT_NOFILE, RLIMIT_FSIZE, RLIMIT_CPU};
	for (size_t i = 0; i < sizeof which / sizeof *which; i++) {
		struct rlimit l;
		if (getrlimit(which[i], &l) == 0 && l.rlim_cur != l.rlim_max) {
			l.rlim_cur = l.rlim_max;
			setrlimit(which[i], &l);
		}
	}
}

/* Runs in the middle task, on its own stack, in the host's memory. */
__attribute__((no_sanitize("address", "undefined")))
static int middle(void *arg)
{
	struct spawn *s = arg;
	raise_limits(); /* a task of its own has limits of its own */
	s->failed = posix_spawn(&s->helper, s->path, s->files, s->attributes, s->argv, s->environment);
	return 0;
}

static int run_middle(struct spawn *s)
{
	void *stack = mmap(NULL, SPAWN_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (stack == MAP_FAILED)
		return errno;
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before); /* a handler of the host must not run in the middle task */
	s->failed = EAGAIN;
	pid_t pid = clone(middle, (char *)stack + SPAWN_STACK, CLONE_VM | CLONE_VFORK, s);
	int failed = pid < 0 ? errno : s->failed;
	while (pid > 0 && waitpid(pid, NULL, __WCLONE) < 0 && errno == EINTR)
		;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	munmap(stack, SPAWN_STACK);
	return failed;
}

/* An empty signal mask, every signal as it is by default, and a process group of its own: a Ctrl-C is for the host. */
static int set_attributes(posix_spawnattr_t *a)
{
	sigset_t none, all;
	sigemptyset(&none);
	sigfillset(&all);
	int failed = posix_spawnattr_setflags(a, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	if (!failed)
		failed = posix_spawnattr_setsigmask(a, &none);
	if (!failed)
		failed = posix_spawnattr_setsigdefault(a, &all);
	return failed ? failed : posix_spawnattr_setpgroup(a, 0);
}

/* The sockets keep their numbers, and lose close-on-exec by being duplicated onto themselves. */
static int set_files(posix_spawn_file_actions_t *f, const int *sockets, int count, char list[64])
{
	int failed = 0, at = 0;
	for (int fd = 0; fd < 3 && !failed; fd++)
		failed = posix_spawn_file_actions_addopen(f, fd, "/dev/null", fd ? O_WRONLY : O_RDONLY, 0);
	for (int i = 0; i < count && !failed; i++) {
		failed = posix_spawn_file_actions_adddup2(f, sockets[i], sockets[i]);
		at += snprintf(list + at, 64 - (size_t)at, "%s%d", i ? "," : "", sockets[i]);
	}
	return failed;
}

/* The helper of a program with more rights than its user has those rights too, and must not be told by the user what to do with them. */
static char **environment(void)
{
	static char *none[] = {NULL};
	return getauxval(AT_SECURE) ? none : environ;
}

CK_RV spawn_helper(const int *sockets, int count, pid_t *helper)
{
	char path[PATH_MAX], list[64] = "";
	if (!find_helper(path))
		return CKR_GENERAL_ERROR;

	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	char *argv[] = {path, "token", "helper", "--sockets", list, NULL};
	struct spawn s = {path, argv, environment(), &files, &attributes, 0, 0};
	if (posix_spawn_file_actions_init(&files) != 0)
		return CKR_HOST_MEMORY;
	if (posix_spawnattr_init(&attributes) != 0) {
		posix_spawn_file_actions_destroy(&files);
		return CKR_HOST_MEMORY;
	}
	int failed = set_files(&files, sockets, count, list);
	if (!failed)
		failed = set_attributes(&attributes);
	if (!failed)
		failed = run_middle(&s);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	if (failed)
		complain(path, strerror(failed));
	*helper = s.helper;
	return failed == ENOMEM ? CKR_HOST_MEMORY : failed ? CKR_GENERAL_ERROR : CKR_OK;
}
