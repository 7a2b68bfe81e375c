/*
 * The receiver of the benchmarks: takes syslog or JSON lines on some TCP ports and UDP ports of 127.0.0.1, counts messages, checks their framing, answers a half-close
 * once everything was read, and notes when events with a time in their id arrived. In C, so that it is never what is measured.
 *
 *   sink TCP_PORTS UDP_PORTS FRAMING START     FRAMING newline | counted, START what each message must begin with ("<", "{" or "CEF:")
 *
 * Prints the ports in one line. Then answers a line for each command on its input:
 *   counts     {"messages":[...],"bad":[...],"octets":n,"connections":n,"cpu":seconds,"firstUs":time of the first read,"lastUs":of the last}
 *   time       from now on an id `lat-<16 digits, microseconds since 1970>` is noted with the time of its read: ok
 *   arrivals   "port sentUs readUs;..." of what was noted, and forgets it
 *   reset      all counts to zero: ok
 * It ends with its input.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 1 << 20, PORTS = 256, DATAGRAMS = 64, DATAGRAM_ROOM = 65536 };

typedef struct { int fd, port; size_t used; char *data; } Link;
typedef struct { int port; unsigned long long sent, read; } Arrival;

static unsigned long long messages[PORTS], bad[PORTS], octets, connections, first_read, last_read;
static int counted, timing, tcp_ports, udp_ports;
static const char *start;
static size_t start_length;
static Arrival *arrivals;
static size_t arrival_count, arrival_room;

static unsigned long long now_us(void) {
  struct timespec at;
  clock_gettime(CLOCK_REALTIME, &at);
  return (unsigned long long)at.tv_sec * 1000000ull + (unsigned long long)at.tv_nsec / 1000ull;
}

/* No control character inside (a forged line, a broken escape), begins as it must. */
static int is_good(const char *text, size_t length) {
  if (length < start_length || memcmp(text, start, start_length) != 0) return 0;
  unsigned char least = 0xff;
  for (size_t at = 0; at < length; at++) least = (unsigned char)text[at] < least ? (unsigned char)text[at] : least;
  return least >= 0x20;
}

static void note(int port, const char *text, size_t length) {
  const char *at = memmem(text, length, "lat-", 4);
  if (at == NULL || (size_t)(text + length - at) < 20) return;
  if (arrival_count == arrival_room) {
    arrival_room = arrival_room ? arrival_room * 2 : 4096;
    arrivals = realloc(arrivals, arrival_room * sizeof *arrivals);
    if (arrivals == NULL) exit(1);
  }
  char digits[17] = { 0 };
  memcpy(digits, at + 4, 16);
  arrivals[arrival_count++] = (Arrival){ port, strtoull(digits, NULL, 10), last_read };
}

static void take(int port, const char *text, size_t length) {
  messages[port]++;
  if (!is_good(text, length)) {
    if (bad[port]++ < 3) fprintf(stderr, "bad message on port %d: %.*s\n", port, (int)(length < 300 ? length : 300), text);
  }
  if (timing) note(port, text, length);
}

/* Gives the messages that are whole; what is left moves to the front. */
static void cut(Link *link) {
  size_t at = 0;
  if (counted) {
    for (;;) {
      size_t length = 0, digit = at;
      while (digit < link->used && link->data[digit] >= '0' && link->data[digit] <= '9') length = length * 10 + (size_t)(link->data[digit++] - '0');
      if (digit >= link->used) break;
      if (link->data[digit] != ' ' || digit == at) { bad[link->port]++; at = link->used; break; }
      if (link->used - digit - 1 < length) break;
      take(link->port, link->data + digit + 1, length);
      at = digit + 1 + length;
    }
  } else {
    for (;;) {
      const char *end = memchr(link->data + at, '\n', link->used - at);
      if (end == NULL) break;
      take(link->port, link->data + at, (size_t)(end - link->data) - at);
      at = (size_t)(end - link->data) + 1;
    }
  }
  if (at == 0 && link->used == ROOM) { bad[link->port]++; at = link->used; }
  link->used -= at;
  memmove(link->data, link->data + at, link->used);
}

static int listening(int kind, unsigned short *port) {
  int fd = socket(AF_INET, kind | SOCK_NONBLOCK, 0);
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  int room = 64 << 20;
  if (kind == SOCK_DGRAM) setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || (kind == SOCK_STREAM && listen(fd, 512) != 0)) { perror("sink"); exit(1); }
  socklen_t length = sizeof address;
  getsockname(fd, (struct sockaddr *)&address, &length);
  *port = ntohs(address.sin_port);
  return fd;
}

static void list(const char *name, const unsigned long long *values) {
  printf("\"%s\":[", name);
  for (int port = 0; port < tcp_ports + udp_ports; port++) printf("%s%llu", port ? "," : "", values[port]);
  printf("],");
}

