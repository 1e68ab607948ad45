/* stream.c: a request out, its answer in. Interrupted calls go on; a peer that is gone is no signal, but false. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "link.h"

static bool send_all(int fd, const uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t done = send(fd, p, n, MSG_NOSIGNAL);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		p += done;
		n -= (size_t)done;
	}
	return true;
}

static bool arrives(int fd, int ms)
{
	struct pollfd p = {fd, POLLIN, 0};
	int n;
	do
		n = poll(&p, 1, ms);
	while (n < 0 && errno == EINTR);
	return n > 0;
}

static bool receive(int fd, uint8_t *p, size_t n)
{
	while (n > 0) {
		if (!arrives(fd, PATIENCE_MS))
			return false;
		ssize_t done = recv(fd, p, n, 0);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		p += done;
		n -= (size_t)done;
	}
	return true;
}

/* A small answer takes one read; nothing may follow it, as there is one request under way on a connection. */
static bool receive_answer(int fd, link_exchange *x)
{
	size_t have = 0;
	while (have < WIRE_HEADER) {
		if (have > 0 && !arrives(fd, PATIENCE_MS))
			return false;
		ssize_t done = recv(fd, x->room + have, sizeof x->room - have, 0);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		have += (size_t)done;
	}
	wire_in header = {x->room, WIRE_HEADER, false};
	size_t n = wire_u32(&header);
	if (n > WIRE_MAX_FRAME || have - WIRE_HEADER > n)
		return false;
	uint8_t *body = x->room + WIRE_HEADER;
	if (n > sizeof x->room - WIRE_HEADER) {
		body = x->answer = malloc(n);
		if (!body)
			return false;
		x->size = n;
		memcpy(body, x->room + WIRE_HEADER, have - WIRE_HEADER);
	}
	have -= WIRE_HEADER;
	x->in = (wire_in){body, n, false};
	return receive(fd, body + have, n - have);
}

/* ms is how long the answer may take to begin; -1: as long as it likes. */
bool stream_exchange(int fd, link_exchange *x, int ms)
{
	return send_all(fd, x->out.data, x->out.len) && (ms < 0 || arrives(fd, ms)) && receive_answer(fd, x);
}
