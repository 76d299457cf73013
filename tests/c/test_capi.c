/* The C ABI as its users hold it: every noun once, misuse of every function, threads, fork, Arrow. Argument: a directory. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif
#include <cmocka.h>
#ifdef __cplusplus
}
#endif

#include "misuse.h"

#define SECOND INT64_C(1000000000)
#define OK(call) ok((call), &error, #call)

static const char *root;
static int databases;

static void ok(gnt_status status, gnt_error **error, const char *call)
{
    if (status != GNT_OK)
        fail_msg("%s: status %u: %s", call, (unsigned)status, gnt_error_message(*error));
}

void expect(gnt_status status, gnt_status expected, const char *what)
{
    if (status != expected)
        fail_msg("%s gave %u, not %u", what, (unsigned)status, (unsigned)expected);
}

void unexpected(gnt_status status, gnt_status refused, const char *what)
{
    if (status == refused)
        fail_msg("%s gave %u", what, (unsigned)status);
}

/* A new database of default policies; without background work, what is deleted stays to be seen until `gnt_maintain`. */
static gnt_database *opened_with(char *path, size_t size, bool background)
{
    gnt_error *error = NULL;
    gnt_options *options = NULL;
    gnt_database *database = NULL;
    snprintf(path, size, "%s/db-%d", root, ++databases);
    OK(gnt_options_new(&options, &error));
    OK(gnt_options_set_default_policies(options, true, &error));
    OK(gnt_options_set_durability(options, GNT_DURABILITY_KERNEL, SECOND, &error));
    OK(gnt_options_set_background(options, background, &error));
    OK(gnt_open(path, GNT_NUL, options, &database, &error));
    gnt_options_free(options);
    return database;
}

static gnt_database *opened_at(char *path, size_t size)
{
    return opened_with(path, size, true);
}

static gnt_database *opened(void)
{
    char path[4096];
    return opened_at(path, sizeof path);
}

static uint64_t metric(const gnt_database *database, const char *name)
{
    gnt_error *error = NULL;
    uint64_t key = 0;
    OK(gnt_create_metric(database, name, GNT_NUL, "high", GNT_NUL, NULL, 0, &key, &error));
    assert_true(key > 0);
    return key;
}

static gnt_result *read_back(const gnt_database *database, uint64_t key, const char *method)
{
    gnt_error *error = NULL;
    gnt_query *query = NULL;
    gnt_result *result = NULL;
    OK(gnt_query_new(&query, &error));
    OK(gnt_query_add_metric(query, key, &error));
    OK(gnt_query_add_method(query, method, GNT_NUL, &error));
    OK(gnt_measures(database, query, &result, &error));
    gnt_query_free(query);
    return result;
}

static void versions_agree(void **state)
{
    (void)state;
    assert_int_equal(gnt_abi_version(), GNT_ABI_VERSION);
    assert_non_null(strchr(gnt_version(), '.'));
}

static void measures_come_back(void **state)
{
    gnt_error *error = NULL;
    gnt_database *database = opened();
    uint64_t key = metric(database, "cpu");
    gnt_pushed pushed;
    (void)state;
    OK(gnt_push(database, key, 0, 1.5, &pushed, &error));
    assert_int_equal(pushed.accepted, 1);

    gnt_batch *batch = NULL;
    const int64_t timestamps[] = {1 * SECOND, 2 * SECOND, 2 * SECOND};
    const double values[] = {2.5, 3.5, 4.5};
    const uint64_t keys[] = {key, key, key};
    OK(gnt_batch_new(&batch, &error));
    OK(gnt_batch_extend(batch, key, timestamps, values, 3, &error));
    assert_int_equal(gnt_batch_length(batch), 3);
    OK(gnt_commit(database, batch, &pushed, &error));
    assert_int_equal(pushed.accepted, 3);
    assert_int_equal(pushed.overwritten, 1);
    size_t count = 0;
    const gnt_metric_pushed *outcome = gnt_batch_outcome(batch, &count);
    assert_int_equal(count, 1);
    assert_int_equal(outcome->metric, key);
    OK(gnt_batch_extend_keyed(batch, keys, timestamps, values, 1, &error));
    OK(gnt_batch_add(batch, key, 3 * SECOND, 9, &error));
    OK(gnt_batch_clear(batch, &error));
    assert_int_equal(gnt_batch_length(batch), 0);
    const int64_t early[] = {-1};
    assert_int_equal(gnt_batch_extend(batch, key, early, values, 1, NULL), GNT_BEFORE_EPOCH);
    gnt_batch_free(batch);

    int64_t last = 0;
    OK(gnt_last_measure(database, key, &last, &error));
    assert_true(last == 2 * SECOND);
    gnt_result *result = read_back(database, key, "mean");
    OK(gnt_flush(database, &error));
    OK(gnt_checkpoint(database, &error));
    OK(gnt_maintain(database, &error));
    OK(gnt_check_index(database, &error));
    OK(gnt_close(database, &error));
    assert_int_equal(gnt_result_length(result), 1);
    const gnt_series *series = gnt_result_get(result, 0);
    assert_int_equal(series->length, 3);
    assert_int_equal(series->metric, key);
    assert_int_equal(series->granularity, SECOND);
    assert_string_equal(series->method.data, "mean");
    assert_true(series->timestamps[2] == 2 * SECOND && series->values[0] == 1.5 && series->values[2] == 4.5);
    assert_null(gnt_result_get(result, 1));
    gnt_result_free(result);
}

