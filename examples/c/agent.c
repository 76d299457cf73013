/*
 * A monitoring agent inside of a program: agent DIRECTORY SECONDS
 *
 * Five times a second it reads the load, the memory and the processors' time from /proc, pushes what it read as one batch, and
 * shows at the end what the database has of it.
 */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <gnocchetti.h>

#define SECOND INT64_C(1000000000)

enum { LOAD, MEMORY_AVAILABLE, CPU_BUSY, METRICS };

static const struct {
    const char *name, *unit;
} metrics[METRICS] = {{"load.1min", ""}, {"memory.available", "kB"}, {"cpu.busy", "s"}};

/* Says what went wrong and frees the error; returns whether anything did. */
static int failed(gnt_status status, gnt_error **error)
{
    if (status == GNT_OK)
        return 0;
    fprintf(stderr, "agent: %s\n", gnt_error_message(*error));
    gnt_error_free(*error);
    *error = NULL;
    return 1;
}

/* The database with an archive policy of seconds and minutes, and its metrics, made when they are not there. */
static gnt_database *prepare(const char *directory, uint64_t keys[METRICS])
{
    static const char policy[] = "{\"name\": \"agent\", \"definition\": ["
                                 "{\"granularity\": \"1 second\", \"timespan\": \"1 hour\"},"
                                 "{\"granularity\": \"1 minute\", \"timespan\": \"7 days\"}]}";
    gnt_error *error = NULL;
    gnt_options *options = NULL;
    gnt_database *database = NULL;
    gnt_status status = gnt_options_new(&options, &error);
    if (status == GNT_OK)
        status = gnt_options_set_durability(options, GNT_DURABILITY_KERNEL, SECOND, &error);
    if (status == GNT_OK)
        status = gnt_open(directory, GNT_NUL, options, &database, &error);
    gnt_options_free(options);
    if (failed(status, &error))
        return NULL;
    status = gnt_create_archive_policy(database, policy, sizeof policy - 1, NULL);
    for (int at = 0; at < METRICS && (status == GNT_OK || status == GNT_ARCHIVE_POLICY_EXISTS); at++) {
        gnt_metric_list *found = NULL;
        if (gnt_metric_by_name(database, metrics[at].name, GNT_NUL, &found, NULL) == GNT_OK)
            keys[at] = gnt_metric_list_get(found, 0)->key;
        else if (failed(gnt_create_metric(database, metrics[at].name, GNT_NUL, "agent", GNT_NUL, metrics[at].unit, GNT_NUL,
                                          &keys[at], &error), &error))
            status = GNT_INVALID_METRIC;
        gnt_metric_list_free(found);
    }
    if (status == GNT_OK || status == GNT_ARCHIVE_POLICY_EXISTS)
        return database;
    gnt_close(database, NULL);
    return NULL;
}

/* The first number in a file behind a word; 0 where there is none. */
static double number(const char *file, const char *word)
{
    char line[256];
    double value = 0;
    FILE *in = fopen(file, "r");
    while (in != NULL && fgets(line, sizeof line, in) != NULL)
        if (strncmp(line, word, strlen(word)) == 0 && sscanf(line + strlen(word), "%lf", &value) == 1)
            break;
    if (in != NULL)
        fclose(in);
    return value;
}

static int sample(const gnt_database *database, gnt_batch *batch, const uint64_t keys[METRICS])
{
    struct timespec now;
    gnt_error *error = NULL;
    clock_gettime(CLOCK_REALTIME, &now);
    const int64_t at = (int64_t)now.tv_sec * SECOND + now.tv_nsec;
    const int64_t timestamps[METRICS] = {at, at, at};
    const double values[METRICS] = {number("/proc/loadavg", ""), number("/proc/meminfo", "MemAvailable:"),
                                    number("/proc/stat", "cpu ") / 100.0};
    if (failed(gnt_batch_extend_keyed(batch, keys, timestamps, values, METRICS, &error), &error))
        return 1;
    return failed(gnt_commit(database, batch, NULL, &error), &error);
}

static int report(const gnt_database *database, const uint64_t keys[METRICS])
{
    gnt_error *error = NULL;
    gnt_query *query = NULL;
    gnt_result *result = NULL;
    int outcome = failed(gnt_query_new(&query, &error), &error);
    for (int at = 0; outcome == 0 && at < METRICS; at++)
        outcome = failed(gnt_query_add_metric(query, keys[at], &error), &error);
    if (outcome == 0)
        outcome = failed(gnt_measures(database, query, &result, &error), &error);
    for (size_t at = 0; at < gnt_result_length(result); at++) {
        const gnt_series *series = gnt_result_get(result, at);
        if (series->length > 0)
            printf("%-20s %4zu seconds, the last one %g %s\n", metrics[at].name, series->length,
                   series->values[series->length - 1], metrics[at].unit);
    }
    gnt_result_free(result);
    gnt_query_free(query);
    return outcome;
}

int main(int argc, char **argv)
{
    const struct timespec pause = {0, 200000000};
    uint64_t keys[METRICS];
    gnt_batch *batch = NULL;
    gnt_error *error = NULL;
    int outcome;
    if (argc != 3) {
        fprintf(stderr, "usage: %s DIRECTORY SECONDS\n", argv[0]);
        return 2;
    }
    gnt_database *database = prepare(argv[1], keys);
    if (database == NULL)
        return 1;
    outcome = failed(gnt_batch_new(&batch, &error), &error);
    for (long left = strtol(argv[2], NULL, 10) * 5; outcome == 0 && left > 0; left--) {
        outcome = sample(database, batch, keys);
        nanosleep(&pause, NULL);
    }
    gnt_batch_free(batch);
    if (outcome == 0)
        outcome = report(database, keys);
    if (failed(gnt_close(database, &error), &error))
        return 1;
    return outcome;
}
