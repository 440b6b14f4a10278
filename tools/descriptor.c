/* Passing fixed-size messages and open descriptors between our processes. */
#include "descriptor.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int descriptor_send(int socket, const void *data, size_t bytes, int fd, int flags)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {(void *)data, bytes};
    struct msghdr message;
    memset(&message, 0, sizeof message);
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (fd >= 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(head), &fd, sizeof fd);
    }
    for (;;) {
        if (sendmsg(socket, &message, MSG_NOSIGNAL | flags) >= 0)
            return 0; /* a packet is sent as a whole or not at all */
        if (errno != EINTR)
            return errno;
    }
}

/* Takes the descriptors out of a message: the first into *fd, any other is closed. */
static bool take_descriptors(struct msghdr *message, int *fd)
{
    bool single = true;
    for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head; head = CMSG_NXTHDR(message, head)) {
        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
            continue;
        const size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int got;
            memcpy(&got, CMSG_DATA(head) + i * sizeof got, sizeof got);
            if (*fd < 0) {
                *fd = got;
            } else {
                close(got);
                single = false;
            }
        }
    }
    return single;
}

int descriptor_receive(int socket, void *data, size_t bytes, int *fd, int flags)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(2 * sizeof(int))];
    } control;
    struct iovec part = {data, bytes};
    struct msghdr message;
    memset(&message, 0, sizeof message);
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (fd) {
        *fd = -1;
        memset(&control, 0, sizeof control);
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
    }
    ssize_t n;
    do
        n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | flags);
    while (n < 0 && errno == EINTR && !(flags & MSG_DONTWAIT));
    if (n < 0)
        return errno;
    const bool single = !fd || take_descriptors(&message, fd);
    if (n == 0)
        return EPIPE;
    /* Without a control buffer the kernel drops descriptors and says MSG_CTRUNC: no matter. */
    if ((size_t)n == bytes && single && !(message.msg_flags & MSG_TRUNC))
        return 0;
    if (fd && *fd >= 0)
        close(*fd);
    if (fd)
        *fd = -1;
    return EPROTO;
}

void descriptor_close_from(int first)
{
    if (close_range((unsigned)first, ~0u, 0) == 0)
        return;
    const long open_max = sysconf(_SC_OPEN_MAX); /* before Linux 5.9 */
    for (int fd = first; fd < (open_max > 0 && open_max < 65536 ? (int)open_max : 65536); fd++)
        close(fd);
}