static int64_t clock_of(void *userdata)
{
    return *(int64_t *)userdata;
}

static void a_clock_of_the_callers_is_asked(void **state)
{
    gnt_error *error = NULL;
    gnt_options *options = NULL;
    gnt_database *database = NULL;
    char path[4096];
    int64_t now = 100 * SECOND;
    gnt_pushed pushed;
    (void)state;
    OK(gnt_close(opened_at(path, sizeof path), &error));
    OK(gnt_options_new(&options, &error));
    assert_int_equal(gnt_options_set_clock(options, clock_of, &now, -1, NULL), GNT_INVALID_ARGUMENT);
    OK(gnt_options_set_clock(options, clock_of, &now, SECOND, &error));
    OK(gnt_open(path, GNT_NUL, options, &database, &error));
    uint64_t key = metric(database, "cpu");
    OK(gnt_push(database, key, 101 * SECOND, 1.5, &pushed, &error));
    assert_int_equal(gnt_push(database, key, 101 * SECOND + 1, 1.5, NULL, NULL), GNT_TOO_FAR_IN_FUTURE);
    now = 90 * SECOND;
    assert_int_equal(gnt_push(database, key, 101 * SECOND, 1.5, NULL, NULL), GNT_TOO_FAR_IN_FUTURE);
    OK(gnt_close(database, &error));
    OK(gnt_options_set_clock(options, NULL, NULL, 0, &error));
    OK(gnt_open(path, GNT_NUL, options, &database, &error));
    OK(gnt_push(database, key, 200 * SECOND, 1.5, &pushed, &error));
    OK(gnt_close(database, &error));
    gnt_options_free(options);
}

static void deleted_measures_are_gone(void **state)
{
    gnt_error *error = NULL;
    gnt_database *database = opened();
    uint64_t key = metric(database, "cpu");
    gnt_pushed pushed;
    gnt_text *deleted = NULL;
    (void)state;
    for (int64_t second = 0; second < 5; second++)
        OK(gnt_push(database, key, second * SECOND, 1.5, &pushed, &error));
    assert_int_equal(gnt_delete_measures(database, key, 3, 2, false, &deleted, &error), GNT_INVALID_RANGE);
    assert_null(deleted);
    gnt_error_free(error);
    error = NULL;
    OK(gnt_delete_measures(database, key, 3 * SECOND, INT64_MAX, false, &deleted, &error));
    assert_string_equal(gnt_text_data(deleted),
                        "{\"removed\":2,\"newest\":2000000000,\"accepted_from\":0,\"partial\":[]}");
    gnt_text_free(deleted);
    gnt_result *result = read_back(database, key, "mean");
    assert_int_equal(gnt_result_get(result, 0)->length, 3);
    gnt_result_free(result);
    OK(gnt_close(database, &error));
}

static void count_call(void *userdata, uint64_t done, uint64_t total)
{
    assert_true(done <= total);
    *(size_t *)userdata += 1;
}

static void a_snapshot_is_a_database_of_its_own(void **state)
{
    char path[4096], target[4200];
    gnt_error *error = NULL;
    gnt_database *database = opened_at(path, sizeof path);
    gnt_database *snapshot = NULL;
    uint64_t key = metric(database, "cpu");
    gnt_pushed pushed;
    gnt_snapshot_report report;
    size_t calls = 0;
    (void)state;
    snprintf(target, sizeof target, "%s/within", path);
    assert_int_equal(gnt_snapshot(database, target, GNT_NUL, NULL, NULL, NULL, NULL), GNT_SNAPSHOT_TARGET);
    snprintf(target, sizeof target, "%s.snapshot", path);
    OK(gnt_push(database, key, 0, 1.5, &pushed, &error));
    OK(gnt_snapshot(database, target, GNT_NUL, count_call, &calls, &report, &error));
    assert_true(calls > 0 && report.files > 0 && report.copied_bytes <= report.bytes);
    OK(gnt_push(database, key, SECOND, 2.5, &pushed, &error));
    OK(gnt_open_read_only(target, GNT_NUL, NULL, &snapshot, &error));
    gnt_result *result = read_back(snapshot, key, "mean");
    assert_int_equal(gnt_result_get(result, 0)->length, 1);
    gnt_result_free(result);
    OK(gnt_close(snapshot, &error));
    OK(gnt_close(database, &error));
}

