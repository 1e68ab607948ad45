/* forks.c: fork in every order. */
#include "lifecycle.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>

extern char **environ;

/* A child that does it and ends without the parent's exit handlers. */
static int child(void (*run)(void))
{
	int pid = fork();
	if (pid == 0) {
		run();
		_exit(0);
	}
	return pid;
}

static void before_initialize(void)
{
	load();
	int pid = child(whole);
	whole();
	child_ends_well(pid);
}

static void before_load(void)
{
	int pid = fork();
	load();
	whole();
	if (pid > 0)
		child_ends_well(pid);
}

static void not_initialized(void)
{
	CK_ULONG n;
	IS(f->C_GetSlotList(1, NULL, &n), CKR_CRYPTOKI_NOT_INITIALIZED);
}

static void child_is_not_initialized(void)
{
	load();
	CK_SESSION_HANDLE s = begin();
	child_ends_well(child(not_initialized));
	OK(try_sign(s, key(s)));
}

static void child_initializes(void)
{
	load();
	CK_SESSION_HANDLE s = begin();
	CK_OBJECT_HANDLE k = key(s);
	int pid = child(whole);
	for (int i = 0; i < 50; i++)
		OK(try_sign(s, k));
	child_ends_well(pid);
	OK(try_sign(s, k));
	OK(f->C_Finalize(NULL));
}

static void finalize_first(void)
{
	IS(f->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
	whole();
}

static void child_finalizes(void)
{
	load();
	CK_SESSION_HANDLE s = begin();
	child_ends_well(child(finalize_first));
	OK(try_sign(s, key(s)));
}

static void leave(void)
{
	exit(0); /* destructors and exit handlers */
}

static void child_exits(void)
{
	load();
	CK_SESSION_HANDLE s = begin();
	for (int i = 0; i < 5; i++)
		child_ends_well(child(leave));
	OK(try_sign(s, key(s)));
}

static void child_unloads_now(void)
{
	unload();
}

static void child_unloads(void)
{
	load();
	CK_SESSION_HANDLE s = begin();
	child_ends_well(child(child_unloads_now));
	OK(try_sign(s, key(s)));
}

static void cycles(void)
{
	for (int i = 0; i < 5; i++)
		whole();
}

static void child_initializes_again_and_again(void)
{
	load();
	work(1);
	child_ends_well(child(cycles));
}

static void with_grandchild(void)
{
	work(1);
	child_ends_well(child(whole));
	CK_SESSION_HANDLE s = login();
	OK(try_sign(s, key(s)));
}

static void grandchild(void)
{
	load();
	work(1);
	child_ends_well(child(with_grandchild));
}

static void many_signatures(void)
{
	work(300);
	OK(f->C_Finalize(NULL));
}

static void workers(void)
{
	int pids[4];
	load();
	work(1);
	for (int i = 0; i < 4; i++)
		pids[i] = child(many_signatures);
	for (int i = 0; i < 4; i++)
		child_ends_well(pids[i]);
}

/* nginx: the master initialises and finalises, then the workers come. */
static void after_finalize(void)
{
	load();
	whole();
	child_ends_well(child(many_signatures));
	whole();
}

static void parent_finalizes_first(void)
{
	int gate[2];
	load();
	work(1);
	CHECK(pipe(gate) == 0);
	int pid = fork();
	if (pid == 0) {
		char c;
		close(gate[1]);
		CHECK(read(gate[0], &c, 1) == 0);
		whole();
		_exit(0);
	}
	OK(f->C_Finalize(NULL));
	close(gate[0]);
	close(gate[1]);
	child_ends_well(pid);
}

static bool enough;

static void *sign_until_enough(void *unused)
{
	CK_SESSION_HANDLE s = login();
	CK_OBJECT_HANDLE k = key(s);
	while (!__atomic_load_n(&enough, __ATOMIC_RELAXED))
		OK(try_sign(s, k));
	return unused;
}

static void while_threads_sign(void)
{
	pthread_t t[4];
	load();
	OK(f->C_Initialize(NULL));
	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&t[i], NULL, sign_until_enough, NULL) == 0);
	for (int i = 0; i < 10; i++)
		child_ends_well(child(whole));
	__atomic_store_n(&enough, true, __ATOMIC_RELAXED);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	OK(f->C_Finalize(NULL));
}

static void *initialize_until_enough(void *unused)
{
	while (!__atomic_load_n(&enough, __ATOMIC_RELAXED)) {
		OK(f->C_Initialize(NULL));
		OK(f->C_Finalize(NULL));
	}
	return unused;
}

static void while_a_thread_initializes(void)
{
	pthread_t t;
	load();
	CHECK(pthread_create(&t, NULL, initialize_until_enough, NULL) == 0);
	for (int i = 0; i < 10; i++)
		child_ends_well(child(whole));
	__atomic_store_n(&enough, true, __ATOMIC_RELAXED);
	pthread_join(t, NULL);
}

static void *fork_here(void *unused)
{
	child_ends_well(child(whole));
	return unused;
}

static void from_threads(void)
{
	load();
	CK_SESSION_HANDLE s = begin();
	run_threads(4, fork_here, NULL);
	OK(try_sign(s, key(s)));
}

