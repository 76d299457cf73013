//! The numbers that functions return: those of [`Error::code`](crate::Error::code), and from 200 on those that only C needs.
//!
//! Numbers are only ever appended. A test holds each of the library's against its error.

/// What became of a call: `GNT_OK`, or what went wrong. A later version may return numbers that this header does not name.
pub type gnt_status = u32;

/// Every status by its name. Those below 200 mean the same in Rust (`Error::code`), C and Python.
#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "C uses what the library returns by number")]
pub enum gnt_status_code {
    /// It went well.
    GNT_OK = 0,
    /// A text or number that is no point in time.
    GNT_INVALID_TIMESTAMP = 1,
    /// A point in time before 1970-01-01T00:00:00Z.
    GNT_BEFORE_EPOCH = 2,
    /// A measure further in the future than the options allow.
    GNT_TOO_FAR_IN_FUTURE = 3,
    /// A text or number that is no length of time.
    GNT_INVALID_TIMESPAN = 4,
    /// A name that is no aggregation method.
    GNT_INVALID_AGGREGATION_METHOD = 5,
    /// An archive policy that breaks a rule.
    GNT_INVALID_ARCHIVE_POLICY = 6,
    /// There is an archive policy of that name already.
    GNT_ARCHIVE_POLICY_EXISTS = 7,
    /// There is no archive policy of that name.
    GNT_UNKNOWN_ARCHIVE_POLICY = 8,
    /// An archive policy that metrics or rules still use.
    GNT_ARCHIVE_POLICY_IN_USE = 9,
    /// An archive policy rule that breaks a rule of its own.
    GNT_INVALID_ARCHIVE_POLICY_RULE = 10,
    /// There is a rule of that name already.
    GNT_ARCHIVE_POLICY_RULE_EXISTS = 11,
    /// There is no rule of that name.
    GNT_UNKNOWN_ARCHIVE_POLICY_RULE = 12,
    /// No rule matches the name of a metric that was to get its policy by rule.
    GNT_NO_ARCHIVE_POLICY_RULE_MATCH = 13,
    /// A name, unit or other attribute that a metric cannot have.
    GNT_INVALID_METRIC = 14,
    /// There is a metric of that name or id already.
    GNT_METRIC_EXISTS = 15,
    /// There is no such metric.
    GNT_UNKNOWN_METRIC = 16,
    /// The metric's archive policy does not keep this aggregation method.
    GNT_METHOD_NOT_KEPT = 17,
    /// The metric's archive policy has no archive of this granularity.
    GNT_UNKNOWN_GRANULARITY = 18,
    /// A query that asks for what cannot be.
    GNT_INVALID_QUERY = 19,
    /// An option that cannot be taken.
    GNT_INVALID_OPTION = 20,
    /// A call to the operating system failed on a file.
    GNT_IO = 21,
    /// No space, or no quota, is left on the disk.
    GNT_DISK_FULL = 22,
    /// Stored bytes are damaged; the details say which.
    GNT_CORRUPT = 23,
    /// A newer version of the library wrote the directory.
    GNT_UNSUPPORTED_FORMAT = 24,
    /// The directory holds something else.
    GNT_NOT_A_DATABASE = 25,
    /// Another process, or another handle of this one, has the database open for writing.
    GNT_LOCKED = 26,
    /// The directory lies on a network file system.
    GNT_NETWORK_FILE_SYSTEM = 27,
    /// An earlier failure of the disk: close and open again to recover.
    GNT_FAILED = 28,
    /// The handle was inherited through fork.
    GNT_FORKED = 29,
    /// SQLite failed on the index.
    GNT_INDEX = 30,
    /// The database was closed.
    GNT_CLOSED = 31,
    /// One push carries more than one journal record takes.
    GNT_PUSH_TOO_LARGE = 32,
    /// A definition of an archive policy that cannot be kept.
    GNT_INVALID_DEFINITION = 33,
    /// A text or JSON list that is no operation, or no search of values.
    GNT_INVALID_OPERATION = 34,
    /// An operation that would take more stack, memory or time than is allowed.
    GNT_OPERATION_TOO_LARGE = 35,
    /// Series that an operation cannot bring together.
    GNT_UNAGGREGABLE = 36,
    /// An operation asks a metric for an aggregation method that does not exist.
    GNT_UNKNOWN_REFERENCE_METHOD = 37,
    /// A resource type that breaks a rule.
    GNT_INVALID_RESOURCE_TYPE = 40,
    /// There is a resource type of that name already.
    GNT_RESOURCE_TYPE_EXISTS = 41,
    /// There is no resource type of that name.
    GNT_UNKNOWN_RESOURCE_TYPE = 42,
    /// A resource type that is built in, or that resources still have.
    GNT_RESOURCE_TYPE_IN_USE = 43,
    /// A definition of an attribute that cannot be.
    GNT_INVALID_ATTRIBUTE = 44,
    /// What was asked about has no attribute of that name.
    GNT_UNKNOWN_ATTRIBUTE = 45,
    /// A value that its attribute cannot have, or cannot be compared with.
    GNT_INVALID_ATTRIBUTE_VALUE = 46,
    /// A new resource lacks an attribute that its type requires, or a change takes one away.
    GNT_MISSING_ATTRIBUTE = 47,
    /// An identifier that no resource can have.
    GNT_INVALID_RESOURCE_ID = 48,
    /// There is a resource of that identifier already.
    GNT_RESOURCE_EXISTS = 49,
    /// There is no such resource.
    GNT_UNKNOWN_RESOURCE = 50,
    /// A filter that says nothing, or nothing that can be asked.
    GNT_INVALID_FILTER = 51,
    /// A filter that is larger or deeper than one question may be.
    GNT_FILTER_TOO_LARGE = 52,
    /// An order or a place in it that cannot be continued from.
    GNT_INVALID_PAGINATION = 53,
    /// A batch of measures by resource and metric name names what is not there.
    GNT_UNKNOWN_RESOURCE_METRICS = 54,
    /// A resource is not what a change or deletion of it expects.
    GNT_RESOURCE_CHANGED = 55,
    /// What a repair goes by is damaged itself.
    GNT_IRREPARABLE = 58,
    /// The call writes, and the database was opened for reading only.
    GNT_READ_ONLY = 61,
    /// A directory that cannot become a snapshot.
    GNT_SNAPSHOT_TARGET = 62,
    /// The writer replaced files faster than this reader could read them.
    GNT_OUTRUN = 63,
    /// A stretch of time ends before it begins.
    GNT_INVALID_RANGE = 64,
    /// As many measures wait in memory as may, and the options say to refuse more.
    GNT_MEMORY_LIMIT = 66,
    /// The directory takes as many bytes as it may; refused whole.
    GNT_DISK_LIMIT = 67,
    /// A pointer that must not be NULL was.
    GNT_NULL_POINTER = 200,
    /// A pointer that is no live handle of the kind it must be.
    GNT_WRONG_HANDLE = 201,
    /// A text that is not UTF-8.
    GNT_INVALID_UTF8 = 202,
    /// The library panicked, which is a bug of it; the handles of the call are poisoned.
    GNT_PANIC = 203,
    /// An earlier call on the handle panicked: it may only be freed.
    GNT_POISONED = 204,
    /// A text that is not JSON, or not of the form that the function takes.
    GNT_INVALID_JSON = 205,
    /// A number or flag that the function does not take.
    GNT_INVALID_ARGUMENT = 206,
}