static void a_reader_sees_what_it_is_brought_to(void **state)
{
    char path[4096];
    gnt_error *error = NULL;
    gnt_database *writer = opened_at(path, sizeof path);
    gnt_database *reader = NULL;
    uint64_t key = metric(writer, "cpu");
    gnt_pushed pushed;
    bool answer = true;
    (void)state;
    OK(gnt_open_read_only(path, GNT_NUL, NULL, &reader, &error));
    OK(gnt_is_read_only(reader, &answer, &error));
    assert_true(answer);
    OK(gnt_is_read_only(writer, &answer, &error));
    assert_false(answer);

    OK(gnt_push(writer, key, 0, 1.5, &pushed, &error));
    gnt_result *before = read_back(reader, key, "mean");
    assert_int_equal(gnt_result_get(before, 0)->length, 0);
    OK(gnt_refresh(reader, &answer, &error));
    assert_true(answer);
    gnt_result *after = read_back(reader, key, "mean");
    assert_true(gnt_result_get(after, 0)->length >= 1);
    OK(gnt_refresh(reader, &answer, &error));
    assert_false(answer);

    assert_int_equal(gnt_push(reader, key, SECOND, 2.5, &pushed, NULL), GNT_READ_ONLY);
    gnt_result_free(before);
    gnt_result_free(after);
    OK(gnt_close(reader, &error));
    OK(gnt_close(writer, &error));
}

static void errors_tell_what_was_wrong(void **state)
{
    gnt_error *error = NULL;
    gnt_database *second = NULL;
    char path[4096];
    gnt_database *database = opened_at(path, sizeof path);
    (void)state;
    assert_int_equal(gnt_open(path, GNT_NUL, NULL, &second, &error), GNT_LOCKED);
    assert_null(second);
    assert_int_equal(gnt_error_status(error), GNT_LOCKED);
    assert_non_null(strstr(gnt_error_message(error), path));
    assert_non_null(strstr(gnt_error_details(error), "\"pid\""));
    gnt_error_free(error);
    error = NULL;
    assert_int_equal(gnt_push(database, 99, 0, 1, NULL, &error), GNT_UNKNOWN_METRIC);
    assert_non_null(strstr(gnt_error_message(error), "99"));
    gnt_error_free(error);
    error = NULL;
    gnt_metric_list *list = NULL;
    assert_int_equal(gnt_metric_by_name(database, "\xff\xfe", 2, &list, &error), GNT_INVALID_UTF8);
    assert_null(list);
    gnt_error_free(error);
    error = NULL;
    assert_int_equal(gnt_create_archive_policy(database, "{", 1, &error), GNT_INVALID_JSON);
    gnt_error_free(error);
    assert_int_equal(gnt_create_archive_policy(database, "{\"name\": \"p\", \"definition\": []}", GNT_NUL, NULL),
                     GNT_INVALID_ARCHIVE_POLICY);
    error = NULL;
    OK(gnt_close(database, &error));
}

static void policies_and_metrics(void **state)
{
    static const char policy[] = "{\"name\": \"p\", \"definition\": [{\"granularity\": \"1 minute\", \"timespan\": 3600}]}";
    static const char rule[] = "{\"name\": \"r\", \"metric_pattern\": \"disk.*\", \"archive_policy_name\": \"p\"}";
    gnt_error *error = NULL;
    gnt_text *text = NULL;
    gnt_metric_list *list = NULL;
    char path[4096];
    gnt_database *database = opened_with(path, sizeof path, false);
    (void)state;
    OK(gnt_create_archive_policy(database, policy, sizeof policy - 1, &error));
    OK(gnt_archive_policy(database, "p", 1, &text, &error));
    assert_non_null(strstr(gnt_text_data(text), "\"points\":60"));
    assert_int_equal(strlen(gnt_text_data(text)), gnt_text_length(text));
    gnt_text_free(text);
    OK(gnt_update_archive_policy(database, "p", 1, "{\"back_window\": 3}", GNT_NUL, &error));
    OK(gnt_archive_policies(database, &text, &error));
    assert_non_null(strstr(gnt_text_data(text), "\"back_window\":3"));
    gnt_text_free(text);
    OK(gnt_create_archive_policy_rule(database, rule, sizeof rule - 1, &error));
    OK(gnt_archive_policy_for(database, "disk.sda", GNT_NUL, &text, &error));
    assert_non_null(strstr(gnt_text_data(text), "\"name\":\"p\""));
    gnt_text_free(text);
    OK(gnt_rename_archive_policy_rule(database, "r", 1, "s", 1, &error));
    OK(gnt_archive_policy_rule(database, "s", 1, &text, &error));
    gnt_text_free(text);
    OK(gnt_archive_policy_rules(database, &text, &error));
    gnt_text_free(text);
    OK(gnt_create_metrics(database, "[{\"name\": \"disk.sda\", \"unit\": \"B\"}, {}]", GNT_NUL, &list, &error));
    assert_int_equal(gnt_metric_list_length(list), 2);
    const gnt_metric *first = gnt_metric_list_get(list, 0);
    assert_string_equal(first->archive_policy_name.data, "p");
    assert_string_equal(first->unit.data, "B");
    assert_null(gnt_metric_list_get(list, 1)->name.data);
    gnt_metric_list *again = NULL;
    OK(gnt_metric_by_id(database, first->id.data, first->id.length, &again, &error));
    assert_int_equal(gnt_metric_list_get(again, 0)->key, first->key);
    gnt_metric_list_free(again);
    OK(gnt_metric_by_key(database, first->key, &again, &error));
    gnt_metric_list_free(again);
    OK(gnt_policy_of(database, first->key, &text, &error));
    gnt_text_free(text);
    OK(gnt_search_metrics(database, "{\"filter\": \"unit = 'B'\"}", GNT_NUL, &again, &error));
    assert_int_equal(gnt_metric_list_length(again), 1);
    gnt_metric_list_free(again);
    OK(gnt_delete_metric(database, first->key, &error));
    gnt_metric_list_free(list);
    size_t pages = 0;
    uint64_t after = 0;
    for (;;) {
        OK(gnt_metrics(database, after, 1, &list, &error));
        size_t length = gnt_metric_list_length(list);
        if (length > 0)
            after = gnt_metric_list_get(list, length - 1)->key;
        gnt_metric_list_free(list);
        if (length == 0)
            break;
        pages++;
    }
    assert_int_equal(pages, 1);
    OK(gnt_deleted_metrics(database, 0, 10, &list, &error));
    assert_true(gnt_metric_list_get(list, 0)->deleted);
    gnt_metric_list_free(list);
    OK(gnt_delete_archive_policy_rule(database, "s", 1, &error));
    assert_int_equal(gnt_delete_archive_policy(database, "p", 1, NULL), GNT_ARCHIVE_POLICY_IN_USE);
    OK(gnt_stats(database, &text, &error));
    assert_non_null(strstr(gnt_text_data(text), "\"metrics\":1"));
    gnt_text_free(text);
    OK(gnt_close(database, &error));
}

