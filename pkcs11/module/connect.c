/* connect.c: a connection to `thingward token serve`. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "link.h"

/* A PIN goes over it: whoever listens must be root or the user. */
static bool trusted_peer(int fd, const char *path)
{
	struct ucred peer;
	socklen_t n = sizeof peer;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) != 0)
		return false;
	if (peer.uid == 0 || peer.uid == geteuid())
		return true;
	complain("refused, as its owner is neither root nor you", path);
	return false;
}

int connect_daemon(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof address.sun_path) {
		complain("too long for the name of a socket", path);
		return -1;
	}
	strcpy(address.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	int failed;
	do
		failed = connect(fd, (struct sockaddr *)&address, sizeof address);
	while (failed && errno == EINTR);
	if (failed)
		complain(path, strerror(errno));
	if (failed || !trusted_peer(fd, path)) {
		close(fd);
		return -1;
	}
	return fd;
}
