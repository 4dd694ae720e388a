/*
 * A phone's side of one TFTP transfer: RFC 1350 with the options of RFC 2347, 2348 and 7440, the bytes compared as they come.
 * The programs that include it make the sockets, keep the time and say how many; here are the packets.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

struct transfer {
    int fd;                     /* -1: idle */
    struct sockaddr_storage to; /* the server's port for this transfer, once known */
    socklen_t tolen;
    int have_tid;
    uint32_t next;              /* next block wanted, not wrapped (1 = first) */
    uint32_t inwin;             /* blocks since the last ACK */
    int blksize, window;
    uint64_t got;
    double t0, deadline;
    int tries;
    int gap_acked;
    int bad;                    /* other bytes came than those that are wanted */
    const char *want;           /* what must arrive; NULL: not compared */
    long wantlen;
    char last[600];             /* last packet sent, for the retransmit */
    int lastlen;
};

enum outcome { GOES_ON, ARRIVED, REFUSED };

static double loss, dupp, tmo = 1.0; /* percent, percent, seconds until the last packet is sent again */
static uint64_t ndata, ndup, nack, noack, nforeign;
static int errcode;
static char errtext[128];
static uint64_t rng = 88172645463325252ull;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static int chance(double percent)
{
    if (percent <= 0) return 0;
    rng ^= rng << 13; rng ^= rng >> 7; rng ^= rng << 17;
    return (rng >> 11) * (100.0 / 9007199254740992.0) < percent;
}

static void xmit(struct transfer *p)
{
    int copies = 1 + chance(dupp);
    while (copies--)
        if (!chance(loss))
            sendto(p->fd, p->last, p->lastlen, 0, (struct sockaddr *)&p->to, p->tolen);
}

/* Send the request that stands in `last`; the socket is the caller's. */
static void transfer_begin(struct transfer *p, const struct sockaddr_storage *srv, socklen_t srvlen)
{
    p->to = *srv; p->tolen = srvlen;
    p->have_tid = p->tries = p->gap_acked = p->bad = 0;
    p->next = 1; p->inwin = 0; p->blksize = 512; p->window = 1; p->got = 0;
    p->t0 = now();
    p->deadline = p->t0 + tmo;
    xmit(p);
}

static void ack(struct transfer *p, uint32_t block)
{
    p->last[0] = 0; p->last[1] = 4;
    p->last[2] = (block >> 8) & 255; p->last[3] = block & 255;
    p->lastlen = 4;
    p->inwin = 0;
    nack++;
    xmit(p);
}

static enum outcome transfer_packet(struct transfer *p, unsigned char *b, int n, struct sockaddr_storage *from, socklen_t fl)
{
    int op;
    if (n < 4) return GOES_ON;
    op = b[0] << 8 | b[1];
    if (!p->have_tid) {
        p->to = *from; p->tolen = fl; p->have_tid = 1;
    } else if (memcmp(&p->to, from, fl < 8 ? fl : 8)) {     /* another TID: a second session for our RRQ */
        unsigned char e[] = { 0, 5, 0, 5, 'u', 'n', 'k', 'n', 'o', 'w', 'n', ' ', 'T', 'I', 'D', 0 };
        nforeign++;
        sendto(p->fd, e, sizeof e, 0, (struct sockaddr *)from, fl);
        return GOES_ON;
    }
    if (op == 5) {
        errcode = b[2] << 8 | b[3];
        snprintf(errtext, sizeof errtext, "%d %.*s", errcode, n > 5 ? n - 5 : 0, b + 4);
        return REFUSED;
    }
    if (op == 6) {                                          /* OACK */
        char *s = (char *)b + 2, *end = (char *)b + n;
        noack++;
        if (p->next != 1 || p->got) return GOES_ON;
        while (s < end) {
            char *k = s, *v = memchr(s, 0, end - s);
            if (!v || ++v >= end) break;
            if (!strcasecmp(k, "blksize")) p->blksize = atoi(v);
            if (!strcasecmp(k, "windowsize")) p->window = atoi(v);
            s = memchr(v, 0, end - v);
            if (!s) break;
            s++;
        }
        p->tries = 0; p->deadline = now() + tmo;
        ack(p, 0);
        return GOES_ON;
    }
    if (op != 3) return GOES_ON;
    ndata++;
    uint16_t bn = b[2] << 8 | b[3];
    int16_t diff = (int16_t)(bn - (uint16_t)p->next);
    n -= 4;
    if (diff == 0) {
        if (p->want && ((long)(p->got + n) > p->wantlen || memcmp(p->want + p->got, b + 4, n))) p->bad = 1;
        p->got += n;
        p->next++;
        p->inwin++;
        p->tries = 0;
        p->gap_acked = 0;
        p->deadline = now() + tmo;
        if (n < p->blksize) {
            ack(p, p->next - 1);
            if (p->want && (long)p->got != p->wantlen) p->bad = 1;
            return ARRIVED;
        }
        if (p->inwin >= (uint32_t)p->window)
            ack(p, p->next - 1);
    } else if (diff > 0) {                                  /* a gap inside a window */
        if (!p->gap_acked) { p->gap_acked = 1; ack(p, p->next - 1); }
    } else {
        ndup++;
        if (p->window <= 1) ack(p, bn);                     /* RFC 1350: acknowledge it again */
    }
    return GOES_ON;
}
