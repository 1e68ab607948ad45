/*
 * garbage.c: a helper that is out of its mind. The library starts it as `garbage token helper --sockets 5,6,...`; it greets properly, nearly always,
 * and then answers with random bytes in a frame, frames that lie about their length, more than one frame, or not at all. What it leaves unfinished it ends, so that nobody waits.
 */
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static uint64_t state;

static uint64_t any(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static int read_all(int fd, uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t done = read(fd, p, n);
		if (done <= 0)
			return 0;
		p += done;
		n -= (size_t)done;
	}
	return 1;
}

static void put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

/* Values as decoders like them least. */
static uint32_t word(void)
{
	static const uint32_t nasty[] = {0, 1, 2, 8, 32, 64, 255, 4096, 4097, 16384, 16385, 8 << 20, 16 << 20, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF};
	return any() % 4 ? nasty[any() % (sizeof nasty / sizeof *nasty)] : (uint32_t)any();
}

/* 0: that was all. */
static int answer(int fd, int hello)
{
	int whole = 1;
	static uint8_t out[70000];
	size_t n = any() % 3 ? any() % 64 : any() % 2 ? any() % 1000 : any() % 66000;
	for (size_t i = 0; i < n; i += 4)
		put32(out + 4 + i, word());
	if (any() % 2)
		put32(out + 4, 0); /* CKR_OK */
	put32(out, (uint32_t)n);
	if (hello && any() % 64) {
		n = 4 + 4 + 16;
		put32(out, (uint32_t)n);
		put32(out + 4, 0);
		put32(out + 8, 16);
	} else if (any() % 16 == 0) {
		put32(out, word());
		whole = 0;
	}
	if (any() % 32 == 0 && n > 0) {
		n--;
		whole = 0;
	}
	send(fd, out, 4 + n, MSG_NOSIGNAL);
	if (any() % 64 == 0)
		send(fd, out, 1, MSG_NOSIGNAL);
	return whole;
}

int main(int argc, char **argv)
{
	struct pollfd fds[16];
	int count = 0;
	state = (uint64_t)time(NULL) * 1000003 + (uint64_t)getpid() * 7919 + 1;
	if (argc < 5)
		return 2;
	for (char *word = strtok(argv[4], ","); word && count < 16; word = strtok(NULL, ","))
		fds[count++] = (struct pollfd){atoi(word), POLLIN, 0};
	for (;;) {
		if (poll(fds, (nfds_t)count, -1) < 0)
			return 1;
		for (int i = 0; i < count; i++) {
			static uint8_t body[16 << 20];
			uint8_t header[4];
			if (!fds[i].revents)
				continue;
			if (!read_all(fds[i].fd, header, 4))
				return 0;
			size_t n = header[0] | (size_t)header[1] << 8 | (size_t)header[2] << 16 | (size_t)header[3] << 24;
			if (n == 0 || n > sizeof body || !read_all(fds[i].fd, body, n) || any() % 500 == 0)
				return 0;
			if (!answer(fds[i].fd, body[0] == 1))
				return 0;
		}
	}
}
