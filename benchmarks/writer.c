/* A web server's log at a steady rate: appends prepared lines with the current time.
 *
 * writer LOG LINES RATE SECONDS EACH: LINES is a file of lines that all have the time STAMP. EACH is
 * the most lines of a write: 1 is a server that does not buffer. Prints at its end how many lines it
 * wrote, in how many seconds, and how much CPU that took. When it falls behind it writes more at
 * once, so the rate holds unless the machine cannot. */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define STAMP "01/Jan/1970:00:00:00 +0000"
#define STAMP_SIZE (sizeof(STAMP) - 1)
#define TICK 0.01 /* seconds */

static double now(clockid_t clock) {
    struct timespec at;
    clock_gettime(clock, &at);
    return at.tv_sec + at.tv_nsec / 1e9;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

int main(int count, char **arguments) {
    if (count != 6) return 2;
    double rate = atof(arguments[3]), seconds = atof(arguments[4]);
    uint64_t each = strtoull(arguments[5], NULL, 10);
    int log = open(arguments[1], O_WRONLY | O_APPEND | O_CREAT, 0644);
    int source = open(arguments[2], O_RDONLY);
    struct stat status;
    if (log < 0 || source < 0 || fstat(source, &status)) fail("open");
    size_t size = status.st_size;
    char *text = malloc(size + 1);
    if (!text || read(source, text, size) != (ssize_t)size) fail("read");
    text[size] = 0;

    size_t lines = 0;
    for (char *at = text; (at = memchr(at, '\n', text + size - at)); at++) lines++;
    size_t *begins = malloc((lines + 1) * sizeof *begins), *stamps = malloc(lines * sizeof *stamps);
    if (!lines || !begins || !stamps) fail("lines");
    begins[0] = 0;
    for (size_t i = 0; i < lines; i++) {
        char *line = text + begins[i];
        char *stamp = strstr(line, STAMP);
        if (!stamp) fail("a line without the time");
        stamps[i] = stamp - text;
        begins[i + 1] = (char *)memchr(line, '\n', text + size - line) - text + 1;
    }

    double began = now(CLOCK_MONOTONIC);
    uint64_t written = 0;
    time_t second = 0;
    double passed;
    while ((passed = now(CLOCK_MONOTONIC) - began) < seconds) {
        time_t today = time(NULL);
        if (today != second) {
            char stamp[64];
            struct tm parts;
            second = today;
            gmtime_r(&second, &parts);
            strftime(stamp, sizeof stamp, "%d/%b/%Y:%H:%M:%S +0000", &parts);
            for (size_t i = 0; i < lines; i++) memcpy(text + stamps[i], stamp, STAMP_SIZE);
        }
        uint64_t due = passed * rate;
        while (written < due) {
            size_t from = written % lines;
            uint64_t some = due - written;
            if (some > each) some = each;
            if (some > lines - from) some = lines - from;
            size_t left = begins[from + some] - begins[from];
            char *at = text + begins[from];
            while (left) {
                ssize_t done = write(log, at, left);
                if (done < 0) fail("write");
                at += done;
                left -= done;
            }
            written += some;
        }
        double wanted = each == 1 ? (written + 1) / rate : passed + TICK;
        double pause = began + wanted - now(CLOCK_MONOTONIC);
        if (pause > 0) {
            struct timespec wait = {(time_t)pause, (long)((pause - (time_t)pause) * 1e9)};
            nanosleep(&wait, NULL);
        }
    }
    printf("%llu %.3f %.3f\n", (unsigned long long)written, passed, now(CLOCK_PROCESS_CPUTIME_ID));
    return 0;
}
