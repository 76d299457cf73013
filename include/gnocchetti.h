/*
 * Gnocchetti: Gnocchi's model of time series as an embedded library.
 *
 * Conventions. They hold for every function, and nothing below says them again.
 *
 * - A function that can fail returns a gnt_status, GNT_OK (0) or what went wrong, and takes as its last argument where to put
 *   an error object: NULL, when the caller does not want one. The object is written only when the function fails, and belongs
 *   to the caller, who frees it by gnt_error_free. Status numbers keep their meaning for ever.
 * - Outputs come after inputs, and are written only on success. There is no in-out argument.
 * - Handles are opaque. Who gets one (through a pointer to a pointer) owns it, and frees it once by the function of its kind:
 *   gnt_close, gnt_x_free. Freeing NULL is fine. What a handle shows inside (const gnt_series *) lives as long as the handle.
 *   Handles do not need one another to stay valid: a result outlives the database that gave it.
 * - A const handle may be used by several threads at once. A handle that is not const is used by one call at a time.
 * - NULL for what must not be NULL gives GNT_NULL_POINTER, and a live handle of another kind GNT_WRONG_HANDLE. To use a handle
 *   after it was freed is undefined behaviour: it is mostly noticed, but nobody can promise that.
 * - A text goes in as a pointer and its length in bytes, UTF-8; the length GNT_NUL says that it ends with a NUL. A text that
 *   comes out is UTF-8 and ends with a NUL; where its length is told, that does not count the NUL.
 * - Times are int64_t, in ns since the Unix epoch and not negative; lengths of time are int64_t, in ns. In JSON a length of
 *   time is a text ("1 minute") or a number of seconds, a point in time a text (ISO 8601) or a number of seconds.
 * - After fork, a child must not use the handles of its parent: calls on a database give GNT_FORKED there, and gnt_close only
 *   releases memory.
 * - A panic inside of the library, which is a bug of it, gives GNT_PANIC. The handles of that call give GNT_POISONED from then
 *   on, and may only be freed.
 * - The library has no state of its own per process or thread: no global, no last error, no signal handler.
 * - Structs that callers allocate do not change. Structs that the library shows may grow at their end, and functions and
 *   numbers are added: programs go on working with a newer library of the same GNT_ABI_VERSION.
 */


#ifndef GNOCCHETTI_H
#define GNOCCHETTI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Says that a text ends with a NUL, where its length is asked for. */
#define GNT_NUL SIZE_MAX

#ifdef __cplusplus
extern "C" {
#endif

/* Arrow's C data interface, as its specification has it: any header that brings it may be included as well. */
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

struct ArrowSchema {
    const char *format;
    const char *name;
    const char *metadata;
    int64_t flags;
    int64_t n_children;
    struct ArrowSchema **children;
    struct ArrowSchema *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};

struct ArrowArray {
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void **buffers;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};

#endif

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE

struct ArrowArrayStream {
    int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *out);
    int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *out);
    const char *(*get_last_error)(struct ArrowArrayStream *);
    void (*release)(struct ArrowArrayStream *);
    void *private_data;
};

#endif

#ifdef __cplusplus
}
#endif


// The version of the ABI that this header describes.
#define GNT_ABI_VERSION 0

// Every status by its name. Those below 200 mean the same in Rust (`Error::code`), C and Python.
enum gnt_status_code
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L