static void resources_and_operations(void **state)
{
    static const char type[] = "{\"name\": \"instance\", \"attributes\": {\"host\": {\"type\": \"string\"}}}";
    static const char new_ones[] = "[{\"id\": \"web-1\", \"type\": \"instance\", \"attributes\": {\"host\": \"a\"}},"
                                   " {\"id\": \"web-2\", \"type\": \"instance\", \"attributes\": {\"host\": \"b\"}}]";
    gnt_error *error = NULL;
    gnt_text *text = NULL;
    gnt_result *result = NULL;
    gnt_resource_batch *batch = NULL;
    gnt_metric_list *created = NULL;
    gnt_pushed pushed;
    gnt_database *database = opened();
    const int64_t timestamps[] = {0};
    (void)state;
    OK(gnt_create_resource_type(database, type, GNT_NUL, &error));
    OK(gnt_create_resources(database, new_ones, GNT_NUL, &text, &error));
    gnt_text_free(text);
    OK(gnt_resource_batch_new(&batch, &error));
    for (int number = 1; number <= 2; number++) {
        char name[16];
        const double value[] = {10.0 * number};
        snprintf(name, sizeof name, "web-%d", number);
        OK(gnt_resource_batch_extend(batch, name, GNT_NUL, NULL, 0, "cpu", 3, timestamps, value, 1, &error));
    }
    assert_int_equal(gnt_resource_batch_length(batch), 2);
    assert_int_equal(gnt_commit_resources(database, batch, false, NULL, NULL, NULL), GNT_UNKNOWN_RESOURCE_METRICS);
    OK(gnt_commit_resources(database, batch, true, &pushed, &created, &error));
    assert_int_equal(pushed.accepted, 2);
    assert_int_equal(gnt_metric_list_length(created), 2);
    gnt_metric_list_free(created);
    gnt_resource_batch_free(batch);

    OK(gnt_aggregates_of_resources(database, "{\"operation\": \"(aggregate mean (metric cpu mean))\"}", GNT_NUL, &result, &error));
    assert_true(gnt_result_get(result, 0)->values[0] == 15.0);
    gnt_result_free(result);
    OK(gnt_aggregates_of_resources(database,
                                   "{\"operation\": [\"metric\", \"cpu\", \"mean\"], \"resources\": {\"type\": \"instance\"},"
                                   " \"group_by\": [\"host\"]}",
                                   GNT_NUL, &result, &error));
    assert_int_equal(gnt_result_length(result), 2);
    assert_string_equal(gnt_result_get(result, 1)->group.data, "{\"host\":\"b\"}");
    assert_string_equal(gnt_result_details(result), "[]");
    gnt_result_free(result);
    OK(gnt_aggregates_of_resources(database, "{\"operation\": [\"metric\", \"cpu\", \"mean\"], \"details\": true}", GNT_NUL,
                                   &result, &error));
    assert_non_null(strstr(gnt_result_details(result), "\"original_resource_id\":\"web-2\""));
    assert_non_null(strstr(gnt_result_details(result), "\"series\":2"));
    gnt_result_free(result);
    OK(gnt_reaggregate_resources(database, "{\"metrics\": [\"cpu\"], \"method\": \"mean\", \"reaggregation\": \"max\"}", GNT_NUL,
                                 &result, &error));
    assert_true(gnt_result_get(result, 0)->values[0] == 20.0);
    gnt_result_free(result);
    metric(database, "a");
    OK(gnt_push(database, metric(database, "b"), 0, 7, NULL, &error));
    OK(gnt_reaggregate(database, "{\"metrics\": [\"b\"], \"method\": \"max\"}", GNT_NUL, &result, &error));
    gnt_result_free(result);
    OK(gnt_aggregates(database,
                      "{\"operation\": \"(+ (metric b mean) 1)\", \"granularity\": [1], \"details\": true, \"skip_damaged\": true}",
                      GNT_NUL, &result, &error));
    assert_true(gnt_result_get(result, 0)->values[0] == 8.0);
    OK(gnt_result_skipped(result, &text, &error));
    assert_string_equal(gnt_text_data(text), "[]");
    gnt_text_free(text);
    assert_non_null(strstr(gnt_result_details(result), "\"name\":\"b\""));
    assert_string_equal(gnt_result_details(NULL), "[]");
    gnt_result_free(result);

    OK(gnt_search_resources(database, "{\"type\": \"instance\", \"filter\": \"host = 'b'\"}", GNT_NUL, &text, &error));
    assert_non_null(strstr(gnt_text_data(text), "web-2"));
    assert_null(strstr(gnt_text_data(text), "web-1"));
    gnt_text_free(text);
    OK(gnt_group_resources(database, "{\"type\": \"instance\"}", GNT_NUL, "[\"host\"]", GNT_NUL, &text, &error));
    gnt_text_free(text);
    OK(gnt_resource_by_original_id(database, "web-1", GNT_NUL, NULL, 0, &text, &error));
    /* The resource's own id is the one that does not follow a metric's key. */
    static const char before[] = "\"ended_at\":null,\"id\":\"";
    const char *found = strstr(gnt_text_data(text), before);
    assert_non_null(found);
    char id[37];
    memcpy(id, found + sizeof before - 1, 36);
    id[36] = '\0';
    gnt_text_free(text);
    OK(gnt_resource(database, id, GNT_NUL, &text, &error));
    gnt_text_free(text);
    OK(gnt_update_resource(database, id, GNT_NUL, "{\"attributes\": {\"host\": \"c\"}}", GNT_NUL, &text, &error));
    assert_non_null(strstr(gnt_text_data(text), "\"host\":\"c\""));
    gnt_text_free(text);
    OK(gnt_append_metrics(database, id, GNT_NUL, "{\"load\": {\"archive_policy_name\": \"low\"}}", GNT_NUL, &text, &error));
    gnt_text_free(text);
    OK(gnt_normalize_ends(database, 0, &text, &error));
    gnt_text_free(text);
    assert_int_equal(gnt_delete_resource_unchanged(database, id, GNT_NUL, 0, &text, NULL), GNT_RESOURCE_CHANGED);
    OK(gnt_delete_resource(database, id, GNT_NUL, &text, &error));
    assert_non_null(strstr(gnt_text_data(text), "\"resources\":1"));
    gnt_text_free(text);
    OK(gnt_delete_resources(database, "{\"type\": \"instance\", \"filter\": \"host = 'b'\"}", GNT_NUL, &text, &error));
    gnt_text_free(text);
    OK(gnt_delete_ended_resources(database, 0, 10, &text, &error));
    gnt_text_free(text);
    OK(gnt_update_resource_type(database, "instance", GNT_NUL, "[{\"op\": \"remove\", \"name\": \"host\"}]", GNT_NUL, &error));
    OK(gnt_resource_type(database, "instance", GNT_NUL, &text, &error));
    gnt_text_free(text);
    OK(gnt_resource_types(database, &text, &error));
    gnt_text_free(text);
    OK(gnt_delete_resource_type(database, "instance", GNT_NUL, &error));
    OK(gnt_close(database, &error));
}

