/* host.c: what the host has is left as it is: signals, limits, descriptors, children, environment. */
#include "lifecycle.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>

extern char **environ;

static void all_signals_blocked(void)
{
	sigset_t all, before, after;
	sigfillset(&all);
	CHECK(pthread_sigmask(SIG_BLOCK, &all, NULL) == 0);
	CHECK(pthread_sigmask(SIG_BLOCK, NULL, &before) == 0);
	load();
	whole();
	CHECK(pthread_sigmask(SIG_BLOCK, NULL, &after) == 0);
	for (int sig = 1; sig < 65; sig++)
		CHECK(sigismember(&before, sig) == sigismember(&after, sig));
}

static void children_ignored(void)
{
	signal(SIGCHLD, SIG_IGN);
	load();
	for (int i = 0; i < 3; i++)
		whole();
	CHECK(signal(SIGCHLD, SIG_IGN) == SIG_IGN);
}

static volatile sig_atomic_t heard;

static void hear(int sig)
{
	(void)sig;
	heard++;
}

static void no_child_signal(void)
{
	signal(SIGCHLD, hear);
	load();
	for (int i = 0; i < 5; i++)
		whole();
	CHECK(heard == 0);
}

static void no_child(void)
{
	load();
	CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
	work(1);
	CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
	CHECK(waitpid(-1, NULL, __WALL | WNOHANG) < 0 && errno == ECHILD);
	OK(f->C_Finalize(NULL));
	CHECK(waitpid(-1, NULL, __WALL | WNOHANG) < 0 && errno == ECHILD);
}

/* Whoever inherits orphans, as process 1 of a container does, inherits the helper. */
static void no_orphan(void)
{
	load();
	CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
	for (int i = 0; i < 3; i++) {
		whole();
		CHECK(waitpid(-1, NULL, __WALL | WNOHANG) < 0 && errno == ECHILD);
	}
}

static void *reap(void *unused)
{
	for (int i = 0; i < 200; i++) {
		waitpid(-1, NULL, __WALL);
		usleep(200);
	}
	return unused;
}

static void a_thread_reaps_everything(void)
{
	pthread_t t;
	load();
	CHECK(pthread_create(&t, NULL, reap, NULL) == 0);
	for (int i = 0; i < 5; i++)
		whole();
	pthread_join(t, NULL);
}

static void interrupted(void)
{
	struct sigaction a = {.sa_handler = hear}; /* without SA_RESTART */
	struct itimerval often = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
	CHECK(sigaction(SIGALRM, &a, NULL) == 0);
	load();
	CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
	for (int i = 0; i < 3; i++) {
		work(300);
		OK(f->C_Finalize(NULL));
	}
	CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
	CHECK(heard > 0);
}

static void dispositions(void)
{
	struct sigaction before[65], after;
	for (int sig = 1; sig < 65; sig++)
		if (sigaction(sig, NULL, &before[sig]) != 0)
			before[sig].sa_handler = SIG_ERR;
	load();
	whole();
	for (int sig = 1; sig < 65; sig++)
		if (before[sig].sa_handler != SIG_ERR) {
			CHECK(sigaction(sig, NULL, &after) == 0);
			CHECK(after.sa_handler == before[sig].sa_handler && after.sa_flags == before[sig].sa_flags);
		}
}

static void terminal_interrupt(void)
{
	setpgid(0, 0);
	signal(SIGINT, hear);
	signal(SIGHUP, hear);
	load();
	CK_SESSION_HANDLE s = begin();
	CHECK(kill(0, SIGINT) == 0 && kill(0, SIGHUP) == 0); /* to the whole process group, as a terminal does */
	usleep(20000);
	OK(try_sign(s, key(s)));
	CHECK(heard == 2);
}

static void limit(int which, rlim_t soft)
{
	struct rlimit l;
	CHECK(getrlimit(which, &l) == 0);
	l.rlim_cur = soft;
	CHECK(setrlimit(which, &l) == 0);
}

static void few_descriptors(void)
{
	load();
	limit(RLIMIT_NOFILE, 24);
	for (int i = 0; i < 3; i++)
		whole();
	struct rlimit l;
	CHECK(getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur == 24);
}

static void hardly_any_descriptors(void)
{
	load();
	limit(RLIMIT_NOFILE, 24);
	int first = dup(1), fd, last = first;
	while ((fd = dup(1)) >= 0)
		last = fd;
	CK_RV rv = f->C_Initialize(NULL);
	CHECK(rv != CKR_OK && rv != CKR_ARGUMENTS_BAD);
	close(last);
	CHECK(f->C_Initialize(NULL) != CKR_OK); /* a pair needs two */
	for (int i = 1; i <= 3; i++)
		close(last - i);
	whole(); /* with as many connections as there is room for */
	for (fd = first; fd < last - 3; fd++)
		close(fd);
	whole();
}

static void little_memory(void)
{
	if (UNDER_ASAN)
		return; /* it needs terabytes of addresses for itself */
	load();
	limit(RLIMIT_AS, 64 << 20);
	whole();
}

static void no_files(void)
{
	load();
	signal(SIGXFSZ, SIG_IGN);
	limit(RLIMIT_FSIZE, 0);
	whole();
}

static void stdio_closed(void)
{
	load();
	close(0);
	close(1);
	work(1);
	CHECK(fcntl(0, F_GETFD) < 0 && fcntl(1, F_GETFD) < 0);
	OK(f->C_Finalize(NULL));
	whole();
}