{
    // It went well.
    GNT_OK = 0,
    // A text or number that is no point in time.
    GNT_INVALID_TIMESTAMP = 1,
    // A point in time before 1970-01-01T00:00:00Z.
    GNT_BEFORE_EPOCH = 2,
    // A measure further in the future than the options allow.
    GNT_TOO_FAR_IN_FUTURE = 3,
    // A text or number that is no length of time.
    GNT_INVALID_TIMESPAN = 4,
    // A name that is no aggregation method.
    GNT_INVALID_AGGREGATION_METHOD = 5,
    // An archive policy that breaks a rule.
    GNT_INVALID_ARCHIVE_POLICY = 6,
    // There is an archive policy of that name already.
    GNT_ARCHIVE_POLICY_EXISTS = 7,
    // There is no archive policy of that name.
    GNT_UNKNOWN_ARCHIVE_POLICY = 8,
    // An archive policy that metrics or rules still use.
    GNT_ARCHIVE_POLICY_IN_USE = 9,
    // An archive policy rule that breaks a rule of its own.
    GNT_INVALID_ARCHIVE_POLICY_RULE = 10,
    // There is a rule of that name already.
    GNT_ARCHIVE_POLICY_RULE_EXISTS = 11,
    // There is no rule of that name.
    GNT_UNKNOWN_ARCHIVE_POLICY_RULE = 12,
    // No rule matches the name of a metric that was to get its policy by rule.
    GNT_NO_ARCHIVE_POLICY_RULE_MATCH = 13,
    // A name, unit or other attribute that a metric cannot have.
    GNT_INVALID_METRIC = 14,
    // There is a metric of that name or id already.
    GNT_METRIC_EXISTS = 15,
    // There is no such metric.
    GNT_UNKNOWN_METRIC = 16,
    // The metric's archive policy does not keep this aggregation method.
    GNT_METHOD_NOT_KEPT = 17,
    // The metric's archive policy has no archive of this granularity.
    GNT_UNKNOWN_GRANULARITY = 18,
    // A query that asks for what cannot be.
    GNT_INVALID_QUERY = 19,
    // An option that cannot be taken.
    GNT_INVALID_OPTION = 20,
    // A call to the operating system failed on a file.
    GNT_IO = 21,
    // No space, or no quota, is left on the disk.
    GNT_DISK_FULL = 22,
    // Stored bytes are damaged; the details say which.
    GNT_CORRUPT = 23,
    // A newer version of the library wrote the directory.
    GNT_UNSUPPORTED_FORMAT = 24,
    // The directory holds something else.
    GNT_NOT_A_DATABASE = 25,
    // Another process, or another handle of this one, has the database open for writing.
    GNT_LOCKED = 26,
    // The directory lies on a network file system.
    GNT_NETWORK_FILE_SYSTEM = 27,
    // An earlier failure of the disk: close and open again to recover.
    GNT_FAILED = 28,
    // The handle was inherited through fork.
    GNT_FORKED = 29,
    // SQLite failed on the index.
    GNT_INDEX = 30,
    // The database was closed.
    GNT_CLOSED = 31,
    // One push carries more than one journal record takes.
    GNT_PUSH_TOO_LARGE = 32,
    // A definition of an archive policy that cannot be kept.
    GNT_INVALID_DEFINITION = 33,
    // A text or JSON list that is no operation, or no search of values.
    GNT_INVALID_OPERATION = 34,
    // An operation that would take more stack, memory or time than is allowed.
    GNT_OPERATION_TOO_LARGE = 35,
    // Series that an operation cannot bring together.
    GNT_UNAGGREGABLE = 36,
    // An operation asks a metric for an aggregation method that does not exist.
    GNT_UNKNOWN_REFERENCE_METHOD = 37,
    // A resource type that breaks a rule.
    GNT_INVALID_RESOURCE_TYPE = 40,
    // There is a resource type of that name already.
    GNT_RESOURCE_TYPE_EXISTS = 41,
    // There is no resource type of that name.
    GNT_UNKNOWN_RESOURCE_TYPE = 42,
    // A resource type that is built in, or that resources still have.
    GNT_RESOURCE_TYPE_IN_USE = 43,
    // A definition of an attribute that cannot be.
    GNT_INVALID_ATTRIBUTE = 44,
    // What was asked about has no attribute of that name.
    GNT_UNKNOWN_ATTRIBUTE = 45,
    // A value that its attribute cannot have, or cannot be compared with.
    GNT_INVALID_ATTRIBUTE_VALUE = 46,
    // A new resource lacks an attribute that its type requires, or a change takes one away.
    GNT_MISSING_ATTRIBUTE = 47,
    // An identifier that no resource can have.
    GNT_INVALID_RESOURCE_ID = 48,
    // There is a resource of that identifier already.
    GNT_RESOURCE_EXISTS = 49,
    // There is no such resource.
    GNT_UNKNOWN_RESOURCE = 50,
    // A filter that says nothing, or nothing that can be asked.
    GNT_INVALID_FILTER = 51,
    // A filter that is larger or deeper than one question may be.
    GNT_FILTER_TOO_LARGE = 52,
    // An order or a place in it that cannot be continued from.
    GNT_INVALID_PAGINATION = 53,
    // A batch of measures by resource and metric name names what is not there.
    GNT_UNKNOWN_RESOURCE_METRICS = 54,
    // A resource is not what a change or deletion of it expects.
    GNT_RESOURCE_CHANGED = 55,
    // What a repair goes by is damaged itself.
    GNT_IRREPARABLE = 58,
    // The call writes, and the database was opened for reading only.
    GNT_READ_ONLY = 61,
    // A directory that cannot become a snapshot.
    GNT_SNAPSHOT_TARGET = 62,
    // The writer replaced files faster than this reader could read them.
    GNT_OUTRUN = 63,
    // A stretch of time ends before it begins.
    GNT_INVALID_RANGE = 64,
    // As many measures wait in memory as may, and the options say to refuse more.
    GNT_MEMORY_LIMIT = 66,
    // The directory takes as many bytes as it may; refused whole.
    GNT_DISK_LIMIT = 67,
    // A pointer that must not be NULL was.
    GNT_NULL_POINTER = 200,
    // A pointer that is no live handle of the kind it must be.
    GNT_WRONG_HANDLE = 201,
    // A text that is not UTF-8.
    GNT_INVALID_UTF8 = 202,
    // The library panicked, which is a bug of it; the handles of the call are poisoned.
    GNT_PANIC = 203,
    // An earlier call on the handle panicked: it may only be freed.
    GNT_POISONED = 204,
    // A text that is not JSON, or not of the form that the function takes.
    GNT_INVALID_JSON = 205,
    // A number or flag that the function does not take.
    GNT_INVALID_ARGUMENT = 206,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum gnt_status_code gnt_status_code;
#else
typedef uint32_t gnt_status_code;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What a push survives once it has returned.
enum gnt_durability
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L

{
    // Its measures are on the disk: nothing is lost when the power goes. The default.
    GNT_DURABILITY_SYNC = 0,
    // They are with the kernel, and on the disk a stated time later: a crash of the process loses nothing.
    GNT_DURABILITY_KERNEL = 1,
    // They are in memory, and on the disk a stated time later: a crash loses at most that.
    GNT_DURABILITY_BUFFERED = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum gnt_durability gnt_durability;
#else
typedef uint32_t gnt_durability;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// How serious a message is.
enum gnt_level
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L

{
    // Something failed.
    GNT_LEVEL_ERROR = 1,
    // Something went wrong that the library can live with.
    GNT_LEVEL_WARN = 2,
    // Something happened that happens rarely.
    GNT_LEVEL_INFO = 3,
    // For whoever looks for a fault.
    GNT_LEVEL_DEBUG = 4,
    // As much as there is to say.
    GNT_LEVEL_TRACE = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum gnt_level gnt_level;
#else
typedef uint32_t gnt_level;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What becomes of a push when as many measures wait in memory for a checkpoint as may.
enum gnt_over_memory
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L

{
    // It waits until a checkpoint has taken them. The default.
    GNT_OVER_MEMORY_BLOCK = 0,
    // It is refused whole, with `GNT_MEMORY_LIMIT`.
    GNT_OVER_MEMORY_REFUSE = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum gnt_over_memory gnt_over_memory;
#else
typedef uint32_t gnt_over_memory;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What becomes of measures when the directory takes nearly as many bytes as it may.
enum gnt_over_disk
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L

{
    // Pushes are refused whole, with `GNT_DISK_LIMIT`, until there is room. The default.
    GNT_OVER_DISK_REFUSE = 0,
    // The oldest points of the finest archives go before their time. Only when that does not help, pushes are refused.
    GNT_OVER_DISK_EXPIRE = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum gnt_over_disk gnt_over_disk;
#else
typedef uint32_t gnt_over_disk;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Measures that wait to be pushed together: checked together, journaled as one record, made durable by one sync. It belongs
// to no database, may be used again and again, and keeps its memory. The caller owns it.
typedef struct gnt_batch gnt_batch;

// An open database: one directory, one writer. The caller owns it; all functions but gnt_close may be called on it from
// several threads at once.
typedef struct gnt_database gnt_database;

// What went wrong: a number, a message for people, and details for programs. The caller owns it.
typedef struct gnt_error gnt_error;

// A list of metrics. The caller owns it.
typedef struct gnt_metric_list gnt_metric_list;

// How a database is opened. Every option has a default that suits an agent on a small machine. The caller owns it; opening
// copies what it needs.
typedef struct gnt_options gnt_options;

// A question about metrics: which aggregation methods, which granularity, which stretch of time, resampled or not. The
// caller owns it and may ask it again.
typedef struct gnt_query gnt_query;

// Measures of metrics that are named as within their resources, which wait to be pushed together. It belongs to no database
// and may be used again. The caller owns it.
typedef struct gnt_resource_batch gnt_resource_batch;

// The answer to a question: series by index. The caller owns it.
typedef struct gnt_result gnt_result;

// A text that the library gives, JSON mostly. The caller owns it.
typedef struct gnt_text gnt_text;

// What became of a call: `GNT_OK`, or what went wrong. A later version may return numbers that this header does not name.
typedef uint32_t gnt_status;

// Gets `userdata` as it was set, and gives the time in ns since the epoch.
typedef int64_t (*gnt_clock_callback)(void *userdata);

// Gets a message: `userdata` as it was set, a GNT_LEVEL_… number, and a text of `length` bytes.
typedef void (*gnt_log_callback)(void *userdata, uint32_t level, const char *message, size_t length);

// Is told how far a check, a repair or a snapshot has come, by the thread that called it: `userdata` as it was given, and bytes.
typedef void (*gnt_progress_callback)(void *userdata, uint64_t done, uint64_t total);

// What a snapshot consists of, without the few bytes of MANIFEST.
typedef struct gnt_snapshot_report
{
    // Files.
    uint64_t files;
    // Their bytes.
    uint64_t bytes;
    // Of these, the bytes that were copied; the others lie in files that the database and the snapshot share.
    uint64_t copied_bytes;
} gnt_snapshot_report;

// A text inside of something that the library owns: UTF-8, ended by a NUL that `length` does not count. `data` is NULL when
// there is none.
typedef struct gnt_string
{
    // The text.
    const char *data;
    // Its bytes.
    size_t length;
} gnt_string;

// A metric as the index describes it, inside of a list. Later versions may add members at its end.
typedef struct gnt_metric
{
    // The number by which measures refer to it: never 0, never used twice.
    uint64_t key;
    // Its identifier for the outside world: a UUID.
    struct gnt_string id;
    // Its name, when it has one.
    struct gnt_string name;
    // The unit of its values, when stated.
    struct gnt_string unit;
    // Who created it, when stated.
    struct gnt_string creator;
    // The resource it belongs to, when it has one: a UUID.
    struct gnt_string resource_id;
    // The name of its archive policy, for life.
    struct gnt_string archive_policy_name;
    // When it was created, in ns since the epoch.
    int64_t created_at;
    // Whether it was deleted, and has not left the index yet.
    bool deleted;
} gnt_metric;

// How many measures of a push were accepted, overwrote another one, or came too late.
typedef struct gnt_pushed
{
    // Measures within the window, those that overwrote another included.
    uint64_t accepted;
    // Accepted measures at a time that had one already: the last wins.
    uint64_t overwritten;
    // Measures that were dropped because their block had closed.
    uint64_t late;
} gnt_pushed;

// What became of the measures of one metric.
typedef struct gnt_metric_pushed
{
    // The metric's key.
    uint64_t metric;
    // What became of its measures.
    struct gnt_pushed pushed;
} gnt_metric_pushed;

// One series of a result. Everything it points to is valid until the result is freed, also when the database is closed
// before. Later versions may add members at its end.
typedef struct gnt_series
{
    // How many points there are.
    size_t length;
    // Their timestamps in ns since the epoch, ascending: `length` of them, aligned to 8 bytes.
    const int64_t *timestamps;
    // Their values, as many. A NaN is one.
    const double *values;
    // The key of the metric whose points they are; 0 when they are of several, or it is known by its label only.
    uint64_t metric;
    // What the metric is called in the question: its key in digits, or its id or name in an operation; empty for the points of
    // all metrics of an operation together.
    struct gnt_string label;
    // The aggregation method; empty for the points of all metrics of an operation together.
    struct gnt_string method;
    // The id of the resource through which the metric was found, when it was.
    struct gnt_string resource;
    // The length of the groups that points stand for, in ns; 0 when they are groups of the calendar.
    int64_t granularity;
    // What the points were resampled to as a text, such as `M`, when it was the calendar.
    struct gnt_string calendar;
    // What the resources agree in whose metrics' points they are, as a JSON object by attribute, when the question grouped.
    struct gnt_string group;
} gnt_series;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The number of the error: what the function returned. GNT_OK for NULL.
gnt_status gnt_error_status(const struct gnt_error *error);

// What was wrong, with which value, where, and what to do: UTF-8, ended by a NUL, valid until the error is freed. An empty
// text for NULL.
const char *gnt_error_message(const struct gnt_error *error);

// The parts of the error as a JSON object, by the names that Rust has for them: for GNT_CORRUPT `file`, `offset`, `metric`,
// `first`, `last` and `what`; for GNT_LOCKED `path` and `pid`; and so on. UTF-8, ended by a NUL, valid until the error is
// freed. `{}` for NULL.
const char *gnt_error_details(const struct gnt_error *error);

// Frees an error. NULL is fine.
void gnt_error_free(struct gnt_error *error);

// The text: UTF-8, ended by a NUL, valid until it is freed. NULL for NULL.
const char *gnt_text_data(const struct gnt_text *text);

// How many bytes the text has, its NUL not counted. 0 for NULL.
size_t gnt_text_length(const struct gnt_text *text);

// Frees a text. NULL is fine.
void gnt_text_free(struct gnt_text *text);

// The point in time that a text says, in ns since the epoch: ISO 8601 (UTC unless it says otherwise), seconds since the epoch,
// or relative to `now`, which is in ns too: `now`, `-1 hour`.
gnt_status gnt_parse_timestamp(const char *text,
                               size_t text_length,
                               int64_t now,
                               int64_t *timestamp,
                               struct gnt_error **error);

// The length of time that a text says, in ns: `5 minutes`, `1h30m`, `00:05:00`, or seconds.
gnt_status gnt_parse_timespan(const char *text,
                              size_t text_length,
                              int64_t *timespan,
                              struct gnt_error **error);

// The version of the library, such as `0.1.0`: ended by a NUL, valid for ever.
const char *gnt_version(void);

// The version of the ABI, the X of `libgnocchetti.so.X`: the library fits a program that was compiled with a header whose
// GNT_ABI_VERSION is the same.
uint32_t gnt_abi_version(void);

// The default options.
gnt_status gnt_options_new(struct gnt_options **options, struct gnt_error **error);

// Frees options. NULL is fine.
void gnt_options_free(struct gnt_options *options);

// Whether a new database gets Gnocchi's four archive policies (`bool`, `low`, `medium`, `high`) and the rule `default` that
// gives every metric the policy `low`. Changes nothing in a database that exists. Default: false.
gnt_status gnt_options_set_default_policies(struct gnt_options *options,
                                            bool yes,
                                            struct gnt_error **error);

// What a push survives once it has returned: a GNT_DURABILITY_… number. `delay` is the time in ns after which measures are
// on the disk at the latest; GNT_DURABILITY_SYNC has none and takes 0.
gnt_status gnt_options_set_durability(struct gnt_options *options,
                                      uint32_t durability,
                                      int64_t delay,
                                      struct gnt_error **error);

// How far beyond the wall clock a measure may lie, in ns; 0: any distance. Default: a day.
gnt_status gnt_options_set_max_future(struct gnt_options *options, int64_t limit, struct gnt_error **error);

// A clock of the caller's, and how far ahead of it, in ns, a measure may lie: a push of one that lies further ahead is refused
// with GNT_TOO_FAR_IN_FUTURE. `callback` gets `userdata` once for each push, from any thread that pushes, several at once, and
// must neither call the library nor unwind; `userdata` must live until the database is closed. The limit that
// gnt_options_set_max_future sets holds beside it. NULL for `callback`: no clock, which is the default.
gnt_status gnt_options_set_clock(struct gnt_options *options,
                                 gnt_clock_callback callback,
                                 void *userdata,
                                 int64_t ahead,
                                 struct gnt_error **error);

// How many bytes the measures in memory may take: a half for encoded windows, a quarter for measures that wait for a
// checkpoint, which comes early at an eighth, and a quarter for those that one is writing. Default: 512 MiB.
gnt_status gnt_options_set_memory(struct gnt_options *options,
                                  uint64_t bytes,
                                  struct gnt_error **error);

// What becomes of a push when as many measures wait in memory as may: a `gnt_over_memory`. Default: it waits.
gnt_status gnt_options_set_over_memory(struct gnt_options *options, uint32_t what, struct gnt_error **error);

// How many bytes the directory may take, all files in it together; 0: any number, the default. From three quarters on room is
// made, from seven eighths on pushes are refused; the last eighth is for what checkpoints and merges write. At least 16 MiB.
gnt_status gnt_options_set_disk(struct gnt_options *options,
                                uint64_t bytes,
                                struct gnt_error **error);

// What becomes of measures when the directory takes nearly as many bytes as it may: a `gnt_over_disk`. Default: pushes are
// refused.
gnt_status gnt_options_set_over_disk(struct gnt_options *options,
                                     uint32_t what,
                                     struct gnt_error **error);

// How many bytes of measures (16 each) may wait in memory for a checkpoint. When checkpoints cannot keep up, pushes are held
// back at four times as many. Default: 64 MiB.
gnt_status gnt_options_set_dirty_bytes(struct gnt_options *options,
                                       uint64_t bytes,
                                       struct gnt_error **error);

// How large the journal may grow before a checkpoint makes it short again; it is what a crash must replay. Default: 128 MiB.
gnt_status gnt_options_set_journal_bytes(struct gnt_options *options,
                                         uint64_t bytes,
                                         struct gnt_error **error);

// How long measures wait for a checkpoint when no limit is reached, in ns. Default: five minutes.
gnt_status gnt_options_set_checkpoint_interval(struct gnt_options *options,
                                               int64_t interval,
                                               struct gnt_error **error);

// How long superseded files stay for readers in other processes, in ns. Default: a minute.
gnt_status gnt_options_set_grace(struct gnt_options *options, int64_t grace, struct gnt_error **error);

// Whether checkpoints, merges and expiry run by themselves. Without, only gnt_maintain does them. Default: true.
gnt_status gnt_options_set_background(struct gnt_options *options,
                                      bool yes,
                                      struct gnt_error **error);

// Whether the values of large batches are compressed in the journal: some 20 ns per measure for a half to a tenth of the
// bytes. Default: false.
gnt_status gnt_options_set_compress_journal(struct gnt_options *options,
                                            bool yes,
                                            struct gnt_error **error);

// How many threads answer one question about many metrics, the caller's own among them; 0: as many as there are cores. It counts
// for databases that are open for reading only, too. Default: 1.
gnt_status gnt_options_set_query_threads(struct gnt_options *options,
                                         uint32_t threads,
                                         struct gnt_error **error);

// After which time without a measure of any of its metrics, in ns, a resource ends by itself, as of when that is noticed. A
// measure that is not older than the end of its resource takes it away. 0: neither happens, which is the default.
gnt_status gnt_options_set_resource_inactive_after(struct gnt_options *options,
                                                   int64_t silence,
                                                   struct gnt_error **error);

// How long after its end, in ns, a resource is deleted by itself, with its history, its metrics and their measures. 0: never,
// which is the default.
gnt_status gnt_options_set_resource_cleanup_after(struct gnt_options *options,
                                                  int64_t delay,
                                                  struct gnt_error **error);

// Whom the library tells what happens beside the calls: `callback` gets `userdata`, a level and a text of so many bytes,
// UTF-8 and without a NUL, valid during the call only. It is called from any thread that uses the database and from the
// library's own, several at once, and must neither call the library nor unwind. `userdata` must live until the database is
// closed. NULL for `callback`: nobody, which is the default.
gnt_status gnt_options_set_log(struct gnt_options *options,
                               gnt_log_callback callback,
                               void *userdata,
                               struct gnt_error **error);

// Opens the database in a directory, creating it when the directory is absent or empty. What a crash left in the journal is
// recovered before this returns. `options` may be NULL: the defaults.
gnt_status gnt_open(const char *path,
                    size_t path_length,
                    const struct gnt_options *options,
                    struct gnt_database **database,
                    struct gnt_error **error);

// Opens the database in a directory for reading, beside its one writer and other readers, in this process or another. It
// sees the state after some of the pushes, and stays there until gnt_refresh. Calls that write give GNT_READ_ONLY. Of the
// options, which may be NULL, only the log counts.
gnt_status gnt_open_read_only(const char *path,
                              size_t path_length,
                              const struct gnt_options *options,
                              struct gnt_database **database,
                              struct gnt_error **error);

// Brings a database that is open for reading to the newest state that its writer has handed to the kernel; `changed` says
// whether anything has changed. On the writer's own handle it does nothing.
gnt_status gnt_refresh(const struct gnt_database *database,
                       bool *changed,
                       struct gnt_error **error);

// Whether a database was opened for reading only.
gnt_status gnt_is_read_only(const struct gnt_database *database, bool *read_only, struct gnt_error **error);

// Closes a database: everything is durable, and the next open has nothing to recover. The handle is freed, also when this
// fails; no other call may be running on it. Results, lists and texts that it gave stay valid. NULL is fine.
gnt_status gnt_close(struct gnt_database *database,
                     struct gnt_error **error);

// Makes everything that was pushed durable now, whatever the durability.
gnt_status gnt_flush(const struct gnt_database *database, struct gnt_error **error);

// Writes everything that was pushed into segments, so that the next open has nothing to replay.
gnt_status gnt_checkpoint(const struct gnt_database *database, struct gnt_error **error);

// Does all background work now: a checkpoint, every merge there is to do, expiry, the removal of files that count no more.
gnt_status gnt_maintain(const struct gnt_database *database,
                        struct gnt_error **error);

// The state of the database in numbers: a JSON object, by the names of Rust's `Stats`.
gnt_status gnt_stats(const struct gnt_database *database, struct gnt_text **stats, struct gnt_error **error);

// Reads all of the index and compares its parts with one another. Takes time in proportion to its size; nothing waits for
// it. GNT_CORRUPT says what was found first.
gnt_status gnt_check_index(const struct gnt_database *database,
                           struct gnt_error **error);

// Deletes what a metric has from `from` on and before `to`, in ns since the epoch; a `to` of INT64_MAX has no end. Raw measures
// that could still change an aggregate, and closed groups wholly inside, are gone for good. A closed group partly inside is
// computed anew where finer archives say exactly what is left; else it is kept, or removed when `remove_partial`. Gives
// `{"removed": 2, "newest": 1425652440000000000, "accepted_from": 1425650400000000000, "partial": [{"granularity":
// 3600000000000, "start": 1425648000000000000, "outcome": "kept"}]}`: how many raw measures were removed, the newest that is
// left (null: none), from when on measures are accepted, and what became of each group partly inside (recomputed, kept,
// removed).
gnt_status gnt_delete_measures(const struct gnt_database *database,
                               uint64_t key,
                               int64_t from,
                               int64_t to,
                               bool remove_partial,
                               struct gnt_text **deleted,
                               struct gnt_error **error);

// Makes a snapshot: a database of its own in `directory`, which must be empty or not there yet, as this one is at one moment
// of the call. All that was pushed before the call is in it, and nothing that is pushed after that moment; pushes and
// queries go on meanwhile. Segments are shared with it, under a second name, where the file system can; otherwise they are
// copied, as the index always is. A database that is open for reading gives the newest state that its writer has handed to
// the kernel.
//
// `progress` is told of the bytes that are there and those that will be. It and `report` may be NULL.
gnt_status gnt_snapshot(const struct gnt_database *database,
                        const char *directory,
                        size_t directory_length,
                        gnt_progress_callback progress,
                        void *userdata,
                        struct gnt_snapshot_report *report,
                        struct gnt_error **error);

// Reads everything that the database has on its disk and compares it with everything else; nothing is changed. The database
// may be in use, and be open for reading only. The report is a JSON object by the names of Rust's `CheckReport`: `findings`,
// each with `kind`, `file`, `offset`, `metric`, `metric_id`, `data`, `granularity`, `span`, `rows`, `what`, `advice`; and
// counts. Damage is no failure of this call. `progress` may be NULL.
gnt_status gnt_check(const struct gnt_database *database,
                     gnt_progress_callback progress,
                     void *userdata,
                     struct gnt_text **report,
                     struct gnt_error **error);

// As gnt_check, of a directory that nobody has open, also when it does not open because of damage.
gnt_status gnt_check_directory(const char *path,
                               size_t path_length,
                               gnt_progress_callback progress,
                               void *userdata,
                               struct gnt_text **report,
                               struct gnt_error **error);

// Makes a damaged directory, which nobody may have open, a sound one. Only what is damaged is taken out, and kept in its
// directory `quarantine`; what other bytes give exactly is made again. The report is a JSON object: `repairs`, each with the
// members of a finding of gnt_check and `outcome` (`not_needed`, `rebuilt`, `partly_rebuilt`, `lost`), `lost` (first and last
// time in ns), `methods`, `quarantined`; and `journal`, the records that are gone. GNT_IRREPARABLE when MANIFEST or the index
// is damaged beyond what mends without doubt; nothing is changed then. `progress` may be NULL.
gnt_status gnt_repair(const char *path,
                      size_t path_length,
                      gnt_progress_callback progress,
                      void *userdata,
                      struct gnt_text **report,
                      struct gnt_error **error);

// What a question that skips damage left out: a JSON list of objects with `file`, `offset`, `metric`, `first`, `last`, `what`.
// An empty list when the answer is whole.
gnt_status gnt_result_skipped(const struct gnt_result *result,
                              struct gnt_text **skipped,
                              struct gnt_error **error);

// Creates an archive policy: `{"name": "sensors", "back_window": 0, "aggregation_methods": ["mean", "max"], "definition":
// [{"granularity": "1 minute", "timespan": "7 days"}]}`. Of each definition's granularity, points and timespan any two will
// do; granularity alone is kept for ever. `back_window` and `aggregation_methods` may be absent.
gnt_status gnt_create_archive_policy(const struct gnt_database *database,
                                     const char *policy,
                                     size_t policy_length,
                                     struct gnt_error **error);

// The archive policy of this name, as JSON: what gnt_create_archive_policy takes, lengths of time in seconds, and
// `methods`, the aggregation methods in effect.
gnt_status gnt_archive_policy(const struct gnt_database *database,
                              const char *name,
                              size_t name_length,
                              struct gnt_text **policy,
                              struct gnt_error **error);

// All archive policies by name: a JSON list of what gnt_archive_policy gives.
gnt_status gnt_archive_policies(const struct gnt_database *database,
                                struct gnt_text **policies,
                                struct gnt_error **error);

// Changes how long an archive policy keeps points, and its back window: `{"back_window": 2, "definition": […]}`, where what
// is absent stays, and all granularities are named when one is.
gnt_status gnt_update_archive_policy(const struct gnt_database *database,
                                     const char *name,
                                     size_t name_length,
                                     const char *update,
                                     size_t update_length,
                                     struct gnt_error **error);

// Deletes an archive policy that no metric and no rule uses.
gnt_status gnt_delete_archive_policy(const struct gnt_database *database,
                                     const char *name,
                                     size_t name_length,
                                     struct gnt_error **error);

// The archive policy that a metric of this name would get by rule, as gnt_archive_policy gives it.
gnt_status gnt_archive_policy_for(const struct gnt_database *database,
                                  const char *metric_name,
                                  size_t metric_name_length,
                                  struct gnt_text **policy,
                                  struct gnt_error **error);

// Creates a rule, `{"name": …, "metric_pattern": …, "archive_policy_name": …}`: metrics that are created without an archive
// policy get that of the longest matching pattern.
gnt_status gnt_create_archive_policy_rule(const struct gnt_database *database,
                                          const char *rule,
                                          size_t rule_length,
                                          struct gnt_error **error);

// The rule of this name, as gnt_create_archive_policy_rule takes it.
gnt_status gnt_archive_policy_rule(const struct gnt_database *database,
                                   const char *name,
                                   size_t name_length,
                                   struct gnt_text **rule,
                                   struct gnt_error **error);

// All rules by name: a JSON list of what gnt_archive_policy_rule gives.
gnt_status gnt_archive_policy_rules(const struct gnt_database *database,
                                    struct gnt_text **rules,
                                    struct gnt_error **error);

// Gives a rule another name.
gnt_status gnt_rename_archive_policy_rule(const struct gnt_database *database,
                                          const char *name,
                                          size_t name_length,
                                          const char *new_name,
                                          size_t new_name_length,
                                          struct gnt_error **error);

// Deletes a rule; metrics that got their policy by it keep it.
gnt_status gnt_delete_archive_policy_rule(const struct gnt_database *database,
                                          const char *name,
                                          size_t name_length,
                                          struct gnt_error **error);

// How many metrics a list has. 0 for NULL.
size_t gnt_metric_list_length(const struct gnt_metric_list *list);

// A metric of a list, valid until the list is freed. NULL for one that is not there.
const struct gnt_metric *gnt_metric_list_get(const struct gnt_metric_list *list, size_t index);

// Frees a list. NULL is fine.
void gnt_metric_list_free(struct gnt_metric_list *list);

// Creates a metric of this name and gives its key. When this returns it survives a power cut. `archive_policy` may be NULL:
// the rules decide by the name; `unit` too: none; and `key`, when the caller does not want it.
gnt_status gnt_create_metric(const struct gnt_database *database,
                             const char *name,
                             size_t name_length,
                             const char *archive_policy,
                             size_t archive_policy_length,
                             const char *unit,
                             size_t unit_length,
                             uint64_t *key,
                             struct gnt_error **error);

// Creates metrics at once, all of them or on an error none: a JSON list of `{"name": …, "id": …, "unit": …, "creator": …,
// "archive_policy_name": …}`, where each member may be absent. A name must be free, unless its creator is named.
// `created` may be NULL.
gnt_status gnt_create_metrics(const struct gnt_database *database,
                              const char *metrics,
                              size_t metrics_length,
                              struct gnt_metric_list **created,
                              struct gnt_error **error);

// The metric with this id, a UUID as text: a list of one.
gnt_status gnt_metric_by_id(const struct gnt_database *database,
                            const char *id,
                            size_t id_length,
                            struct gnt_metric_list **metric,
                            struct gnt_error **error);

// The metric of this name that belongs to no resource: a list of one. When several have it, the one that names no creator, of
// which there is one at most; else the oldest. GNT_UNKNOWN_METRIC when there is none.
gnt_status gnt_metric_by_name(const struct gnt_database *database,
                              const char *name,
                              size_t name_length,
                              struct gnt_metric_list **metric,
                              struct gnt_error **error);

// The metric with this key: a list of one.
gnt_status gnt_metric_by_key(const struct gnt_database *database,
                             uint64_t key,
                             struct gnt_metric_list **metric,
                             struct gnt_error **error);

// Up to `limit` metrics in order of their keys, those after the key `after`; 0 begins. The last key of a page begins the
// next one, and a list that is empty is the end.
gnt_status gnt_metrics(const struct gnt_database *database,
                       uint64_t after_key,
                       size_t limit,
                       struct gnt_metric_list **metrics,
                       struct gnt_error **error);

// As gnt_metrics, of those that were deleted and have not left the index yet, as they do with the next maintenance.
gnt_status gnt_deleted_metrics(const struct gnt_database *database,
                               uint64_t after_key,
                               size_t limit,
                               struct gnt_metric_list **metrics,
                               struct gnt_error **error);

// Deletes a metric with all its measures: gone for readers at once and for good, its name free. Its archive policy is in
// use until the next maintenance (by itself within seconds); merges reclaim its bytes.
gnt_status gnt_delete_metric(const struct gnt_database *database,
                             uint64_t key,
                             struct gnt_error **error);

// The archive policy of a metric, as gnt_archive_policy gives it.
gnt_status gnt_policy_of(const struct gnt_database *database,
                         uint64_t key,
                         struct gnt_text **policy,
                         struct gnt_error **error);

// The time of the newest measure that a metric accepted, in ns since the epoch; -1 when it never had one.
gnt_status gnt_last_measure(const struct gnt_database *database,
                            uint64_t key,
                            int64_t *timestamp,
                            struct gnt_error **error);

// The metrics that a search finds: `{"filter": …, "sort": ["name:desc"], "limit": 10, "marker": …, "after_key": …, "deleted":
// false, "creator": …, "now": …}`, where each member may be absent. A filter is a text (`unit = '%'`) or Gnocchi's JSON; times
// in it that are relative are so to `now`.
gnt_status gnt_search_metrics(const struct gnt_database *database,
                              const char *search,
                              size_t search_length,
                              struct gnt_metric_list **metrics,
                              struct gnt_error **error);

// Pushes one measure: when this returns it is visible to every reader in the process, and as durable as the options say.
// `timestamp` is in ns since the epoch. `pushed` may be NULL.
gnt_status gnt_push(const struct gnt_database *database,
                    uint64_t metric,
                    int64_t timestamp,
                    double value,
                    struct gnt_pushed *pushed,
                    struct gnt_error **error);

// An empty batch.
gnt_status gnt_batch_new(struct gnt_batch **batch, struct gnt_error **error);

// Frees a batch, and drops the measures that wait in it. NULL is fine.
void gnt_batch_free(struct gnt_batch *batch);

// Adds a measure.
gnt_status gnt_batch_add(struct gnt_batch *batch,
                         uint64_t metric,
                         int64_t timestamp,
                         double value,
                         struct gnt_error **error);

// Adds `count` measures of one metric: as many timestamps and values. All of them, or on an error none.
gnt_status gnt_batch_extend(struct gnt_batch *batch,
                            uint64_t metric,
                            const int64_t *timestamps,
                            const double *values,
                            size_t count,
                            struct gnt_error **error);

// Adds `count` measures of several metrics: as many keys, timestamps and values. All of them, or on an error none.
gnt_status gnt_batch_extend_keyed(struct gnt_batch *batch,
                                  const uint64_t *metrics,
                                  const int64_t *timestamps,
                                  const double *values,
                                  size_t count,
                                  struct gnt_error **error);

// How many measures wait. 0 for NULL.
size_t gnt_batch_length(const struct gnt_batch *batch);

// Drops the measures that wait, and keeps the memory.
gnt_status gnt_batch_clear(struct gnt_batch *batch, struct gnt_error **error);

// Pushes all measures of a batch: all of them, and the batch is empty; or on an error none, and they still wait. (After
// GNT_FAILED nobody knows whether they are on the disk.) `pushed` may be NULL; gnt_batch_outcome has it by metric.
gnt_status gnt_commit(const struct gnt_database *database,
                      struct gnt_batch *batch,
                      struct gnt_pushed *pushed,
                      struct gnt_error **error);

// What became of the measures of the last gnt_commit, by metric in ascending order of keys: `count` of them, valid until the
// batch is changed or freed. NULL, and a count of 0, when there was none. `count` may be NULL.
const struct gnt_metric_pushed *gnt_batch_outcome(const struct gnt_batch *batch,
                                                  size_t *count);

// A question about no metric yet: the `mean` of all that the finest archive keeps.
gnt_status gnt_query_new(struct gnt_query **query, struct gnt_error **error);

// Frees a question. NULL is fine.
void gnt_query_free(struct gnt_query *query);

// About this metric too.
gnt_status gnt_query_add_metric(struct gnt_query *query, uint64_t metric, struct gnt_error **error);

// This aggregation method too: `mean`, `max`, `95pct`, `rate:mean`, …; the metrics' archive policies must keep it. Without
// any, `mean`.
gnt_status gnt_query_add_method(struct gnt_query *query,
                                const char *method,
                                size_t method_length,
                                struct gnt_error **error);

// The archive of this granularity, in ns; the metrics' archive policies must have it. 0: the finest, which is the default.
gnt_status gnt_query_set_granularity(struct gnt_query *query,
                                     int64_t granularity,
                                     struct gnt_error **error);

// From the group that holds this time on, in ns since the epoch. Default: from the oldest point kept.
gnt_status gnt_query_set_from(struct gnt_query *query, int64_t from, struct gnt_error **error);

// Only groups that start before this time, in ns since the epoch. Default: to the newest.
gnt_status gnt_query_set_to(struct gnt_query *query, int64_t to, struct gnt_error **error);

// Groups the archive's points again, by a length of time (`1 hour`) or the calendar (`Y`, `H`, `Q`, `M`, `W`), with the same
// method. NULL: not, which is the default.
gnt_status gnt_query_set_resample(struct gnt_query *query,
                                  const char *sampling,
                                  size_t sampling_length,
                                  struct gnt_error **error);

// Whether the answer leaves out the points that damaged bytes make unknown, instead of failing with GNT_CORRUPT. The points
// that are given are right, and gnt_result_skipped tells what was left out. Default: no.
gnt_status gnt_query_set_skip_damaged(struct gnt_query *query,
                                      bool skip,
                                      struct gnt_error **error);

// Answers a question: for each metric in the order in which they were added, a series for each method. The series of one
// metric are of one moment.
gnt_status gnt_measures(const struct gnt_database *database,
                        const struct gnt_query *query,
                        struct gnt_result **result,
                        struct gnt_error **error);

// As gnt_measures, of those points only whose values fulfil a predicate: JSON such as `{">=": 50}`.
gnt_status gnt_search_values(const struct gnt_database *database,
                             const struct gnt_query *query,
                             const char *predicate,
                             size_t predicate_length,
                             struct gnt_result **result,
                             struct gnt_error **error);

// How many series a result has. 0 for NULL.
size_t gnt_result_length(const struct gnt_result *result);

// A series of a result, valid until the result is freed. NULL for one that is not there.
const struct gnt_series *gnt_result_get(const struct gnt_result *result, size_t index);

// Of what the answers to a question about operations were made, when it asked for `"details"`: a JSON list of an object for each
// answer, in order: `{"series": 1, "group": {"host": "a"}, "metrics": [{"key": 7, "id": …, "name": …, …}], "resources": […]}`,
// where `series` is how many of the result's series are the answer's, and `group` is null when the question did not group. An
// empty list when it did not ask, and for NULL. Valid until the result is freed.
const char *gnt_result_details(const struct gnt_result *result);

// Frees a result. NULL is fine.
void gnt_result_free(struct gnt_result *result);

// A series of a result as a struct array of the columns `timestamp` (`tsn:UTC`) and `value` (float64), without a copy. `schema`
// may be NULL. Both belong to the caller, who calls their release functions; they outlive the result and the database.
gnt_status gnt_result_arrow(const struct gnt_result *result,
                            size_t index,
                            struct ArrowSchema *schema,
                            struct ArrowArray *array,
                            struct gnt_error **error);

// All series of a result as a stream of struct arrays, one for each series, of the columns `metric` and `method` (texts, by
// dictionary), `timestamp` (`tsn:UTC`) and `value` (float64). Timestamps and values are not copied. The stream belongs to the
// caller, who calls its release function; it and its arrays outlive the result and the database.
gnt_status gnt_result_arrow_stream(const struct gnt_result *result,
                                   struct ArrowArrayStream *stream,
                                   struct gnt_error **error);

// Series of any results as a stream of struct arrays, one for each, of the columns `series` (a text, by dictionary), `timestamp`
// (`tsn:UTC`) and `value` (float64): the series `indices[i]` of `results[i]`, called `labels[i]`, for each `i` below `count`.
// Labels end with a NUL; when `labels` is NULL, there is no column `series`. Timestamps and values are not copied. The stream
// belongs to the caller, who calls its release function; it and its arrays outlive the results and the database.
gnt_status gnt_arrow_stream(const struct gnt_result *const *results,
                            const size_t *indices,
                            const char *const *labels,
                            size_t count,
                            struct ArrowArrayStream *stream,
                            struct gnt_error **error);

// The destructor, for Python's PyCapsule_New, of a capsule named `arrow_schema`, `arrow_array` or `arrow_array_stream`, whose
// struct lies in memory of malloc: releases the struct, unless it was taken out, and frees the memory. Nobody calls it but Python.
void gnt_arrow_capsule_free(void *capsule);

// What an operation makes of the points of the metrics that it names, by id, name or pattern of names: `{"operation":
// "(aggregate mean (metric cpu.* mean))", "granularity": ["1 minute"], "from": …, "to": …, "fill": "null",
// "needed_overlap": 50, "details": true, "skip_damaged": true}`, where all but `operation` may be absent, and the operation may
// be JSON lists as in Gnocchi. For each granularity, coarsest first, one series of all metrics, or one for each. Details: see
// gnt_result_details. With `skip_damaged` the answer does without the points that damaged bytes make unknown, instead of failing
// with GNT_CORRUPT: they count as absent, what is made of several times of which one is missing is left out, and
// gnt_result_skipped tells what is damaged.
gnt_status gnt_aggregates(const struct gnt_database *database,
                          const char *question,
                          size_t question_length,
                          struct gnt_result **result,
                          struct gnt_error **error);

// As gnt_aggregates, of the metrics of resources, which the operation names as they are called within a resource. The question
// has also `"resources"`, a search as gnt_search_resources takes it, `"group_by": ["host"]`, for an answer per group, whose
// series tell it by their `group`, and `"use_history": true`, when resources count for the groups in which they were.
gnt_status gnt_aggregates_of_resources(const struct gnt_database *database,
                                       const char *question,
                                       size_t question_length,
                                       struct gnt_result **result,
                                       struct gnt_error **error);

// The older question across metrics, whose points of one method are aggregated per time by another: `{"metrics": ["a", "b"],
// "method": "mean", "reaggregation": "max", "resample": "1 hour", "granularity": [60], "from": …, "to": …, "fill": 0,
// "needed_overlap": 100, "skip_damaged": false}`, where all but `metrics` and `method` may be absent.
gnt_status gnt_reaggregate(const struct gnt_database *database,
                           const char *question,
                           size_t question_length,
                           struct gnt_result **result,
                           struct gnt_error **error);

// As gnt_reaggregate, of the metrics of resources: the question has also `"resources"`, a search, and `"group_by"`.
gnt_status gnt_reaggregate_resources(const struct gnt_database *database,
                                     const char *question,
                                     size_t question_length,
                                     struct gnt_result **result,
                                     struct gnt_error **error);

// Creates a resource type: `{"name": "instance", "attributes": {"host": {"type": "string", "required": true}}}`, attributes as in
// Gnocchi.
gnt_status gnt_create_resource_type(const struct gnt_database *database,
                                    const char *resource_type,
                                    size_t resource_type_length,
                                    struct gnt_error **error);

// The resource type of this name, as gnt_create_resource_type takes it.
gnt_status gnt_resource_type(const struct gnt_database *database,
                             const char *name,
                             size_t name_length,
                             struct gnt_text **resource_type,
                             struct gnt_error **error);

// All resource types by name: a JSON list of what gnt_resource_type gives. `generic` is always there.
gnt_status gnt_resource_types(const struct gnt_database *database,
                              struct gnt_text **resource_types,
                              struct gnt_error **error);

// Adds, takes away and changes attributes of a resource type, one after the other and all or none: `[{"op": "add", "name":
// "cores", "attribute": {"type": "number"}, "fill": 1}, {"op": "remove", "name": "host"}]`, and `change`, which is as `add`.
// `fill` is what existing resources get that have none.
gnt_status gnt_update_resource_type(const struct gnt_database *database,
                                    const char *name,
                                    size_t name_length,
                                    const char *update,
                                    size_t update_length,
                                    struct gnt_error **error);

// Deletes a resource type that no resource is of.
gnt_status gnt_delete_resource_type(const struct gnt_database *database,
                                    const char *name,
                                    size_t name_length,
                                    struct gnt_error **error);

// Creates resources, and the new ones among their metrics, all of them or on an error none: a JSON list of `{"id": "web-1",
// "type": "instance", "creator": …, "user_id": …, "project_id": …, "started_at": …, "ended_at": …, "attributes": {"host":
// "node-a"}, "metrics": {"cpu": {"archive_policy_name": "low", "unit": "%"}}}`, where all but `id` may be absent and a metric may
// be the id of one that is there. Gives what gnt_search_resources gives.
gnt_status gnt_create_resources(const struct gnt_database *database,
                                const char *resources,
                                size_t resources_length,
                                struct gnt_text **created,
                                struct gnt_error **error);

// The resource of this id, a UUID, as it is now: one of what gnt_search_resources gives.
gnt_status gnt_resource(const struct gnt_database *database,
                        const char *id,
                        size_t id_length,
                        struct gnt_text **resource,
                        struct gnt_error **error);

// The resource that `creator` (NULL: nobody) created under this identifier, UUID or any other text.
gnt_status gnt_resource_by_original_id(const struct gnt_database *database,
                                       const char *original_id,
                                       size_t original_id_length,
                                       const char *creator,
                                       size_t creator_length,
                                       struct gnt_text **resource,
                                       struct gnt_error **error);

// Changes a resource: `{"user_id": …, "project_id": …, "started_at": …, "ended_at": …, "attributes": {…}, "metrics": {…}}`. What is
// absent stays, null takes away, `metrics` are all that it is to have. What it was before becomes a revision of its history.
// With `"if_unchanged_since": revision_start` it is GNT_RESOURCE_CHANGED unless its current state began then. Gives what it is now.
gnt_status gnt_update_resource(const struct gnt_database *database,
                               const char *id,
                               size_t id_length,
                               const char *update,
                               size_t update_length,
                               struct gnt_text **resource,
                               struct gnt_error **error);

// Gives a resource further metrics: `{"cpu": {"archive_policy_name": "low"}, "load": {}}`. Gives what it is now.
gnt_status gnt_append_metrics(const struct gnt_database *database,
                              const char *id,
                              size_t id_length,
                              const char *metrics,
                              size_t metrics_length,
                              struct gnt_text **resource,
                              struct gnt_error **error);

// Deletes a resource with its history and its metrics. Gives `{"resources": 1, "metrics": [keys]}`.
gnt_status gnt_delete_resource(const struct gnt_database *database,
                               const char *id,
                               size_t id_length,
                               struct gnt_text **deleted,
                               struct gnt_error **error);

// As gnt_delete_resource, only when the resource's current state began at `revision_start`, in ns since the epoch; otherwise it is
// GNT_RESOURCE_CHANGED.
gnt_status gnt_delete_resource_unchanged(const struct gnt_database *database,
                                         const char *id,
                                         size_t id_length,
                                         int64_t revision_start,
                                         struct gnt_text **deleted,
                                         struct gnt_error **error);

// Deletes all resources that a search finds, with their history and metrics. A search without a filter is refused. Gives what
// gnt_delete_resource gives.
gnt_status gnt_delete_resources(const struct gnt_database *database,
                                const char *search,
                                size_t search_length,
                                struct gnt_text **deleted,
                                struct gnt_error **error);

// Deletes up to `limit` resources that ended before a time, in ns since the epoch. Gives what gnt_delete_resource gives.
gnt_status gnt_delete_ended_resources(const struct gnt_database *database,
                                      int64_t before,
                                      size_t limit,
                                      struct gnt_text **deleted,
                                      struct gnt_error **error);

// The resources, or revisions of them, that a search finds: `{"type": "instance", "filter": "host = 'node-a'", "history": true,
// "sort": ["started_at:desc"], "limit": 10, "marker": …, "details": true, "creator": …, "now": …}`, where each member may be absent.
// `history` is true, `{"at": time}` or `{"from": time, "to": time}`; a filter is a text or Gnocchi's JSON. Gives a JSON list of
// `{"id", "original_resource_id", "type", "creator", "user_id", "project_id", "started_at", "ended_at", "revision",
// "revision_start", "revision_end", "attributes": {…}, "metrics": {"cpu": {"key", "id"}}}`.
gnt_status gnt_search_resources(const struct gnt_database *database,
                                const char *search,
                                size_t search_length,
                                struct gnt_text **found,
                                struct gnt_error **error);

// The resources that a search finds, in groups that agree in these attributes, a JSON list of names: a JSON list of `{"group":
// {"host": "node-a"}, "resources": […]}`.
gnt_status gnt_group_resources(const struct gnt_database *database,
                               const char *search,
                               size_t search_length,
                               const char *attributes,
                               size_t attributes_length,
                               struct gnt_text **groups,
                               struct gnt_error **error);

// Ends the resources whose metrics all had no measure since a time, in ns since the epoch, as of that time, and takes their end
// from those that have had one since they ended. Gives `{"ended": [ids], "reopened": [ids]}`.
gnt_status gnt_normalize_ends(const struct gnt_database *database,
                              int64_t silent_since,
                              struct gnt_text **changed,
                              struct gnt_error **error);

// An empty batch.
gnt_status gnt_resource_batch_new(struct gnt_resource_batch **batch, struct gnt_error **error);

// Frees a batch, and drops the measures that wait in it. NULL is fine.
void gnt_resource_batch_free(struct gnt_resource_batch *batch);

// Adds `count` measures of a metric of a resource: the resource by the id with which it was created, a UUID or any other text,
// and its creator (NULL: none), from both of which its UUID is derived. All of them, or on an error none.
gnt_status gnt_resource_batch_extend(struct gnt_resource_batch *batch,
                                     const char *resource,
                                     size_t resource_length,
                                     const char *creator,
                                     size_t creator_length,
                                     const char *metric,
                                     size_t metric_length,
                                     const int64_t *timestamps,
                                     const double *values,
                                     size_t count,
                                     struct gnt_error **error);

// How many measures wait. 0 for NULL.
size_t gnt_resource_batch_length(const struct gnt_resource_batch *batch);

// Pushes all measures of a batch: all of them, and the batch is empty; or on an error none, and they still wait.
// `create_metrics`: whether metrics that a resource does not have are made, by rule; GNT_UNKNOWN_RESOURCE_METRICS tells all that
// are missing. `pushed` and `created`, the metrics that were made, may be NULL.
gnt_status gnt_commit_resources(const struct gnt_database *database,
                                struct gnt_resource_batch *batch,
                                bool create_metrics,
                                struct gnt_pushed *pushed,
                                struct gnt_metric_list **created,
                                struct gnt_error **error);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* GNOCCHETTI_H */