static void questions(void **state)
{
    gnt_error *error = NULL;
    gnt_query *query = NULL;
    gnt_result *result = NULL;
    gnt_database *database = opened();
    uint64_t keys[2] = {metric(database, "a"), metric(database, "b")};
    (void)state;
    for (int second = 0; second < 120; second++)
        for (int number = 0; number < 2; number++)
            OK(gnt_push(database, keys[number], second * SECOND, second * (number + 1), NULL, &error));
    OK(gnt_query_new(&query, &error));
    assert_int_equal(gnt_measures(database, query, &result, NULL), GNT_INVALID_ARGUMENT);
    OK(gnt_query_add_metric(query, keys[0], &error));
    OK(gnt_query_add_metric(query, keys[1], &error));
    OK(gnt_query_add_method(query, "max", GNT_NUL, &error));
    OK(gnt_query_add_method(query, "count", GNT_NUL, &error));
    OK(gnt_query_set_granularity(query, 60 * SECOND, &error));
    OK(gnt_query_set_from(query, 60 * SECOND, &error));
    OK(gnt_query_set_to(query, 180 * SECOND, &error));
    OK(gnt_measures(database, query, &result, &error));
    assert_int_equal(gnt_result_length(result), 4);
    assert_true(gnt_result_get(result, 2)->values[0] == 238.0);
    assert_true(gnt_result_get(result, 3)->values[0] == 60.0);
    gnt_result_free(result);
    OK(gnt_query_set_resample(query, "M", 1, &error));
    OK(gnt_query_set_from(query, 0, &error));
    OK(gnt_measures(database, query, &result, &error));
    assert_string_equal(gnt_result_get(result, 0)->calendar.data, "M");
    gnt_result_free(result);
    OK(gnt_query_set_resample(query, NULL, 0, &error));
    OK(gnt_search_values(database, query, "{\">\": 100}", GNT_NUL, &result, &error));
    assert_int_equal(gnt_result_get(result, 0)->length, 1);
    gnt_result_free(result);
    gnt_query_free(query);
    OK(gnt_close(database, &error));
}

