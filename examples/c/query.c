/*
 * Shows what a database has of a metric: query DIRECTORY METRIC [METHOD] [GRANULARITY in seconds]
 *
 * Without a metric it lists them all.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <gnocchetti.h>

#define SECOND INT64_C(1000000000)

/* Says what went wrong and frees the error; returns whether anything did. */
static int failed(gnt_status status, gnt_error **error)
{
    if (status == GNT_OK)
        return 0;
    fprintf(stderr, "query: %s\n", gnt_error_message(*error));
    gnt_error_free(*error);
    *error = NULL;
    return 1;
}

static int list(const gnt_database *database)
{
    uint64_t after = 0;
    for (;;) {
        gnt_error *error = NULL;
        gnt_metric_list *page = NULL;
        if (failed(gnt_metrics(database, after, 1000, &page, &error), &error))
            return 1;
        size_t length = gnt_metric_list_length(page);
        for (size_t index = 0; index < length; index++) {
            const gnt_metric *metric = gnt_metric_list_get(page, index);
            printf("%-40s %s\n", metric->name.data != NULL ? metric->name.data : metric->id.data,
                   metric->archive_policy_name.data);
            after = metric->key;
        }
        gnt_metric_list_free(page);
        if (length == 0)
            return 0;
    }
}

static void print(const gnt_series *series)
{
    for (size_t row = 0; row < series->length; row++) {
        time_t seconds = (time_t)(series->timestamps[row] / SECOND);
        char text[32];
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime(&seconds));
        printf("%s %.17g\n", text, series->values[row]);
    }
}

static int show(const gnt_database *database, const char *name, const char *method, const char *granularity)
{
    gnt_error *error = NULL;
    gnt_metric_list *found = NULL;
    gnt_query *query = NULL;
    gnt_result *result = NULL;
    int outcome = 1;
    if (!failed(gnt_metric_by_name(database, name, GNT_NUL, &found, &error), &error) &&
        !failed(gnt_query_new(&query, &error), &error) &&
        !failed(gnt_query_add_metric(query, gnt_metric_list_get(found, 0)->key, &error), &error) &&
        !failed(gnt_query_add_method(query, method, GNT_NUL, &error), &error) &&
        !failed(gnt_query_set_granularity(query, strtoll(granularity, NULL, 10) * SECOND, &error), &error) &&
        !failed(gnt_measures(database, query, &result, &error), &error)) {
        print(gnt_result_get(result, 0));
        outcome = 0;
    }
    gnt_result_free(result);
    gnt_query_free(query);
    gnt_metric_list_free(found);
    return outcome;
}

int main(int argc, char **argv)
{
    gnt_error *error = NULL;
    gnt_database *database = NULL;
    int outcome;
    if (argc < 2 || argc > 5) {
        fprintf(stderr, "usage: %s DIRECTORY [METRIC [METHOD [GRANULARITY]]]\n", argv[0]);
        return 2;
    }
    if (failed(gnt_open(argv[1], GNT_NUL, NULL, &database, &error), &error))
        return 1;
    if (argc == 2)
        outcome = list(database);
    else
        outcome = show(database, argv[2], argc > 3 ? argv[3] : "mean", argc > 4 ? argv[4] : "0");
    if (failed(gnt_close(database, &error), &error))
        return 1;
    return outcome;
}