static void descriptors_close_on_exec(void)
{
	bool before[64];
	for (int fd = 0; fd < 64; fd++)
		before[fd] = fcntl(fd, F_GETFD) >= 0;
	load();
	work(1);
	int new = 0;
	for (int fd = 0; fd < 64; fd++) {
		int flags = fcntl(fd, F_GETFD);
		if (before[fd] || flags < 0)
			continue;
		CHECK(fd > 2);
		CHECK(flags & FD_CLOEXEC);
		new++;
	}
	CHECK(new > 0 && new <= 4);
}

/* A host that closes every descriptor, and opens its own in their place: those are not touched. */
static void descriptors_taken_away(void)
{
	int pair[2];
	char c = 'x';
	load();
	CK_SESSION_HANDLE s = begin();
	CK_OBJECT_HANDLE k = key(s);
	for (int fd = 3; fd < 64; fd++)
		close(fd);
	for (int i = 0; i < 4; i++)
		CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
	IS(try_sign(s, k), CKR_DEVICE_ERROR);
	for (int fd = 3; fd < 11; fd++) {
		CHECK(read(fd, &c, 1) < 0 && errno == EAGAIN); /* nothing was written, nothing was closed */
		CHECK(fcntl(fd, F_GETFD) >= 0);
	}
	whole();
	for (int fd = 3; fd < 11; fd++)
		CHECK(fcntl(fd, F_GETFD) >= 0);
}

/* What the host forgot to mark must not live on in the helper: the other end of this pipe ends with the host's copy. */
static void descriptors_do_not_leak(void)
{
	int gate[2];
	char c;
	CHECK(pipe(gate) == 0);
	load();
	work(1);
	close(gate[1]);
	CHECK(read(gate[0], &c, 1) == 0);
}

static void surroundings(void)
{
	char before[PATH_MAX], after[PATH_MAX];
	int variables = 0, more = 0;
	CHECK(getcwd(before, sizeof before));
	umask(0123);
	for (char **e = environ; *e; e++)
		variables++;
	load();
	whole();
	CHECK(getcwd(after, sizeof after) && strcmp(before, after) == 0);
	CHECK(umask(0) == 0123);
	for (char **e = environ; *e; e++)
		more++;
	CHECK(more == variables);
}

/* A program that runs with more rights than its user, as su does, must not be told by the user what to do with them. */
static void set_user_id(void)
{
	char path[PATH_MAX + 32], trace[PATH_MAX];
	snprintf(trace, sizeof trace, "%s/trace", getenv("LIFECYCLE_DIR"));
	if (getenv("LIFECYCLE_AGAIN")) {
		CHECK(geteuid() == 0 && getuid() != 0);
		load();
		f->C_Initialize(NULL); /* what is in /etc decides how it ends */
		struct stat s;
		CHECK(stat(trace, &s) != 0);
		_exit(0);
	}
	if (geteuid() != 0)
		return; /* nobody else can give such rights */
	snprintf(path, sizeof path, "%s.%d", module_path, (int)getpid());
	int out = open(path, O_WRONLY | O_CREAT | O_EXCL, 0755), in = open("/proc/self/exe", O_RDONLY);
	CHECK(out >= 0 && in >= 0);
	while (sendfile(out, in, NULL, 1 << 20) > 0)
		;
	CHECK(fchmod(out, 04755) == 0 && close(out) == 0);
	int program = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(program >= 0 && unlink(path) == 0);
	setenv("LIFECYCLE_AGAIN", "1", 1);
	setenv("THINGWARD_TOKEN_TRACE", trace, 1);
	int pid = fork();
	if (pid == 0) {
		char *argv[] = {"lifecycle", (char *)module_path, "host_set_user_id", NULL};
		CHECK(setuid(65534) == 0);
		fexecve(program, argv, environ);
		CHECK(!"exec failed");
	}
	child_ends_well(pid);
}

static void silent(void)
{
	char name[] = "/tmp/lifecycle-XXXXXX";
	int file = mkstemp(name);
	struct stat s;
	CHECK(file >= 0 && unlink(name) == 0);
	int out = dup(1), err = dup(2);
	dup2(file, 1);
	dup2(file, 2);
	load();
	CK_SESSION_HANDLE h = begin();
	f->C_Login(h, CKU_USER, (CK_BYTE *)"wrong", 5);
	f->C_DestroyObject(h, 12345);
	OK(f->C_Finalize(NULL));
	dup2(out, 1);
	dup2(err, 2);
	CHECK(fstat(file, &s) == 0 && s.st_size == 0);
}

const life_case host_cases[] = {
	{"host_all_signals_blocked", all_signals_blocked}, {"host_children_ignored", children_ignored},
	{"host_no_child_signal", no_child_signal}, {"host_no_child", no_child}, {"host_no_orphan", no_orphan},
	{"host_a_thread_reaps_everything", a_thread_reaps_everything},
	{"host_interrupted", interrupted}, {"host_dispositions", dispositions}, {"host_terminal_interrupt", terminal_interrupt},
	{"host_few_descriptors", few_descriptors}, {"host_hardly_any_descriptors", hardly_any_descriptors},
	{"host_little_memory", little_memory}, {"host_no_files", no_files}, {"host_stdio_closed", stdio_closed},
	{"host_descriptors_close_on_exec", descriptors_close_on_exec}, {"host_descriptors_taken_away", descriptors_taken_away},
	{"host_descriptors_do_not_leak", descriptors_do_not_leak}, {"host_surroundings", surroundings}, {"host_set_user_id", set_user_id},
	{"host_silent", silent},
	{NULL, NULL}};
