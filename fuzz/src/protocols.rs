//! What agents send to the HTTP API. What can be read is printed, and what is printed is read as the same.

use gnocchetti::internals::influxdb::{Line, parse};

/// `InfluxDB`'s line protocol.
pub fn line_protocol(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(lines) = parse(text) else { return };
    let printed: Vec<String> = lines.iter().map(Line::to_string).collect();
    assert_eq!(parse(&printed.join("\n")).as_ref(), Ok(&lines));
}
