/*
 * phonestorm - many phones, each with its own boot, over HTTP and TFTP; every byte is compared with what was made ready before.
 *
 * build:  cc -O2 -Wall -o phonestorm phonestorm.c
 * usage:  phonestorm [-l P] [-d P] [-t MS] [-D S] PLAN RESULT HTTP-PORT TFTP-PORT
 *   PLAN     who asks for what, from which address and when, with the answers that must come: storm.py writes it
 *   RESULT   for each request, then for each phone, what became of it: storm.py reads it
 *   -l P     drop P % of the TFTP packets, both directions     -d P  send P % of the TFTP packets twice
 *   -t MS    a phone sends its last TFTP packet again after so long (default 1000), five times
 *   -D S     give up after S seconds (default 120)
 *
 * The plan holds whole requests, so that nothing is put together here: this must cost far less than what it measures.
 * A phone does one thing after the other. What is silent or says 5xx is asked again after 1, 2 and 4 seconds; then the phone gives up.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tftp.h"

enum { TRIES = 4, RESENDS = 5, HEAD = 2048 };
static const double SILENCE = 10;                       /* seconds without an HTTP answer */

/* The plan, as it lies in the file: a head, the phones by their start, the requests, then all bytes. */
struct head { char magic[8]; uint32_t phones, asks; uint64_t blob; };
struct who { double start; uint32_t address, first, asks, keeps; };
struct ask { uint64_t request, body; uint32_t request_size, body_size, status, tftp; };
struct result { float ms; uint16_t became, tries; };
enum { UNASKED, GOOD, WRONG, GAVE_UP };

struct phone {
    const struct who *who;
    uint32_t at;                                        /* which of its requests */
    enum { PAUSES, SPEAKS_TFTP, SPEAKS_HTTP } state;
    int tries, spot;                                    /* spot: where it stands among the active */
    double began, asked, due;                           /* due: when it goes on, or gives up waiting */
    struct transfer t;
    int fd, reused, sent;                               /* of HTTP */
    int head, status, bad, closes;
    long length, got;
    char text[HEAD];
};

static const struct head *plan;
static const struct who *whos;
static const struct ask *asks;
static const char *blob;
static struct result *results;
static float *boots;
static struct phone *phones;
static uint32_t *active;
static uint32_t nactive, most_active, ended;
static struct sockaddr_storage tftp_door, http_door;
static int ep;
static uint64_t nresent, nretried, nreopened, nsilent, nlater, ncut;
static double maxs = 120;

static void go_on(struct phone *p);

static const struct ask *asking(struct phone *p) { return &asks[p->who->first + p->at]; }

static int opened(struct phone *p, int type)
{
    struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(p->who->address) };
    int one = 1, fd = socket(AF_INET, type | SOCK_NONBLOCK, 0);
    if (fd < 0) { perror("socket"); exit(2); }
    if (type == SOCK_STREAM) setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&here, sizeof here)) { perror("bind"); exit(2); }
    return fd;
}

static void watched(struct phone *p, int fd, uint32_t events)
{
    struct epoll_event ev = { .events = events, .data.ptr = p };
    epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
}

static void hang_up(struct phone *p)
{
    if (p->fd >= 0) close(p->fd);
    p->fd = -1;
}

static void rest(struct phone *p, int whole)
{
    hang_up(p);
    boots[p->who - whos] = whole ? (now() - p->began) * 1e3 : -1;
    ended++;
    active[p->spot] = active[--nactive];
    phones[active[p->spot]].spot = p->spot;
}

static void became(struct phone *p, int what)
{
    struct result *r = &results[p->who->first + p->at];
    r->ms = (now() - p->asked) * 1e3;
    r->became = what;
    r->tries = p->tries + 1;
}

static void later(struct phone *p)
{
    hang_up(p);
    if (++p->tries == TRIES) { p->tries--; became(p, GAVE_UP); rest(p, 0); return; }
    nretried++;
    p->state = PAUSES;
    p->due = now() + (1 << (p->tries - 1));
}

/* An answer is here. */
static void answered(struct phone *p, int status, int bad)
{
    if (status >= 500 || status == 429) { nlater++; later(p); return; }
    became(p, status == (int)asking(p)->status && !bad ? GOOD : WRONG);
    p->at++;
    p->tries = 0;
    if (p->at == p->who->asks) { rest(p, 1); return; }
    p->asked = now();
    go_on(p);
}

static void silence(struct phone *p)
{
    nsilent++;
    later(p);
}

