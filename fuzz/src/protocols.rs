//! What agents send. What can be read is printed, and what is printed is read as the same.

use gnocchetti::internals::influxdb::{Line, parse};
use gnocchetti::internals::statsd;

/// `InfluxDB`'s line protocol.
pub fn line_protocol(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(lines) = parse(text) else { return };
    let printed: Vec<String> = lines.iter().map(Line::to_string).collect();
    assert_eq!(parse(&printed.join("\n")).as_ref(), Ok(&lines));
}

/// A datagram of statsd.
pub fn statsd(data: &[u8]) {
    for line in statsd::lines(data).flatten() {
        if let Ok(parsed) = statsd::parse(line) {
            assert_eq!(statsd::parse(&parsed.to_string()), Ok(parsed));
        }
    }
}
