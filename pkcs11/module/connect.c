/* connect.c: a connection to `thingward token serve`. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "link.h"

/* Whether nobody but root, the user and the one who listens may change what is in a directory, and in those above it. */
static bool closed(char *dir, uid_t listener)
{
	for (;;) {
		struct stat s;
		if (stat(*dir ? dir : "/", &s) != 0 || (s.st_mode & (S_IWGRP | S_IWOTH)))
			return false;
		if (s.st_uid != 0 && s.st_uid != geteuid() && s.st_uid != listener)
			return false;
		if (!*dir)
			return true;
		*strrchr(dir, '/') = 0;
	}
}

/* Whether only they could have put the socket there: neither the way to it nor where that leads is open to others. */
static bool kept(const char *path, uid_t listener)
{
	char dir[PATH_MAX], real[PATH_MAX];
	if (*path != '/' || snprintf(dir, sizeof dir, "%s", path) >= PATH_MAX)
		return false;
	*strrchr(dir, '/') = 0;
	return realpath(*dir ? dir : "/", real) && closed(real, listener) && closed(dir, listener);
}

/* A PIN goes over it: whoever listens must be root or the user, or a service at a place that is kept. */
static bool trusted_peer(int fd, const char *path)
{
	struct ucred peer;
	socklen_t n = sizeof peer;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) != 0)
		return false;
	if (peer.uid == 0 || peer.uid == geteuid() || kept(path, peer.uid))
		return true;
	complain("refused, as its owner is neither root nor you, and others may write where it is", path);
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