static void arrow_shares_the_memory(void **state)
{
    gnt_error *error = NULL;
    gnt_database *database = opened();
    uint64_t key = metric(database, "cpu");
    struct ArrowSchema schema;
    struct ArrowArray array, moved;
    struct ArrowArrayStream stream, labelled, plain;
    (void)state;
    OK(gnt_push(database, key, 5 * SECOND, 2.5, NULL, &error));
    gnt_result *result = read_back(database, key, "max");
    const gnt_series *series = gnt_result_get(result, 0);
    const void *values = series->values, *timestamps = series->timestamps;
    OK(gnt_result_arrow(result, 0, &schema, &array, &error));
    OK(gnt_result_arrow_stream(result, &stream, &error));
    assert_int_equal(gnt_result_arrow(result, 1, NULL, &moved, NULL), GNT_INVALID_ARGUMENT);
    const gnt_result *const results[] = {result, result};
    const size_t first[] = {0, 0}, beyond[] = {0, 1};
    const char *const labels[] = {"one", "same"};
    OK(gnt_arrow_stream(results, first, labels, 2, &labelled, &error));
    OK(gnt_arrow_stream(results, first, NULL, 1, &plain, &error));
    assert_int_equal(gnt_arrow_stream(results, beyond, labels, 2, &stream, NULL), GNT_INVALID_ARGUMENT);
    gnt_result_free(result);
    OK(gnt_close(database, &error));
    assert_string_equal(schema.format, "+s");
    assert_string_equal(schema.children[0]->format, "tsn:UTC");
    assert_string_equal(schema.children[1]->format, "g");
    assert_ptr_equal(array.children[0]->buffers[1], timestamps);
    assert_ptr_equal(array.children[1]->buffers[1], values);
    moved = *array.children[1];
    array.children[1]->release = NULL;
    array.release(&array);
    assert_null(array.release);
    assert_true(((const double *)moved.buffers[1])[0] == 2.5);
    moved.release(&moved);
    schema.release(&schema);
    assert_int_equal(stream.get_schema(&stream, &schema), 0);
    assert_int_equal(schema.n_children, 4);
    assert_string_equal(schema.children[0]->dictionary->format, "u");
    schema.release(&schema);
    assert_int_equal(stream.get_next(&stream, &array), 0);
    assert_int_equal(array.length, 1);
    assert_ptr_equal(array.children[3]->buffers[1], values);
    assert_int_equal(stream.get_next(&stream, &moved), 0);
    assert_null(moved.release);
    stream.release(&stream);
    assert_true(((const int64_t *)array.children[2]->buffers[1])[0] == 5 * SECOND);
    array.release(&array);

    assert_int_equal(labelled.get_schema(&labelled, &schema), 0);
    assert_string_equal(schema.children[0]->name, "series");
    schema.release(&schema);
    assert_int_equal(labelled.get_next(&labelled, &array), 0);
    array.release(&array);
    assert_int_equal(labelled.get_next(&labelled, &array), 0);
    labelled.release(&labelled);
    const struct ArrowArray *series_column = array.children[0], *texts = series_column->dictionary;
    const int32_t place = ((const int32_t *)series_column->buffers[1])[0];
    const int32_t *offsets = (const int32_t *)texts->buffers[1];
    assert_memory_equal((const char *)texts->buffers[2] + offsets[place], "same", 4);
    assert_int_equal(offsets[place + 1] - offsets[place], 4);
    assert_ptr_equal(array.children[1]->buffers[1], timestamps);
    assert_ptr_equal(array.children[2]->buffers[1], values);
    array.release(&array);
    assert_int_equal(plain.get_schema(&plain, &schema), 0);
    assert_int_equal(schema.n_children, 2);
    schema.release(&schema);
    plain.release(&plain);
    assert_null(plain.release);
    gnt_arrow_capsule_free(NULL);
}

