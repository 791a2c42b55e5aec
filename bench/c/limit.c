/* What C does with one epoll and no parsing: limit FIRST COUNT PORT REQUEST LIMIT_MS WINDOW

Connects to FIRST .. FIRST + COUNT - 1, at most WINDOW at a time, sends the bytes of the file REQUEST, reads until a NUL
or the end of the stream. Prints: answered, wall in microseconds, CPU in microseconds (user and system). */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BURST = 256 };
static char request[65536], buffer[65536], *up;
static int open_n, done;

static long clock_us(clockid_t which) {
    struct timespec t;
    clock_gettime(which, &t);
    return t.tv_sec * 1000000L + t.tv_nsec / 1000L;
}

static int begin(int poll, unsigned address, int port) {
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.fd = fd};
    if (fd < 0) { perror("socket"); exit(1); }
    if (connect(fd, (struct sockaddr *)&name, sizeof name) && errno != EINPROGRESS) { close(fd); return 0; }
    up[fd] = 0;
    epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
    open_n++;
    return 1;
}

static void step(int fd, unsigned mask, size_t length) {
    int over = 0, good = 0;
    if (!up[fd]) {
        if (mask & (EPOLLERR | EPOLLHUP)) over = 1;
        else { up[fd] = 1; if (send(fd, request, length, MSG_NOSIGNAL) < 0) over = 1; }
    }
    while (!over && mask & ~(unsigned)EPOLLOUT) {
        ssize_t n = recv(fd, buffer, sizeof buffer, 0);
        if (n < 0 && errno == EAGAIN) break;
        over = n <= 0 || memchr(buffer, 0, (size_t)n);
        good = n > 0 && over;
    }
    if (over) { close(fd); open_n--; done += good; }
}

int main(int argc, char **argv) {
    if (argc != 7) { fputs("limit FIRST COUNT PORT REQUEST LIMIT_MS WINDOW\n", stderr); return 2; }
    unsigned first = ntohl(inet_addr(argv[1]));
    int count = atoi(argv[2]), port = atoi(argv[3]), window = atoi(argv[6]), next = 0, poll = epoll_create1(0);
    FILE *file = fopen(argv[4], "rb");
    if (!file) { perror(argv[4]); return 1; }
    size_t length = fread(request, 1, sizeof request, file);
    struct rlimit room;
    getrlimit(RLIMIT_NOFILE, &room);
    room.rlim_cur = room.rlim_max;
    setrlimit(RLIMIT_NOFILE, &room);
    up = calloc(1 << 20, 1);
    long began = clock_us(CLOCK_MONOTONIC), cpu = clock_us(CLOCK_PROCESS_CPUTIME_ID), until = began + atol(argv[5]) * 1000L;
    struct epoll_event events[512];
    while (next < count || open_n) {
        long now = clock_us(CLOCK_MONOTONIC);
        if (now >= until) break;
        for (int burst = 0; burst < BURST && next < count && open_n < window; burst++) begin(poll, first + (unsigned)next++, port);
        int more = next < count && open_n < window;
        int n = epoll_wait(poll, events, 512, more ? 0 : (int)((until - now) / 1000 + 1));
        for (int at = 0; at < n; at++) step(events[at].data.fd, events[at].events, length);
    }
    printf("%d %ld %ld\n", done, clock_us(CLOCK_MONOTONIC) - began, clock_us(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    return 0;
}
