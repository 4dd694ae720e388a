/*
 * tftpstorm - simulates many phones that fetch files by TFTP at the same time.
 *
 * build:  cc -O2 -Wall -o tftpstorm tftpstorm.c
 * usage:  tftpstorm [options] HOST PORT FILE
 *   FILE may contain %m: replaced by a MAC (001565000000 + i mod -m)
 *   -n N    phones at the same time (default 50)      -T N  transfers in all (default N)
 *   -R N    start at most N transfers a second (open load; default: as fast as possible)
 *   -b N    ask for blksize N     -w N  ask for windowsize N    -s  ask for tsize
 *   -o N    ask for timeout N (seconds)
 *   -t MS   client retransmit timeout (default 1000)  -r N  client retries (default 5)
 *   -l P    drop P % of the packets, both directions   -d P  send P % of the packets twice
 *   -v F    compare what arrives with the local file F, which may contain %m as FILE does
 *   -D S    give up after S seconds (default 60)       -j    one JSON line instead of text
 *
 * One UDP socket (= one client TID) per phone, one epoll loop.  Counters:
 *   dup_data   DATA blocks that came again although already acknowledged (Sorcerer's Apprentice
 *              shows here: with -d and no -l it must stay near zero)
 *   timeouts   how often a phone had to send its last packet again
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tftp.h"

static int N = 50, T = 0, blk = 0, win = 0, tsize = 0, topt = 0, retries = 5, macs = 10000, json = 0;
static double rate = 0, maxs = 60;
static char *pattern;
static char **vdata;            /* per MAC, or one for all */
static long *vlen;
static int vmany;
static struct sockaddr_storage srv;
static socklen_t srvlen;
static struct transfer *ph;
static int ep, started, done, ok, failed, nerr;
static uint64_t ntimeout, nbytes, nbad;
static double *lat;

static void finish(struct transfer *p, int good)
{
    double t = now();
    close(p->fd);
    p->fd = -1;
    done++;
    nbad += p->bad;
    if (good) {
        lat[ok++] = t - p->t0;
        nbytes += p->got;
    } else
        failed++;
}

static int addopt(char *b, int n, const char *k, int v)
{
    n += sprintf(b + n, "%s", k) + 1;
    n += sprintf(b + n, "%d", v) + 1;
    return n;
}