struct job {
    const gnt_database *database;
    uint64_t key;
    int failures;
};

static void *pushes(void *argument)
{
    struct job *job = (struct job *)argument;
    for (int second = 0; second < 500; second++) {
        gnt_result *result = NULL;
        job->failures += gnt_push(job->database, job->key, second * SECOND, second, NULL, NULL) != GNT_OK;
        if (second % 50 == 0) {
            result = read_back(job->database, job->key, "count");
            job->failures += gnt_result_get(result, 0)->length != (size_t)second + 1;
            gnt_result_free(result);
        }
    }
    return NULL;
}

static void threads_share_a_database(void **state)
{
    enum { THREADS = 4 };
    gnt_error *error = NULL;
    gnt_database *database = opened();
    pthread_t threads[THREADS];
    struct job jobs[THREADS];
    (void)state;
    for (int number = 0; number < THREADS; number++) {
        char name[16];
        snprintf(name, sizeof name, "m%d", number);
        jobs[number].database = database;
        jobs[number].key = metric(database, name);
        jobs[number].failures = 0;
        assert_int_equal(pthread_create(&threads[number], NULL, pushes, &jobs[number]), 0);
    }
    for (int number = 0; number < THREADS; number++) {
        assert_int_equal(pthread_join(threads[number], NULL), 0);
        assert_int_equal(jobs[number].failures, 0);
    }
    OK(gnt_close(database, &error));
}

