/* A farm of miners on addresses of their own, one epoll, its own process: farm FIRST COUNT PORT TABLE LOW_MS HIGH_MS MODE

FIRST is an IPv4 address, miner i listens on FIRST + i. TABLE is a file of entries: u32 length, a text, u32 length, an
answer; the first entry whose text occurs in a request gives the answer, in which ten '@' stand for the miner's number
in hex, and five pairs of them with colons between for the same as a mac has it. MODE clean: everybody answers after LOW..HIGH ms · tarpit: every 20th takes the request and never answers ·
mad: of each hundred five are shut, five send a byte every 200 ms, five send garbage, two send 64 MB, three hang up.
Prints "port N" when all listen; a byte on its standard input has it print how often each entry was asked for and
begin to count anew; the end of its standard input ends it. */
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

enum { SLOTS = 1024, ENTRIES = 32, HUGE_BODY = 64 << 20, DRIP_MS = 200, MARK = 10, SPACED = 14 };
enum { TARPIT = 1, MAD = 2 };
enum { PLAIN, DRIP, GARBAGE, ENDLESS, HANGUP, SHUT };

struct entry { char *text, *answer; size_t text_n, answer_n; long asked; };
struct peer { int index, entry, next, how, listening, waits; size_t sent; };

static struct entry table[ENTRIES];
static int entries, low_ms, high_ms, mode, wheel[SLOTS], waiting;
static struct peer *peers;
static long now_ms, turned_ms;
static char noise[65536], piece[65536];

static long clock_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000L + t.tv_nsec / 1000000L;
}

static void die(const char *what) { perror(what); exit(1); }

static char *block(FILE *file, size_t *length) {
    unsigned n;
    if (fread(&n, sizeof n, 1, file) != 1) return NULL;
    char *text = malloc(n + 1);
    if (!text || fread(text, 1, n, file) != n) die("table");
    *length = n;
    return text;
}

static void read_table(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) die(path);
    while (entries < ENTRIES && (table[entries].text = block(file, &table[entries].text_n)))
        table[entries].answer = block(file, &table[entries].answer_n), entries++;
    fclose(file);
}

static int how(int index) {
    int at = index % 100;
    if (mode != MAD) return PLAIN;
    return at < 5 ? SHUT : at < 10 ? DRIP : at < 15 ? GARBAGE : at < 17 ? ENDLESS : at < 20 ? HANGUP : PLAIN;
}

static int later(int fd, int ms) { /* put into the wheel; its turn comes after so many milliseconds */
    int slot = (int)((now_ms + ms) % SLOTS);
    peers[fd].next = wheel[slot];
    peers[fd].waits = 1;
    wheel[slot] = fd;
    return ++waiting;
}

static void hang_up(int poll, int fd) {
    peers[fd].how = HANGUP; /* the wheel may still know it and closes it in its turn */
    if (peers[fd].waits) epoll_ctl(poll, EPOLL_CTL_DEL, fd, NULL);
    else close(fd);
}

static void watch(int poll, int fd, unsigned events, int op) {
    struct epoll_event event = {.events = events, .data.fd = fd};
    if (epoll_ctl(poll, op, fd, &event)) die("epoll_ctl");
}

static void answer(int poll, int fd) {
    struct peer *peer = &peers[fd];
    struct entry *entry = &table[peer->entry];
    size_t total = peer->how == ENDLESS ? HUGE_BODY : entry->answer_n;
    const char *from = entry->answer;
    if (peer->how == HANGUP) { close(fd); return; }
    if (peer->how == GARBAGE) from = noise, total = total < sizeof noise ? total : sizeof noise;
    if (peer->how == PLAIN && total <= sizeof piece) { /* its own number in hex instead of the marks */
        char number[MARK + 1], mac[SPACED + 1], *mark = piece;
        unsigned n = (unsigned)peer->index;
        memcpy(piece, from, total);
        snprintf(number, sizeof number, "%010x", n);
        while ((mark = memmem(mark, total - (mark - piece), "@@@@@@@@@@", MARK))) memcpy(mark, number, MARK);
        snprintf(mac, sizeof mac, "00:%02x:%02x:%02x:%02x", n >> 24, n >> 16 & 255, n >> 8 & 255, n & 255);
        for (mark = piece; (mark = memmem(mark, total - (mark - piece), "@@:@@:@@:@@:@@", SPACED));) memcpy(mark, mac, SPACED);
        from = piece;
    }
    while (peer->sent < total) {
        size_t n = total - peer->sent;
        const char *at = peer->how == ENDLESS ? noise : from + peer->sent;
        if (peer->how == ENDLESS && n > sizeof noise) n = sizeof noise;
        if (peer->how == DRIP) n = 1;
        ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) { watch(poll, fd, EPOLLOUT, EPOLL_CTL_MOD); return; }
        if (sent < 0) break;
        peer->sent += (size_t)sent;
        if (peer->how == DRIP) { later(fd, DRIP_MS); return; }
    }
    close(fd);
}