#[cfg(test)]
mod tests {
    use super::gnt_status_code;
    use crate::error::all_errors;

    /// The words of a name, in small letters and without what divides them.
    fn plain(name: &str) -> String {
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    }

    /// The statuses as the source above has them, by number.
    fn statuses() -> Vec<(u32, String)> {
        let lines = include_str!("status.rs").lines().map(str::trim);
        let stated = lines.filter_map(|line| line.strip_prefix("GNT_")?.strip_suffix(',')?.split_once(" = "));
        stated.map(|(name, number)| (number.parse().unwrap(), name.to_owned())).collect()
    }

    #[test]
    fn every_error_has_its_status_and_every_status_below_200_its_error() {
        let errors = all_errors();
        let named: Vec<(u32, String)> = errors
            .iter()
            .map(|(number, error)| {
                let debug = format!("{error:?}");
                (*number, plain(debug.split(|c: char| !c.is_alphanumeric()).next().unwrap()))
            })
            .collect();
        let ours: Vec<(u32, String)> = statuses()
            .into_iter()
            .filter(|(number, _)| (1..200).contains(number))
            .map(|(number, name)| (number, plain(&name)))
            .collect();
        assert_eq!(ours, named);
    }

    #[test]
    fn the_numbers_of_c_alone_stay_what_they_are() {
        let pinned = [
            (gnt_status_code::GNT_OK, 0),
            (gnt_status_code::GNT_NULL_POINTER, 200),
            (gnt_status_code::GNT_WRONG_HANDLE, 201),
            (gnt_status_code::GNT_INVALID_UTF8, 202),
            (gnt_status_code::GNT_PANIC, 203),
            (gnt_status_code::GNT_POISONED, 204),
            (gnt_status_code::GNT_INVALID_JSON, 205),
            (gnt_status_code::GNT_INVALID_ARGUMENT, 206),
        ];
        for (status, number) in pinned {
            assert_eq!(status as u32, number);
        }
        let of_c = statuses().into_iter().filter(|(number, _)| *number == 0 || *number >= 200).count();
        assert_eq!(of_c, pinned.len());
    }
}
