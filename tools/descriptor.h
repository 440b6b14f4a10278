/* descriptor.h: messages over AF_UNIX SOCK_SEQPACKET sockets, with a descriptor along. */
#ifndef PHASH_TOOLS_DESCRIPTOR_H
#define PHASH_TOOLS_DESCRIPTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Sends one whole message, with `fd` along unless it is -1. 0, or an errno. Never raises SIGPIPE. */
int descriptor_send(int socket, const void *data, size_t bytes, int fd, int flags);

/* Receives one message of exactly `bytes`. `fd` NULL: descriptors that come along are not taken;
 * else it receives the one that came (close-on-exec), or -1. 0, or an errno: EPIPE when the other
 * side is gone, EPROTO for a message of another length or with more than one descriptor. */
int descriptor_receive(int socket, void *data, size_t bytes, int *fd, int flags);

/* Closes every descriptor from `first` on. */
void descriptor_close_from(int first);

#endif