static void command(const char *line) {
  if (strcmp(line, "counts") == 0) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    printf("{");
    list("messages", messages);
    list("bad", bad);
    printf("\"octets\":%llu,\"connections\":%llu,\"cpu\":%.3f,\"firstUs\":%llu,\"lastUs\":%llu}\n", octets, connections,
      (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6, first_read, last_read);
  } else if (strcmp(line, "arrivals") == 0) {
    for (size_t at = 0; at < arrival_count; at++) printf("%d %llu %llu;", arrivals[at].port, arrivals[at].sent, arrivals[at].read);
    printf("\n");
    arrival_count = 0;
  } else {
    if (strcmp(line, "time") == 0) timing = 1;
    else if (strcmp(line, "reset") == 0) { memset(messages, 0, sizeof messages); memset(bad, 0, sizeof bad); octets = connections = first_read = last_read = 0; arrival_count = 0; timing = 0; }
    printf("ok\n");
  }
  fflush(stdout);
}

int main(int argc, char **argv) {
  if (argc != 5) { fprintf(stderr, "usage: sink TCP_PORTS UDP_PORTS newline|counted START\n"); return 2; }
  tcp_ports = atoi(argv[1]);
  udp_ports = atoi(argv[2]);
  if (tcp_ports + udp_ports > PORTS) { fprintf(stderr, "sink: at most %d ports\n", PORTS); return 2; }
  counted = strcmp(argv[3], "counted") == 0;
  start = argv[4];
  start_length = strlen(start);
  int poll = epoll_create1(0);
  int listeners[PORTS];
  /* What an event of the poll means: below PORTS a listening or UDP port, STDIN, else a link. */
  for (int port = 0; port < tcp_ports + udp_ports; port++) {
    unsigned short number;
    listeners[port] = listening(port < tcp_ports ? SOCK_STREAM : SOCK_DGRAM, &number);
    struct epoll_event event = { .events = EPOLLIN, .data.u64 = (unsigned long long)port };
    epoll_ctl(poll, EPOLL_CTL_ADD, listeners[port], &event);
    printf("%s%d", port ? " " : "", number);
  }
  printf("\n");
  fflush(stdout);
  struct epoll_event input = { .events = EPOLLIN, .data.u64 = PORTS };
  epoll_ctl(poll, EPOLL_CTL_ADD, 0, &input);
  char line[256];
  size_t typed = 0;
  static char datagrams[DATAGRAMS][DATAGRAM_ROOM];
  for (;;) {
    struct epoll_event events[64];
    int ready = epoll_wait(poll, events, 64, -1);
    for (int at = 0; at < ready; at++) {
      unsigned long long what = events[at].data.u64;
      if (what == PORTS) {
        ssize_t got = read(0, line + typed, sizeof line - typed - 1);
        if (got <= 0) return 0;
        typed += (size_t)got;
        for (char *end; (end = memchr(line, '\n', typed)) != NULL;) {
          *end = 0;
          command(line);
          typed -= (size_t)(end - line) + 1;
          memmove(line, end + 1, typed);
        }
      } else if (what < (unsigned long long)tcp_ports) {
        for (int fd; (fd = accept4(listeners[what], NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
          Link *link = malloc(sizeof *link);
          *link = (Link){ fd, (int)what, 0, malloc(ROOM) };
          struct epoll_event event = { .events = EPOLLIN, .data.ptr = link };
          epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
          connections++;
        }
      } else if (what < PORTS) {
        struct mmsghdr heads[DATAGRAMS];
        struct iovec rooms[DATAGRAMS];
        memset(heads, 0, sizeof heads);
        for (int each = 0; each < DATAGRAMS; each++) {
          rooms[each] = (struct iovec){ datagrams[each], DATAGRAM_ROOM };
          heads[each].msg_hdr.msg_iov = &rooms[each];
          heads[each].msg_hdr.msg_iovlen = 1;
        }
        int got = recvmmsg(listeners[what], heads, DATAGRAMS, MSG_DONTWAIT, NULL);
        last_read = now_us();
        if (first_read == 0) first_read = last_read;
        for (int each = 0; each < got; each++) {
          size_t length = heads[each].msg_len;
          octets += length;
          if (length > 0 && datagrams[each][length - 1] == '\n') length--;
          take((int)what, datagrams[each], length);
        }
      } else {
        Link *link = events[at].data.ptr;
        ssize_t got = read(link->fd, link->data + link->used, ROOM - link->used);
        if (got > 0) {
          last_read = now_us();
          if (first_read == 0) first_read = last_read;
          octets += (unsigned long long)got;
          link->used += (size_t)got;
          cut(link);
        } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
          /* The end of the other side, in order or not: everything before it was read, so ours may follow. */
          if (link->used > 0 && got == 0) bad[link->port]++;
          close(link->fd);
          free(link->data);
          free(link);
        }
      }
    }
  }
}