static void a_child_is_told_that_the_handle_is_not_its_own(void **state)
{
    gnt_error *error = NULL;
    gnt_database *database = opened();
    uint64_t key = metric(database, "cpu");
    int status = 0, ends[2];
    char told = 0;
    (void)state;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        gnt_status push = gnt_push(database, key, 0, 1, NULL, NULL);
        gnt_status flush = gnt_flush(database, NULL);
        (void)gnt_close(database, NULL);
        told = push == GNT_FORKED && flush == GNT_FORKED ? 'y' : 'n';
        /* Killed, so that tools which look for leaks do not look here: a child leaves to its end what it inherited. */
        if (write(ends[1], &told, 1) == 1)
            kill(getpid(), SIGKILL);
        _exit(1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(read(ends[0], &told, 1), 1);
    assert_int_equal(told, 'y');
    close(ends[0]);
    close(ends[1]);
    OK(gnt_push(database, key, 0, 1, NULL, &error));
    OK(gnt_close(database, &error));
}

struct messages {
    size_t count;
    uint32_t level;
    char last[512];
};

static void keep_message(void *userdata, uint32_t level, const char *message, size_t length)
{
    struct messages *messages = (struct messages *)userdata;
    messages->count++;
    messages->level = level;
    snprintf(messages->last, sizeof messages->last, "%.*s", (int)length, message);
}

/* A journal whose end was torn off is worth a word when it is opened again. */
static void the_log_is_told(void **state)
{
    gnt_error *error = NULL;
    gnt_options *options = NULL;
    gnt_database *database = NULL;
    struct messages messages;
    char path[4096], command[8300];
    (void)state;
    memset(&messages, 0, sizeof messages);
    database = opened_at(path, sizeof path);
    OK(gnt_push(database, metric(database, "cpu"), 0, 1, NULL, &error));
    OK(gnt_close(database, &error));
    snprintf(command, sizeof command, "printf torn >> \"$(ls -d '%s'/journal/* | tail -n 1)\"", path);
    assert_int_equal(system(command), 0);
    OK(gnt_options_new(&options, &error));
    OK(gnt_options_set_log(options, keep_message, &messages, &error));
    OK(gnt_open(path, GNT_NUL, options, &database, &error));
    assert_true(messages.count > 0);
    assert_true(messages.level >= GNT_LEVEL_ERROR && messages.level <= GNT_LEVEL_TRACE);
    assert_non_null(strstr(messages.last, "torn"));
    OK(gnt_close(database, &error));
    gnt_options_free(options);
}

static void options_are_taken(void **state)
{
    gnt_error *error = NULL;
    gnt_options *options = NULL;
    gnt_database *database = NULL;
    struct messages messages;
    char path[4096];
    (void)state;
    snprintf(path, sizeof path, "%s/options", root);
    OK(gnt_options_new(&options, &error));
    OK(gnt_options_set_durability(options, GNT_DURABILITY_BUFFERED, SECOND, &error));
    OK(gnt_options_set_max_future(options, 0, &error));
    OK(gnt_options_set_memory(options, 1 << 20, &error));
    OK(gnt_options_set_over_memory(options, GNT_OVER_MEMORY_BLOCK, &error));
    OK(gnt_options_set_disk(options, 64 << 20, &error));
    OK(gnt_options_set_over_disk(options, GNT_OVER_DISK_EXPIRE, &error));
    OK(gnt_options_set_dirty_bytes(options, 1 << 20, &error));
    OK(gnt_options_set_journal_bytes(options, 1 << 20, &error));
    OK(gnt_options_set_checkpoint_interval(options, 60 * SECOND, &error));
    OK(gnt_options_set_grace(options, SECOND, &error));
    OK(gnt_options_set_background(options, false, &error));
    OK(gnt_options_set_compress_journal(options, true, &error));
    OK(gnt_options_set_resource_inactive_after(options, SECOND, &error));
    OK(gnt_options_set_resource_cleanup_after(options, 0, &error));
    memset(&messages, 0, sizeof messages);
    OK(gnt_options_set_log(options, keep_message, &messages, &error));
    assert_int_equal(gnt_options_set_durability(options, 7, 0, NULL), GNT_INVALID_ARGUMENT);
    assert_int_equal(gnt_options_set_grace(options, -1, NULL), GNT_INVALID_ARGUMENT);
    assert_int_equal(gnt_options_set_over_disk(options, 2, NULL), GNT_INVALID_ARGUMENT);
    OK(gnt_open(path, GNT_NUL, options, &database, &error));
    OK(gnt_close(database, &error));
    gnt_options_free(options);
    assert_int_equal(gnt_close(NULL, NULL), GNT_OK);
}

void sweep(struct fit *fit)
{
    gnt_batch_free(fit->batch_out);
    gnt_close(fit->database_out, NULL);
    gnt_metric_list_free(fit->metric_list_out);
    gnt_options_free(fit->options_out);
    gnt_query_free(fit->query_out);
    gnt_resource_batch_free(fit->resource_batch_out);
    gnt_result_free(fit->result_out);
    gnt_text_free(fit->text_out);
    if (fit->ArrowSchema_out.release != NULL)
        fit->ArrowSchema_out.release(&fit->ArrowSchema_out);
    if (fit->ArrowArray_out.release != NULL)
        fit->ArrowArray_out.release(&fit->ArrowArray_out);
    if (fit->ArrowArrayStream_out.release != NULL)
        fit->ArrowArrayStream_out.release(&fit->ArrowArrayStream_out);
    fit->batch_out = NULL;
    fit->database_out = NULL;
    fit->metric_list_out = NULL;
    fit->options_out = NULL;
    fit->query_out = NULL;
    fit->resource_batch_out = NULL;
    fit->result_out = NULL;
    fit->text_out = NULL;
}

static void every_function_survives_misuse(void **state)
{
    gnt_error *error = NULL;
    struct fit fit;
    (void)state;
    memset(&fit, 0, sizeof fit);
    fit.texts[0] = "x";
    fit.database = opened();
    uint64_t key = metric(fit.database, "x");
    OK(gnt_batch_new(&fit.batch, &error));
    OK(gnt_resource_batch_new(&fit.resource_batch, &error));
    OK(gnt_options_new(&fit.options, &error));
    OK(gnt_query_new(&fit.query, &error));
    OK(gnt_stats(fit.database, &fit.text, &error));
    OK(gnt_metrics(fit.database, 0, 9, &fit.metric_list, &error));
    fit.result = read_back(fit.database, key, "mean");
    assert_int_equal(gnt_push(fit.database, 99, 0, 1, NULL, &fit.error), GNT_UNKNOWN_METRIC);
    misuse_every_function(fit);
    printf("%d functions misused\n", misuse_functions);
    assert_true(misuse_functions > 90);
    gnt_error_free(fit.error);
    gnt_result_free(fit.result);
    gnt_metric_list_free(fit.metric_list);
    gnt_text_free(fit.text);
    gnt_query_free(fit.query);
    gnt_options_free(fit.options);
    gnt_resource_batch_free(fit.resource_batch);
    gnt_batch_free(fit.batch);
    OK(gnt_close(fit.database, &error));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_agree),
        cmocka_unit_test(measures_come_back),
        cmocka_unit_test(a_clock_of_the_callers_is_asked),
        cmocka_unit_test(deleted_measures_are_gone),
        cmocka_unit_test(a_snapshot_is_a_database_of_its_own),
        cmocka_unit_test(a_reader_sees_what_it_is_brought_to),
        cmocka_unit_test(errors_tell_what_was_wrong),
        cmocka_unit_test(policies_and_metrics),
        cmocka_unit_test(resources_and_operations),
        cmocka_unit_test(questions),
        cmocka_unit_test(arrow_shares_the_memory),
        cmocka_unit_test(threads_share_a_database),
        cmocka_unit_test(a_child_is_told_that_the_handle_is_not_its_own),
        cmocka_unit_test(options_are_taken),
        cmocka_unit_test(the_log_is_told),
        cmocka_unit_test(every_function_survives_misuse),
    };
    if (argc != 2) {
        fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
        return 2;
    }
    root = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