static void daemonize(void)
{
	int done[2];
	char c = 1;
	load();
	work(1);
	CHECK(pipe(done) == 0);
	if (fork() == 0) {
		setsid();
		if (fork() > 0)
			_exit(0);
		CHECK(chdir("/") == 0);
		for (int fd = 0; fd < 256; fd++)
			if (fd != done[1])
				close(fd);
		whole();
		c = 0;
		_exit(write(done[1], &c, 1) != 1);
	}
	close(done[1]);
	CHECK(read(done[0], &c, 1) == 1 && c == 0);
	wait(NULL);
}

static void programs(void)
{
	int pid, status;
	char *argv[] = {"true", NULL};
	load();
	CK_SESSION_HANDLE s = begin();
	CHECK(system("true") == 0);
	CHECK(posix_spawn(&pid, "/bin/true", NULL, NULL, argv, environ) == 0);
	child_ends_well(pid);
	pid = vfork();
	if (pid == 0) {
		execv("/bin/true", argv);
		_exit(1);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	FILE *p = popen("true", "r");
	CHECK(p && pclose(p) == 0);
	OK(try_sign(s, key(s)));
}

/* A fork that libc does not see: no handlers run. */
static void without_libc(void)
{
	load();
	CK_SESSION_HANDLE s = begin();
	int pid = (int)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid == 0) {
		not_initialized();
		whole();
		_exit(0);
	}
	child_ends_well(pid);
	OK(try_sign(s, key(s)));
}

/* Such a child keeps the sockets as long as it does not call; C_Finalize of its parent ends the helper all the same. */
static void without_libc_does_not_keep_the_helper(void)
{
	int gate[2];
	char c;
	CHECK(pipe(gate) == 0);
	named_helper();
	load();
	work(1);
	int helper = helper_pid(), pid = (int)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid == 0) {
		close(gate[1]);
		_exit(read(gate[0], &c, 1) != 0);
	}
	OK(f->C_Finalize(NULL));
	for (int i = 0; !gone(helper); i++) {
		CHECK(i < 2000);
		usleep(5000);
	}
	close(gate[1]);
	child_ends_well(pid);
}

static void execute_itself(void)
{
	if (getenv("LIFECYCLE_AGAIN")) {
		load();
		whole();
		return;
	}
	load();
	work(1);
	setenv("LIFECYCLE_AGAIN", "1", 1);
	execl("/proc/self/exe", "lifecycle", module_path, "fork_execute_itself", NULL);
	CHECK(!"exec failed");
}

static void initialize_again(void)
{
	OK(f->C_Initialize(NULL));
}

/* Handlers run in the child in the order of their registration: one of before the library was loaded, as pkcs11-helper has it, comes first. */
static void initialized_by_a_handler(void)
{
	CHECK(pthread_atfork(NULL, NULL, initialize_again) == 0);
	load();
	work(1);
	int pid = fork();
	if (pid == 0) {
		IS(f->C_Initialize(NULL), CKR_CRYPTOKI_ALREADY_INITIALIZED);
		CK_SESSION_HANDLE s = login();
		OK(try_sign(s, key(s)));
		_exit(0);
	}
	child_ends_well(pid);
}

/* The helper ends with its host, though a child of the host lives on. */
static void idle_child_does_not_keep_the_helper(void)
{
	int gate[2], number[2], pid = 0;
	CHECK(pipe(gate) == 0 && pipe(number) == 0);
	named_helper();
	load();
	int host = fork();
	if (host == 0) {
		work(1);
		pid = helper_pid();
		CHECK(write(number[1], &pid, sizeof pid) == sizeof pid);
		if (fork() == 0) {
			char c;
			close(gate[1]);
			_exit(read(gate[0], &c, 1) != 0);
		}
		_exit(0);
	}
	child_ends_well(host);
	CHECK(read(number[0], &pid, sizeof pid) == sizeof pid);
	for (int i = 0; !gone(pid); i++) {
		CHECK(i < 2000);
		usleep(5000);
	}
	close(gate[1]);
}

const life_case fork_cases[] = {
	{"fork_before_initialize", before_initialize}, {"fork_before_load", before_load},
	{"fork_child_is_not_initialized", child_is_not_initialized}, {"fork_child_initializes", child_initializes},
	{"fork_child_finalizes", child_finalizes}, {"fork_child_exits", child_exits}, {"fork_child_unloads", child_unloads},
	{"fork_child_initializes_again_and_again", child_initializes_again_and_again}, {"fork_grandchild", grandchild},
	{"fork_workers", workers}, {"fork_after_finalize", after_finalize}, {"fork_parent_finalizes_first", parent_finalizes_first},
	{"fork_while_threads_sign", while_threads_sign}, {"fork_while_a_thread_initializes", while_a_thread_initializes},
	{"fork_from_threads", from_threads}, {"fork_daemonize", daemonize}, {"fork_programs", programs},
	{"fork_without_libc", without_libc}, {"fork_without_libc_does_not_keep_the_helper", without_libc_does_not_keep_the_helper},
	{"fork_execute_itself", execute_itself},
	{"fork_initialized_by_a_handler", initialized_by_a_handler},
	{"fork_idle_child_does_not_keep_the_helper", idle_child_does_not_keep_the_helper}, {NULL, NULL}};
