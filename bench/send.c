// send CAPTURE PORT PACKETS_PER_SECOND: replays the UDP payloads of a classic little-endian Ethernet/IPv4 capture to 127.0.0.1:PORT at a steady rate
// and prints what it sent as JSON. A rate of 0 sends as fast as the kernel takes them.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FILE_HEADER = 24, RECORD_HEADER = 16, ETHERNET = 14, UDP = 8, BATCH = 64 };

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void send_all(int fd, struct mmsghdr *messages, unsigned count) {
  for (unsigned done = 0; done < count;) {
    int sent = sendmmsg(fd, messages + done, count - done, 0);
    if (sent > 0) done += (unsigned)sent;
  }
}

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: send CAPTURE PORT PACKETS_PER_SECOND\n");
    return 2;
  }
  int file = open(argv[1], O_RDONLY);
  struct stat info;
  if (file < 0 || fstat(file, &info) < 0) die(argv[1]);
  const uint8_t *bytes = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
  if (bytes == MAP_FAILED) die("mmap");
  struct sockaddr_in target = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2]))};
  target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&target, sizeof target) < 0) die("socket");
  double rate = atof(argv[3]);

  struct mmsghdr messages[BATCH];
  struct iovec parts[BATCH];
  memset(messages, 0, sizeof messages);
  double started = seconds();
  long packets = 0;
  for (off_t at = FILE_HEADER; at + RECORD_HEADER <= info.st_size;) {
    unsigned count = 0;
    while (count < BATCH && at + RECORD_HEADER <= info.st_size) {
      uint32_t length;
      memcpy(&length, bytes + at + 8, sizeof length);
      const uint8_t *ip = bytes + at + RECORD_HEADER + ETHERNET;
      size_t headers = ETHERNET + (size_t)(ip[0] & 15) * 4 + UDP;
      parts[count] = (struct iovec){(void *)(bytes + at + RECORD_HEADER + headers), length - headers};
      messages[count].msg_hdr.msg_iov = &parts[count];
      messages[count].msg_hdr.msg_iovlen = 1;
      count++;
      at += RECORD_HEADER + (off_t)length;
    }
    send_all(fd, messages, count);
    packets += count;
    if (rate > 0) {
      double ahead = (double)packets / rate - (seconds() - started);
      if (ahead > 0.0002) {
        struct timespec wait = {(time_t)ahead, (long)((ahead - (double)(time_t)ahead) * 1e9)};
        nanosleep(&wait, NULL);
      }
    }
  }
  double took = seconds() - started;
  printf("{\"packets\": %ld, \"seconds\": %.6f, \"packetsPerSecond\": %.0f}\n", packets, took, (double)packets / took);
  return 0;
}