static int begin(struct transfer *p, int idx)
{
    char name[400], *m;
    int n = 2;
    struct epoll_event ev = { .events = EPOLLIN, .data.ptr = p };
    int big = 1 << 20;
    memset(p, 0, sizeof *p);
    p->fd = socket(srv.ss_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (p->fd < 0) { perror("socket"); return -1; }
    if (win > 1) setsockopt(p->fd, SOL_SOCKET, SO_RCVBUF, &big, sizeof big);
    epoll_ctl(ep, EPOLL_CTL_ADD, p->fd, &ev);
    m = strstr(pattern, "%m");
    if (m)
        snprintf(name, sizeof name, "%.*s001565%06x%s", (int)(m - pattern), pattern, idx % macs, m + 2);
    else
        snprintf(name, sizeof name, "%s", pattern);
    if (vdata) { p->want = vdata[vmany ? idx % macs : 0]; p->wantlen = vlen[vmany ? idx % macs : 0]; }
    p->last[0] = 0; p->last[1] = 1;
    n += sprintf(p->last + n, "%s", name) + 1;
    n += sprintf(p->last + n, "octet") + 1;
    if (blk) n = addopt(p->last, n, "blksize", blk);
    if (tsize) n = addopt(p->last, n, "tsize", 0);
    if (topt) n = addopt(p->last, n, "timeout", topt);
    if (win) n = addopt(p->last, n, "windowsize", win);
    p->lastlen = n;
    transfer_begin(p, &srv, srvlen);
    return 0;
}

static int cmp(const void *a, const void *b)
{
    double x = *(double *)a, y = *(double *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
    int c, i;
    char *vf = NULL;
    while ((c = getopt(argc, argv, "n:T:R:b:w:so:t:r:l:d:v:D:jm:")) != -1)
        switch (c) {
        case 'n': N = atoi(optarg); break;
        case 'T': T = atoi(optarg); break;
        case 'R': rate = atof(optarg); break;
        case 'b': blk = atoi(optarg); break;
        case 'w': win = atoi(optarg); break;
        case 's': tsize = 1; break;
        case 'o': topt = atoi(optarg); break;
        case 't': tmo = atof(optarg) / 1000; break;
        case 'r': retries = atoi(optarg); break;
        case 'l': loss = atof(optarg); break;
        case 'd': dupp = atof(optarg); break;
        case 'v': vf = optarg; break;
        case 'D': maxs = atof(optarg); break;
        case 'm': macs = atoi(optarg); break;
        case 'j': json = 1; break;
        default: return 2;
        }
    if (argc - optind != 3) { fprintf(stderr, "usage: tftpstorm [options] HOST PORT FILE\n"); return 2; }
    if (!T) T = N;
    pattern = argv[optind + 2];
    struct addrinfo hint = { .ai_socktype = SOCK_DGRAM }, *ai;
    if (getaddrinfo(argv[optind], argv[optind + 1], &hint, &ai)) { fprintf(stderr, "bad address\n"); return 2; }
    memcpy(&srv, ai->ai_addr, ai->ai_addrlen);
    srvlen = ai->ai_addrlen;
    if (vf) {
        char *m = strstr(vf, "%m"), name[600];
        vmany = m != NULL;
        vdata = calloc(vmany ? macs : 1, sizeof *vdata);
        vlen = calloc(vmany ? macs : 1, sizeof *vlen);
        for (i = 0; i < (vmany ? macs : 1); i++) {
            if (m)
                snprintf(name, sizeof name, "%.*s001565%06x%s", (int)(m - vf), vf, i, m + 2);
            else
                snprintf(name, sizeof name, "%s", vf);
            int fd = open(name, O_RDONLY);
            struct stat st;
            if (fd < 0 || fstat(fd, &st)) { perror(name); return 2; }
            vlen[i] = st.st_size;
            vdata[i] = malloc(vlen[i] + 1);
            if (read(fd, vdata[i], vlen[i]) != vlen[i]) { perror(name); return 2; }
            close(fd);
        }
    }
    struct rlimit rl;
    getrlimit(RLIMIT_NOFILE, &rl);
    rl.rlim_cur = rl.rlim_max;
    setrlimit(RLIMIT_NOFILE, &rl);
    ep = epoll_create1(0);
    ph = calloc(N, sizeof *ph);
    lat = calloc(T + 1, sizeof *lat);
    for (i = 0; i < N; i++) ph[i].fd = -1;
    double t0 = now(), tscan = t0, t;
    int freehint = 0;
    static unsigned char buf[66000];
    struct epoll_event ev[256];
    while (done < T) {
        t = now();
        if (t - t0 > maxs) break;
        for (int k = 0; k < N && started < T && (rate <= 0 || started < (t - t0) * rate); k++) {
            struct transfer *p = &ph[freehint];
            freehint = (freehint + 1) % N;
            if (p->fd >= 0) continue;
            if (begin(p, started)) return 1;
            started++;
        }
        int n = epoll_wait(ep, ev, 256, rate > 0 ? 1 : 20);
        for (i = 0; i < n; i++) {
            struct transfer *p = ev[i].data.ptr;
            while (p->fd >= 0) {
                struct sockaddr_storage from;
                socklen_t fl = sizeof from;
                int r = recvfrom(p->fd, buf, sizeof buf, 0, (struct sockaddr *)&from, &fl);
                if (r < 0) break;
                if (chance(loss)) continue;
                switch (transfer_packet(p, buf, r, &from, fl)) {
                case ARRIVED: finish(p, 1); break;
                case REFUSED: nerr++; finish(p, 0); break;
                case GOES_ON: break;
                }
            }
        }
        t = now();
        if (t - tscan > 0.02) {
            tscan = t;
            for (i = 0; i < N; i++) {
                struct transfer *p = &ph[i];
                if (p->fd < 0 || t < p->deadline) continue;
                ntimeout++;
                if (++p->tries > retries) { finish(p, 0); continue; }
                p->deadline = t + tmo;
                xmit(p);
            }
        }
    }
    t = now() - t0;
    qsort(lat, ok, sizeof *lat, cmp);
    struct rusage ru;
    getrusage(RUSAGE_SELF, &ru);
    double cpu = ru.ru_utime.tv_sec + ru.ru_stime.tv_sec + (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6;
    double p50 = ok ? lat[ok / 2] * 1e3 : 0, p99 = ok ? lat[(int)(ok * 0.99)] * 1e3 : 0, mx = ok ? lat[ok - 1] * 1e3 : 0;
    const char *fmt = json ?
        "{\"ok\":%d,\"failed\":%d,\"unfinished\":%d,\"errors\":%d,\"bad\":%llu,\"secs\":%.3f,\"tps\":%.1f,\"mbs\":%.2f,"
        "\"pps\":%.0f,\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"max_ms\":%.1f,\"data\":%llu,\"dup_data\":%llu,\"acks\":%llu,"
        "\"timeouts\":%llu,\"oacks\":%llu,\"second_tid\":%llu,\"client_cpu\":%.2f,\"err\":\"%s\"}\n" :
        "ok %d  failed %d  unfinished %d  errors %d  bad %llu\n%.3f s  %.1f transfers/s  %.2f MB/s  %.0f DATA/s\n"
        "p50 %.2f ms  p99 %.2f ms  max %.1f ms\nDATA %llu  duplicate DATA %llu  ACK %llu  client timeouts %llu  "
        "OACK %llu  second TID %llu\nclient cpu %.2f s  last error: %s\n";
    printf(fmt, ok, failed, T - done, nerr, (unsigned long long)nbad, t, ok / t, nbytes / t / 1e6, ndata / t, p50, p99, mx,
           (unsigned long long)ndata, (unsigned long long)ndup, (unsigned long long)nack, (unsigned long long)ntimeout,
           (unsigned long long)noack, (unsigned long long)nforeign, cpu, errtext);
    return done == T && !failed && !nbad ? 0 : 1;
}
