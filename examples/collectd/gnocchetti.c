/*
 * A write plugin for collectd: what collectd collects goes into a database.
 *
 *   <Plugin gnocchetti>
 *     Directory "/var/lib/collectd/gnocchetti"
 *     ArchivePolicy "low"
 *   </Plugin>
 *
 * A metric is called as collectd calls the value, with dots for slashes (a metric's name has none), and the name of the data
 * source behind it where there are several: host.cpu-0.cpu-user. Counters are pushed as they are; `rate:mean` is what to ask.
 */
#include "collectd.h"

#include "plugin.h"
#include "utils/avltree/avltree.h"
#include "utils/common/common.h"

#include <pthread.h>

#include <gnocchetti.h>

static char *directory;
static char *archive_policy;
static gnt_database *database;
/* The keys of metrics by name, so that the index is asked once for each. */
static c_avl_tree_t *keys;
static pthread_mutex_t keys_lock = PTHREAD_MUTEX_INITIALIZER;

/* Says what went wrong and frees the error; returns whether anything did. */
static int failed(const char *doing, gnt_status status, gnt_error **error)
{
    if (status == GNT_OK)
        return 0;
    ERROR("gnocchetti plugin: %s: %s", doing, gnt_error_message(*error));
    gnt_error_free(*error);
    *error = NULL;
    return 1;
}

static int configure(const char *key, const char *value)
{
    char **option = strcasecmp(key, "Directory") == 0 ? &directory : strcasecmp(key, "ArchivePolicy") == 0 ? &archive_policy : NULL;
    if (option == NULL)
        return -1;
    free(*option);
    *option = strdup(value);
    return *option == NULL ? 1 : 0;
}

/* The key of the metric of this name, which is made when it is not there; 0 when that fails. keys_lock is held. */
static uint64_t metric(const char *name)
{
    gnt_error *error = NULL;
    gnt_metric_list *found = NULL;
    uint64_t *key = NULL;
    if (c_avl_get(keys, name, (void **)&key) == 0)
        return *key;
    key = malloc(sizeof *key);
    char *copy = strdup(name);
    if (key == NULL || copy == NULL) {
        free(key);
        free(copy);
        return 0;
    }
    gnt_status status = gnt_metric_by_name(database, name, GNT_NUL, &found, &error);
    if (status == GNT_OK)
        *key = gnt_metric_list_get(found, 0)->key;
    gnt_metric_list_free(found);
    if (status == GNT_UNKNOWN_METRIC) {
        gnt_error_free(error);
        error = NULL;
        status = gnt_create_metric(database, name, GNT_NUL, archive_policy, archive_policy != NULL ? GNT_NUL : 0, NULL, 0, key,
                                   &error);
    }
    if (failed(name, status, &error) || c_avl_insert(keys, copy, key) != 0) {
        free(key);
        free(copy);
        return 0;
    }
    return *key;
}

static double number(const value_t *value, int type)
{
    switch (type) {
    case DS_TYPE_COUNTER:
        return (double)value->counter;
    case DS_TYPE_DERIVE:
        return (double)value->derive;
    case DS_TYPE_ABSOLUTE:
        return (double)value->absolute;
    default:
        return (double)value->gauge;
    }
}

static int write_values(const data_set_t *set, const value_list_t *list, user_data_t *user_data)
{
    char base[6 * DATA_MAX_NAME_LEN];
    gnt_error *error = NULL;
    int outcome = 0;
    (void)user_data;
    if (database == NULL || FORMAT_VL(base, sizeof base, list) != 0)
        return -1;
    for (char *at = base; *at != '\0'; at++)
        if (*at == '/')
            *at = '.';
    for (size_t index = 0; index < list->values_len; index++) {
        char name[7 * DATA_MAX_NAME_LEN];
        ssnprintf(name, sizeof name, set->ds_num > 1 ? "%s.%s" : "%s", base, set->ds[index].name);
        pthread_mutex_lock(&keys_lock);
        uint64_t key = metric(name);
        pthread_mutex_unlock(&keys_lock);
        int64_t timestamp = (int64_t)CDTIME_T_TO_NS(list->time);
        double value = number(&list->values[index], set->ds[index].type);
        if (key == 0 || failed(name, gnt_push(database, key, timestamp, value, NULL, &error), &error))
            outcome = -1;
    }
    return outcome;
}

static int open_database(void)
{
    gnt_error *error = NULL;
    gnt_options *options = NULL;
    if (database != NULL)
        return 0;
    gnt_status status = gnt_options_new(&options, &error);
    if (status == GNT_OK)
        status = gnt_options_set_default_policies(options, true, &error);
    if (status == GNT_OK)
        status = gnt_options_set_durability(options, GNT_DURABILITY_KERNEL, INT64_C(1000000000), &error);
    if (status == GNT_OK)
        status = gnt_open(directory != NULL ? directory : "gnocchetti", GNT_NUL, options, &database, &error);
    gnt_options_free(options);
    keys = c_avl_create((int (*)(const void *, const void *))strcmp);
    return failed("open", status, &error) || keys == NULL ? -1 : 0;
}

static int flush_database(cdtime_t timeout, const char *identifier, user_data_t *user_data)
{
    gnt_error *error = NULL;
    (void)timeout;
    (void)identifier;
    (void)user_data;
    return database != NULL && failed("flush", gnt_flush(database, &error), &error) ? -1 : 0;
}

static int close_database(void)
{
    gnt_error *error = NULL;
    gnt_status status = gnt_close(database, &error);
    void *name, *key;
    database = NULL;
    while (keys != NULL && c_avl_pick(keys, &name, &key) == 0) {
        free(name);
        free(key);
    }
    if (keys != NULL)
        c_avl_destroy(keys);
    keys = NULL;
    free(directory);
    free(archive_policy);
    directory = archive_policy = NULL;
    return failed("close", status, &error) ? -1 : 0;
}

void module_register(void)
{
    static const char *options[] = {"Directory", "ArchivePolicy"};
    plugin_register_config("gnocchetti", configure, options, STATIC_ARRAY_SIZE(options));
    plugin_register_init("gnocchetti", open_database);
    plugin_register_write("gnocchetti", write_values, NULL);
    plugin_register_flush("gnocchetti", flush_database, NULL);
    plugin_register_shutdown("gnocchetti", close_database);
}