static void asked(int poll, int fd) {
    struct peer *peer = &peers[fd];
    char request[8192];
    ssize_t n = recv(fd, request, sizeof request, 0);
    if (n <= 0) { hang_up(poll, fd); return; }
    if (peer->waits || peer->sent) return;
    for (peer->entry = 0; peer->entry < entries - 1; peer->entry++)
        if (memmem(request, (size_t)n, table[peer->entry].text, table[peer->entry].text_n)) break;
    table[peer->entry].asked++;
    if (mode == TARPIT && peer->index % 20 == 0) return;
    if (high_ms) later(fd, low_ms + rand() % (high_ms - low_ms + 1));
    else answer(poll, fd);
}

static void turn(int poll) { /* everybody whose time has come */
    for (; turned_ms < now_ms; turned_ms++) {
        int slot = (int)((turned_ms + 1) % SLOTS), fd = wheel[slot];
        wheel[slot] = -1;
        while (fd >= 0) {
            int next = peers[fd].next;
            peers[fd].waits = 0;
            waiting--;
            answer(poll, fd);
            fd = next;
        }
    }
}

static int listener(unsigned address, int port) {
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    if (fd < 0) die("socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&name, sizeof name) || listen(fd, 128)) die("listen");
    return fd;
}

static int port_of(int fd) {
    struct sockaddr_in name;
    socklen_t length = sizeof name;
    getsockname(fd, (struct sockaddr *)&name, &length);
    return ntohs(name.sin_port);
}

static void take(int poll, int fd) {
    int index = peers[fd].index, peer;
    while ((peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        peers[peer] = (struct peer){.index = index, .how = how(index)};
        watch(poll, peer, EPOLLIN, EPOLL_CTL_ADD);
    }
}

static void report(void) {
    for (int at = 0; at < entries; at++) printf("%ld%c", table[at].asked, at + 1 < entries ? ' ' : '\n'), table[at].asked = 0;
    fflush(stdout);
}

int main(int argc, char **argv) {
    if (argc != 8) { fputs("farm FIRST COUNT PORT TABLE LOW_MS HIGH_MS MODE\n", stderr); return 2; }
    unsigned first = ntohl(inet_addr(argv[1]));
    int count = atoi(argv[2]), port = atoi(argv[3]), poll = epoll_create1(0);
    low_ms = atoi(argv[5]) ? atoi(argv[5]) : 1, high_ms = atoi(argv[6]);
    mode = !strcmp(argv[7], "tarpit") ? TARPIT : !strcmp(argv[7], "mad") ? MAD : 0;
    read_table(argv[4]);
    memset(noise, '#', sizeof noise);
    memset(wheel, -1, sizeof wheel);
    struct rlimit room;
    getrlimit(RLIMIT_NOFILE, &room);
    if (room.rlim_max > 1 << 18) room.rlim_max = 1 << 18;
    room.rlim_cur = room.rlim_max;
    setrlimit(RLIMIT_NOFILE, &room);
    peers = calloc(room.rlim_cur, sizeof *peers);
    for (int at = 0; at < count; at++) {
        if (how(at) == SHUT) continue;
        int fd = listener(first + (unsigned)at, port);
        port = port_of(fd);
        peers[fd] = (struct peer){.index = at, .listening = 1};
        watch(poll, fd, EPOLLIN, EPOLL_CTL_ADD);
    }
    watch(poll, 0, EPOLLIN, EPOLL_CTL_ADD);
    printf("port %d\n", port);
    fflush(stdout);
    turned_ms = now_ms = clock_ms();
    struct epoll_event events[512];
    for (;;) {
        int n = epoll_wait(poll, events, 512, waiting ? 1 : -1);
        now_ms = clock_ms();
        if (!waiting) turned_ms = now_ms;
        for (int at = 0; at < n; at++) {
            int fd = events[at].data.fd;
            char byte;
            if (fd == 0) { if (read(0, &byte, 1) != 1) return 0; report(); }
            else if (peers[fd].listening) take(poll, fd);
            else if (events[at].events & EPOLLOUT) answer(poll, fd);
            else asked(poll, fd);
        }
        turn(poll);
    }
}
