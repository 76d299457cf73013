/* The calls that benches/bindings.rs times from C; it prints ns per measure. Arguments: batch or push, a directory, how many. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <gnocchetti.h>

#define SECOND INT64_C(1000000000)

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void must(gnt_status status)
{
    if (status != GNT_OK) {
        fprintf(stderr, "status %u\n", (unsigned)status);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    enum { BATCH = 10000 };
    static int64_t timestamps[BATCH];
    static double values[BATCH];
    gnt_options *options = NULL;
    gnt_database *database = NULL;
    gnt_batch *batch = NULL;
    uint64_t key = 0;
    if (argc != 4)
        return 2;
    const long measures = strtol(argv[3], NULL, 10);
    must(gnt_options_new(&options, NULL));
    must(gnt_options_set_default_policies(options, true, NULL));
    must(gnt_options_set_durability(options, GNT_DURABILITY_BUFFERED, SECOND, NULL));
    must(gnt_open(argv[2], GNT_NUL, options, &database, NULL));
    must(gnt_create_metric(database, "m", GNT_NUL, "high", GNT_NUL, NULL, 0, &key, NULL));
    must(gnt_batch_new(&batch, NULL));
    const double begin = now();
    if (strcmp(argv[1], "batch") == 0) {
        for (long done = 0; done < measures; done += BATCH) {
            for (int at = 0; at < BATCH; at++) {
                timestamps[at] = (done + at) * SECOND;
                values[at] = (double)at;
            }
            must(gnt_batch_extend(batch, key, timestamps, values, BATCH, NULL));
            must(gnt_commit(database, batch, NULL, NULL));
        }
    } else {
        for (long done = 0; done < measures; done++)
            must(gnt_push(database, key, done * SECOND, (double)done, NULL, NULL));
    }
    printf("%.3f\n", (now() - begin) / (double)measures);
    gnt_batch_free(batch);
    gnt_options_free(options);
    must(gnt_close(database, NULL));
    return 0;
}
