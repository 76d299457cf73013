/* What the generated calls of tests/c/generate.py are made with. */
#ifndef MISUSE_H
#define MISUSE_H

#include <gnocchetti.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A live handle of each kind, and places to write to. */
struct fit {
    gnt_batch *batch;
    gnt_database *database;
    gnt_error *error;
    gnt_metric_list *metric_list;
    gnt_options *options;
    gnt_query *query;
    gnt_resource_batch *resource_batch;
    gnt_result *result;
    gnt_text *text;
    gnt_batch *batch_out;
    gnt_database *database_out;
    gnt_metric_list *metric_list_out;
    gnt_options *options_out;
    gnt_query *query_out;
    gnt_resource_batch *resource_batch_out;
    gnt_result *result_out;
    gnt_text *text_out;
    struct ArrowSchema ArrowSchema_out;
    struct ArrowArray ArrowArray_out;
    struct ArrowArrayStream ArrowArrayStream_out;
    const char *texts[1];
    uint64_t space[64];
};

/* Fails the test when a status is not the one expected. */
void expect(gnt_status status, gnt_status expected, const char *what);

/* Fails the test when a status is this one. */
void unexpected(gnt_status status, gnt_status refused, const char *what);

/* Frees whatever a call that went well has given. */
void sweep(struct fit *fit);

void misuse_every_function(struct fit fit);
extern const int misuse_functions;

#ifdef __cplusplus
}
#endif

#endif