static void go_on(struct phone *p)
{
    const struct ask *a = asking(p);
    if (a->tftp) {
        p->state = SPEAKS_TFTP;
        p->t.fd = opened(p, SOCK_DGRAM);
        watched(p, p->t.fd, EPOLLIN);
        memcpy(p->t.last, blob + a->request, a->request_size);
        p->t.lastlen = a->request_size;
        p->t.want = a->status == 200 ? blob + a->body : NULL;
        p->t.wantlen = a->body_size;
        transfer_begin(&p->t, &tftp_door, sizeof(struct sockaddr_in));
        return;
    }
    p->state = SPEAKS_HTTP;
    p->due = now() + SILENCE;
    p->head = p->status = p->bad = p->closes = p->sent = 0;
    p->length = -1; p->got = 0;
    p->reused = p->fd >= 0;
    if (p->reused) {
        if (send(p->fd, blob + a->request, a->request_size, MSG_NOSIGNAL) == (ssize_t)a->request_size) { p->sent = 1; return; }
        hang_up(p);
        nreopened++;
        p->reused = 0;
    }
    p->fd = opened(p, SOCK_STREAM);
    connect(p->fd, (struct sockaddr *)&http_door, sizeof(struct sockaddr_in));
    watched(p, p->fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}

static void http_whole(struct phone *p)
{
    int bad = p->bad || (p->status == 200 && p->got != (long)asking(p)->body_size);
    if (p->closes || !p->who->keeps) hang_up(p);
    answered(p, p->status, bad);
}

static void take_body(struct phone *p, const char *b, long n)
{
    const struct ask *a = asking(p);
    if (p->status == 200 && (p->got + n > (long)a->body_size || memcmp(blob + a->body + p->got, b, n))) p->bad = 1;
    p->got += n;
}

/* Take what came; return 1 where the answer is whole. */
static int take(struct phone *p, const char *b, long n)
{
    if (!p->status) {
        long room = HEAD - 1 - p->head, use = n < room ? n : room;
        char *end, *field;
        memcpy(p->text + p->head, b, use);
        p->text[p->head + use] = 0;
        end = strstr(p->text, "\r\n\r\n");
        if (!end) {
            p->head += use;
            if (p->head == HEAD - 1) { p->status = 599; return 1; }
            return 0;
        }
        use = end + 4 - p->text - p->head;
        *end = 0;
        p->status = strlen(p->text) > 12 ? atoi(p->text + 9) : 599;
        field = strcasestr(p->text, "\r\ncontent-length:");
        if (field) p->length = atol(field + 17);
        p->closes = strcasestr(p->text, "\r\nconnection: close") != NULL;
        b += use; n -= use;
    }
    if (n) take_body(p, b, n);
    return p->length >= 0 && p->got >= p->length;
}

static void http_event(struct phone *p, uint32_t events)
{
    static char buf[1 << 18];
    const struct ask *a = asking(p);
    if (!p->sent && (events & EPOLLOUT)) {
        if (send(p->fd, blob + a->request, a->request_size, MSG_NOSIGNAL) != (ssize_t)a->request_size) { silence(p); return; }
        p->sent = 1;
    }
    for (;;) {
        ssize_t n = recv(p->fd, buf, sizeof buf, 0);
        if (n > 0) {
            if (take(p, buf, n)) { http_whole(p); return; }
            continue;
        }
        if (n < 0 && errno == EAGAIN) return;
        if (p->status && p->length < 0 && n == 0) { p->closes = 1; http_whole(p); return; }
        hang_up(p);
        if (p->reused && !p->status && !p->head) { nreopened++; go_on(p); return; }   /* a kept connection that the server ended meanwhile */
        ncut++;
        silence(p);
        return;
    }
}

static void tftp_over(struct phone *p, int status)
{
    close(p->t.fd);
    p->t.fd = -1;
    if (status) answered(p, status, p->t.bad); else silence(p);
}

static void tftp_event(struct phone *p)
{
    static unsigned char buf[66000];
    for (;;) {
        struct sockaddr_storage from;
        socklen_t fl = sizeof from;
        int r = recvfrom(p->t.fd, buf, sizeof buf, 0, (struct sockaddr *)&from, &fl);
        if (r < 0) return;
        if (chance(loss)) continue;
        switch (transfer_packet(&p->t, buf, r, &from, fl)) {
        case ARRIVED: tftp_over(p, 200); return;
        case REFUSED: tftp_over(p, errcode == 1 ? 404 : errcode == 2 ? 403 : 500); return;
        case GOES_ON: break;
        }
    }
}

static void look(struct phone *p, double t)
{
    if (p->state == PAUSES && t >= p->due) go_on(p);
    else if (p->state == SPEAKS_HTTP && t >= p->due) silence(p);
    else if (p->state == SPEAKS_TFTP && t >= p->t.deadline) {
        if (++p->t.tries > RESENDS) { tftp_over(p, 0); return; }
        nresent++;
        p->t.deadline = t + tmo;
        xmit(&p->t);
    }
}

static void *mapped(const char *name, size_t *size)
{
    struct stat st;
    int fd = open(name, O_RDONLY);
    if (fd < 0 || fstat(fd, &st)) { perror(name); exit(2); }
    *size = st.st_size;
    void *at = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (at == MAP_FAILED) { perror(name); exit(2); }
    close(fd);
    return at;
}

static void door(struct sockaddr_storage *where, const char *port)
{
    struct sockaddr_in *in = (struct sockaddr_in *)where;
    in->sin_family = AF_INET;
    in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    in->sin_port = htons(atoi(port));
}

int main(int argc, char **argv)
{
    int c;
    size_t size;
    uint32_t started = 0, i;
    while ((c = getopt(argc, argv, "l:d:t:D:")) != -1)
        switch (c) {
        case 'l': loss = atof(optarg); break;
        case 'd': dupp = atof(optarg); break;
        case 't': tmo = atof(optarg) / 1000; break;
        case 'D': maxs = atof(optarg); break;
        default: return 2;
        }
    if (argc - optind != 4) { fprintf(stderr, "usage: phonestorm [options] PLAN RESULT HTTP-PORT TFTP-PORT\n"); return 2; }
    plan = mapped(argv[optind], &size);
    if (size < sizeof *plan || memcmp(plan->magic, "PHONES1", 8)) { fprintf(stderr, "%s is no plan\n", argv[optind]); return 2; }
    whos = (const struct who *)(plan + 1);
    asks = (const struct ask *)(whos + plan->phones);
    blob = (const char *)plan + plan->blob;
    door(&http_door, argv[optind + 2]);
    door(&tftp_door, argv[optind + 3]);
    results = calloc(plan->asks, sizeof *results);
    boots = calloc(plan->phones, sizeof *boots);
    phones = calloc(plan->phones, sizeof *phones);
    active = calloc(plan->phones, sizeof *active);
    for (i = 0; i < plan->phones; i++) {
        phones[i].who = &whos[i];
        phones[i].fd = phones[i].t.fd = -1;
        boots[i] = -1;                                  /* until its last answer is here: milliseconds of the whole boot */
    }
    struct rlimit rl;
    getrlimit(RLIMIT_NOFILE, &rl);
    rl.rlim_cur = rl.rlim_max;
    setrlimit(RLIMIT_NOFILE, &rl);
    ep = epoll_create1(0);
    double t0 = now(), tscan = t0, t = t0;
    struct epoll_event ev[256];
    while (ended < plan->phones && t - t0 < maxs) {
        double wait = started < plan->phones ? whos[started].start - (t - t0) : 1;
        int n = epoll_wait(ep, ev, 256, wait <= 0 ? 0 : wait < 0.02 ? (int)(wait * 1e3) + 1 : 20);
        for (int k = 0; k < n; k++) {
            struct phone *p = ev[k].data.ptr;
            if (p->state == SPEAKS_TFTP && p->t.fd >= 0) tftp_event(p);
            else if (p->state == SPEAKS_HTTP && p->fd >= 0) http_event(p, ev[k].events);
        }
        t = now();
        for (; started < plan->phones && t - t0 >= whos[started].start; started++) {
            struct phone *p = &phones[started];
            p->spot = nactive;
            active[nactive++] = started;
            if (nactive > most_active) most_active = nactive;
            p->asked = p->began = now();
            go_on(p);
        }
        if (t - tscan > 0.02) {
            tscan = t;
            for (i = nactive; i-- > 0;)
                if (i < nactive) look(&phones[active[i]], t);
        }
    }
    t = now() - t0;
    FILE *out = fopen(argv[optind + 1], "wb");
    if (!out || fwrite(results, sizeof *results, plan->asks, out) != plan->asks || fwrite(boots, sizeof *boots, plan->phones, out) != plan->phones || fclose(out)) {
        perror(argv[optind + 1]);
        return 2;
    }
    struct rusage ru;
    getrusage(RUSAGE_SELF, &ru);
    printf("{\"seconds\":%.3f,\"client_cpu\":%.2f,\"most_at_once\":%u,\"resent\":%llu,\"retried\":%llu,\"reopened\":%llu,\"silent\":%llu,\"later\":%llu,\"cut\":%llu,"
           "\"data\":%llu,\"data_again\":%llu,\"acks\":%llu,\"second_tid\":%llu,\"error\":\"%s\"}\n",
           t, ru.ru_utime.tv_sec + ru.ru_stime.tv_sec + (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6, most_active,
           (unsigned long long)nresent, (unsigned long long)nretried, (unsigned long long)nreopened, (unsigned long long)nsilent, (unsigned long long)nlater,
           (unsigned long long)ncut, (unsigned long long)ndata, (unsigned long long)ndup, (unsigned long long)nack, (unsigned long long)nforeign, errtext);
    return 0;
}
